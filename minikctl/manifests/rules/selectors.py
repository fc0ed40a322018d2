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
from minikctl.manifests.rules.rule import Rule, UpdateRule
from minikctl.model import Object
from minikctl.model.selectors import from_object, matches

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_STRICT = frozenset({"Deployment", "ReplicaSet", "StatefulSet"})
_FIXED = frozenset({"DaemonSet", "Deployment", "ReplicaSet"})
MISMATCH = "`selector` does not match template `labels`"

# --- selectors of any kind -------------------------------------------------------------------------


def check_selector(selector: dict[str, Any], path: str) -> Iterator[FieldProblem]:
    """`matchLabels` and `matchExpressions`; no problem means that it can be matched with labels."""
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


def is_malformed(selector: dict[str, Any] | None) -> bool:
    return selector is not None and any(check_selector(selector, ""))


def is_empty(selector: dict[str, Any]) -> bool:
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def selects(selector: dict[str, Any] | None, labels: dict[str, str]) -> bool:
    """Whether a selector that is not malformed selects `labels`. A missing one selects nothing."""
    return selector is not None and matches(from_object(selector), labels)


# --- selectors of workloads ------------------------------------------------------------------------


def is_template_judged(obj: Object) -> bool:
    """Whether the server looks at the template: of some kinds not where their selector is malformed."""
    return obj["kind"] not in _STRICT or not is_malformed((obj.get("spec") or {}).get("selector"))


def workload_selector(obj: Object) -> Iterator[FieldProblem]:
    """Deployment, ReplicaSet and StatefulSet."""
    spec = obj.get("spec") or {}
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
    else:
        yield from check_selector(selector, "spec.selector")
        if is_empty(selector):
            # Of a ReplicaSet, too, the server says "deployment".
            kind = "statefulset" if obj["kind"] == "StatefulSet" else "deployment"
            yield invalid("spec.selector", selector, f"empty selector is invalid for {kind}")
        elif is_malformed(selector):
            yield invalid("spec.selector", selector, "invalid label selector")
            return
    yield from _template_labels(spec)


def daemon_set_selector(obj: Object) -> Iterator[FieldProblem]:
    """DaemonSet: nobody asks whether there is one, as without one its template can't match."""
    spec = obj.get("spec") or {}
    selector = spec.get("selector")
    if selector is not None:
        yield from check_selector(selector, "spec.selector")
    if not is_malformed(selector):
        yield from _template_labels(spec)
    if selector is not None and is_empty(selector):
        yield invalid("spec.selector", selector, "empty selector is invalid for daemonset")


def _template_labels(spec: dict[str, Any]) -> Iterator[FieldProblem]:
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    if not selects(spec.get("selector"), labels):
        yield invalid("spec.template.metadata.labels", labels, MISMATCH)


def immutable_selector(old: Object, new: Object) -> Iterator[FieldProblem]:
    before, after = (obj.get("spec") or {} for obj in (old, new))
    if before.get("selector") != after.get("selector"):
        yield invalid("spec.selector", after.get("selector"), "field is immutable")


RULES = (
    Rule(
        "workload-selector",
        "the selector is well formed and matches the template",
        workload_selector,
        _STRICT,
    ),
    Rule(
        "daemon-set-selector",
        "the selector is well formed and matches the template",
        daemon_set_selector,
        frozenset({"DaemonSet"}),
    ),
    UpdateRule("workload-selector-immutable", "the selector stays", immutable_selector, _FIXED),
)
