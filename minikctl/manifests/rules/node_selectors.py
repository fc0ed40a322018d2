"""Which nodes: the terms of node affinity, on volumes as on pods."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import (
    forbidden,
    invalid,
    label_value_advice,
    qualified_name_advice,
    required,
    subdomain_advice,
)
from minikctl.manifests.rules.rule import Fields


def check_node_selector(selector: Fields, path: str) -> Iterator[FieldProblem]:
    terms = selector.get("nodeSelectorTerms") or ()
    if not terms:
        yield required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")
    for index, term in enumerate(terms):
        yield from check_node_selector_term(term, f"{path}.nodeSelectorTerms[{index}]")


def check_node_selector_term(term: Fields, path: str, *, with_values: bool = True) -> Iterator[FieldProblem]:
    """`with_values`: of a mere preference the server takes values that no label can have."""
    for index, requirement in enumerate(term.get("matchExpressions") or ()):
        place = f"{path}.matchExpressions[{index}]"
        yield from _on_labels(requirement, place)
        for number, value in enumerate(requirement.get("values") or () if with_values else ()):
            if problem := label_value_advice(value):
                yield invalid(f"{place}.values[{number}]", value, problem)
    for index, requirement in enumerate(term.get("matchFields") or ()):
        yield from _on_fields(requirement, f"{path}.matchFields[{index}]")


def _on_labels(requirement: Fields, path: str) -> Iterator[FieldProblem]:
    key, operator, values = _parts(requirement)
    if operator in ("In", "NotIn"):
        if not values:
            yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield forbidden(f"{path}.values", detail)
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            yield required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    else:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    if problem := qualified_name_advice(key):
        yield invalid(f"{path}.key", key, problem)


def _on_fields(requirement: Fields, path: str) -> Iterator[FieldProblem]:
    key, operator, values = _parts(requirement)
    if operator not in ("In", "NotIn"):
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    elif len(values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        yield required(f"{path}.values", detail)
    if key != "metadata.name":
        yield invalid(f"{path}.key", key, "not a valid field selector key")
        return
    for index, value in enumerate(values):
        if problem := subdomain_advice(value):
            yield invalid(f"{path}.values[{index}]", value, problem)


def _parts(requirement: Fields) -> tuple[str, str, list[str]]:
    return requirement.get("key", ""), requirement.get("operator", ""), requirement.get("values") or []
