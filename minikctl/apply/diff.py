"""Live against merged: as text for people (`kubectl diff`), as data for programs.

Rules:
- managedFields are hidden; a Secret's values never appear, only whether they differ.
- Text: what `diff -u -N` prints for the YAML of both, file names as kubectl makes them.
- Data: paths as the API server writes them (`spec.template.spec.containers[0].image`,
  `metadata.labels[app]`).
  Items of merged lists are matched by merge key, so that one more container in front is one difference.
- deepdiff is expensive to import and to run: both happen only where the objects differ.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any, Literal

from msgspec import Struct

from minikctl.apply.last_applied import ANNOTATION
from minikctl.apply.table import DEFAULT_RULE, FieldRule, MergeTable
from minikctl.apply.values import item_identity, same
from minikctl.model import Object, copy
from minikctl.model.timestamps import format_time

Source = Literal["file", "runtime", "both"]

# Fields whose keys are the user's: the API server writes them in brackets.
_FREE_MAPS = frozenset(
    (
        "annotations",
        "binaryData",
        "data",
        "labels",
        "limits",
        "matchLabels",
        "nodeSelector",
        "requests",
        "stringData",
    )
)


class Difference(Struct, frozen=True):
    """One field that differs. `old` or `new` is None where the field is not there.

    `source`: whether the file changed, the runtime drifted, or both; filled in by who knows it.
    """

    path: str
    old: Any
    new: Any
    source: Source | None = None


# --- text --------------------------------------------------------------------------------------


def file_name(obj: Object) -> str:
    """`[group.]version.Kind.namespace.name`, as kubectl names the compared files."""
    api_version = obj["apiVersion"].replace("/", ".")
    metadata = obj["metadata"]
    return f"{api_version}.{obj['kind']}.{metadata.get('namespace', '')}.{metadata['name']}"


def unified(
    live: Object | None,
    merged: Object | None,
    dump: Callable[[Object], str],
    *,
    now: float,
    live_folder: str = "LIVE",
    merged_folder: str = "MERGED",
) -> str:
    """The text of `diff -u -N` between the two as YAML; "" where they do not differ.

    `None` is an object that is not there. `dump` makes YAML of one; `now` is in seconds since the epoch.
    """
    shown_live, shown_merged = presentable(live, merged)
    old = dump(shown_live).splitlines(keepends=True) if shown_live else []
    new = dump(shown_merged).splitlines(keepends=True) if shown_merged else []
    if old == new:
        return ""
    name = file_name(merged or live or {})
    left, right = f"{live_folder}/{name}", f"{merged_folder}/{name}"
    when = _diff_time(now)
    lines = difflib.unified_diff(old, new, left, right, fromfiledate=when, tofiledate=when)
    return f"diff -u -N {left} {right}\n" + "".join(lines)


def _diff_time(now: float) -> str:
    """GNU diff's form of a time: `2026-11-20 03:59:48.857776890 +0000`."""
    date, _, clock = format_time(now).rstrip("Z").partition("T")
    return f"{date} {clock}.{int(now % 1 * 1e9):09d} +0000"


def presentable(live: Object | None, merged: Object | None) -> tuple[Object | None, Object | None]:
    """Copies of both that may be shown: without managedFields, Secrets masked."""
    shown = [_without_managed_fields(obj) for obj in (live, merged)]
    if any(obj is not None and obj.get("kind") == "Secret" for obj in shown):
        _mask_secret(shown[0] or {}, shown[1] or {})
    return shown[0], shown[1]


def _without_managed_fields(obj: Object | None) -> Object | None:
    if obj is None:
        return None
    metadata = {name: value for name, value in obj.get("metadata", {}).items() if name != "managedFields"}
    result: Object = copy({**obj, "metadata": metadata})
    return result


def _mask_secret(live: Object, merged: Object) -> None:
    """Masks in place: `***`, or `*** (before)` and `*** (after)` where a value changes."""
    for name in ("data", "stringData"):
        _mask_values(live.get(name) or {}, merged.get(name) or {})
    # kubectl prints the annotation, which repeats the values in the clear.
    annotations = [obj.get("metadata", {}).get("annotations") or {} for obj in (live, merged)]
    for mine in annotations:
        if ANNOTATION in mine:
            mine[ANNOTATION] = "***"


def _mask_values(live: dict[str, Any], merged: dict[str, Any]) -> None:
    for name in {**live, **merged}:
        changes = name in live and name in merged and live[name] != merged[name]
        if name in live:
            live[name] = "*** (before)" if changes else "***"
        if name in merged:
            merged[name] = "*** (after)" if changes else "***"


# --- data --------------------------------------------------------------------------------------


def structured(live: Object | None, merged: Object | None, table: MergeTable) -> list[Difference]:
    """Each field that differs, sorted by path. An object that is not there is one difference with path ""."""
    old, new = presentable(live, merged)
    if old is None or new is None:
        return [] if old is new else [Difference("", old, new)]
    if same(old, new):
        return []
    return sorted(_deep_differences(old, new, table), key=lambda difference: difference.path)


def _deep_differences(old: Object, new: Object, table: MergeTable) -> list[Difference]:
    from deepdiff import DeepDiff
    from deepdiff.helper import CannotCompare

    def is_same_item(left: Any, right: Any, level: Any = None) -> bool:
        rule = _rule_at(table, level.path(output_format="list")) if level is not None else DEFAULT_RULE
        who = item_identity(left, rule.key) if rule.keyed else None
        if who is None:
            raise CannotCompare
        return who == item_identity(right, rule.key)

    found = DeepDiff(old, new, view="tree", verbose_level=2, iterable_compare_func=is_same_item)
    return [_difference(level) for levels in found.values() for level in levels]


def _rule_at(table: MergeTable, path: Sequence[str | int]) -> FieldRule:
    """The rule of the field at a path; positions in lists are passed over, as the table does."""
    rule = FieldRule(child=table)
    for step in path:
        if isinstance(step, str):
            rule = rule.child.rule(step)
    return rule


def _difference(level: Any) -> Difference:
    from deepdiff.helper import NotPresent

    old, new = (None if isinstance(value, NotPresent) else value for value in (level.t1, level.t2))
    path = level.path(output_format="list", use_t2=not isinstance(level.t2, NotPresent))
    return Difference(field_path(path), old, new)


def field_path(steps: Sequence[str | int]) -> str:
    """A path as the API server writes it."""
    text, inside_free_map = "", False
    for step in steps:
        if isinstance(step, int) or inside_free_map:
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
        inside_free_map = step in _FREE_MAPS and not inside_free_map
    return text
