"""The tables of what bounds and sizes workloads: budgets, quotas, autoscalers. `support` joins them."""

from __future__ import annotations

from msgspec.structs import replace

from minikctl.manifests.handlings import ENFORCED, REFUSED, Table, declared, enforced, plain

_NO_ADAPTER = replace(REFUSED, why_refused="nobody gathers metrics of this type here")
_SOURCE: Table = {
    "container": ENFORCED,
    "name": enforced("measured every 15 s while an agent runs", "cpu", "memory"),
    "target": ENFORCED,
}

_AMOUNTS: Table = {"cpu": ENFORCED, "memory": ENFORCED}
_BOUNDS: Table = {**_AMOUNTS, "storage": enforced("of PersistentVolumeClaims")}
_LIMITS: Table = {
    "default": _AMOUNTS,
    "defaultRequest": _AMOUNTS,
    "max": _BOUNDS,
    "maxLimitRequestRatio": _AMOUNTS,
    "min": _BOUNDS,
    "type": enforced("", "Container", "Pod", "PersistentVolumeClaim"),
}


def policy_tables() -> dict[str, Table]:
    """By kind."""
    return {
        "HorizontalPodAutoscaler": declared(
            {
                "behavior": ENFORCED,
                "maxReplicas": ENFORCED,
                "metrics": {
                    "containerResource": _SOURCE,
                    "external": _NO_ADAPTER,
                    "object": _NO_ADAPTER,
                    "pods": _NO_ADAPTER,
                    "resource": {name: _SOURCE[name] for name in ("name", "target")},
                    "type": enforced("no other metrics are gathered here", "Resource", "ContainerResource"),
                },
                "minReplicas": ENFORCED,
                "scaleTargetRef": ENFORCED,
            }
        ),
        "LimitRange": plain({"spec": {"limits": _LIMITS}}),
        "PodDisruptionBudget": declared(
            {
                "maxUnavailable": enforced("by `drain`, and as well as it can be by preemption"),
                "minAvailable": enforced("by `drain`, and as well as it can be by preemption"),
                "selector": ENFORCED,
                "unhealthyPodEvictionPolicy": ENFORCED,
            }
        ),
        "ResourceQuota": declared(
            {
                "hard": enforced(
                    "ControllerRevisions and EndpointSlices are counted, and not refused; of kinds that are"
                    " not run nothing is there to be counted"
                ),
                "scopeSelector": ENFORCED,
                "scopes": ENFORCED,
            }
        ),
    }
