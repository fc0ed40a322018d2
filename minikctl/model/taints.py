"""Taints of nodes and what pods tolerate of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikctl.model import Object, spec_of

UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
CORDON = {"key": UNSCHEDULABLE, "effect": "NoSchedule"}


def untolerated(pod: Object, node: Object, effects: Iterable[str]) -> dict[str, Any] | None:
    """The first taint with one of these effects that the pod does not tolerate. A cordon is a taint too."""
    taints: list[dict[str, Any]] = list(spec_of(node).get("taints") or ())
    if spec_of(node).get("unschedulable"):
        taints.append(CORDON)
    tolerations = spec_of(pod).get("tolerations") or ()
    for taint in taints:
        if taint["effect"] in effects and not any(tolerates(one, taint) for one in tolerations):
            return taint
    return None


def tolerates(toleration: dict[str, Any], taint: dict[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")
