"""Where a pod may run: node selector, tolerations, affinity and spreading."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.metadata import check_labels
from minikctl.manifests.rules.node_selectors import check_node_selector, check_node_selector_term
from minikctl.manifests.rules.pod.walk import Fields
from minikctl.manifests.rules.problems import (
    check_syntax,
    duplicate,
    forbidden,
    invalid,
    label_advice,
    label_value_advice,
    qualified_name_advice,
    required,
    unsupported,
)
from minikctl.manifests.rules.rule import PodRule
from minikctl.manifests.rules.selectors import check_selector
from minikctl.model.field_names import PREFERRED, REQUIRED

_TAINT_EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")
_UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")
_NODE_POLICIES = ("Honor", "Ignore")
_INTEGER = re.compile(r"(0|-?[1-9][0-9]*)\Z", re.ASCII)
_LONGEST_INT64 = len(str(-(2**63)))


def node_selector(spec: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_labels(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")


# --- tolerations ----------------------------------------------------------------------------------


def tolerations(spec: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_tolerations(spec.get("tolerations") or [], f"{path}.tolerations")


def check_tolerations(found: list[Fields], path: str) -> Iterator[FieldProblem]:
    for index, toleration in enumerate(found):
        yield from _toleration(toleration, f"{path}[{index}]")


def _toleration(toleration: Fields, path: str) -> Iterator[FieldProblem]:
    key, operator = toleration.get("key", ""), toleration.get("operator", "")
    effect = toleration.get("effect", "")
    if key:
        yield from check_syntax(f"{path}.key", key, qualified_name_advice)
    elif operator != "Exists":
        detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield invalid(f"{path}.operator", operator, detail)
    if "tolerationSeconds" in toleration and effect != "NoExecute":
        detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        yield invalid(f"{path}.effect", effect, detail)
    yield from _operator(operator, toleration.get("value", ""), path)
    if effect and effect not in _TAINT_EFFECTS:
        yield unsupported(f"{path}.effect", effect, _TAINT_EFFECTS)


def _operator(operator: str, value: str, path: str) -> Iterator[FieldProblem]:
    # The server names the operator where the value is wrong.
    if operator in ("", "Equal"):
        yield from check_syntax(f"{path}.operator", value, label_value_advice)
    elif operator == "Exists":
        if value:
            yield invalid(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'")
    elif operator in ("Gt", "Lt"):
        if not _INTEGER.match(value) or len(value) > _LONGEST_INT64 or not -(2**63) <= int(value) < 2**63:
            yield invalid(f"{path}.value", value, "must be a valid decimal integer")
    else:
        yield unsupported(f"{path}.operator", operator, ("Equal", "Exists"))


# --- affinity -------------------------------------------------------------------------------------


def affinity(spec: Fields, path: str) -> Iterator[FieldProblem]:
    found, place = spec.get("affinity") or {}, f"{path}.affinity"
    yield from _node_affinity(found.get("nodeAffinity") or {}, f"{place}.nodeAffinity")
    for kind in ("podAffinity", "podAntiAffinity"):
        yield from _pod_affinity(found.get(kind) or {}, f"{place}.{kind}")


def _node_affinity(found: Fields, path: str) -> Iterator[FieldProblem]:
    if (needed := found.get(REQUIRED)) is not None:
        yield from check_node_selector(needed, f"{path}.{REQUIRED}")
    for index, term in enumerate(found.get(PREFERRED) or ()):
        place = f"{path}.{PREFERRED}[{index}]"
        yield from _weight(term, place)
        # A preference that nothing can fulfil does no harm.
        preference = term.get("preference") or {}
        yield from check_node_selector_term(preference, f"{place}.preference", with_values=False)


def _pod_affinity(found: Fields, path: str) -> Iterator[FieldProblem]:
    for index, term in enumerate(found.get(REQUIRED) or ()):
        yield from _pod_term(term, f"{path}.{REQUIRED}[{index}]")
    for index, weighted in enumerate(found.get(PREFERRED) or ()):
        place = f"{path}.{PREFERRED}[{index}]"
        yield from _weight(weighted, place)
        yield from _pod_term(weighted.get("podAffinityTerm") or {}, f"{place}.podAffinityTerm")


def _weight(term: Fields, path: str) -> Iterator[FieldProblem]:
    weight = term.get("weight", 0)
    if not 1 <= weight <= 100:
        yield invalid(f"{path}.weight", weight, "must be in the range 1-100")


def _pod_term(term: Fields, path: str) -> Iterator[FieldProblem]:
    for field in ("labelSelector", "namespaceSelector"):
        if (selector := term.get(field)) is not None:
            yield from check_selector(selector, f"{path}.{field}")
    for namespace in term.get("namespaces") or ():
        # The server names no list here.
        yield from check_syntax(f"{path}.namespace", namespace, label_advice)
    yield from _label_keys(term, path)
    topology = term.get("topologyKey", "")
    if not topology:
        yield required(f"{path}.topologyKey", "can not be empty")
    yield from check_syntax(f"{path}.topologyKey", topology, qualified_name_advice)


def _label_keys(term: Fields, path: str) -> Iterator[FieldProblem]:
    """`matchLabelKeys` and `mismatchLabelKeys`: keys of the pod's own labels that refine the selector."""
    selector, matching = term.get("labelSelector"), term.get("matchLabelKeys") or []
    different = term.get("mismatchLabelKeys") or []
    for field, keys in (("matchLabelKeys", matching), ("mismatchLabelKeys", different)):
        if keys and selector is None:
            yield forbidden(f"{path}.{field}", "must not be specified when labelSelector is not set")
            continue
        for index, key in enumerate(keys):
            yield from check_syntax(f"{path}.{field}[{index}]", key, qualified_name_advice)
    yield from _twice(selector or {}, matching, path)
    both = set(different)
    for index, key in enumerate(matching):
        if key in both:
            detail = "exists in both matchLabelKeys and mismatchLabelKeys"
            yield invalid(f"{path}.matchLabelKeys[{index}]", key, detail)


def _twice(selector: Fields, keys: list[str], path: str) -> Iterator[FieldProblem]:
    """The defaults have put each key into the selector: one that stands there twice was there before."""
    places = {key: index for index, key in enumerate(keys)}
    seen = set(selector.get("matchLabels") or ())
    for expression in selector.get("matchExpressions") or ():
        key = expression.get("key", "")
        if key in places and key in seen:
            # The server leaves the field's name out here.
            yield invalid(f"{path}[{places[key]}]", key, "exists in both matchLabelKeys and labelSelector")
        seen.add(key)


# --- spreading ------------------------------------------------------------------------------------


def spreading(spec: Fields, path: str) -> Iterator[FieldProblem]:
    found = spec.get("topologySpreadConstraints") or []
    left = Counter(map(_sort_of, found))
    for index, constraint in enumerate(found):
        sort = _sort_of(constraint)
        left[sort] -= 1
        place = f"{path}.topologySpreadConstraints[{index}]"
        yield from _constraint(constraint, place, comes_again=left[sort] > 0)


def _sort_of(constraint: Fields) -> tuple[str, str]:
    return constraint.get("topologyKey", ""), constraint.get("whenUnsatisfiable", "")


def _constraint(constraint: Fields, path: str, *, comes_again: bool) -> Iterator[FieldProblem]:
    topology, action = _sort_of(constraint)
    yield from _positive(constraint.get("maxSkew", 0), f"{path}.maxSkew")
    if not topology:
        yield required(f"{path}.topologyKey", "can not be empty")
    if action not in _UNSATISFIABLE:
        yield unsupported(f"{path}.whenUnsatisfiable", action, _UNSATISFIABLE)
    if comes_again:
        yield duplicate(f"{path}.{{topologyKey, whenUnsatisfiable}}", f"{{{topology}, {action}}}")
    if (domains := constraint.get("minDomains")) is not None:
        yield from _positive(domains, f"{path}.minDomains")
        if action != "DoNotSchedule":
            detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
            yield invalid(f"{path}.minDomains", domains, detail)
    for field in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        if field in constraint and constraint[field] not in _NODE_POLICIES:
            yield unsupported(f"{path}.{field}", constraint[field], _NODE_POLICIES)
    yield from _label_keys(constraint, path)
    if (selector := constraint.get("labelSelector")) is not None:
        yield from check_selector(selector, f"{path}.labelSelector")


def _positive(value: int, path: str) -> Iterator[FieldProblem]:
    if value <= 0:
        yield invalid(path, value, "must be greater than zero")


RULES = (
    PodRule("pod-node-selector", "the node selector is well formed", node_selector),
    PodRule("pod-affinity", "affinity has terms that can be read, and weights from 1 to 100", affinity),
    PodRule("pod-spreading", "spread constraints are complete, and one of each kind", spreading),
    PodRule("pod-tolerations", "tolerations are well formed", tolerations),
)
