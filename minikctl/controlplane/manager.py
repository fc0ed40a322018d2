"""Runs the controllers over the view until nothing more is decided (kube-controller-manager's place).

Rules:
- Children before parents: what a pod's status says is in its ReplicaSet before the Deployment is
  asked, so that no controller decides from numbers that the same pass has overtaken. Binding comes before
  all: a thousand new pods are bound in a row, and their owner is asked once, not after each.
- Decisions take effect on the view at once and are committed together at the end of the pass.
- What did not change costs nothing: only keys that a change concerns are looked at (`concerns`).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field

from minikctl.controlplane import admission, garbage, restarts, traffic
from minikctl.controlplane.autoscalers import Autoscalers
from minikctl.controlplane.concerns import Concerns, Work
from minikctl.controlplane.decision import Decision, Happening, Ids
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    is_deleting,
    key_of,
)
from minikctl.model.pod_terms import depends_on_others
from minikctl.model.writes import Put, Remove, Write

if TYPE_CHECKING:
    from minikctl.controlplane.usage import Usage

ENDLESS = 200_000
"""More looks than this in one pass can only be two controllers that undo each other."""

Reconcile: TypeAlias = Callable[[ObjectKey, View, float, Ids], Decision]


def _from(module: str, name: str = "reconcile") -> Reconcile:
    """That controller. It is imported when it is asked for the first time: a command that only looks at pods
    pays for none of the others."""

    def reconcile(key: ObjectKey, view: View, now: float, ids: Ids) -> Decision:
        found: Reconcile = getattr(import_module(f"minikctl.controlplane.{module}"), name)
        return found(key, view, now, ids)

    return reconcile


CONTROLLERS: dict[Work, Reconcile] = {
    Work.REPLICA_SET: _from("replicaset"),
    Work.DEPLOYMENT: _from("deployment"),
    Work.DAEMON_SET: _from("daemonsets"),
    Work.STATEFUL_SET: _from("statefulsets"),
    Work.JOB: _from("jobs"),
    Work.CRON_JOB: _from("cronjobs"),
    Work.SERVICE: _from("services"),
    Work.INGRESS: _from("ingress"),
    Work.CLAIM: _from("claims"),
    Work.VOLUME: _from("volumes"),
    Work.BUDGET: _from("disruption"),
    Work.QUOTA: _from("quotas"),
}


class Plan(Struct):
    """What a pass wants: one commit, and the events to record with it."""

    writes: list[Write] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)


Kubelet = Callable[[Object], Decision]
"""Looks at one pod that is bound to a node. The agent knows which engine that is."""


Policy = Callable[[View, Decision], Decision]
"""What is let through of a decision. The controllers themselves have no modes."""


def _as_decided(view: View, decision: Decision) -> Decision:
    return decision


class Manager(Concerns):
    """Asks the controllers, and keeps the writes that are not committed yet."""

    def __init__(self, ids: Ids, kubelet: Kubelet) -> None:
        super().__init__()
        self.policy: Policy = _as_decided
        self._ids = ids
        self._kubelet = kubelet
        self._timers: list[tuple[float, int, int, ObjectKey]] = []
        self._timed: dict[tuple[int, ObjectKey], float] = {}
        self._written: dict[ObjectKey, str] = {}
        """Keys written in this pass, with the resourceVersion that they had before ("" for new ones)."""
        self._happenings: list[Happening] = []
        self.autoscalers = Autoscalers()

    # --- what came from outside

    def load(self, objects: Iterable[Object]) -> None:
        """Objects as the store has them; everything that they concern is looked at."""
        for obj in objects:
            old = self.view.get(key_of(obj))
            if old is None or old["metadata"].get("resourceVersion") != obj["metadata"]["resourceVersion"]:
                self._replace(obj)

    def unload(self, keys: Iterable[ObjectKey]) -> None:
        for key in keys:
            if self.view.get(key) is not None:
                self._drop(key)

    def names_changed(self) -> None:
        """Names of Services stand for other addresses outside: pods' hosts files are looked at."""
        self.names_serial += 1
        for key in traffic.bound_pods(self.view):
            self.look_at(Work.KUBELET, key)

    def learn_usage(self, usage: Usage | None) -> None:
        """What pods use was measured. The first time that is news to autoscalers; then they come round."""
        is_first = self.autoscalers.usage is None and usage is not None
        self.autoscalers.usage = usage
        for autoscaler in self.view.list("HorizontalPodAutoscaler") if is_first else ():
            self.look_at(Work.AUTOSCALER, key_of(autoscaler))

    # --- a pass

    def run(self, now: float) -> Plan:
        """Asks controllers until the queue is empty. The plan must then be committed or rejected."""
        self.autoscalers.begin()
        self._ring(now)
        looks = 0
        while self._queue:
            work, _, _, key = heapq.heappop(self._queue)
            self._queued.discard((work, key))
            self.take(work, key, self._decide(Work(work), key, now))
            looks += 1
            if looks > ENDLESS:
                raise RuntimeError(f"controllers do not come to rest: {Work(work).name} {key}")
        self._happenings = [one for one in self._happenings if not self._is_overtaken(one)]
        return Plan(list(self._writes()), self._happenings)

    def committed(self, stored: Iterable[Object]) -> None:
        """The plan is in the store; these are its objects with their new revisions."""
        for obj in stored:
            self.view.put(obj)
        self._written.clear()
        self._happenings = []

    def rejected(self, current: dict[ObjectKey, Object | None]) -> None:
        """The plan met newer objects: back to what the store says of everything that it touched."""
        self.autoscalers.undo()
        self._written.clear()
        self._happenings = []
        for key, obj in current.items():
            if obj is not None:
                self._replace(obj)
            elif self.view.get(key) is not None:
                self._drop(key)

    def touched(self) -> list[ObjectKey]:
        return list(self._written)

    def next_timer(self) -> float | None:
        return self._timers[0][0] if self._timers else None

    # ---

    def _is_overtaken(self, happening: Happening) -> bool:
        """What a pod lacked, that the same pass asked to go: whoever deletes an app deletes both."""
        pod = happening.about
        if (happening.component, happening.kind) != ("kubelet", "Warning") or is_deleting(pod):
            return False
        newest = self.view.get(key_of(pod))
        return newest is None or is_deleting(newest)

    def _ring(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            moment, work, _, key = heapq.heappop(self._timers)
            if self._timed.get((work, key)) == moment:
                del self._timed[work, key]
                self.look_at(Work(work), key)

    def _decide(self, work: Work, key: ObjectKey, now: float) -> Decision:
        match work:
            case Work.KUBELET:
                pod = self.view.get(key)
                return self._kubelet(pod) if pod is not None else Decision()
            case Work.RESTART:
                workload = self.view.get(key)
                return restarts.reconcile(workload, self.view) if workload is not None else Decision()
            case Work.GARBAGE:
                return garbage.reconcile(key, self.view, now)
            case Work.NAMESPACE:
                from minikctl.controlplane import namespace

                return namespace.reconcile(key, self.view, now)
            case Work.SCHEDULER | Work.WAITING:
                from minikctl.controlplane import scheduler

                return scheduler.reconcile(key, self.view, now)
            case Work.AUTOSCALER:
                return self.autoscalers.look(key, self.view, now)
            case Work.NEIGHBOURS:
                self._concern_unscheduled(depends_on_others)
                return Decision()
            case _:
                return CONTROLLERS[work](key, self.view, now, self._ids)

    def tell(self, decision: Decision) -> None:
        """Events that no look at a key decided."""
        self._happenings.extend(decision.happenings)

    def take(self, work: int, key: ObjectKey, decision: Decision) -> None:
        """Makes a decision about a key so, in the view; the store gets it with the pass."""
        decision = self.policy(self.view, decision)
        for write in decision.writes:
            if isinstance(write, Put):
                known = self.view.get(key_of(write.obj))
                if known != write.obj:
                    self._note(key_of(write.obj))
                    self._replace(write.obj if known is not None else self._admitted(write.obj))
            elif self.view.get(write.key) is not None:
                self._note(write.key)
                self._drop(write.key)
        self._happenings.extend(decision.happenings)
        if decision.look_again is None:
            self._timed.pop((work, key), None)
        elif self._timed.get((work, key)) != decision.look_again:
            self._timed[work, key] = decision.look_again
            self._serial += 1
            heapq.heappush(self._timers, (decision.look_again, work, self._serial, key))

    def _admitted(self, obj: Object) -> Object:
        """What an API server makes of a new object. Who makes it asked before whether it is let in."""
        return admission.admitted(obj, self.view)

    def _note(self, key: ObjectKey) -> None:
        if key not in self._written:
            old = self.view.get(key)
            self._written[key] = old["metadata"].get("resourceVersion", "") if old else ""

    def _writes(self) -> Iterable[Write]:
        for key, revision in self._written.items():
            obj = self.view.get(key)
            if obj is not None:
                yield Put(_based_on(obj, revision))
            elif revision:
                yield Remove(key, revision)


def _based_on(obj: Object, revision: str) -> Object:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "resourceVersion"}
    if revision:
        metadata["resourceVersion"] = revision
    return {**obj, "metadata": metadata}
