"""FlowSchemas and PriorityLevelConfigurations."""

from __future__ import annotations

from minikctl.model.defaults.compaction import Fields, types_of
from minikctl.model.defaults.pods import spec_in

_QUEUING = {"handSize": 8, "queueLengthLimit": 50, "queues": 64}


def _default_schema(obj: Fields) -> None:
    spec_in(obj).setdefault("matchingPrecedence", 1000)


def _default_level(obj: Fields) -> None:
    spec = spec_in(obj)
    if spec.get("type") == "Exempt":
        spec.setdefault("exempt", {}).setdefault("nominalConcurrencyShares", 0)
        spec["exempt"].setdefault("lendablePercent", 0)
    limited = spec.get("limited")
    if limited is None:
        return
    limited.setdefault("nominalConcurrencyShares", 30)
    limited.setdefault("lendablePercent", 0)
    queuing = limited.setdefault("limitResponse", {}).get("queuing")
    if queuing is not None:
        limited["limitResponse"]["queuing"] = {**_QUEUING, **queuing}


TYPES = {
    "FlowSchema": types_of(
        lists_of_strings=("apiGroups", "namespaces", "nonResourceURLs", "resources", "verbs")
    ),
    "PriorityLevelConfiguration": types_of(
        pointers=("borrowingLimitPercent", "lendablePercent", "nominalConcurrencyShares")
    ),
}
DEFAULTS = {"FlowSchema": _default_schema, "PriorityLevelConfiguration": _default_level}
