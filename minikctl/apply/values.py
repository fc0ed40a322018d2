"""JSON values compared as Go compares them.

Python says `True == 1 == 1.0`; JSON does not. Everything in this room that asks "is this the same value?"
asks here.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, TypeAlias


class Missing(Enum):
    """The absence of a value, where None is the value `null`."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING

Identity: TypeAlias = tuple[str, str]


def same(left: Any, right: Any) -> bool:
    """Deep equality of JSON; lists are ordered, keys are not."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def identity(value: Any) -> Identity:
    """A hashable stand-in for a scalar: equal exactly where `same` says so."""
    return type(value).__name__, str(value)


def item_identity(item: Any, merge_key: str) -> Identity | None:
    """Who an item of a merged list is: its merge key's value, or the scalar itself where there is no key.

    None: the item is a map without that key, or not a map.
    """
    if not merge_key:
        return identity(item)
    if not isinstance(item, dict) or merge_key not in item:
        return None
    return identity(item[merge_key])
