"""Edits of YAML that people wrote: what is not changed stays as it was, comments included.

ruamel.yaml's round trip does the work; it is imported when the first edit comes. Rules:
- Scalars are text to ruamel, never values: a word that is not changed is written as it stood. What words mean
  is for `yaml_reader`, whose values are compared.
- A comment belongs to the entry on its line, else to the next one below; it goes when that entry goes. ruamel
  hangs it on the entry above, so comments are moved before anything is changed.
- List items are matched by the field that tells them apart, else by value, else by place.
- Indentation is detected and made the same in the whole document; a comment beside a value keeps its column.
- The result always reads as the new value: it is read back, and where ruamel can't express the change
  (aliases, odd layouts) the text is written anew, without comments, rather than wrong.
"""

from __future__ import annotations

import io
import json
import re
from typing import Any

from minikctl.manifests.yaml_reader import load
from minikctl.manifests.yaml_writer import dump_yaml, scalar_style, without_end_mark

# Fields by which Kubernetes merges lists, the commonest first.
_IDENTITIES = ("name", "containerPort", "mountPath", "key", "port", "topologyKey", "ip", "uid", "devicePath")
# Where ruamel keeps the comment beside the `|` of a block, and the lines between a key and its collection.
_HEADER = 3
# What stands before the mark that begins the document, and the mark.
_HEAD = re.compile(r"(?:[#%].*\n|[ \t]*\n)*---[ \t]*(?:#.*)?\n")


def edit_yaml(text: str, new_value: Any) -> str:
    """`text`, one YAML document, changed so that it reads as `new_value` (JSON data).

    The comments of every key and list item that stays are kept, and so is how its value was written; but
    comments inside a `[…]` or `{…}` of several lines, or at an alias, may be lost.

    :raises ManifestError: `text` can't be read.
    """
    old_value = load(text)
    if _same(old_value, new_value):
        return text
    if isinstance(old_value, dict) and isinstance(new_value, dict):
        try:
            edited = _edited(text, old_value, new_value)
            if _same(load(edited), new_value):
                return edited
        except Exception:
            # ruamel fails on some odd text in ways of its own, and there is a way that always works.
            pass
    return dump_yaml(new_value, sort_keys=False)


def _edited(text: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    from ruamel.yaml.util import load_yaml_guess_indent

    line_break = "\r\n" if "\r\n" in text else "\n"
    text = text.replace("\r\n", "\n")
    head = found.group() if (found := _HEAD.match(text)) else ""
    yaml = _round_trip()
    root, sequence, offset = load_yaml_guess_indent(text[len(head) :], yaml=yaml)
    yaml.indent(mapping=_mapping_indent(root) or 2, sequence=sequence or 2, offset=offset or 0)
    foot = _hang_below(root, _lines((root.ca.comment or [None] * 2)[1]))
    _update_mapping(root, old, new)
    result = io.StringIO()
    yaml.dump(root, result)
    return (head + without_end_mark(result.getvalue()) + foot).replace("\n", line_break)


def _round_trip() -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.resolver import VersionedResolver

    class AllText(VersionedResolver):
        """Every scalar is a string, whatever its text."""

        @property
        def versioned_resolver(self) -> Any:
            return {}

    yaml = YAML()
    yaml.Resolver = AllText
    yaml.preserve_quotes = True
    yaml.width = 2**20
    return yaml


def _mapping_indent(node: Any) -> int | None:
    """By how much the first mapping within a mapping is indented."""
    for child in node.values() if isinstance(node, dict) else node:
        if not _is_collection(child) or child.fa.flow_style():
            continue
        is_nested = isinstance(node, dict) and isinstance(child, dict)
        found: int | None = _column(child) - _column(node) if is_nested else _mapping_indent(child)
        if found is not None:
            return found
    return None


def _column(mapping: Any) -> int:
    """Where the first key stands (the mapping itself begins at its anchor)."""
    return int(next(iter(mapping.lc.data.values()))[1])


def _is_collection(node: Any) -> bool:
    return isinstance(node, dict | list)


# --- comments ----------------------------------------------------------------------------------------


def _hang_below(node: Any, lead: str) -> str:
    """Hang the comments above each entry of `node` on that entry, `lead` on the first one; returned are those
    behind the last one. Comments above an entry are whole lines, with their indentation."""
    node.ca.comment = None
    after = 2 if isinstance(node, dict) else 0
    for key, child in list(node.items() if isinstance(node, dict) else enumerate(node)):
        tokens = node.ca.items.get(key) or [None] * 4
        above = lead + _lines(tokens[1])
        is_block_scalar = getattr(child, "style", None) in ("|", ">")
        beside, lead = _split(tokens[after], is_block_scalar)
        header = tokens[_HEADER] if is_block_scalar else None
        if _is_collection(child):
            if not child.fa.flow_style():
                lead = _hang_below(child, lead + _lines(tokens[_HEADER]))
            child.ca.comment = None
        column = tokens[after].start_mark.column if beside else 0
        hung = [None, [_token(above, 0)] if above else None, None, header]
        hung[after] = _token(beside, column) if beside else None
        node.ca.items[key] = hung
    return lead


def _split(token: Any, is_block_scalar: bool) -> tuple[str, str]:
    """What stands beside the entry, and the lines below it."""
    if token is None or is_block_scalar:
        return "", token.value if token else ""
    beside, _, below = token.value.partition("\n")
    return beside, below


def _lines(tokens: Any) -> str:
    return "".join(" " * token.start_mark.column + token.value for token in tokens or ())


def _token(text: str, column: int) -> Any:
    from ruamel.yaml.error import CommentMark
    from ruamel.yaml.tokens import CommentToken

    return CommentToken(text if text.endswith("\n") else f"{text}\n", CommentMark(column), None)


# --- values ------------------------------------------------------------------------------------------


def _change(parent: Any, key: Any, old: Any, new: Any) -> None:
    """Make what stands in `parent` at `key` read as `new`: a collection of the same kind is updated in place,
    another string takes on the quotes of the old one (ruamel sees to that)."""
    node = parent[key]
    if _same(old, new):
        return
    if new and old and isinstance(new, dict) and isinstance(node, dict):
        _update_mapping(node, old, new)
    elif new and old and isinstance(new, list) and isinstance(node, list):
        _update_sequence(node, old, new)
    else:
        parent[key] = _node(new)
        if key in parent.ca.items:
            parent.ca.items[key][_HEADER] = None


def _update_mapping(node: Any, old: dict[str, Any], new: dict[str, Any]) -> None:
    # The same keys in the same order, as they are written and as they are read; not so with `<<`: an error.
    for written, key in zip(list(node), old, strict=True):
        if key not in new:
            del node[written]
        else:
            _change(node, written, old[key], new[key])
    for key in new:
        if key not in old:
            node[_node(key)] = _node(new[key])


def _update_sequence(node: Any, old: list[Any], new: list[Any]) -> None:
    items, comments = list(node), dict(node.ca.items)
    del node[:]
    node.ca.items.clear()
    for index, (place, value) in enumerate(zip(_match(old, new), new, strict=True)):
        node.append(_node(value) if place is None else items[place])
        if place is not None:
            if place in comments:
                node.ca.items[index] = comments[place]
            _change(node, index, old[place], value)


def _node(value: Any) -> Any:
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString, PlainScalarString

    if isinstance(value, dict):
        return CommentedMap((_node(key), _node(item)) for key, item in value.items())
    if isinstance(value, list):
        return CommentedSeq(map(_node, value))
    if isinstance(value, str):
        written: dict[str | None, Any] = {'"': DoubleQuotedScalarString, "|": LiteralScalarString, None: str}
        return written[scalar_style(value)](value)
    return PlainScalarString(json.dumps(value))


def _match(old: list[Any], new: list[Any]) -> list[int | None]:
    """For each new item the place of the old one that it continues; no place is given twice."""
    old_ids, new_ids = _identities(old, new)
    free = dict.fromkeys(range(len(old)))
    result: list[int | None] = []
    for identity in new_ids:
        place = next((place for place in free if _same(old_ids[place], identity)), None)
        if place is not None:
            del free[place]
        result.append(place)
    return [index if place is None and index in free else place for index, place in enumerate(result)]


def _identities(old: list[Any], new: list[Any]) -> tuple[list[Any], list[Any]]:
    """What to know the items by: a field of which each has a value of its own, else the whole item."""
    for field in _IDENTITIES:
        values = [[item.get(field) for item in items if isinstance(item, dict)] for items in (old, new)]
        if all(map(_are_unique, values)) and list(map(len, values)) == [len(old), len(new)]:
            return values[0], values[1]
    return old, new


def _are_unique(values: list[Any]) -> bool:
    return all(isinstance(value, str | int) for value in values) and len(values) == len(set(values))


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: `1 == True` in Python."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
