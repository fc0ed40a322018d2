"""PodDisruptionBudgets: how many pods stay or may go, of those that a selector selects."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.amounts import check_amount, check_at_most_all
from minikctl.manifests.rules.problems import invalid, unsupported
from minikctl.manifests.rules.rule import Rule, UpdateRule
from minikctl.manifests.rules.selectors import check_selector
from minikctl.model import Object

_BUDGET = frozenset({"PodDisruptionBudget"})
_EVICTION_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


def budget(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    if "minAvailable" in spec and "maxUnavailable" in spec:
        yield invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    for name in ("minAvailable", "maxUnavailable"):
        if name in spec:
            yield from check_amount(spec[name], f"spec.{name}")
            yield from check_at_most_all(spec[name], f"spec.{name}")
    if "selector" in spec:
        yield from check_selector(spec["selector"], "spec.selector")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _EVICTION_POLICIES:
        yield unsupported("spec.unhealthyPodEvictionPolicy", policy, _EVICTION_POLICIES)


def known_version(_old: Object, new: Object) -> Iterator[FieldProblem]:
    """Who replaces a budget says which version of it."""
    if not (new.get("metadata") or {}).get("resourceVersion"):
        yield invalid("metadata.resourceVersion", 0, "must be specified for an update")


RULES = (
    Rule("disruption-budget", "either so many pods stay, or so many may go", budget, _BUDGET),
    UpdateRule(
        "disruption-budget-version",
        "a change names the version it changes",
        known_version,
        _BUDGET,
        alone=True,
    ),
)
