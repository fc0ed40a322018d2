"""Whom the kernel kills first when the machine's memory is used up: the kubelet's oom_score_adj."""

from __future__ import annotations

from typing import Any

from minikctl.model import Object, spec_of
from minikctl.model.pods import is_sidecar, qos_class
from minikctl.model.quantity import whole

GUARANTEED, BEST_EFFORT = -997, 1000
NODE_CRITICAL = "system-node-critical"


def oom_score_adj(pod: Object, container: dict[str, Any], memory_bytes: int) -> int:
    """`memory_bytes` is the machine's memory. The more of it was asked for, the later."""
    spec = spec_of(pod)
    quality = qos_class(spec)
    if quality == "Guaranteed" or spec.get("priorityClassName") == NODE_CRITICAL:
        return GUARANTEED
    if quality == "BestEffort" or not memory_bytes:
        return BEST_EFFORT
    asked = _requested(container)
    if is_sidecar(container):  # not before the containers that need it
        asked = max(asked, min(_requested(one) for one in spec["containers"]))
    score = 1000 - 1000 * asked // memory_bytes
    return min(max(score, 1000 + GUARANTEED), BEST_EFFORT - 1)


def _requested(container: dict[str, Any]) -> int:
    resources = container.get("resources") or {}
    requests = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return whole(requests.get("memory", 0))
