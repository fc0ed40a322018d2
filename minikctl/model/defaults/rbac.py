"""Roles' bindings."""

from __future__ import annotations

from minikctl.model.defaults.compaction import Fields, types_of

_GROUP = "rbac.authorization.k8s.io"


def _default_binding(obj: Fields) -> None:
    reference = obj.setdefault("roleRef", {})
    if not reference.get("apiGroup"):
        reference["apiGroup"] = _GROUP
    for subject in obj.get("subjects", ()):
        if subject.get("kind") in ("Group", "User") and not subject.get("apiGroup"):
            subject["apiGroup"] = _GROUP


_LISTS = types_of(lists_of_strings=("apiGroups", "nonResourceURLs", "resourceNames", "resources", "verbs"))
TYPES = {"ClusterRole": _LISTS, "Role": _LISTS}
DEFAULTS = {"ClusterRoleBinding": _default_binding, "RoleBinding": _default_binding}
