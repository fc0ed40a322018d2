"""LimitRanges and ResourceQuotas."""

from __future__ import annotations

from typing import Any

from minikctl.model.defaults.compaction import Fields, types_of
from minikctl.model.quantity import canonical_quantity

_SIDES = ("default", "defaultRequest", "max", "maxLimitRequestRatio", "min")


def canonical_amounts(amounts: Fields) -> Fields:
    """Every quantity in its canonical form; null, and what became of it, is zero."""
    return {name: _canonical(value) for name, value in amounts.items()}


def _canonical(value: Any) -> str:
    return "0" if value is None or value == "" else canonical_quantity(value)


def _default_limit_range(obj: Fields) -> None:
    for item in obj.get("spec", {}).get("limits", ()):
        for side in _SIDES:
            if side in item:
                item[side] = canonical_amounts(item[side])
        if item.get("type") == "Container":
            _default_container_limits(item)


def _default_container_limits(item: Fields) -> None:
    """What is not said follows from what is: the limit from `max`, the request from the limit or `min`."""
    default = {**item.get("max", {}), **item.get("default", {})}
    request = {**item.get("min", {}), **default, **item.get("defaultRequest", {})}
    item |= {name: found for name, found in (("default", default), ("defaultRequest", request)) if found}


def _default_quota(obj: Fields) -> None:
    spec = obj.setdefault("spec", {})
    if "hard" in spec:
        spec["hard"] = canonical_amounts(spec["hard"])


TYPES = {
    "LimitRange": types_of(maps=_SIDES),
    "ResourceQuota": types_of(maps=("hard", "used"), lists_of_strings=("scopes",)),
}
DEFAULTS = {"LimitRange": _default_limit_range, "ResourceQuota": _default_quota}
