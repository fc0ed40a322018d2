"""Events as objects: what happened becomes an Event, and what happens again becomes a count on it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from minikctl.controlplane.decision import Happening, Ids
from minikctl.model import Object, ObjectKey, key_of, name_of, namespace_of, uid_of
from minikctl.model.timestamps import format_time, parse_time
from minikctl.model.writes import Put, Remove, Write

REMEMBERED = 4096
KEEP_SECONDS = 3600.0
"""How long an event is kept, as by kube-apiserver."""


class Recorder:
    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._known: OrderedDict[tuple[str, str, str, str], Object] = OrderedDict()

    def writes(self, happenings: Iterable[Happening], now: float) -> list[Write]:
        """One write per event, however often it happened in this pass."""
        changed: dict[tuple[str, str, str, str], Object] = {}
        for happening in happenings:
            key = (uid_of(happening.about), happening.kind, happening.reason, happening.message)
            known = changed.get(key) or self._known.get(key)
            changed[key] = _again(known, now) if known else self._new(happening, now)
        self._pending = changed
        return [Put(event) for event in changed.values()]

    def committed(self, stored: Iterable[Object]) -> None:
        by_name = {name_of(event): event for event in stored if event["kind"] == "Event"}
        for key, event in self._pending.items():
            self._known[key] = by_name.get(name_of(event), event)
            self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def rejected(self) -> None:
        """A commit failed. Somebody may have removed an event that was counted on: start new ones."""
        self._pending = {}
        self._known.clear()

    def _new(self, happening: Happening, now: float) -> Object:
        about = happening.about
        namespace = namespace_of(about) or "default"
        moment = format_time(now)
        involved = {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": name_of(about),
            "uid": uid_of(about),
        }
        if namespace_of(about):
            involved["namespace"] = namespace_of(about)
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{name_of(about)}.{self._ids.uid().replace('-', '')[:16]}",
                "namespace": namespace,
                "uid": self._ids.uid(),
                "creationTimestamp": moment,
            },
            "involvedObject": involved,
            "type": happening.kind,
            "reason": happening.reason,
            "message": happening.message,
            "source": {"component": happening.component},
            "reportingComponent": happening.component,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
        }


def _again(event: Object, now: float) -> Object:
    return {**event, "count": event["count"] + 1, "lastTimestamp": format_time(now)}


def expired(events: Iterable[Object], now: float) -> list[Write]:
    """Removals of the events that nobody needs any more."""
    return [
        Remove(ObjectKey(*key_of(event)))
        for event in events
        if parse_time(event["lastTimestamp"]) + KEEP_SECONDS < now
    ]
