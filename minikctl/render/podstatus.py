"""What `kubectl get pods` says of a pod: its status word, ready count and restarts.

Ported from the API server's printPod. The status word is no field: it is the first thing that explains why
the pod is not simply running, in this order: the deletion, the init containers, the containers from the
last to the first, the pod's own reason, its phase.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from minikctl.model import Object, is_deleting, spec_of, status_of
from minikctl.model.conditions import find, is_true
from minikctl.model.timestamps import parse_time

_TERMINAL = ("Succeeded", "Failed")


class PodSummary(Struct, frozen=True):
    """One pod in a line. `last_restart` is in seconds since the epoch."""

    status: str
    ready: int
    total: int
    restarts: int
    last_restart: float | None


class _Tally(Struct):
    reason: str
    ready: int = 0
    restarts: int = 0
    ends: list[float] = field(default_factory=list)

    def count_restarts(self, container: dict[str, Any]) -> None:
        self.restarts += container.get("restartCount", 0)
        terminated = (container.get("lastState") or {}).get("terminated") or {}
        if terminated.get("finishedAt"):
            self.ends.append(parse_time(terminated["finishedAt"]))


def summarize_pod(pod: Object) -> PodSummary:
    spec, status = spec_of(pod), status_of(pod)
    sidecars = _sidecars(spec)
    tally = _Tally(_first_reason(status))
    if not _tally_init_containers(tally, spec, status, sidecars) or is_true(status, "Initialized"):
        _forget_init_restarts(tally, status, sidecars)
        _tally_containers(tally, status)
    return PodSummary(
        status=_deletion_reason(pod) or tally.reason,
        ready=tally.ready,
        total=len(spec.get("containers") or ()) + len(sidecars),
        restarts=tally.restarts,
        last_restart=max(tally.ends, default=None),
    )


def _sidecars(spec: dict[str, Any]) -> frozenset[str]:
    """The init containers that keep running: those with a restart policy of their own."""
    containers = spec.get("initContainers") or ()
    return frozenset(one["name"] for one in containers if one.get("restartPolicy") == "Always")


def _first_reason(status: dict[str, Any]) -> str:
    scheduled = find(status, "PodScheduled")
    if scheduled and scheduled.get("reason") == "SchedulingGated":
        return "SchedulingGated"
    return status.get("reason") or status.get("phase") or ""


def _deletion_reason(pod: Object) -> str:
    if not is_deleting(pod):
        return ""
    if status_of(pod).get("reason") == "NodeLost":
        return "Unknown"
    return "" if status_of(pod).get("phase") in _TERMINAL else "Terminating"


def _tally_init_containers(
    tally: _Tally, spec: dict[str, Any], status: dict[str, Any], sidecars: frozenset[str]
) -> bool:
    """Whether the pod still initializes: the first init container that is not done says how far it is."""
    total = len(spec.get("initContainers") or ())
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        tally.count_restarts(container)
        state = container.get("state") or {}
        if "terminated" in state and not state["terminated"].get("exitCode"):
            continue
        if container["name"] in sidecars and container.get("started"):
            tally.ready += bool(container.get("ready"))
            continue
        tally.reason = f"Init:{_init_reason(state) or f'{index}/{total}'}"
        return True
    return False


def _init_reason(state: dict[str, Any]) -> str:
    if "terminated" in state:
        return _ended(state["terminated"])
    waiting: str = (state.get("waiting") or {}).get("reason") or ""
    return "" if waiting == "PodInitializing" else waiting


def _forget_init_restarts(tally: _Tally, status: dict[str, Any], sidecars: frozenset[str]) -> None:
    """Once the pod is initialized only its sidecars' restarts count among those of its containers."""
    tally.restarts = 0
    tally.ends.clear()
    for container in status.get("initContainerStatuses") or ():
        if container["name"] in sidecars:
            tally.count_restarts(container)


def _tally_containers(tally: _Tally, status: dict[str, Any]) -> None:
    running = False
    containers: Sequence[dict[str, Any]] = status.get("containerStatuses") or ()
    for container in reversed(containers):
        tally.count_restarts(container)
        state = container.get("state") or {}
        reason = container_reason(state)
        if reason:
            tally.reason = reason
        elif container.get("ready") and "running" in state:
            tally.ready += 1
            running = True
    if tally.reason == "Completed" and running:
        tally.reason = "Running" if is_true(status, "Ready") else "NotReady"


def container_reason(state: dict[str, Any]) -> str:
    """Why a container does not run: `CrashLoopBackOff`, `Error`, `ExitCode:3`; "" when it runs."""
    waiting: str = (state.get("waiting") or {}).get("reason") or ""
    if waiting:
        return waiting
    return _ended(state["terminated"]) if "terminated" in state else ""


def _ended(terminated: dict[str, Any]) -> str:
    if terminated.get("reason"):
        reason: str = terminated["reason"]
        return reason
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"
