"""How what runs differs from what is desired: pods too few or too many, containers that do not run.

Pure but for the session that hands out objects; statuses are those that the engines gave a moment ago.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from minikctl.cli.session import Session
from minikctl.model import Object, ObjectKey, controller_of, is_deleting, key_of, spec_of, status_of, uid_of
from minikctl.model.kinds import KINDS
from minikctl.model.pods import is_active, phase

_COUNTED: dict[str, Callable[[Object], int | None]] = {
    "Deployment": lambda one: spec_of(one).get("replicas", 1),
    "ReplicaSet": lambda one: spec_of(one).get("replicas", 1),
    "ReplicationController": lambda one: spec_of(one).get("replicas", 1),
    "StatefulSet": lambda one: spec_of(one).get("replicas", 1),
    "DaemonSet": lambda one: status_of(one).get("desiredNumberScheduled", 0),
    "Job": lambda one: None,
    "CronJob": lambda one: None,
}
"""By kind that has pods: how many there should be; None where time and results decide that."""


class Drift(Struct, frozen=True):
    """One thing that runs other than desired."""

    key: ObjectKey
    path: str
    desired: Any
    actual: Any
    text: str

    def __str__(self) -> str:
        place = "" if self.key.namespace in ("", "default") else f" ({self.key.namespace})"
        return f"{KINDS[self.key.kind].qualified}/{self.key.name}{place}{self.text}"


def find_drift(session: Session, keys: Sequence[ObjectKey] | None) -> list[Drift]:
    """The drift of these objects and of what they own; of everything where `keys` is None.

    :raises UnreachableError: an engine does not answer, so nothing is known.
    """
    store = session.api.store
    if store.list("Pod"):
        session.cluster.check_engines()
    objects = [one for one in session.observed() if one["kind"] == "Pod" or one["kind"] in _COUNTED]
    return drift_of(_in_scope(objects, keys), objects)


def _in_scope(objects: Sequence[Object], keys: Sequence[ObjectKey] | None) -> list[Object]:
    if keys is None:
        return list(objects)
    wanted = set(keys)
    uids = {uid_of(one) for one in objects if key_of(one) in wanted}
    before = -1
    while len(uids) > before:  # what is owned by what is owned
        before = len(uids)
        uids.update(uid_of(one) for one in objects if (controller_of(one) or {}).get("uid") in uids)
    return [one for one in objects if uid_of(one) in uids]


def drift_of(chosen: Iterable[Object], objects: Sequence[Object]) -> list[Drift]:
    """The drift of the chosen objects among all of them."""
    found: list[Drift] = []
    for obj in chosen:
        if is_deleting(obj):
            found.append(Drift(key_of(obj), "", "gone", "still there", ": desired gone, is still there"))
        elif obj["kind"] == "Pod":
            found.extend(_pod_drift(obj))
        elif controller_of(obj) is None:
            found.extend(_count_drift(obj, objects))
    return found


def _count_drift(workload: Object, objects: Sequence[Object]) -> list[Drift]:
    desired = _COUNTED[workload["kind"]](workload)
    if desired is None:
        return []
    owners = {uid_of(workload)}
    owners.update(uid_of(one) for one in objects if (controller_of(one) or {}).get("uid") in owners)
    mine = [
        one
        for one in objects
        if one["kind"] == "Pod" and is_active(one) and (controller_of(one) or {}).get("uid") in owners
    ]
    if len(mine) == desired:
        return []
    text = f": desired {desired} pod{'' if desired == 1 else 's'}, there are {len(mine)}"
    return [Drift(key_of(workload), "spec.replicas", desired, len(mine), text)]


def _pod_drift(pod: Object) -> list[Drift]:
    if phase(pod) == "Succeeded" or (phase(pod) == "Failed" and controller_of(pod) is not None):
        return []  # it did what it should, or its controller has made or given up another
    if not spec_of(pod).get("nodeName"):
        return [Drift(key_of(pod), "spec.nodeName", "a node", None, ": desired running, is on no node yet")]
    statuses = {one["name"]: one for one in status_of(pod).get("containerStatuses") or ()}
    found = []
    for container in spec_of(pod).get("containers") or ():
        actual = _actual(statuses.get(container["name"]) or {}, spec_of(pod).get("restartPolicy", "Always"))
        if actual != "running":
            name = container["name"]
            path = f"status.containerStatuses[{name}].state"
            text = f" container {name}: desired running, is {actual}"
            found.append(Drift(key_of(pod), path, "running", actual, text))
    return found


def _actual(status: dict[str, Any], restart_policy: str) -> str:
    """running, `exited (137)`, `waiting (ImagePullBackOff)`, missing."""
    state = status.get("state") or {}
    if "running" in state:
        return "running"
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated")
    waiting = (state.get("waiting") or {}).get("reason", "")
    if "terminated" in state and restart_policy != "Always" and not state["terminated"].get("exitCode"):
        return "running"  # it did what it should and is not wanted any more
    if ended:
        code = ended.get("exitCode", 0)
        return f"exited ({code}), {waiting}" if waiting else f"exited ({code})"
    return f"waiting ({waiting})" if waiting else "missing"
