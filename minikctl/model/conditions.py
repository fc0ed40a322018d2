"""Conditions in a status: found, compared and replaced as Kubernetes' helpers do."""

from __future__ import annotations

from typing import Any

Condition = dict[str, Any]


def find(status: dict[str, Any], kind: str) -> Condition | None:
    for condition in status.get("conditions") or ():
        if condition["type"] == kind:
            found: Condition = condition
            return found
    return None


def is_true(status: dict[str, Any], kind: str) -> bool:
    condition = find(status, kind)
    return condition is not None and condition["status"] == "True"


def put(conditions: list[Condition], new: Condition) -> list[Condition]:
    """`conditions` with `new` in the place of its type.

    Nothing changes where status and reason (and message) are what they were; `lastTransitionTime` stays
    where only the reason changed, as in every Kubernetes controller.
    """
    result, placed = [], False
    for old in conditions:
        if old["type"] != new["type"]:
            result.append(old)
            continue
        placed = True
        result.append(_merged(old, new))
    return result if placed else [*result, new]


def _merged(old: Condition, new: Condition) -> Condition:
    facts = ("status", "reason", "message")
    if all(old.get(fact) == new.get(fact) for fact in facts):
        return old
    if old["status"] == new["status"] and "lastTransitionTime" in old:
        return {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return new
