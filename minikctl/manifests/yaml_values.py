"""What composed YAML means to Kubernetes: JSON data.

Rules:
- What a scalar means is decided in `scalars`.
- A duplicate key is an error, as for the API server: one of the two would be lost without a word. The last
  one counts, so that the rest can be judged too. A key that overrides a merged one (`<<`) is none.
- Aliases are bounded by what they grow to.
- No error has a value in it: it may be a Secret's.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

from minikctl.errors import ManifestError, Position
from minikctl.manifests.paths import Path
from minikctl.manifests.scalars import resolve, to_json, to_key
from minikctl.manifests.yaml_composers import MAX_DEPTH
from minikctl.manifests.yaml_nodes import TAG, Budget, Origin, is_merge, is_plain_name, mark

MAX_REPEATED = 100
"""Duplicate keys that are told of one document."""

_TIMESTAMP = re.compile(r"\d{4}-\d\d?-\d\d?(?:$|[Tt\s])")


class RepeatedKey(ManifestError):
    """`key` is set twice in one map: the server calls it a DuplicateField. `path` leads to it."""

    def __init__(self, key: str, message: str, position: Position, path: Path = ()) -> None:
        super().__init__(message, position)
        self.key = key
        self.path = path


def build(root: Any, nodes: int, origin: Origin, budget: Budget) -> tuple[Any, tuple[RepeatedKey, ...]]:
    """The value of a document of so many nodes, and its duplicate keys. Aliases cost `budget`.

    :raises ManifestError: with the position in the file.
    """
    builder = _Builder(origin, nodes + budget.growth)
    try:
        value = builder.build(root, 0)
        return value, tuple(builder.located(root))
    finally:
        budget.growth = min(budget.growth, builder.budget)


class _Builder:
    """JSON data out of nodes."""

    def __init__(self, origin: Origin, budget: int) -> None:
        self._origin = origin
        self.budget = budget
        self.repeated: dict[Position, RepeatedKey] = {}

    def build(self, node: Any, depth: int) -> Any:
        kind = node.id
        if kind == "scalar":
            tag = node.tag
            return node.value if tag is False else self._scalar(node, tag)
        if depth >= MAX_DEPTH:
            raise self._error(node, f"nested deeper than {MAX_DEPTH} levels, or an anchor contains itself")
        self.budget -= len(node.value) + 1
        if self.budget < 0:
            raise self._error(node, "aliases make the document too large")
        depth += 1
        if kind == "sequence":
            return [self.build(item, depth) for item in node.value]
        return self._mapping(node, depth)

    def _mapping(self, node: Any, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        written: set[str] = set()
        for key_node, value_node in node.value:
            key = key_node.value
            if not is_plain_name(key_node, key):
                if is_merge(key_node):
                    self._merge(result, value_node, depth)
                    continue
                key = self._key(key_node)
            if key in written:
                self._repeat(key_node, key)
            written.add(key)
            result[key] = self.build(value_node, depth)
        return result

    def _repeat(self, node: Any, key: str) -> None:
        """An alias brings a key again and again; it is told once."""
        position = self._origin.position(*mark(node))
        if len(self.repeated) < MAX_REPEATED:
            self.repeated[position] = RepeatedKey(key, f"key {_quoted(key)} already set in map", position)

    def located(self, root: Any) -> Iterator[RepeatedKey]:
        """The duplicate keys, each with its path. Nobody keeps track of paths before there are some."""
        if not self.repeated:
            return
        paths: dict[Position, Path] = {}
        self._find(root, (), paths, set())
        for position, one in self.repeated.items():
            path = paths.get(position, ())
            yield RepeatedKey(one.key, one.message, position, (*path, one.key))

    def _find(self, node: Any, path: Path, paths: dict[Position, Path], seen: set[int]) -> None:
        """Where the maps stand in which something is repeated; an alias is where it was written."""
        if node.id == "scalar" or id(node) in seen:
            return
        seen.add(id(node))
        if node.id == "sequence":
            for index, item in enumerate(node.value):
                self._find(item, (*path, index), paths, seen)
            return
        for key_node, value_node in node.value:
            position = self._origin.position(*mark(key_node))
            if position in self.repeated:
                paths.setdefault(position, path)
            inner = path if is_merge(key_node) else (*path, self._key(key_node))
            self._find(value_node, inner, paths, seen)

    def _merge(self, result: dict[str, Any], node: Any, depth: int) -> None:
        # As go-yaml: a merge overrides what stands above it, and the first of several sources wins.
        sources = reversed(node.value) if node.id == "sequence" else (node,)
        for source in sources:
            if source.id != "mapping":
                raise self._error(source, "map merge requires map or sequence of maps as the value")
            result.update(self.build(source, depth))

    def _key(self, node: Any) -> str:
        if node.id != "scalar":
            raise self._error(node, "a key must be a scalar")
        try:
            return node.value if node.tag is False else to_key(self._resolve(node, node.tag))
        except ValueError as error:
            raise self._error(node, str(error)) from None

    def _scalar(self, node: Any, tag: Any) -> Any:
        try:
            return to_json(self._resolve(node, tag))
        except ValueError as error:
            raise self._error(node, str(error)) from None

    def _resolve(self, node: Any, tag: Any) -> Any:
        word: str = node.value
        if tag is True:
            return resolve(word)
        if tag is False:
            return word
        return _tagged(word, tag)

    def _error(self, node: Any, message: str) -> ManifestError:
        line, column = mark(node)
        return self._origin.error(message, line, column)


def _tagged(word: str, tag: str) -> Any:
    """The value of a scalar with an explicit tag. Tags of other worlds (`!foo`) mean nothing: a string."""
    short = tag.removeprefix(TAG)
    if short == tag or short == "str":
        return word
    if short == "binary":
        return _binary(word)
    value = resolve(word)
    if short == "float" and type(value) is int and value < 2**63:
        return float(value)
    if short == "timestamp" and type(value) is str and _TIMESTAMP.match(word):
        return word
    expected = {"int": int, "float": float, "bool": bool, "null": type(None)}.get(short)
    if expected is None and short != "timestamp":
        return word
    if type(value) is not expected:
        raise ValueError(f"the value is no !!{short}")
    return value


def _quoted(word: str) -> str:
    """On one line, and not the whole of it where it is long."""
    text = json.dumps(word, ensure_ascii=False)
    return text if len(text) <= 80 and text.isprintable() else f"{json.dumps(word[:60])}..."


def _binary(word: str) -> str:
    try:
        data = base64.b64decode(re.sub(r"\s", "", word), validate=True)
    except binascii.Error:
        raise ValueError("!!binary value contains invalid base64 data") from None
    # As in Go, every single byte that is not UTF-8 becomes U+FFFD.
    return re.sub("[\udc80-\udcff]", "\ufffd", data.decode(errors="surrogateescape"))
