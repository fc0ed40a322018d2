"""Kubernetes' strategic merge patch: what the API server makes of one.

Rules (apimachinery's `StrategicMergeMapPatch`):
- null deletes a field; a null for a field that is not there does nothing.
- A map is merged, unless it says `$patch: replace` (it is the new value) or `$patch: delete` (it becomes
  empty).
- A list with merge strategy is merged by its merge key; an item that says `$patch: delete` removes the one
  with its key, one that says `$patch: replace` makes the other items the whole list. Any other list is
  replaced.
- `$deleteFromPrimitiveList/x` removes scalars from x; `$retainKeys` clears all keys that it does not name.
- Order: `$setElementOrder/x` first, then the order within the patch, then the order of the live list. Items
  that only the live list has keep their place among the others as well as that is possible.
- Directives never get into the result.

Unlike upstream, `$patch: merge` is accepted in a map (it is documented as the default), refused in a list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from minikctl.apply.failure import PatchError
from minikctl.apply.table import FieldRule, MergeTable
from minikctl.apply.values import MISSING, Identity, Missing, identity, item_identity
from minikctl.model import copy

DIRECTIVE = "$patch"
RETAIN_KEYS = "$retainKeys"
SET_ELEMENT_ORDER = "$setElementOrder/"
DELETE_FROM_PRIMITIVE_LIST = "$deleteFromPrimitiveList/"


def strategic_merge(original: Any, patch: Any, schema: MergeTable) -> Any:
    """`original` with the patch applied; both are maps.

    :raises PatchError: the patch is malformed (unknown directive, item without merge key, order that does not
        fit, a key that `$retainKeys` does not name).
    """
    if not isinstance(original, dict) or not isinstance(patch, dict):
        raise PatchError("a strategic merge patch and the object that it changes must be JSON objects")
    return copy(_merge_map(original, patch, schema))


class _Change(Struct):
    """All that a patch says about one field."""

    value: Any = MISSING
    order: list[Any] | None = None
    deletions: list[Any] | None = None


def _merge_map(original: dict[str, Any], patch: dict[str, Any], table: MergeTable) -> dict[str, Any]:
    match patch.get(DIRECTIVE, "merge"):
        case "replace":
            return _whole_map(patch)
        case "delete":
            return {}
        case "merge":
            pass
        case other:
            raise PatchError(f"unknown {DIRECTIVE} directive {other!r}")
    result = _retained(original, patch)
    for name, change in _changes(patch).items():
        value = _merge_field(result.get(name, MISSING), change, table.rule(name))
        if value is MISSING:
            result.pop(name, None)
        else:
            result[name] = value
    return result


def _changes(patch: dict[str, Any]) -> dict[str, _Change]:
    """The patch by field, its parallel lists beside the values that they belong to."""
    changes: dict[str, _Change] = {}
    for key, value in patch.items():
        if key in (DIRECTIVE, RETAIN_KEYS):
            continue
        if key.startswith(SET_ELEMENT_ORDER):
            changes.setdefault(key.removeprefix(SET_ELEMENT_ORDER), _Change()).order = _list(key, value)
        elif key.startswith(DELETE_FROM_PRIMITIVE_LIST):
            name = key.removeprefix(DELETE_FROM_PRIMITIVE_LIST)
            changes.setdefault(name, _Change()).deletions = _list(key, value)
        else:
            changes.setdefault(key, _Change()).value = value
    return changes


def _list(key: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise PatchError(f"{key} must be a list")
    return value


def _retained(original: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """`original` (a shallow copy) without the keys that `$retainKeys` does not name."""
    if RETAIN_KEYS not in patch:
        return dict(original)
    kept = _list(RETAIN_KEYS, patch[RETAIN_KEYS])
    for name, value in patch.items():
        if value is not None and not name.startswith("$") and name not in kept:
            raise PatchError(f"{RETAIN_KEYS} does not name {name!r}, which the patch sets")
    return {name: value for name, value in original.items() if name in kept}


def _merge_field(current: Any | Missing, change: _Change, rule: FieldRule) -> Any | Missing:
    if change.value is None:
        return MISSING
    if change.order is not None:
        merged = _merge_ordered(current, change, change.order, rule)
    elif change.value is MISSING:
        merged = current
    else:
        merged = _merge_value(current, change.value, rule)
    if change.deletions is None or not isinstance(merged, list):
        return merged
    deleted = {identity(item) for item in change.deletions}
    return [item for item in merged if identity(item) not in deleted]


def _merge_value(current: Any | Missing, value: Any, rule: FieldRule) -> Any | Missing:
    if isinstance(value, dict) and isinstance(current, dict):
        return _whole_map(value) if rule.replace else _merge_map(current, value, rule.child)
    if isinstance(value, list) and isinstance(current, list) and rule.merge:
        return _merge_list(current, value, rule)
    return _clean(value)


def _clean(value: Any) -> Any | Missing:
    """A value that is taken whole: without nulls and directives. MISSING: it is nothing but a directive."""
    if isinstance(value, dict):
        return MISSING if DIRECTIVE in value else _whole_map(value)
    if isinstance(value, list):
        return [item for item in map(_clean, value) if item is not MISSING]
    return value


def _whole_map(patch: dict[str, Any]) -> dict[str, Any]:
    result = {}
    for name, value in patch.items():
        if value is None or name in (DIRECTIVE, RETAIN_KEYS):
            continue
        if name.startswith((SET_ELEMENT_ORDER, DELETE_FROM_PRIMITIVE_LIST)):
            continue
        cleaned = _clean(value)
        if cleaned is not MISSING:
            result[name] = cleaned
    return result


# --- lists -------------------------------------------------------------------------------------


def _merge_list(current: list[Any], patch: list[Any], rule: FieldRule) -> list[Any]:
    """Merged, then ordered by the patch and the live list."""
    if not rule.key:
        merged = _unique([*current, *patch])
        return _in_order(merged, patch, current, rule.key)
    if _replaces(patch):
        return [_merge_map({}, item, rule.child) for item in patch if DIRECTIVE not in item]
    kept = _without_deleted(current, patch, rule.key)
    wanted = [item for item in patch if DIRECTIVE not in item]
    return _in_order(_merge_items(kept, wanted, rule), wanted, kept, rule.key)


def _merge_ordered(
    current: Any | Missing, change: _Change, order: list[Any], rule: FieldRule
) -> list[Any] | Missing:
    """As `_merge_list`, with an explicit order (`$setElementOrder`)."""
    found = [value for value in (current, change.value) if value is not MISSING]
    if not all(isinstance(value, list) for value in found):
        raise PatchError(f"{SET_ELEMENT_ORDER}… stands beside a field that is not a list")
    if not found:
        return MISSING
    live: list[Any] = [] if current is MISSING else current
    if change.value is MISSING:
        return _in_order(live, order, live, rule.key)
    _check_order(change.value, order, rule.key)
    merged: Any = _merge_value(live, change.value, rule)
    return _in_order(merged, order, live, rule.key)


def _check_order(patch: list[Any], order: list[Any], key: str) -> None:
    """Every item that the patch sets is named in the order, and they agree about the sequence."""
    named = iter([_who(item, key) for item in order])
    wanted = [_who(item, key) for item in patch if not (isinstance(item, dict) and DIRECTIVE in item)]
    # `x in iterator` consumes it up to x: that is the test for a subsequence.
    if order and not all(who in named for who in wanted):
        raise PatchError(f"the order in the patch does not match its {SET_ELEMENT_ORDER}… list")


def _replaces(patch: list[Any]) -> bool:
    directives = [item[DIRECTIVE] for item in patch if isinstance(item, dict) and DIRECTIVE in item]
    for directive in directives:
        if directive not in ("delete", "replace"):
            raise PatchError(f"the {DIRECTIVE} directive {directive!r} can't be used in a list")
    return "replace" in directives


def _without_deleted(current: list[Any], patch: list[Any], key: str) -> list[Any]:
    deleted = {_who(item, key) for item in patch if isinstance(item, dict) and DIRECTIVE in item}
    return [item for item in current if item_identity(item, key) not in deleted] if deleted else current


def _merge_items(current: list[Any], patch: list[Any], rule: FieldRule) -> list[Any]:
    result = list(current)
    places: dict[Identity | None, int] = {}
    for index, item in enumerate(result):
        places.setdefault(item_identity(item, rule.key), index)
    for item in patch:
        who = _who(item, rule.key)
        if who in places:
            result[places[who]] = _merge_map(result[places[who]], item, rule.child)
        else:
            places[who] = len(result)
            result.append(_merge_map({}, item, rule.child))
    return result


def _who(item: Any, key: str) -> Identity:
    who = item_identity(item, key)
    if who is None:
        raise PatchError(f"an item of a merged list does not contain its merge key {key!r}: {item!r}")
    return who


def _unique(items: list[Any]) -> list[Any]:
    return list({identity(item): item for item in items}.values())


def _in_order(merged: list[Any], wanted: Sequence[Any], live: Sequence[Any], key: str) -> list[Any]:
    """`merged` with the items in `wanted` in that order, the others where the live list had them."""
    wanted_rank, live_rank = _ranks(wanted, key), _ranks(live, key)
    ours = [item for item in merged if _who(item, key) in wanted_rank]
    others = [item for item in merged if _who(item, key) not in wanted_rank]
    ours.sort(key=lambda item: wanted_rank[_who(item, key)])
    others.sort(key=lambda item: live_rank.get(_who(item, key), len(live_rank)))
    return _interleave(others, ours, lambda item: live_rank.get(_who(item, key)))


def _ranks(items: Sequence[Any], key: str) -> dict[Identity, int]:
    ranks: dict[Identity, int] = {}
    for index, item in enumerate(items):
        ranks.setdefault(_who(item, key), index)
    return ranks


def _interleave(others: list[Any], ours: list[Any], rank: Callable[[Any], int | None]) -> list[Any]:
    """Both lists in one, each in its own order; one of `others` goes before one of `ours` exactly where it
    stood before it in the live list."""
    result: list[Any] = []
    waiting = list(reversed(others))
    for item in ours:
        place = rank(item)
        while waiting and _before(rank(waiting[-1]), place):
            result.append(waiting.pop())
        result.append(item)
    return [*result, *reversed(waiting)]


def _before(left: int | None, right: int | None) -> bool:
    return left is not None and right is not None and left < right
