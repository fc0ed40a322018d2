"""Edits of YAML that people wrote: comments and order stay where what they speak of stays.

ruamel.yaml's round trip does the work and is imported only here, late. Rules:
- The result always reads as the new value: where the round trip can't express it (anchors, merge keys, odd
  scalars), the text is written anew, without comments, rather than wrong.
- List items are matched by `name` where all of them have one that is unique, else by their place.
"""

from __future__ import annotations

from io import StringIO
from itertools import pairwise
from typing import Any

from minikctl.errors import ManifestError
from minikctl.manifests.yaml_reader import load
from minikctl.manifests.yaml_writer import dump_yaml


def edit_yaml(text: str, new_value: Any) -> str:
    """`text`, one YAML document, changed so that it reads as `new_value` (JSON data).

    :raises ManifestError: `text` can't be read.
    """
    old_value = load(text)
    if old_value == new_value and text.strip():
        return text
    if not isinstance(old_value, dict) or not isinstance(new_value, dict):
        return dump_yaml(new_value, sort_keys=False)
    edited = _edit(text, old_value, new_value)
    return edited if edited is not None else dump_yaml(new_value, sort_keys=False)


def _edit(text: str, old_value: dict[str, Any], new_value: dict[str, Any]) -> str | None:
    """The edited text; None where the round trip does not give `new_value`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 2**20
    yaml.indent(mapping=2, **_sequence_indent(text))
    out = StringIO()
    try:
        tree = yaml.load(text)
        _change_mapping(tree, old_value, new_value)
        yaml.dump(tree, out)
        return out.getvalue() if load(out.getvalue()) == new_value else None
    except (YAMLError, ManifestError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None


def _sequence_indent(text: str) -> dict[str, int]:
    """How the file indents a list under its key: kubectl's way (not at all) or by two."""
    lines = text.splitlines()
    for above, line in pairwise(lines):
        if above.rstrip().endswith(":") and line.lstrip().startswith("- "):
            deeper = _indentation(line) > _indentation(above.replace("- ", "  "))
            return {"sequence": 4, "offset": 2} if deeper else {"sequence": 2, "offset": 0}
    return {"sequence": 2, "offset": 0}


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _change_mapping(tree: Any, old: dict[str, Any], new: dict[str, Any]) -> None:
    for key in [key for key in tree if str(key) not in new]:
        del tree[key]
    for key, value in new.items():
        if key not in old or key not in tree:
            tree[key] = _written(value)
        elif old[key] != value or type(old[key]) is not type(value):
            tree[key] = _changed(tree[key], old[key], value)


def _changed(tree: Any, old: Any, new: Any) -> Any:
    """`tree`, changed in place where it can be, else what stands in its place."""
    if isinstance(old, dict) and isinstance(new, dict) and new:
        _change_mapping(tree, old, new)
        return tree
    if isinstance(old, list) and isinstance(new, list) and new:
        _change_sequence(tree, old, new)
        return tree
    return _written(new)


def _change_sequence(tree: Any, old: list[Any], new: list[Any]) -> None:
    matched = _match(old, new)
    items = [
        _changed(tree[place], old[place], value) if place is not None and old[place] != value
        else tree[place] if place is not None
        else _written(value)
        for place, value in zip(matched, new, strict=True)
    ]  # fmt: skip
    comments = tree.ca.items
    moved = {
        index: comments[place]
        for index, place in enumerate(matched)
        if place is not None and place in comments
    }
    # Deleting item by item would shift comments; they are put beside their items again afterwards.
    list.clear(tree)
    comments.clear()
    for item in items:
        tree.append(item)
    comments.update(moved)


def _match(old: list[Any], new: list[Any]) -> list[int | None]:
    """For each new item the place of the old one that it continues."""
    names_old, names_new = _names(old), _names(new)
    if names_old is not None and names_new is not None:
        places = {name: place for place, name in enumerate(names_old)}
        return [places.get(name) for name in names_new]
    if all(isinstance(item, str) for item in (*old, *new)):
        places = {item: place for place, item in reversed(list(enumerate(old)))}
        taken: set[int] = set()
        result: list[int | None] = []
        for item in new:
            place = places.get(item)
            result.append(place if place not in taken else None)
            taken.add(place) if place is not None else None
        return result
    return [place if place < len(old) else None for place in range(len(new))]


def _names(items: list[Any]) -> list[str] | None:
    """The items' names, where each has its own."""
    found = [item.get("name") for item in items if isinstance(item, dict)]
    names = [name for name in found if isinstance(name, str)]
    return names if len(items) == len(names) == len(set(names)) else None


def _written(value: Any) -> Any:
    """JSON data as ruamel's types, so that strings keep a form that Kubernetes reads as strings."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

    if isinstance(value, dict):
        mapping = CommentedMap()
        for key, member in value.items():
            mapping[_written(key)] = _written(member)
        return mapping
    if isinstance(value, list):
        sequence = CommentedSeq()
        sequence.extend(_written(member) for member in value)
        return sequence
    if not isinstance(value, str):
        return value
    form = dump_yaml(value).rstrip("\n")
    if form.startswith("|"):
        return LiteralScalarString(value)
    return DoubleQuotedScalarString(value) if form.startswith('"') else value
