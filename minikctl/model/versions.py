"""Older API versions of kinds, as the version that is stored: what an API server converts when it reads.

Manifests are judged as they are written, and converted then; what is stored and shown has one version.
"""

from __future__ import annotations

from typing import Any

from minikctl.model import Object

_CPU = "targetCPUUtilizationPercentage"


def stored(obj: Object) -> Object:
    """The object in the version that is stored; itself where it is of that one, or of none that is known."""
    is_old = obj.get("apiVersion") == "autoscaling/v1" and obj.get("kind") == "HorizontalPodAutoscaler"
    return _autoscaler(obj) if is_old and isinstance(obj.get("spec"), dict) else obj


def _autoscaler(obj: Object) -> Object:
    spec: dict[str, Any] = {name: value for name, value in obj["spec"].items() if name != _CPU}
    if (percent := obj["spec"].get(_CPU)) is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return {**obj, "apiVersion": "autoscaling/v2", "spec": spec}
