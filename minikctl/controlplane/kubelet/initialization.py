"""Which of a pod's init containers are due, and whether its containers may start.

Rules:
- Init containers run one after the other, each until it succeeds. One with `restartPolicy: Always` is a
  sidecar: the next one starts as soon as it has started (its postStart hook is over and its startup probe
  succeeded), and it runs as long as the pod does.
- What was done once is not done again, unless the sandbox is another one since: then all begin anew, since
  what they prepared (names, routes, volumes in memory) went with the old one.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from minikctl.controlplane.kubelet.instances import Instance, Instances
from minikctl.controlplane.kubelet.known import known_status
from minikctl.controlplane.kubelet.memo import PodMemo
from minikctl.model import Object, conditions, spec_of, status_of
from minikctl.model.pods import is_sidecar
from minikctl.model.timestamps import parse_time


class Initialization(Struct, frozen=True):
    due: tuple[dict[str, Any], ...] = ()
    """Init containers that should run now: sidecars for good, and the one whose turn it is."""
    is_complete: bool = True
    has_failed: bool = False
    """One failed and the pod's restart policy does not let it try again."""


def initialization(pod: Object, instances: Instances, memo: PodMemo) -> Initialization:
    due = []
    is_over = _was_initialized(pod, instances)
    for container in spec_of(pod).get("initContainers") or ():
        if is_sidecar(container):
            due.append(container)
            if not is_over and not memo.health(pod, container, instances).started:
                return Initialization(tuple(due), False)
        elif not is_over and not is_done(pod, container["name"], instances):
            latest = instances.latest(container["name"])
            if latest is not None and _failed_for_good(pod, latest):
                return Initialization(tuple(due), False, True)
            return Initialization((*due, container), False)
    return Initialization(tuple(due))


def is_done(pod: Object, name: str, instances: Instances) -> bool:
    """Whether the init container succeeded in the present sandbox; its own container may be gone since."""
    latest = instances.latest(name)
    if latest is not None:
        return latest.has_ended and not latest.container.exit_code
    ended = (known_status(pod, name).get("state") or {}).get("terminated") or {}
    in_time = _is_of_this_sandbox(ended.get("finishedAt"), instances)
    return bool(ended) and not ended.get("exitCode") and in_time


def _was_initialized(pod: Object, instances: Instances) -> bool:
    if any(instances.of(container["name"]) for container in spec_of(pod)["containers"]):
        return True
    condition = conditions.find(status_of(pod), "Initialized")
    if condition is None or condition["status"] != "True":
        return False
    return _is_of_this_sandbox(condition["lastTransitionTime"], instances)


def _is_of_this_sandbox(time: str | None, instances: Instances) -> bool:
    sandbox = instances.sandbox()
    return sandbox is not None and bool(time) and int(sandbox.container.created_at) <= parse_time(str(time))


def _failed_for_good(pod: Object, latest: Instance) -> bool:
    never = spec_of(pod).get("restartPolicy") == "Never"
    return never and latest.has_ended and bool(latest.container.exit_code)
