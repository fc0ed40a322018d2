"""Helpers of the tables of rules: an accepted object, one change of it, and what the server answers."""

from __future__ import annotations

from typing import Any

from minikctl.manifests import validate, validate_update
from minikctl.manifests.paths import parse_path
from minikctl.model import copy

Fields = dict[str, Any]
Changes = dict[str, Any]


def changed(obj: Fields, changes: Changes) -> Fields:
    """`obj` with values set at paths; `...` removes one, and an index behind the end appends."""
    obj = copy(obj)
    for path, value in changes.items():
        *parents, last = parse_path(path)
        target: Any = obj
        for step in parents:
            target = target.setdefault(step, {}) if isinstance(step, str) else target[step]
        if value is ...:
            del target[last]
        elif isinstance(last, int) and last == len(target):
            target.append(value)
        else:
            target[last] = value
    return obj


def refusals(obj: Fields, changes: Changes) -> list[str]:
    """`path Reason` of each problem of the changed object, once; empty when it is accepted."""
    return _told(validate(changed(obj, changes)))


def refusals_of_change(obj: Fields, changes: Changes) -> list[str]:
    """The same for the change itself."""
    return _told(validate_update(obj, changed(obj, changes)))


def _told(problems: list[Any]) -> list[str]:
    return sorted({f"{one.path} {one.reason.removeprefix('FieldValue')}" for one in problems})
