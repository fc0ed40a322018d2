"""Acting until something is so: driving the loop here, or watching whoever drives it.

Rules:
- A goal looks at objects and says: reached, failed (and why), or not yet. It never acts.
- Waiting ends early only where nothing can come any more by itself: every pod that is missing, of everything
  waited for, is stuck (its image can't be had, or it crashed again after a back-off).
- What was desired is recorded before anybody waits, so giving up never undoes anything; the message says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from msgspec import Struct

from minikctl.cli.errors import Failed
from minikctl.cli.session import Session
from minikctl.cli.workload_states import STATES, State
from minikctl.model import (
    Object,
    ObjectKey,
    conditions,
    controller_of,
    is_deleting,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.kinds import KINDS
from minikctl.model.pods import is_active, is_finished, is_ready, phase

STUCK_SECONDS = 3.0
_IMAGE_REASONS = frozenset(
    ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
)
_START_REASONS = frozenset(
    ("CreateContainerError", "CreateContainerConfigError", "RunContainerError", "CrashLoopBackOff")
)
_SECOND_BACK_OFF = 2
LOG_LINES = 10
MOST_REASONS = 3


class Verdict(Struct, frozen=True):
    """How waiting ended. `pods` are those that explain a failure."""

    failure: str = ""
    pods: tuple[Object, ...] = ()


REACHED = Verdict()


class Goal(Protocol):
    def verdict(self) -> Verdict | None:
        """REACHED, a failure, or None: not yet."""

    def lines(self) -> list[str]:
        """What is still to come, for people."""


# --- acting ----------------------------------------------------------------------------------------


def agent_runs(session: Session) -> bool:
    """Whether an agent will do by itself whatever is recorded."""
    holder = session.cluster.lock_holder()
    return holder is not None and holder.get("role") == "agent"


def settle(session: Session, role: str, keys: Iterable[ObjectKey], *, wait: bool, timeout: float) -> None:
    """After a change of these objects: acts until they are as desired, unless an agent does so anyway.

    :raises Failed: they did not become so.
    """
    chosen = list(keys)
    if chosen and wait and not agent_runs(session):
        accomplish(session, role, WorkloadGoal(session, chosen), timeout)


def accomplish(session: Session, role: str, goal: Goal, timeout: float) -> None:
    """Acts (or watches) until the goal is reached. `timeout` in seconds; 0 or less is for ever.

    :raises Failed: it was not reached; says why, with the last log lines.
    """
    from minikctl.agent.driver import drive
    from minikctl.cli.progress import Progress

    session.tell_simulated()
    session.cluster.check_engines()
    with Progress() as progress:
        verdict = drive(
            session.cluster,
            role,
            goal.verdict,
            timeout=timeout if timeout > 0 else None,
            on_change=lambda: progress.show(goal.lines()),
        )
    if verdict is None:
        raise _timed_out(session, goal)
    if verdict.failure:
        raise Failed("\n".join([verdict.failure, *explain_pods(session, verdict.pods), *_advice(goal)]))


def _timed_out(session: Session, goal: Goal) -> Failed:
    pods = goal.stuck_pods() or goal.missing_pods() if isinstance(goal, WorkloadGoal) else ()
    explained = tuple(f"pod/{name_of(pod)}: " for pod in list(pods)[:MOST_REASONS])
    lines = [f"  {line}" for line in goal.lines() if not line.startswith(explained)]
    told = ["timed out waiting for the condition", *lines, *explain_pods(session, pods), *_advice(goal)]
    return Failed("\n".join(told))


def _advice(goal: Goal) -> list[str]:
    if not isinstance(goal, WorkloadGoal):
        return []
    return [
        "The desired state is recorded: the next command that waits, or an agent, goes on from here.",
        *goal.advice(),
    ]


def explain_pods(session: Session, pods: Iterable[Object]) -> list[str]:
    """What keeps the first few of them from being ready."""
    lines: list[str] = []
    for pod in list(pods)[:MOST_REASONS]:
        lines.extend(explain_pod(session, pod))
    return lines


def trouble_of(pod: Object) -> str:
    """One line on why a pod is not ready, where that is more than that it takes its time; else ""."""
    if is_stuck(pod):
        from minikctl.render.podstatus import summarize_pod

        return f"pod/{name_of(pod)}: {summarize_pod(pod).status}"
    return _unschedulable(pod).strip()


def explain_pod(session: Session, pod: Object) -> list[str]:
    """What keeps the pod from being ready, and the last that its containers wrote."""
    lines: list[str] = []
    for status in status_of(pod).get("containerStatuses") or ():
        reason, message = _container_problem(status)
        if not reason:
            continue
        text = f"{reason}: {message}" if message else reason
        lines.append(f"  pod/{name_of(pod)} container {status['name']}: {text}")
        written = last_lines(session, pod, status)
        if written:
            lines.append("  its last log lines:")
            lines.extend(f"    {line}" for line in written)
    return lines or _pod_problem(pod)


def _pod_problem(pod: Object) -> list[str]:
    return [_unschedulable(pod) or f"  pod/{name_of(pod)}: {phase(pod)}"]


def _unschedulable(pod: Object) -> str:
    condition = conditions.find(status_of(pod), "PodScheduled")
    if condition is None or condition["status"] != "False":
        return ""
    return f"  pod/{name_of(pod)}: {condition.get('reason', '')}: {condition.get('message', '')}"


def _container_problem(status: dict[str, Any]) -> tuple[str, str]:
    state = status.get("state") or {}
    if "waiting" in state:
        return state["waiting"].get("reason", ""), state["waiting"].get("message", "")
    if "terminated" in state and state["terminated"].get("exitCode"):
        ended = state["terminated"]
        return ended.get("reason", "Error"), ended.get("message") or f"exit code {ended['exitCode']}"
    return "", ""


def last_lines(session: Session, pod: Object, status: dict[str, Any]) -> list[str]:
    """The end of what the container (or the one before it) wrote; [] where that can't be had."""
    from minikctl.backend import LogOptions
    from minikctl.errors import MinikctlError

    last = (status.get("lastState") or {}).get("terminated") or {}
    identifier = str(status.get("containerID") or last.get("containerID") or "").partition("://")[2]
    node = spec_of(pod).get("nodeName")
    if not identifier or not node:
        return []
    try:
        lines = session.cluster.backend_of(node).logs(identifier, LogOptions(tail=LOG_LINES))
        return [line.text.decode(errors="replace") for line in lines]
    except MinikctlError:
        return []


# --- workloads -------------------------------------------------------------------------------------


class WorkloadGoal:
    """Deployments rolled out, ReplicaSets full, Pods ready (or succeeded)."""

    def __init__(
        self, session: Session, keys: Sequence[ObjectKey], now: Callable[[], float] = time.monotonic
    ):
        self._session = session
        self._keys = list(keys)
        self._now = now
        self._stuck_since: float | None = None

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
        return self._stuck_verdict(waiting) if waiting else REACHED

    def lines(self) -> list[str]:
        found = [self._session.api.find(key) for key in self._keys]
        workloads = [
            f"{_qualified(_key(obj))}: {state.waits_for}"
            for obj in found
            if obj is not None and not (state := state_of(obj)).done and state.waits_for
        ]
        workloads += [line for obj in found if obj is not None and (line := _refusal(obj))]
        reasons = [reason for pod in self.missing_pods() if (reason := trouble_of(pod))][:MOST_REASONS]
        # A pod that was applied itself has no more to say than why.
        told = {reason.partition(": ")[0] for reason in reasons}
        return [*(line for line in workloads if line.partition(": ")[0] not in told), *reasons]

    def stuck_pods(self) -> tuple[Object, ...]:
        return tuple(one for one in self.missing_pods() if is_stuck(one))

    def advice(self) -> list[str]:
        lines = []
        for key in self._keys:
            obj = self._session.api.find(key)
            if obj is None or state_of(obj).done:
                continue
            place = f" -n {key.namespace}" if key.namespace and key.namespace != "default" else ""
            lines.append(f"  look: minikctl describe {_qualified(key)}{place}")
            if key.kind == "Deployment" and _has_history(self._session, obj):
                lines.append(f"  back: minikctl rollout undo deployment/{key.name}{place}")
        return lines

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
        names = ", ".join(_qualified(_key(obj)) for obj in waiting)
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
    return f"{_qualified(_key(obj))}: {failure.get('message', '')}"


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


def is_stuck(pod: Object) -> bool:
    """Nothing will change by itself: no image, no start, or a crash that came again after a back-off."""
    owners = (pod.get("metadata") or {}).get("ownerReferences") or ()
    counts_restarts = any(one["kind"] == "Job" for one in owners)
    for status in status_of(pod).get("containerStatuses") or ():
        reason = ((status.get("state") or {}).get("waiting") or {}).get("reason", "")
        if reason == "CrashLoopBackOff" and counts_restarts:
            continue  # its Job says when these are too many
        if reason in _IMAGE_REASONS:
            return True
        if reason in _START_REASONS and (
            reason != "CrashLoopBackOff" or status.get("restartCount", 0) >= _SECOND_BACK_OFF
        ):
            return True
    return False


def state_of(obj: Object) -> State:
    match obj["kind"]:
        case "Deployment":
            return _deployment_state(obj)
        case "Pod":
            return _pod_state(obj)
        case kind if kind in STATES:
            return STATES[kind](obj)
    return State(done=True)


def _deployment_state(obj: Object) -> State:
    from minikctl.render.rollout import RolloutError, rollout_status, rollout_waits_for

    try:
        _, done = rollout_status(obj)
    except RolloutError as error:
        return State(failure=str(error))
    observed = status_of(obj).get("observedGeneration", 0) >= obj["metadata"].get("generation", 0)
    # A paused rollout goes on when people say so, not by waiting for it.
    is_paused = observed and bool(spec_of(obj).get("paused"))
    return State(done or is_paused, rollout_waits_for(obj) if observed else "waiting for the controller")


def _pod_state(obj: Object) -> State:
    if phase(obj) == "Failed":
        return State(failure=f"pod/{name_of(obj)} failed")
    from minikctl.render.podstatus import summarize_pod

    return State(is_finished(obj) or is_ready(obj), summarize_pod(obj).status)


def _key(obj: Object) -> ObjectKey:
    from minikctl.model import key_of

    return key_of(obj)


def _qualified(key: ObjectKey) -> str:
    return f"{KINDS[key.kind].qualified}/{key.name}"


# --- deletion --------------------------------------------------------------------------------------


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
        from minikctl.render.printers import qualified_name

        return [
            f"waiting for {qualified_name(one)} to be gone" for one in self.left() if one["kind"] == "Pod"
        ]
