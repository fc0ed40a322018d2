"""What may change in a Pod that exists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import forbidden, invalid
from minikctl.manifests.rules.rule import UpdateRule
from minikctl.model import Object, copy

_POD_DETAIL = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def immutable(old: Object, new: Object) -> Iterator[FieldProblem]:
    yield from _pod(old.get("spec") or {}, new.get("spec") or {})


def _pod(old: dict[str, Any], new: dict[str, Any]) -> Iterator[FieldProblem]:
    yield from _pod_containers(old, new)
    yield from _pod_deadline(old.get("activeDeadlineSeconds"), new.get("activeDeadlineSeconds"))
    added = new.get("tolerations") or []
    if any(toleration not in added for toleration in old.get("tolerations") or ()):
        yield forbidden(
            "spec.tolerations", "existing toleration can not be modified except its tolerationSeconds"
        )
    if _fixed(old, new) != _fixed(new, new):
        yield forbidden("spec", _POD_DETAIL)


def _pod_containers(old: dict[str, Any], new: dict[str, Any]) -> Iterator[FieldProblem]:
    for field in ("containers", "initContainers"):
        if len(old.get(field) or ()) != len(new.get(field) or ()):
            yield forbidden(f"spec.{field}", "pod updates may not add or remove containers")


def _pod_deadline(old: int | None, new: int | None) -> Iterator[FieldProblem]:
    if old is None or old == new:
        return
    path = "spec.activeDeadlineSeconds"
    if new is None:
        yield invalid(path, None, "must not update from a positive integer to nil value")
    elif new > old:
        yield invalid(path, new, "must be less than or equal to previous value")


def _fixed(spec: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`spec` with all that may change taken out of it."""
    free = ("activeDeadlineSeconds", "tolerations", "nodeName")
    fixed: dict[str, Any] = copy({key: value for key, value in spec.items() if key not in free})
    for field in ("containers", "initContainers"):
        for container in fixed.get(field) or ():
            container.pop("image", None)
    if spec.get("terminationGracePeriodSeconds", 0) < 0 and new.get("terminationGracePeriodSeconds") == 1:
        fixed["terminationGracePeriodSeconds"] = 1
    return fixed


RULES = (
    UpdateRule(
        "pod-immutable",
        "a Pod's spec is fixed, but for images and little else",
        immutable,
        frozenset({"Pod"}),
    ),
)
