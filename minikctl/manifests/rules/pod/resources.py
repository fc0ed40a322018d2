"""Resource requests and limits: known names, no negative amounts, requests within limits."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.pod.containers import Fields, each_container
from minikctl.manifests.rules.problems import invalid, qualified_name_advice, required
from minikctl.manifests.rules.rule import PodRule
from minikctl.model.quantity import parse_quantity

_STANDARD = frozenset({"cpu", "memory", "ephemeral-storage"})
_HUGE_PAGES = "hugepages-"


def resources(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for place, container in each_container(spec, path):
        yield from _check(container.get("resources") or {}, f"{place}.resources")


def _check(found: Fields, path: str) -> Iterator[FieldProblem]:
    limits, requests = found.get("limits") or {}, found.get("requests") or {}
    yield from _amounts(limits, f"{path}.limits")
    yield from _amounts(requests, f"{path}.requests")
    for name, request in requests.items():
        if name in limits:
            yield from _within(name, request, limits[name], f"{path}.requests")
        elif not _may_be_overcommitted(name):
            yield required(f"{path}.limits", "Limit must be set for non overcommitable resources")


def _amounts(amounts: Fields, path: str) -> Iterator[FieldProblem]:
    for name, amount in amounts.items():
        if problem := _name_advice(name):
            yield invalid(f"{path}[{name}]", name, problem)
        number = parse_quantity(amount)
        if number < 0:
            yield invalid(f"{path}[{name}]", amount, "must be greater than or equal to 0")
        elif not _may_be_overcommitted(name) and not name.startswith(_HUGE_PAGES) and number % 1:
            yield invalid(f"{path}[{name}]", amount, "must be an integer")


def _within(name: str, request: str, limit: str, path: str) -> Iterator[FieldProblem]:
    asked, most = parse_quantity(request), parse_quantity(limit)
    if not _may_be_overcommitted(name) and asked != most:
        yield invalid(path, request, f"must be equal to {name} limit of {limit}")
    elif asked > most:
        yield invalid(path, request, f"must be less than or equal to {name} limit of {limit}")


def _may_be_overcommitted(name: str) -> bool:
    if name.startswith(_HUGE_PAGES):
        return False
    return "/" not in name or "kubernetes.io/" in name


def _name_advice(name: str) -> str | None:
    if problem := qualified_name_advice(name):
        return problem
    if "/" in name or name in _STANDARD or name.startswith(_HUGE_PAGES):
        return None
    return "must be a standard resource type or fully qualified"


RULES = (PodRule("container-resources", "quantities are valid and requests within limits", resources),)
