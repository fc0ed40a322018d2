"""Roles and their bindings. Whether anybody is allowed anything is not decided here: only the form counts."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import (
    invalid,
    path_segment_advice,
    required,
    subdomain_advice,
    unsupported,
)
from minikctl.manifests.rules.rule import Fields, Rule, UpdateRule
from minikctl.manifests.rules.selectors import check_selector
from minikctl.model import Object

_ROLES = frozenset({"ClusterRole", "Role"})
_BINDINGS = frozenset({"ClusterRoleBinding", "RoleBinding"})
_GROUP = "rbac.authorization.k8s.io"
_SUBJECTS = ("Group", "ServiceAccount", "User")


def role(obj: Object) -> Iterator[FieldProblem]:
    for index, rule in enumerate(obj.get("rules") or ()):
        yield from _policy_rule(rule, f"rules[{index}]", namespaced=obj["kind"] == "Role")


def _policy_rule(rule: Fields, path: str, *, namespaced: bool) -> Iterator[FieldProblem]:
    groups, resources, names = (rule.get(name) or [] for name in ("apiGroups", "resources", "resourceNames"))
    if not rule.get("verbs"):
        yield required(f"{path}.verbs", "verbs must contain at least one value")
    if urls := rule.get("nonResourceURLs"):
        where = f"{path}.nonResourceURLs"
        if namespaced:
            yield invalid(where, urls, "namespaced rules cannot apply to non-resource URLs")
        if groups or resources or names:
            yield invalid(where, urls, "rules cannot apply to both regular resources and non-resource URLs")
        return
    if not groups:
        yield required(f"{path}.apiGroups", "resource rules must supply at least one api group")
    if not resources:
        yield required(f"{path}.resources", "resource rules must supply at least one resource")


def aggregation(obj: Object) -> Iterator[FieldProblem]:
    """ClusterRole."""
    found = obj.get("aggregationRule")
    if found is None:
        return
    path, selectors = "aggregationRule.clusterRoleSelectors", found.get("clusterRoleSelectors") or ()
    if not selectors:
        yield required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")
    for index, selector in enumerate(selectors):
        problems = list(check_selector(selector, f"{path}[{index}]"))
        yield from problems
        if problems:
            yield invalid(f"{path}[{index}]", selector, "invalid label selector.")


def binding(obj: Object) -> Iterator[FieldProblem]:
    namespaced = obj["kind"] == "RoleBinding"
    reference = obj.get("roleRef") or {}
    if (group := reference.get("apiGroup", "")) != _GROUP:
        yield unsupported("roleRef.apiGroup", group, (_GROUP,))
    kinds = ("ClusterRole", "Role") if namespaced else ("ClusterRole",)
    if (kind := reference.get("kind", "")) not in kinds:
        yield unsupported("roleRef.kind", kind, kinds)
    if not (name := reference.get("name", "")):
        yield required("roleRef.name")
    elif problem := path_segment_advice(name):
        yield invalid("roleRef.name", name, problem)
    for index, subject in enumerate(obj.get("subjects") or ()):
        yield from _subject(subject, f"subjects[{index}]", namespaced=namespaced)


def _subject(subject: Fields, path: str, *, namespaced: bool) -> Iterator[FieldProblem]:
    kind, name, group = (subject.get(field, "") for field in ("kind", "name", "apiGroup"))
    if not name:
        yield required(f"{path}.name")
    if kind not in _SUBJECTS:
        yield unsupported(f"{path}.kind", kind, _SUBJECTS)
    elif kind == "ServiceAccount":
        if name and (problem := subdomain_advice(name)):
            yield invalid(f"{path}.name", name, problem)
        if group:
            yield unsupported(f"{path}.apiGroup", group, ("",))
        if not namespaced and not subject.get("namespace"):
            yield required(f"{path}.namespace")
    else:
        if not name:
            yield invalid(f"{path}.name", name, f"{kind.lower()} name cannot be empty")
        if group != _GROUP:
            yield unsupported(f"{path}.apiGroup", group, (_GROUP,))


def role_reference(old: Object, new: Object) -> Iterator[FieldProblem]:
    before, after = (obj.get("roleRef") or {} for obj in (old, new))
    if before != after:
        yield invalid("roleRef", after, "cannot change roleRef")


RULES = (
    Rule("role-rules", "rules have verbs, and resources of groups or non-resource URLs", role, _ROLES),
    Rule("role-aggregation", "aggregation selects roles", aggregation, frozenset({"ClusterRole"})),
    Rule("role-binding", "a binding names a role, and subjects of known kinds", binding, _BINDINGS),
    UpdateRule("role-binding-role", "the role of a binding stays", role_reference, _BINDINGS),
)
