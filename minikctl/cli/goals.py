"""What is waited for. A goal looks at objects and says: reached, failed (and why), or not yet. It never acts.

Waiting ends early only where nothing can come any more by itself: every pod that is missing, of everything
waited for, is stuck (its image can't be had, or it crashed again after a back-off). Services and Ingresses
are awaited until their proxies serve (`traffic_states`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from minikctl.cli.pod_troubles import is_stuck, shown_of, trouble_of
from minikctl.cli.session import Session
from minikctl.cli.workload_states import STATES, state_of
from minikctl.model import (
    Object,
    ObjectKey,
    conditions,
    controller_of,
    is_deleting,
    key_of,
    name_of,
    status_of,
    uid_of,
)
from minikctl.model.kinds import KINDS
from minikctl.model.pods import is_active, is_ready, phase

if TYPE_CHECKING:
    from minikctl.cli.traffic_states import Traffic

STUCK_SECONDS = 3.0
TRAFFIC = ("Ingress", "Service")
"""Kinds that are served by proxies."""


class Verdict(Struct, frozen=True):
    """How waiting ended. `pods` are those that explain a failure."""

    failure: str = ""
    pods: tuple[Object, ...] = ()


REACHED = Verdict()


def is_failure(verdict: Verdict) -> bool:
    return bool(verdict.failure)


class Goal(Protocol):
    def verdict(self) -> Verdict | None:
        """REACHED, a failure, or None: not yet."""

    def lines(self) -> list[str]:
        """What is still to come, for people."""


def is_awaited(kind: str) -> bool:
    """Whether objects of the kind take time to become what they are to be."""
    return kind in STATES or kind in TRAFFIC


class WorkloadGoal:
    """Deployments rolled out, ReplicaSets full, Pods ready (or succeeded), Services served."""

    def __init__(
        self, session: Session, keys: Sequence[ObjectKey], now: Callable[[], float] = time.monotonic
    ):
        self._session = session
        self._keys = list(keys)
        self._now = now
        self._stuck_since: float | None = None
        self._traffic: Traffic | None = None
        if any(key.kind in TRAFFIC for key in self._keys):
            from minikctl.cli.traffic_states import Traffic

            self._traffic = Traffic(session.api.store, now)

    def verdict(self) -> Verdict | None:
        waiting: list[Object] = []
        for key in self._keys:
            obj = self._session.api.find(key)
            if obj is None or (is_deleting(obj) and key.kind != "Namespace"):
                return Verdict(f"{_qualified(key)} was deleted while waiting for it")
            state = state_of(obj)
            if state.failure:
                pods = self.stuck_pods() or _itself(obj) or _of_failed_job(self._session, obj)
                return Verdict(state.failure, pods)
            if not state.done:
                waiting.append(obj)
        failures = self._traffic_failures()
        found = self._stuck_verdict(waiting) if waiting else self._traffic_verdict(failures)
        if found is not None and found.failure and waiting:
            return Verdict("\n".join([found.failure, *failures]), found.pods)
        return found

    def warnings(self) -> list[str]:
        """What can't be had, and is nobody's failure."""
        return self._traffic.warnings if self._traffic is not None else []

    def _traffic_failures(self) -> list[str]:
        if self._traffic is None:
            return []
        found = (self._session.api.find(key) for key in self._keys if key.kind in TRAFFIC)
        self._traffic.look([obj for obj in found if obj is not None], STUCK_SECONDS)
        return self._traffic.failures

    def _traffic_verdict(self, failures: Sequence[str]) -> Verdict | None:
        if failures:
            return Verdict("\n".join(failures))
        return None if self._traffic is not None and self._traffic.waiting else REACHED

    def lines(self) -> list[str]:
        found = [self._session.api.find(key) for key in self._keys]
        workloads = [
            f"{_qualified(key_of(obj))}: {state.waits_for}"
            for obj in found
            if obj is not None and not (state := state_of(obj)).done and state.waits_for
        ]
        workloads += [line for obj in found if obj is not None and (line := _refusal(obj))]
        if self._traffic is not None:
            workloads += self._traffic.waiting
        reasons = [reason for pod in shown_of(self.missing_pods()) if (reason := trouble_of(pod))]
        # A pod that was applied itself has no more to say than why.
        told = {reason.partition(": ")[0] for reason in reasons}
        return [*(line for line in workloads if line.partition(": ")[0] not in told), *reasons]

    def stuck_pods(self) -> tuple[Object, ...]:
        return tuple(one for one in self.missing_pods() if is_stuck(one))

    def advice(self) -> list[str]:
        lines = []
        for key in self._keys:
            obj = self._session.api.find(key)
            if obj is None or (state_of(obj).done and not self._is_unserved(obj)):
                continue
            place = f" -n {key.namespace}" if key.namespace and key.namespace != "default" else ""
            lines.append(f"  look: minikctl describe {_qualified(key)}{place}")
            if key.kind == "Deployment" and _has_history(self._session, obj):
                lines.append(f"  back: minikctl rollout undo deployment/{key.name}{place}")
        return lines

    def _is_unserved(self, obj: Object) -> bool:
        if self._traffic is None or obj["kind"] not in TRAFFIC:
            return False
        return self._traffic.is_unserved(obj)

    def stuck_verdict(self) -> Verdict | None:
        """A failure when nothing that these objects still wait for can come."""
        found = [obj for key in self._keys if (obj := self._session.api.find(key)) is not None]
        for obj in found:
            if obj["kind"] == "Job" and (failure := state_of(obj).failure):
                return Verdict(failure, _of_failed_job(self._session, obj))
        return self._stuck_verdict(found)

    def _stuck_verdict(self, waiting: Sequence[Object]) -> Verdict | None:
        missing = self.missing_pods()
        if (
            not missing
            or not all(is_stuck(pod) for pod in missing)
            or not _all_have_pods(waiting, self._all_pods())
        ):
            self._stuck_since = None
            return None
        if self._stuck_since is None:
            self._stuck_since = self._now()
        if self._now() - self._stuck_since < STUCK_SECONDS:
            return None
        names = ", ".join(_qualified(key_of(obj)) for obj in waiting)
        return Verdict(f"{names} can't become ready", tuple(missing))

    def missing_pods(self) -> list[Object]:
        """The pods that are wanted and not ready: of the newest template only."""
        return [pod for pod in self._all_pods() if not is_ready(pod) and phase(pod) != "Succeeded"]

    def _all_pods(self) -> list[Object]:
        pods: list[Object] = []
        for key in self._keys:
            obj = self._session.api.find(key)
            if obj is not None:
                pods.extend(current_pods(self._session, obj))
        return pods


def _refusal(obj: Object) -> str:
    """Why pods of it are not made (a quota, say); "" where they are."""
    failure = conditions.find(status_of(obj), "ReplicaFailure")
    if failure is None or failure["status"] != "True":
        return ""
    return f"{_qualified(key_of(obj))}: {failure.get('message', '')}"


def _of_failed_job(session: Session, obj: Object) -> tuple[Object, ...]:
    """The pods that show why a Job failed: those that did."""
    if obj["kind"] != "Job":
        return ()
    pods = session.api.list("Pod", obj["metadata"]["namespace"])
    mine = (pod for pod in pods if (controller_of(pod) or {}).get("uid") == uid_of(obj))
    return tuple(pod for pod in mine if phase(pod) == "Failed")


def _itself(obj: Object) -> tuple[Object, ...]:
    return (obj,) if obj["kind"] == "Pod" else ()


def _all_have_pods(workloads: Iterable[Object], pods: Sequence[Object]) -> bool:
    """While a workload's pods are still to be made, nothing is known about them."""
    namespaces = {pod["metadata"]["namespace"] for pod in pods}
    return all(obj["metadata"].get("namespace") in namespaces for obj in workloads)


def current_pods(session: Session, obj: Object) -> list[Object]:
    """The pods that a workload wants now: of a Deployment those of its newest ReplicaSet."""
    from minikctl.model.revisions import new_and_old, owned_by

    if obj["kind"] == "Pod":
        return [obj] if is_active(obj) else []
    namespace = obj["metadata"].get("namespace", "")
    owner: Object | None = obj
    if obj["kind"] == "Deployment":
        owner, _ = new_and_old(obj, owned_by(obj, session.api.list("ReplicaSet", namespace)))
    if owner is None:
        return []
    return [
        pod
        for pod in session.api.list("Pod", namespace)
        if is_active(pod) and (controller_of(pod) or {}).get("uid") == uid_of(owner)
    ]


def _has_history(session: Session, deployment: Object) -> bool:
    from minikctl.model.revisions import owned_by

    return len(owned_by(deployment, session.api.list("ReplicaSet", deployment["metadata"]["namespace"]))) > 1


def _qualified(key: ObjectKey) -> str:
    return f"{KINDS[key.kind].qualified}/{key.name}"


class GoneGoal:
    """Objects and all that they own (or, of a namespace, hold) are gone, containers included."""

    def __init__(
        self,
        session: Session,
        deleted: Iterable[Object],
        before: Sequence[Object] = (),
        *,
        with_dependents: bool = True,
    ) -> None:
        """`before`: everything as it was before the deletion. An agent may be so fast that the owner in the
        middle (a ReplicaSet) is gone when its pods are first looked for."""
        self._session = session
        self._uids = {uid_of(obj) for obj in deleted}
        self._namespaces = {name_of(obj) for obj in deleted if obj["kind"] == "Namespace"}
        self._with_dependents = with_dependents
        self._follow(before)

    def left(self) -> list[Object]:
        """What is still there. Dependents are followed from look to look."""
        objects = [one for one in self._session.api.store.list() if one["kind"] not in ("Event", "Node")]
        self._follow(objects)
        return [one for one in objects if uid_of(one) in self._uids]

    def _follow(self, objects: Sequence[Object]) -> None:
        grows = self._with_dependents
        while grows:
            before = len(self._uids)
            self._uids.update(uid_of(one) for one in objects if self._is_dependent(one))
            grows = len(self._uids) > before

    def _is_dependent(self, obj: Object) -> bool:
        owners = obj["metadata"].get("ownerReferences") or ()
        inside = obj["metadata"].get("namespace") in self._namespaces
        return inside or any(owner["uid"] in self._uids for owner in owners)

    def verdict(self) -> Verdict | None:
        return None if self.left() else REACHED

    def lines(self) -> list[str]:
        names = dict.fromkeys(_shown_name(one) for one in self.left() if one["kind"] == "Pod")
        return [f"waiting for {name} to be gone" for name in names]


def _shown_name(pod: Object) -> str:
    """A proxy, which nobody made, by whom it works for."""
    from minikctl.controlplane.proxies import is_ingress_proxy, is_proxy, service_of
    from minikctl.render.printers import qualified_name

    if not is_proxy(pod):
        return qualified_name(pod)
    if is_ingress_proxy(pod):
        return "the proxy of all Ingresses"
    return f"the proxy of {_qualified(service_of(pod))}"
