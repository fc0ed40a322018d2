"""Typed views of Pods: phases, readiness, what they ask of a node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from minikctl.model import Object, conditions, is_deleting, spec_of, status_of
from minikctl.model.quantity import milli, whole
from minikctl.model.timestamps import parse_time

START_ERROR = "StartError"
"""Why a container ended that its runtime could not start; in containerd's word."""
DEFAULT_CPU_MILLICORES = 100
DEFAULT_MEMORY_BYTES = 200 * 1024 * 1024
"""What the scheduler counts for a container that asks for nothing (upstream's NonZeroRequested)."""


class PodRequests(Struct, frozen=True):
    """Sums over a pod (or over many). `scoring_*` count containers that ask for nothing with a default."""

    cpu_millicores: int = 0
    memory_bytes: int = 0
    scoring_cpu: int = 0
    scoring_memory: int = 0
    pods: int = 0
    host_ports: tuple[tuple[str, int], ...] = ()

    def plus(self, other: PodRequests, sign: int = 1) -> PodRequests:
        return PodRequests(
            self.cpu_millicores + sign * other.cpu_millicores,
            self.memory_bytes + sign * other.memory_bytes,
            self.scoring_cpu + sign * other.scoring_cpu,
            self.scoring_memory + sign * other.scoring_memory,
            self.pods + sign * other.pods,
        )


def is_sidecar(init_container: dict[str, Any]) -> bool:
    """Whether an init container keeps running beside the others."""
    return init_container.get("restartPolicy") == "Always"


def pod_requests(pod: Object) -> PodRequests:
    """The most that its containers ask for at one time: all together, or an earlier init container alone
    with the sidecars before it; and what the pod itself costs."""
    total = PodRequests()
    peaks = []
    for container in spec_of(pod).get("initContainers") or ():
        own = _container_requests(container)
        peaks.append(total.plus(own))
        if is_sidecar(container):
            total = total.plus(own)
    for container in spec_of(pod).get("containers") or ():
        total = total.plus(_container_requests(container))
    peaks.append(total)
    overhead = spec_of(pod).get("overhead") or {}
    cpu, memory = milli(overhead.get("cpu", 0)), whole(overhead.get("memory", 0))
    return PodRequests(
        max(one.cpu_millicores for one in peaks) + cpu,
        max(one.memory_bytes for one in peaks) + memory,
        max(one.scoring_cpu for one in peaks) + cpu,
        max(one.scoring_memory for one in peaks) + memory,
        1,
        tuple(_host_ports(pod)),
    )


def _container_requests(container: dict[str, Any]) -> PodRequests:
    requests = _requests(container)
    cpu = milli(requests["cpu"]) if "cpu" in requests else 0
    memory = whole(requests["memory"]) if "memory" in requests else 0
    return PodRequests(cpu, memory, cpu or DEFAULT_CPU_MILLICORES, memory or DEFAULT_MEMORY_BYTES)


def _host_ports(pod: Object) -> Iterator[tuple[str, int]]:
    sidecars = [one for one in spec_of(pod).get("initContainers") or () if is_sidecar(one)]
    for container in (*sidecars, *(spec_of(pod).get("containers") or ())):
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                yield port.get("protocol", "TCP"), port["hostPort"]


def _requests(container: dict[str, Any]) -> dict[str, Any]:
    resources = container.get("resources") or {}
    return {**(resources.get("limits") or {}), **(resources.get("requests") or {})}


def phase(pod: Object) -> str:
    found: str = status_of(pod).get("phase", "Pending")
    return found


def is_finished(pod: Object) -> bool:
    return phase(pod) in ("Succeeded", "Failed")


def is_active(pod: Object) -> bool:
    """Counts as a replica: neither finished nor on its way out."""
    return not is_finished(pod) and not is_deleting(pod)


def is_ready(pod: Object) -> bool:
    return conditions.is_true(status_of(pod), "Ready")


def ready_since(pod: Object) -> float | None:
    condition = conditions.find(status_of(pod), "Ready")
    if condition is None or condition["status"] != "True":
        return None
    return parse_time(condition["lastTransitionTime"])


def is_available(pod: Object, min_ready_seconds: int, now: float) -> bool:
    """Ready for at least `minReadySeconds`."""
    if not min_ready_seconds:
        return is_ready(pod)
    since = ready_since(pod)
    return since is not None and since + min_ready_seconds <= now


def restarts(pod: Object) -> int:
    return sum(status.get("restartCount", 0) for status in status_of(pod).get("containerStatuses") or ())


def qos_class(spec: dict[str, Any]) -> str:
    """Guaranteed, Burstable or BestEffort, as upstream's GetPodQOS."""
    requests: list[dict[str, Any]] = []
    limits: list[dict[str, Any]] = []
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        requests.append(_requests(container))
        limits.append((container.get("resources") or {}).get("limits") or {})
    asked = any(milli(one.get(name, 0)) for one in (*requests, *limits) for name in ("cpu", "memory"))
    if not asked:
        return "BestEffort"
    for request, limit in zip(requests, limits, strict=True):
        for resource in ("cpu", "memory"):
            if resource not in limit or milli(limit[resource]) != milli(request[resource]):
                return "Burstable"
    return "Guaranteed"


def start_error(status: dict[str, Any]) -> str:
    """What was said when the newest attempt at a waiting container would not start; "" where it did.

    :param status: an entry of `containerStatuses`.
    """
    ended = (status.get("lastState") or {}).get("terminated") or {}
    waits = "waiting" in (status.get("state") or {})
    return str(ended.get("message", "")) if waits and ended.get("reason") == START_ERROR else ""
