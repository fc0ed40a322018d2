"""Edits of YAML that people wrote: what is not changed keeps every byte, comments included.

The text is taken apart into entries (a key or list item, with the comment lines right above it) along the
positions of the parsed nodes, and put together again: entries that stay are copied, values that change are
written in their place, new ones come last. Rules:
- The result always reads as the new value: it is read back, and where taking apart can't express the change
  (anchors, odd layouts) the text is written anew, without comments, rather than wrong.
- List items are matched by `name` where each has one of its own, else by value, else by place.

Why not a round-trip library: those hang a comment on the node *above* it, so that removing one container
takes away the comment of the next, and they reformat what nobody touched.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from minikctl.errors import ManifestError
from minikctl.manifests.yaml_reader import compose_one, load
from minikctl.manifests.yaml_writer import dump_yaml

_ODD_BREAK = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
_BARE = re.compile(r"[A-Za-z/_][A-Za-z0-9/_.\-]*\Z")


def edit_yaml(text: str, new_value: Any) -> str:
    """`text`, one YAML document, changed so that it reads as `new_value` (JSON data).

    :raises ManifestError: `text` can't be read.
    """
    old_value = load(text)
    if _same(old_value, new_value):
        return text
    if isinstance(old_value, dict) and isinstance(new_value, dict) and not _ODD_BREAK.search(text):
        edited = _edited(text, old_value, new_value)
        if edited is not None:
            return edited
    return dump_yaml(new_value, sort_keys=False)


def _edited(text: str, old: dict[str, Any], new: dict[str, Any]) -> str | None:
    """The edited text; None where taking it apart does not lead to `new`."""
    try:
        result = _Editor(text).document(old, new)
        return result if _same(load(result), new) else None
    except (_TooOdd, ManifestError, LookupError):
        return None


class _TooOdd(Exception):
    """A layout that entries can't express: the text is written anew."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One key or item. Lines count from 0: `lead` comments, then `first` to `last`; `column` is that of the
    key or of the dash."""

    key: str
    node: Any
    lead: int
    first: int
    last: int
    column: int


class _Editor:
    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._root = compose_one(text)

    def document(self, old: dict[str, Any], new: dict[str, Any]) -> str:
        if self._root is None or not _is_block(self._root):
            raise _TooOdd
        end = _last_line(self._root)
        body = self._collection(self._root, old, new, 0, False)
        return "\n".join([*body, *self._lines[end + 1 :]])

    # --- collections -----------------------------------------------------------------------------

    def _collection(self, node: Any, old: Any, new: Any, start: int, shared: bool) -> list[str]:
        """The lines of a block collection, from line `start` on. Where `shared`, its first entry stands on
        the line of a dash, and has to stay the first."""
        entries = self._entries(node, start)
        if isinstance(new, dict):
            kept, lines = self._mapping(entries, old, new)
        else:
            kept, lines = self._sequence(entries, old, new)
        if shared and (not kept or kept[0] is not entries[0]):
            raise _TooOdd
        return lines

    def _mapping(self, entries: list[_Entry], old: Any, new: Any) -> tuple[list[_Entry], list[str]]:
        kept = [entry for entry in entries if entry.key in new]
        lines = [
            line
            for entry in kept
            for line in self._entry(entry, old[entry.key], new[entry.key], is_item=False)
        ]
        known = {entry.key for entry in entries}
        added = {key: value for key, value in new.items() if key not in known}
        if added:
            lines += _indented(added, entries[0].column)
        return kept, lines

    def _sequence(self, entries: list[_Entry], old: Any, new: Any) -> tuple[list[_Entry], list[str]]:
        kept: list[_Entry] = []
        lines: list[str] = []
        for place, value in zip(_match(old, new), new, strict=True):
            if place is None:
                lines += _indented([value], entries[0].column)
            else:
                kept.append(entries[place])
                lines += self._entry(entries[place], old[place], value, is_item=True)
        return kept, lines

    def _entries(self, node: Any, start: int) -> list[_Entry]:
        result: list[_Entry] = []
        lead = start
        is_mapping = node.id == "mapping"
        for child in node.value:
            key_node, value_node = child if is_mapping else (None, child)
            first, column = self._begin(node, key_node, value_node)
            last = max(first, _last_line(value_node))
            if first < lead:
                raise _TooOdd
            key = key_node.value if key_node is not None else ""
            result.append(_Entry(key, value_node, lead, first, last, column))
            lead = last + 1
        return result

    def _begin(self, node: Any, key_node: Any, value_node: Any) -> tuple[int, int]:
        """Line and column where an entry begins: its key, or the dash of its item."""
        if key_node is not None:
            if key_node.start_mark.line != key_node.end_mark.line or key_node.value == "<<":
                raise _TooOdd
            return key_node.start_mark.line, key_node.start_mark.column
        column: int = node.start_mark.column
        line: int = value_node.start_mark.line
        if self._lines[line][column : column + 1] != "-":
            raise _TooOdd
        return line, column

    # --- entries ---------------------------------------------------------------------------------

    def _entry(self, entry: _Entry, old: Any, new: Any, *, is_item: bool) -> list[str]:
        lead = self._lines[entry.lead : entry.first]
        if _same(old, new):
            return self._lines[entry.lead : entry.last + 1]
        if _both(old, new, dict) or _both(old, new, list):
            changed = self._changed_collection(entry, old, new, is_item)
        else:
            changed = self._changed_leaf(entry, new)
        if changed is None:
            changed = self._rewritten(entry, new, is_item)
        return lead + changed

    def _changed_collection(self, entry: _Entry, old: Any, new: Any, is_item: bool) -> list[str] | None:
        node = entry.node
        if not _is_block(node):
            return self._changed_leaf(entry, new)
        shares_line = node.start_mark.line == entry.first
        if shares_line and not is_item:
            return None
        start = entry.first + (0 if shares_line else 1)
        try:
            inner = self._collection(node, old, new, start, shares_line)
        except _TooOdd:
            return None
        return self._lines[entry.first : start] + inner

    def _changed_leaf(self, entry: _Entry, new: Any) -> list[str] | None:
        """The line with the value replaced, where it was on one line and fits on one."""
        begin, end = entry.node.start_mark, entry.node.end_mark
        text = dump_yaml(new)[:-1] if isinstance(new, str) else _flow(new)
        is_empty = (begin.line, begin.column) == (end.line, end.column)
        if is_empty or begin.line != entry.first or end.line != entry.first or "\n" in text:
            return None
        line = self._lines[entry.first]
        return [line[: begin.column] + text + line[end.column :]]

    def _rewritten(self, entry: _Entry, new: Any, is_item: bool) -> list[str]:
        line = self._lines[entry.first]
        if line[: entry.column].strip():
            # A dash or another key stands before it.
            prefix = line[: entry.column]
            return [prefix + text[entry.column :] if index == 0 else text
                    for index, text in enumerate(_indented({entry.key: new}, entry.column))]  # fmt: skip
        return _indented([new] if is_item else {entry.key: new}, entry.column)


def _is_block(node: Any) -> bool:
    return node.id != "scalar" and not node.flow_style and bool(node.value)


def _last_line(node: Any) -> int:
    """The last line of a node's own text; a block collection's mark lies behind the comments after it."""
    if not _is_block(node):
        end = node.end_mark
        is_behind = end.column == 0 and end.line > node.start_mark.line
        return int(end.line) - (1 if is_behind else 0)
    if node.id == "sequence":
        return _last_line(node.value[-1])
    key_node, value_node = node.value[-1]
    return max(_last_line(value_node), int(key_node.start_mark.line))


def _both(old: Any, new: Any, kind: type) -> bool:
    return isinstance(old, kind) and isinstance(new, kind) and bool(new)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: `1 == True` in Python."""
    if type(one) is not type(other):
        return isinstance(one, int | float) and isinstance(other, int | float) and _same_number(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _same_number(one: Any, other: Any) -> bool:
    return not isinstance(one, bool) and not isinstance(other, bool) and bool(one == other)


def _indented(value: Any, column: int) -> list[str]:
    blank = " " * column
    lines = dump_yaml(value, sort_keys=False)[:-1].split("\n")
    return [f"{blank}{line}" if line else "" for line in lines]


def _flow(value: Any) -> str:
    """`value` on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        text = dump_yaml(value)[:-1]
        is_plain = text == value and _BARE.match(value)
        return (
            text
            if is_plain or ("\n" not in text and not set(text) & set(",[]{}#:'\""))
            else json.dumps(value)
        )
    return json.dumps(value)


def _match(old: list[Any], new: list[Any]) -> list[int | None]:
    """For each new item the place of the old one that it continues; no place is given twice."""
    names_old, names_new = _names(old), _names(new)
    if names_old is not None and names_new is not None:
        places = {name: place for place, name in enumerate(names_old)}
        return [places.get(name) for name in names_new]
    free = list(range(len(old)))
    result: list[int | None] = []
    for value in new:
        place = next((place for place in free if _same(old[place], value)), None)
        if place is not None:
            free.remove(place)
        result.append(place)
    return [
        index if place is None and index in free and index not in result else place
        for index, place in enumerate(result)
    ]


def _names(items: list[Any]) -> list[str] | None:
    """The items' names, where each has its own."""
    found = [item.get("name") for item in items if isinstance(item, dict)]
    names = [name for name in found if isinstance(name, str)]
    return names if len(items) == len(names) == len(set(names)) else None
