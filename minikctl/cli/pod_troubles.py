"""Why pods are not ready, in lines for people, with the last that their containers wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minikctl.cli.session import Session
from minikctl.model import Object, conditions, controller_of, name_of, spec_of, status_of, uid_of
from minikctl.model.pods import phase, start_error

_IMAGE_REASONS = frozenset(
    ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
)
_START_REASONS = frozenset(
    ("CreateContainerError", "CreateContainerConfigError", "RunContainerError", "CrashLoopBackOff")
)
_SECOND_BACK_OFF = 2
LOG_LINES = 10
MOST_REASONS = 3


def shown_of(pods: Iterable[Object]) -> list[Object]:
    """Those that speak for all: one of each workload, a stuck one where there is one, and a few at least."""
    ordered = sorted(pods, key=lambda pod: not is_stuck(pod))
    firsts: dict[str, Object] = {}
    for pod in ordered:
        firsts.setdefault((controller_of(pod) or {}).get("uid") or uid_of(pod), pod)
    chosen = {uid_of(pod) for pod in firsts.values()}
    others = [pod for pod in ordered if uid_of(pod) not in chosen]
    return [*firsts.values(), *others[: max(0, MOST_REASONS - len(firsts))]]


def explain_pods(session: Session, pods: Iterable[Object]) -> list[str]:
    """What keeps them from being ready; with the last that was written for the first few of them."""
    missing = list(pods)
    shown = shown_of(missing)
    lines: list[str] = []
    for index, pod in enumerate(shown):
        lines.extend(explain_pod(session, pod, with_logs=index < MOST_REASONS))
    return [*lines, *left_out(missing, shown)]


def left_out(pods: Sequence[Object], shown: Sequence[Object]) -> list[str]:
    count = len(pods) - len(shown)
    return [f"  ... and {count} more pod{'s' if count > 1 else ''}"] if count > 0 else []


def trouble_of(pod: Object) -> str:
    """One line on why a pod is not ready, where that is more than that it takes its time; else ""."""
    if is_stuck(pod):
        from minikctl.render.podstatus import summarize_pod

        return f"pod/{name_of(pod)}: {summarize_pod(pod).status}"
    return _unschedulable(pod).strip()


def explain_pod(session: Session, pod: Object, *, with_logs: bool = True) -> list[str]:
    """What keeps the pod from being ready, and the last that its containers wrote."""
    lines: list[str] = []
    for status in status_of(pod).get("containerStatuses") or ():
        reason, message = _container_problem(status)
        if not reason:
            continue
        text = f"{reason}: {message}" if message else reason
        lines.append(f"  pod/{name_of(pod)} container {status['name']}: {text}")
        written = last_lines(session, pod, status) if with_logs else []
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
        waiting = state["waiting"]
        return waiting.get("reason", ""), start_error(status) or waiting.get("message", "")
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


def is_stuck(pod: Object) -> bool:
    """Nothing will change by itself: no image, no start, or a crash that came again after a back-off."""
    owners = (pod.get("metadata") or {}).get("ownerReferences") or ()
    counts_restarts = any(one["kind"] == "Job" for one in owners)
    for status in status_of(pod).get("containerStatuses") or ():
        reason = ((status.get("state") or {}).get("waiting") or {}).get("reason", "")
        if start_error(status):
            return True
        if reason == "CrashLoopBackOff" and counts_restarts:
            continue  # its Job says when these are too many
        if reason in _IMAGE_REASONS:
            return True
        if reason in _START_REASONS and (
            reason != "CrashLoopBackOff" or status.get("restartCount", 0) >= _SECOND_BACK_OFF
        ):
            return True
    return False
