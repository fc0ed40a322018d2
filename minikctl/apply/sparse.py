"""What of an object has to be written down: the fields that its author wrote, not what defaults fill in.

Rules:
- A declared file holds the keys that one of the hints has (the old file, the new manifest), with the values
  of the full object, and whatever else the defaults would not bring back.
- `set_defaults(sparsify(full, …))` equals `declared(full)`, always. That is checked, not hoped for: a
  candidate is defaulted and compared, and what differs is added until nothing does. The last resort is the
  full object.
- Keys stand in the order of the hints, the first hint first, then in that of the full object.
- Status and what the server sets in metadata are never part of a declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from minikctl.apply.table import FieldRule, MergeTable
from minikctl.apply.values import MISSING, Missing, item_identity, same
from minikctl.model import Object, copy

SERVER_METADATA = frozenset(
    (
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    )
)


class _Mask:
    """Which part of a value is written: all of it, or the named keys (of a map) or all items (of a list)."""

    __slots__ = ("items", "keys", "whole")

    def __init__(self, *, whole: bool = False) -> None:
        self.whole = whole
        self.keys: dict[str, _Mask] = {}
        self.items: list[_Mask] = []


_Path: TypeAlias = tuple[str | int, ...]


def declared(obj: Object) -> Object:
    """The part of an object that a user declares: without status and without what the server sets."""
    result = {name: copy(value) for name, value in obj.items() if name != "status"}
    metadata = result.get("metadata")
    if isinstance(metadata, dict):
        result["metadata"] = {name: value for name, value in metadata.items() if name not in SERVER_METADATA}
    return result


def sparsify(
    full: Object,
    hints: Sequence[Object],
    set_defaults: Callable[[Object], Object],
    table: MergeTable | None = None,
) -> Object:
    """The smallest object with the hints' keys from which `set_defaults` makes `declared(full)` again.

    `full` has its defaults: `set_defaults(full)` equals it. `table`: how items of lists are matched with the
    hints' items; without it they are matched by position.
    """
    target = declared(full)
    mask = _mask(target, hints, FieldRule(child=table or MergeTable()))
    _ask_for_identity(mask, target)
    while True:
        candidate: Object = _project(target, mask)
        difference = _difference(target, declared(set_defaults(copy(candidate))))
        if difference is None:
            return candidate
        if not _widen(mask, difference):
            return target


def _ask_for_identity(mask: _Mask, target: Object) -> None:
    """Whatever the hints say, an object names its kind and itself."""
    for name in ("apiVersion", "kind"):
        if name in target:
            mask.keys.setdefault(name, _Mask()).whole = True
    metadata = mask.keys.setdefault("metadata", _Mask())
    for name in ("name", "namespace"):
        if name in target["metadata"]:
            metadata.keys.setdefault(name, _Mask()).whole = True


def _mask(value: Any, hints: Iterable[Any], rule: FieldRule) -> _Mask:
    """The mask that the hints ask for."""
    mask = _Mask()
    if isinstance(value, dict):
        maps = [hint for hint in hints if isinstance(hint, dict)]
        for name in [key for hint in maps for key in hint]:
            if name in value and name not in mask.keys:
                inner = [hint[name] for hint in maps if name in hint]
                mask.keys[name] = _mask(value[name], inner, rule.child.rule(name))
    elif isinstance(value, list):
        lists = [hint for hint in hints if isinstance(hint, list)]
        for index, item in enumerate(value):
            twins = [twin for hint in lists if (twin := _twin(index, item, hint, rule)) is not MISSING]
            mask.items.append(_mask(item, twins, rule) if twins else _Mask(whole=True))
    else:
        mask.whole = True
    return mask


def _twin(index: int, item: Any, hint: list[Any], rule: FieldRule) -> Any | Missing:
    """The item of the hint's list that means the same: by merge key, else by position."""
    if not rule.key:
        return hint[index] if index < len(hint) else MISSING
    who = item_identity(item, rule.key)
    return next((other for other in hint if who and item_identity(other, rule.key) == who), MISSING)


def _project(value: Any, mask: _Mask) -> Any:
    if mask.whole:
        return copy(value)
    if isinstance(value, dict):
        return {name: _project(value[name], part) for name, part in mask.keys.items()}
    if isinstance(value, list):
        return [_project(item, part) for item, part in zip(value, mask.items, strict=True)]
    return value


def _difference(target: Any, defaulted: Any) -> _Path | None:
    """The path of the first difference, as deep as both sides go; None: they are the same.

    What `target` has is looked at before what it has not: the wrong default is often the consequence of a
    field that is missing yet (a strategy's type).
    """
    if isinstance(target, dict) and isinstance(defaulted, dict):
        return _map_difference(target, defaulted)
    if isinstance(target, list) and isinstance(defaulted, list) and len(target) == len(defaulted):
        for index, item in enumerate(target):
            inner = _difference(item, defaulted[index])
            if inner is not None:
                return (index, *inner)
        return None
    return None if same(target, defaulted) else ()


def _map_difference(target: Mapping[str, Any], defaulted: Mapping[str, Any]) -> _Path | None:
    for name, value in target.items():
        inner = _difference(value, defaulted[name]) if name in defaulted else ()
        if inner is not None:
            return (name, *inner)
    return None if target.keys() == defaulted.keys() else ()


def _widen(mask: _Mask, path: _Path) -> bool:
    """Makes the mask show what lies at the path, or else more around it. False: it shows all there is."""
    trail = [mask]
    for step in path:
        here = trail[-1]
        if here.whole or (isinstance(step, int) and not here.items):
            break
        trail.append(here.items[step] if isinstance(step, int) else here.keys.setdefault(step, _Mask()))
    narrow = next((part for part in reversed(trail) if not part.whole), None)
    if narrow is None:
        return False
    narrow.whole = True
    return True
