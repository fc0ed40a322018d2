"""`kubectl describe` of roles and of their bindings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from minikctl.model import Object, annotations_of, labels_of, name_of
from minikctl.render.describe.writer import Page

_Allowed: TypeAlias = tuple[str, tuple[str, ...], tuple[str, ...]]
"""A resource with its group, URLs, and names of objects."""


def describe_role(role: Object, _events: Sequence[Object] | None, _now: float) -> str:
    page = _page(role)
    page.row(0, "PolicyRule:")
    page.row(1, "Resources", "Non-Resource URLs", "Resource Names", "Verbs")
    page.row(1, "---------", "-----------------", "--------------", "-----")
    verbs: dict[_Allowed, dict[str, None]] = {}
    for rule in role.get("rules") or ():
        for allowed in _parts(rule):
            verbs.setdefault(allowed, {}).update(dict.fromkeys(rule.get("verbs") or ()))
    for (resource, urls, names), allowed_verbs in sorted(verbs.items(), key=lambda one: one[0]):
        page.row(1, resource, _words(urls), _words(names), _words(allowed_verbs))
    return page.aligned()


def _parts(rule: dict[str, Any]) -> Iterator[_Allowed]:
    names = tuple(rule.get("resourceNames") or ())
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            yield (f"{resource}.{group}" if group else resource), (), names
    for url in rule.get("nonResourceURLs") or ():
        yield "", (url,), ()


def describe_binding(binding: Object, _events: Sequence[Object] | None, _now: float) -> str:
    page, role = _page(binding), binding.get("roleRef") or {}
    page.row(0, "Role:")
    page.row(1, "Kind:", role.get("kind", ""))
    page.row(1, "Name:", role.get("name", ""))
    page.row(0, "Subjects:")
    page.row(1, "Kind", "Name", "Namespace")
    page.row(1, "----", "----", "---------")
    for one in binding.get("subjects") or ():
        page.row(1, one.get("kind", ""), one.get("name", ""), one.get("namespace", ""))
    return page.aligned()


def _page(obj: Object) -> Page:
    page = Page()
    page.row(0, "Name:", name_of(obj))
    page.labels(0, "Labels", labels_of(obj))
    page.annotations(0, "Annotations", annotations_of(obj))
    return page


def _words(words: Any) -> str:
    return f"[{' '.join(words)}]"
