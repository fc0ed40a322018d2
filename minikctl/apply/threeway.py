"""What `kubectl apply` does to a live object: three-way strategic merge.

Rules (apimachinery's `CreateThreeWayMergePatch`):
- Deletions are what the last applied manifest had and the new one has not; what somebody else set stays.
- Additions and changes are where the new manifest differs from the live object, the order of merged lists
  included.
- Inside a field with `retainKeys` the manifest is the whole truth (a Deployment's strategy, a volume).

Upstream makes two patches (deletions, changes) and merges them; here one walk over the three objects makes
the one patch. Two differences, both only where a patch would change nothing: deletions of what is not there
any more are left out, and a patch without effect is the empty patch. kubectl reports `configured` for an
object with an injected sidecar at each apply; here it is `unchanged`, which is what happened.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from minikctl.apply.strategic import DELETE_FROM_PRIMITIVE_LIST as DELETE_FROM
from minikctl.apply.strategic import DIRECTIVE, RETAIN_KEYS, SET_ELEMENT_ORDER, strategic_merge
from minikctl.apply.table import FieldRule, MergeTable
from minikctl.apply.values import MISSING, Identity, Missing, identity, item_identity, same
from minikctl.model import Object, copy


def three_way(last_applied: Object | None, live: Object, new: Object, table: MergeTable) -> Object:
    """The live object after `new` was applied, before it gets its defaults.

    `last_applied`: the manifest of the previous apply, None where there was none (then nothing is deleted).

    :raises PatchError: an item of a merged list has no merge key.
    """
    merged: Object = strategic_merge(live, _object_patch(last_applied, live, new, table), table)
    return merged


def three_way_patch(
    last_applied: Object | None, live: Object, new: Object, table: MergeTable
) -> dict[str, Any]:
    """The strategic merge patch that makes it so. Empty: nothing changes.

    :raises PatchError: an item of a merged list has no merge key.
    """
    patch = _object_patch(last_applied, live, new, table)
    return {} if same(strategic_merge(live, patch, table), live) else patch


def _object_patch(last: Object | None, live: Object, new: Object, table: MergeTable) -> dict[str, Any]:
    patch: dict[str, Any] = copy(_map_patch(last or {}, live, new, FieldRule(child=table)))
    return patch


def _map_patch(
    last: dict[str, Any], live: dict[str, Any], new: dict[str, Any], rule: FieldRule
) -> dict[str, Any]:
    """The patch of one map. `rule` is that of the field that holds it."""
    if DIRECTIVE in new:
        return new
    patch: dict[str, Any] = {}
    for name, value in new.items():
        _add_field(
            patch, name, last.get(name, MISSING), live.get(name, MISSING), value, rule.child.rule(name)
        )
    patch.update({name: None for name in last if name not in new and name in live})
    if rule.retain_keys:
        kept = sorted(name for name, value in new.items() if value is not None)
        if kept and (patch or any(value is not None for name, value in live.items() if name not in new)):
            patch[RETAIN_KEYS] = kept
    return patch


def _add_field(
    patch: dict[str, Any], name: str, last: Any | Missing, live: Any | Missing, new: Any, rule: FieldRule
) -> None:
    """Adds to `patch` what it must say about one field that the new manifest has."""
    if isinstance(new, dict) and isinstance(live, dict) and not rule.replace:
        nested = _map_patch(last if isinstance(last, dict) else {}, live, new, rule)
        if nested:
            patch[name] = nested
    elif isinstance(new, list) and isinstance(live, list) and rule.merge and live:
        _add_list(patch, name, last if isinstance(last, list) else [], live, new, rule)
    elif live is MISSING or not same(live, new):
        patch[name] = new


def _add_list(
    patch: dict[str, Any], name: str, last: list[Any], live: list[Any], new: list[Any], rule: FieldRule
) -> None:
    """Adds a merged list's items, and the order that the new manifest wants."""
    gone: list[Any]
    if rule.key:
        items, gone = _keyed_items(last, live, new, rule)
        order = [
            {rule.key: item[rule.key]}
            for item in new
            if item_identity(item, rule.key) and DIRECTIVE not in item
        ]
        items += [{rule.key: value, DIRECTIVE: "delete"} for value in gone]
    else:
        items, gone = _absent(new, live), _absent(_absent(last, _absent(last, live)), new)
        order = new
        if gone:
            patch[DELETE_FROM + name] = gone
    if items:
        patch[name] = items
    if order and (items or gone or not _same_order(live, new, rule.key)):
        patch[SET_ELEMENT_ORDER + name] = order


def _same_order(live: list[Any], new: list[Any], key: str) -> bool:
    return [item_identity(item, key) for item in live] == [item_identity(item, key) for item in new]


def _keyed_items(
    last: list[Any], live: list[Any], new: list[Any], rule: FieldRule
) -> tuple[list[Any], list[Any]]:
    """The items that are new or change, as they stand in the patch, and the keys of those to delete."""
    before, now, wanted = (_by_occurrence(items, rule.key) for items in (last, live, new))
    items = [item for item in new if item_identity(item, rule.key) is None]
    for who, item in wanted.items():
        nested = _map_patch(before.get(who, {}), now[who], item, rule) if who in now else item
        if nested:
            items.append({**nested, rule.key: item[rule.key]})
    alive = {who for who, _ in now}
    return items, [item[rule.key] for who, item in before.items() if who not in wanted and who[0] in alive]


def _by_occurrence(items: list[Any], key: str) -> dict[tuple[Identity, int], Any]:
    """The items by merge key and, where that occurs several times (53/TCP and 53/UDP), a number.

    Merge keys should be unique, and are not always. Upstream pairs equal keys from the end,
    hence so do we.
    """
    seen: Counter[Identity] = Counter()
    found = {}
    for item in reversed(items):
        who = item_identity(item, key)
        if who is not None:
            found[who, seen[who]] = item
            seen[who] += 1
    return dict(reversed(found.items()))


def _absent(items: list[Any], others: list[Any]) -> list[Any]:
    """The scalars of `items` that `others` has not, each once."""
    known = {identity(item) for item in others}
    return list({identity(item): item for item in items if identity(item) not in known}.values())
