"""Selectors of workloads: required, well formed, and matching their own template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import (
    forbidden,
    invalid,
    label_value_advice,
    qualified_name_advice,
    required,
)
from minikctl.model import Object
from minikctl.model.selectors import from_object, matches

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def workload_selector(obj: Object) -> Iterator[FieldProblem]:
    """Deployment and ReplicaSet."""
    spec = obj.get("spec") or {}
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield invalid("spec.selector", {}, f"empty selector is invalid for {obj['kind'].lower()}")
        return
    else:
        problems = list(check_selector(selector, "spec.selector"))
        yield from problems
        if problems:
            yield invalid("spec.selector", selector, "invalid label selector")
            return
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    # A missing selector selects nothing.
    if selector is None or not matches(from_object(selector), labels):
        yield invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")


def check_selector(selector: dict[str, Any], path: str) -> Iterator[FieldProblem]:
    for key, value in (selector.get("matchLabels") or {}).items():
        if problem := qualified_name_advice(key):
            yield invalid(f"{path}.matchLabels", key, problem)
        if problem := label_value_advice(value):
            yield invalid(f"{path}.matchLabels", value, problem)
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        yield from _check_expression(expression, f"{path}.matchExpressions[{index}]")


def _check_expression(expression: dict[str, Any], path: str) -> Iterator[FieldProblem]:
    operator, values = expression.get("operator", ""), expression.get("values") or ()
    if operator not in _OPERATORS:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    elif operator in ("In", "NotIn") and not values:
        yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist") and values:
        yield forbidden(
            f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        )
    if problem := qualified_name_advice(expression.get("key", "")):
        yield invalid(f"{path}.key", expression.get("key", ""), problem)
    for index, value in enumerate(values):
        if problem := label_value_advice(value):
            yield invalid(f"{path}.values[{index}]", value, problem)
