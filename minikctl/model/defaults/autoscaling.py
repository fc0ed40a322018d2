"""HorizontalPodAutoscalers and PodDisruptionBudgets."""

from __future__ import annotations

from typing import Any

from minikctl.model.defaults.compaction import Fields, types_of
from minikctl.model.defaults.pods import spec_in

_UTILIZATION = 80
_PERIOD = 15


def _default_autoscaler(obj: Fields) -> None:
    spec = spec_in(obj)
    spec.setdefault("minReplicas", 1)
    if obj.get("apiVersion") == "autoscaling/v1":
        # Its one metric has no default that is stored.
        return
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": _UTILIZATION}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if "behavior" in spec:
        behavior = spec["behavior"]
        _default_rules(behavior.setdefault("scaleUp", {}), _scale_up())
        _default_rules(behavior.setdefault("scaleDown", {}), _scale_down())


def _default_rules(rules: Fields, defaults: Fields) -> None:
    for name, value in defaults.items():
        rules.setdefault(name, value)


def _scale_up() -> Fields:
    return {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [_policy("Pods", 4), _policy("Percent", 100)],
    }


def _scale_down() -> Fields:
    # The window is the controller's own setting, where it isn't given.
    return {"selectPolicy": "Max", "policies": [_policy("Percent", 100)]}


def _policy(kind: str, value: int) -> dict[str, Any]:
    return {"type": kind, "value": value, "periodSeconds": _PERIOD}


TYPES = {
    "HorizontalPodAutoscaler": types_of(
        pointers=(
            "averageUtilization",
            "averageValue",
            "maxReplicas",
            "minReplicas",
            # An empty list isn't none: it does not get the default ones.
            "policies",
            "selectPolicy",
            "stabilizationWindowSeconds",
            "targetCPUUtilizationPercentage",
            "tolerance",
            "value",
        )
    ),
    "PodDisruptionBudget": types_of(pointers=("minAvailable", "unhealthyPodEvictionPolicy")),
}
DEFAULTS = {"HorizontalPodAutoscaler": _default_autoscaler}
