"""DaemonSets: a rolling update replaces pods before or after the new ones, not both."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.amounts import amount, check_amount, check_at_most_all
from minikctl.manifests.rules.problems import invalid, required, unsupported
from minikctl.manifests.rules.rule import Fields, Rule
from minikctl.model import Object

_STRATEGIES = ("OnDelete", "RollingUpdate")


def strategy(obj: Object) -> Iterator[FieldProblem]:
    found = (obj.get("spec") or {}).get("updateStrategy") or {}
    if found.get("type", "") not in _STRATEGIES:
        yield unsupported("spec.updateStrategy", found, _STRATEGIES)
    elif found["type"] == "RollingUpdate":
        yield from _rolling_update(found.get("rollingUpdate") or {}, "spec.updateStrategy.rollingUpdate")


def _rolling_update(rolling: Fields, path: str) -> Iterator[FieldProblem]:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    amounts = ((unavailable, f"{path}.maxUnavailable"), (surge, f"{path}.maxSurge"))
    for check in (check_amount, check_at_most_all):
        for value, where in amounts:
            yield from check(value, where)
    if amount(unavailable) != 0 and amount(surge) != 0:
        yield invalid(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero")
    elif amount(unavailable) == 0 and amount(surge) == 0:
        yield required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")


RULES = (
    Rule(
        "daemon-set-strategy",
        "pods are replaced either before the new ones or after them",
        strategy,
        frozenset({"DaemonSet"}),
    ),
)
