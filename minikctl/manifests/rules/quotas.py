"""LimitRanges and ResourceQuotas: known resources, scopes that fit them, and limits that agree."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import (
    duplicate,
    forbidden,
    invalid,
    qualified_name_advice,
    required,
)
from minikctl.manifests.rules.resource_names import (
    amount,
    check_amount,
    check_container_name,
    check_name,
    check_quota_name,
    is_quota_name,
    may_be_overcommitted,
)
from minikctl.manifests.rules.rule import Fields, Rule, UpdateRule
from minikctl.model import Object

_LIMIT_RANGE = frozenset({"LimitRange"})
_QUOTA = frozenset({"ResourceQuota"})

# --- limit ranges ---------------------------------------------------------------------------------

_LIMIT_TYPES = ("Container", "PersistentVolumeClaim", "Pod")
_SIDES = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
# As many thousandths fit into Go's int64.
_MAX_FOR_THOUSANDTHS = (2**63 - 1) // 1000


def limits(obj: Object) -> Iterator[FieldProblem]:
    seen: set[str] = set()
    for index, item in enumerate((obj.get("spec") or {}).get("limits") or ()):
        path, kind = f"spec.limits[{index}]", item.get("type", "")
        yield from _limit_type(kind, f"{path}.type")
        if kind in seen:
            yield duplicate(f"{path}.type", kind)
        seen.add(kind)
        yield from _limit_names(item, kind, path)
        yield from _limit_amounts(item, kind, path)


def _limit_type(kind: str, path: str) -> Iterator[FieldProblem]:
    if problem := qualified_name_advice(kind):
        yield invalid(path, kind, problem)
    elif "/" not in kind and kind not in _LIMIT_TYPES:
        yield invalid(path, kind, "must be a standard limit type or fully qualified")


def _limit_names(item: Fields, kind: str, path: str) -> Iterator[FieldProblem]:
    check = check_container_name if kind in ("Pod", "Container") else check_name
    for side in _SIDES:
        found = item.get(side) or {}
        if kind == "Pod" and side.startswith("default"):
            if found:
                yield forbidden(f"{path}.{side}", "may not be specified when `type` is 'Pod'")
            continue
        for name in found:
            yield from check(name, f"{path}.{side}[{name}]")
    if kind == "PersistentVolumeClaim" and not any(
        "storage" in (item.get(side) or {}) for side in _SIDES[:2]
    ):
        yield required(
            f"{path}.limits", "either minimum or maximum storage value is required, but neither was provided"
        )


def _limit_amounts(item: Fields, kind: str, path: str) -> Iterator[FieldProblem]:
    sides = {side: item.get(side) or {} for side in _SIDES}
    if kind == "Pod":
        sides |= {"default": {}, "defaultRequest": {}}
    for name in dict.fromkeys(name for found in sides.values() for name in found):
        amounts = {side: amount(found[name]) for side, found in sides.items() if name in found}
        yield from _limit_order(name, amounts, path)
        yield from _limit_ratio(name, amounts, path)


# (the smaller side, the larger side, the field that is told of)
_ORDER = (
    ("min", "max", "min"),
    ("min", "defaultRequest", "defaultRequest"),
    ("defaultRequest", "max", "defaultRequest"),
    ("defaultRequest", "default", "defaultRequest"),
    ("min", "default", "default"),
    ("default", "max", "default"),
)
_WORDS = {
    "min": "min value",
    "max": "max value",
    "default": "default limit value",
    "defaultRequest": "default request value",
}


def _limit_order(name: str, amounts: dict[str, Decimal], path: str) -> Iterator[FieldProblem]:
    for smaller, larger, told in _ORDER:
        if smaller in amounts and larger in amounts and amounts[smaller] > amounts[larger]:
            detail = (
                f"{_WORDS[smaller]} {_text(amounts[smaller])} is greater than "
                f"{_WORDS[larger]} {_text(amounts[larger])}"
            )
            yield invalid(f"{path}.{told}[{name}]", _text(amounts[told]), detail)
    default, request = amounts.get("default"), amounts.get("defaultRequest")
    if not may_be_overcommitted(name) and None not in (default, request) and default != request:
        yield invalid(
            f"{path}.defaultRequest[{name}]",
            _text(request),
            f"default value {_text(default)} must equal to defaultRequest value {_text(request)} in {name}",
        )


def _limit_ratio(name: str, amounts: dict[str, Decimal], path: str) -> Iterator[FieldProblem]:
    ratio = amounts.get("maxLimitRequestRatio")
    if ratio is None:
        return
    where = f"{path}.maxLimitRequestRatio[{name}]"
    if ratio < 1:
        yield invalid(where, _text(ratio), f"ratio {_text(ratio)} is less than 1")
    if "min" in amounts and "max" in amounts:
        largest = _largest_ratio(ratio, amounts["min"], amounts["max"])
        if largest is not None and ratio > largest:
            yield invalid(where, _text(ratio), f"ratio {_text(ratio)} is greater than max/min = {largest:f}")


def _largest_ratio(ratio: Decimal, smallest: Decimal, largest: Decimal) -> float | None:
    """max/min as the server computes it, in thousandths where they fit; None where any ratio will do."""
    unit = 1000 if all(_rounded(one, 1) < _MAX_FOR_THOUSANDTHS for one in (ratio, smallest, largest)) else 1
    low, high = _rounded(smallest, unit), _rounded(largest, unit)
    if low == 0:
        return None if high >= 0 else float("-inf")
    return high / low


def _rounded(value: Decimal, unit: int) -> int:
    return int((value * unit).to_integral_value(ROUND_CEILING))


def _text(value: Any) -> str:
    return f"{value:f}"


# --- quotas ---------------------------------------------------------------------------------------

_COMPUTE = frozenset(
    {"cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"},
)
_OF_PODS = frozenset({"pods", *_COMPUTE})
# Scope → the quota's own resources that can be counted in it.
_SCOPES: dict[str, frozenset[str]] = {
    "BestEffort": frozenset({"pods"}),
    "CrossNamespacePodAffinity": _OF_PODS,
    "NotBestEffort": _OF_PODS,
    "NotTerminating": _OF_PODS,
    "PriorityClass": _OF_PODS,
    "Terminating": _OF_PODS,
    "VolumeAttributesClass": frozenset({"persistentvolumeclaims", "requests.storage"}),
}
_ASKED_WITH_EXISTS = frozenset(
    {"BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "Terminating"}
)
_CONFLICTS = ({"BestEffort", "NotBestEffort"}, {"NotTerminating", "Terminating"})


def quota(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    for name, quantity in (spec.get("hard") or {}).items():
        path = f"spec.hard[{name}]"
        yield from check_quota_name(name, path)
        yield from check_amount(name, quantity, path)
    yield from _scopes(spec, "spec.scopes")
    yield from _scope_selector(spec, "spec.scopeSelector.matchExpressions")


def _scopes(spec: Fields, path: str) -> Iterator[FieldProblem]:
    scopes = spec.get("scopes") or []
    unfit = _unfit(spec)
    for scope in scopes:
        if scope not in _SCOPES:
            yield invalid(path, scopes, "unsupported scope")
        if scope in unfit:
            yield invalid(path, scopes, "unsupported scope applied to resource")
    yield from _conflicts(set(scopes), scopes, path)


def _scope_selector(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """The server leaves the index of the expression out of its paths."""
    selector = spec.get("scopeSelector") or {}
    expressions = selector.get("matchExpressions") or []
    unfit = _unfit(spec)
    for expression in expressions:
        scope, operator = expression.get("scopeName", ""), expression.get("operator", "")
        if scope not in _SCOPES:
            yield invalid(f"{path}.scopeName", scope, "unsupported scope")
        if scope in unfit:
            yield invalid(path, selector, "unsupported scope applied to resource")
        if scope in _ASKED_WITH_EXISTS and operator != "Exists":
            yield invalid(f"{path}.operator", operator, f"must be 'Exists' when scope is {scope}")
        yield from _scope_values(operator, expression.get("values") or [], path)
    yield from _conflicts({one.get("scopeName", "") for one in expressions}, spec.get("scopes"), path)


def _scope_values(operator: str, values: list[str], path: str) -> Iterator[FieldProblem]:
    if operator in ("In", "NotIn"):
        if not values:
            yield required(
                f"{path}.values",
                "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
            )
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            yield invalid(
                f"{path}.values",
                values,
                "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
            )
    else:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")


def _unfit(spec: Fields) -> set[str]:
    """The scopes in which something that the quota names can't be counted."""
    names = {name for name in spec.get("hard") or () if is_quota_name(name)}
    return {scope for scope, fitting in _SCOPES.items() if not names <= fitting}


def _conflicts(scopes: set[str], shown: Any, path: str) -> Iterator[FieldProblem]:
    for pair in _CONFLICTS:
        if pair <= scopes:
            yield invalid(path, shown, "conflicting scopes")


def quota_scopes(old: Object, new: Object) -> Iterator[FieldProblem]:
    before, after = ((obj.get("spec") or {}).get("scopes") or [] for obj in (old, new))
    if set(before) != set(after):
        yield invalid("spec.scopes", after, "field is immutable")


RULES = (
    Rule("limit-range", "limits name known resources, and their amounts agree", limits, _LIMIT_RANGE),
    Rule("resource-quota", "quotas name resources that are counted, in scopes that fit", quota, _QUOTA),
    UpdateRule("resource-quota-scopes", "a quota's scopes stay", quota_scopes, _QUOTA),
)
