"""YAML and JSON text, read as Kubernetes reads it, with the line and column of every field.

Rules:
- PyYAML's C parser only composes nodes; what a scalar means is decided in `scalars`.
- A duplicate key is an error: kubectl's strict validation refuses it too.
- Hostile input ends in one `ManifestError`, soon: size, depth, number of nodes and the growth through
  aliases are bounded. The C parser recurses without a guard, so depth is counted while it composes.
- Positions cost nothing until somebody asks: the nodes are kept, and a path is looked up on demand.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from msgspec import Struct

from minikctl.errors import ManifestError, Position
from minikctl.manifests.scalars import WORDS, json_float, resolve, to_json, to_key

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 200
MAX_NODES = 1_000_000
"""Nodes in one file. Bundles of all CRDs of a large operator have about 300,000."""
MAX_ALIAS_GROWTH = 100_000
"""Nodes that aliases may add to those that were written."""

Path = tuple[str | int, ...]
Locate = Callable[[Path], tuple[int, int]]

_TAG = "tag:yaml.org,2002:"
_TIMESTAMP = re.compile(r"\d{4}-\d\d?-\d\d?(?:$|[Tt\s])")
_BLANK = " \t\r\n"


class Parsed(Struct, frozen=True):
    """One document. `locate(path)` is the 1-based line and column of a path's key (of the item, in a list);
    where the path does not exist, of its nearest existing parent."""

    value: Any
    locate: Locate


def decode(data: bytes, source: str) -> str:
    """The text of a file.

    :raises ManifestError: it is too large or not UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise ManifestError(
            f"the file is larger than {MAX_BYTES // 2**20} MiB: split it", Position(source, 1, 1)
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise ManifestError("the file is not UTF-8 text", Position(source, line, column)) from None


def read(text: str, source: str = "<text>") -> list[Parsed]:
    """Every document in `text`; empty ones are left out.

    :raises ManifestError: with the position in `source`.
    """
    if text.lstrip(_BLANK).startswith("{"):
        documents = _read_json(text)
        if documents is not None:
            return documents
    return [parsed for parsed in _read_yaml(text, source) if parsed.value is not None]


def load(text: str, source: str = "<text>") -> Any:
    """The value of the only document in `text`; None where there is none.

    :raises ManifestError: there are several, or they can't be read.
    """
    documents = read(text, source)
    if len(documents) > 1:
        raise ManifestError(
            f"expected one document, found {len(documents)}", Position(source, *documents[1].locate(()))
        )
    return documents[0].value if documents else None


# --- JSON ----------------------------------------------------------------------------------------


class _NotJson(Exception):
    """Something that only the YAML reader can judge (and give the position of)."""


def _read_json(text: str) -> list[Parsed] | None:
    """JSON values one after the other, or None where the text is not that: kubectl then reads YAML."""
    decoder = json.JSONDecoder(
        object_pairs_hook=_unique,
        parse_float=lambda digits: json_float(float(digits)),
        parse_int=lambda digits: to_json(int(digits)) if len(digits) < 300 else _not_json(digits),
        parse_constant=_not_json,
    )
    documents: list[Parsed] = []
    end = 0
    try:
        while (start := _skip_blank(text, end)) < len(text):
            value, end = decoder.raw_decode(text, start)
            documents.append(Parsed(value, _LazyNodes(text, start, end).locate))
    except (ValueError, RecursionError, _NotJson):
        return None
    deep = text.count("[") + text.count("{") > MAX_DEPTH
    if deep and any(_deeper_than(document.value, MAX_DEPTH) for document in documents):
        return None
    return documents


def _skip_blank(text: str, index: int) -> int:
    while index < len(text) and text[index] in _BLANK:
        index += 1
    return index


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NotJson
    return found


def _not_json(_: str) -> NoReturn:
    raise _NotJson


def _deeper_than(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    items = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper_than(item, levels - 1) for item in items)


class _LazyNodes:
    """Positions in a JSON document: composed as YAML when the first one is asked for."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text, self._start, self._end = text, start, end
        self._root: Any = None
        self._tried = False

    def locate(self, path: Path) -> tuple[int, int]:
        if not self._tried:
            self._tried = True
            # Blanks stand for what came before, so that lines and columns are those of the file.
            before = re.sub(r"[^\n]", " ", self._text[: self._start])
            try:
                self._root = next(_compose(before + self._text[self._start : self._end], ""))[0]
            except (ManifestError, StopIteration):
                self._root = None
        if self._root is None:
            line_start = self._text.rfind("\n", 0, self._start) + 1
            return self._text.count("\n", 0, self._start) + 1, self._start - line_start + 1
        return _locate(self._root, path)


# --- YAML ----------------------------------------------------------------------------------------


def _read_yaml(text: str, source: str) -> Iterator[Parsed]:
    for root, nodes in _compose(text, source):
        value = _Builder(source, nodes + MAX_ALIAS_GROWTH).build(root, 0)
        yield Parsed(value, lambda path, root=root: _locate(root, path))  # type: ignore[misc]


def _compose(text: str, source: str) -> Iterator[tuple[Any, int]]:
    """The root node of each document, with the number of nodes composed so far."""
    import yaml

    try:
        composer = _composer_class()(text)
        while composer.check_node():
            yield composer.get_node(), composer.nodes
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, source) from None
    except _TooMuch as error:
        raise ManifestError(str(error), Position(source, 1, 1)) from None
    except RecursionError:
        raise ManifestError(f"nested deeper than {MAX_DEPTH} levels", Position(source, 1, 1)) from None
    except UnicodeEncodeError:
        raise ManifestError("the text has a lone surrogate", Position(source, 1, 1)) from None


_composer: Any = None


def _composer_class() -> Any:
    """The C parser where PyYAML was built with it, else its pure form; PyYAML is imported here, late."""
    global _composer
    if _composer is None:
        try:
            from yaml._yaml import CParser
        except ImportError:
            _composer = _pure_composer()
        else:
            _composer = type("_CComposer", (_Counting, CParser), {})
    return _composer


def _pure_composer() -> Any:
    from yaml.composer import Composer
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    class PureComposer(_Counting, Reader, Scanner, Parser, Composer):
        def __init__(self, text: str) -> None:
            Reader.__init__(self, text)
            Scanner.__init__(self)
            Parser.__init__(self)
            Composer.__init__(self)

    return PureComposer


class _Counting:
    """PyYAML's resolver hooks, used to count: the composer calls them around every node."""

    depth = 0
    nodes = 0

    def descend_resolver(self, _parent: Any, _index: Any) -> None:
        self.nodes += 1
        self.depth += 1
        if self.depth > MAX_DEPTH + 1:
            raise _TooMuch(f"nested deeper than {MAX_DEPTH} levels")
        if self.nodes > MAX_NODES:
            raise _TooMuch(f"more than {MAX_NODES} values in one file: split it")

    def ascend_resolver(self) -> None:
        self.depth -= 1

    def resolve(self, _kind: Any, _value: Any, implicit: Any) -> Any:
        """A scalar's tag becomes True (plain: its text decides) or False (quoted: a string)."""
        return implicit[0] if type(implicit) is tuple else implicit


class _TooMuch(Exception):
    """A limit was reached while composing."""


def _syntax_error(error: Any, text: str, source: str) -> ManifestError:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        what = " ".join(filter(None, (getattr(error, "context", None), getattr(error, "problem", None))))
        return ManifestError(what or "not YAML", Position(source, mark.line + 1, mark.column + 1))
    at = getattr(error, "position", None)
    line, column = 1, 1
    if isinstance(at, int):
        # The C reader counts bytes; the pure one counts characters, and is then off after the first `é`.
        before = text.encode()[:at].decode(errors="ignore")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    return ManifestError(str(getattr(error, "reason", error)), Position(source, line, column))


class _Builder:
    """JSON data out of nodes."""

    def __init__(self, source: str, budget: int) -> None:
        self._source = source
        self._budget = budget

    def build(self, node: Any, depth: int) -> Any:
        kind = node.id
        if kind == "scalar":
            tag = node.tag
            return node.value if tag is False else self._scalar(node, tag)
        if depth >= MAX_DEPTH:
            raise self._error(node, f"nested deeper than {MAX_DEPTH} levels, or an anchor contains itself")
        self._budget -= len(node.value) + 1
        if self._budget < 0:
            raise self._error(node, "aliases make the document too large")
        depth += 1
        if kind == "sequence":
            return [self.build(item, depth) for item in node.value]
        return self._mapping(node, depth)

    def _mapping(self, node: Any, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        written: set[str] = set()
        for key_node, value_node in node.value:
            if _is_merge(key_node):
                self._merge(result, value_node, depth)
                continue
            key = self._key(key_node)
            if key in written:
                raise self._error(key_node, f'key "{key}" already set in map')
            written.add(key)
            result[key] = self.build(value_node, depth)
        return result

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
        return ManifestError(message, Position(self._source, *_mark(node)))


def _tagged(word: str, tag: str) -> Any:
    """The value of a scalar with an explicit tag. Tags of other worlds (`!foo`) mean nothing: a string."""
    short = tag.removeprefix(_TAG)
    if short == tag or short == "str":
        return word
    if short == "binary":
        return _binary(word)
    value = resolve(word)
    if short == "float" and type(value) is int:
        return float(value)
    if short == "timestamp" and type(value) is str and _TIMESTAMP.match(word):
        return word
    expected = {"int": int, "float": float, "bool": bool, "null": type(None)}.get(short)
    if expected is None and short != "timestamp":
        return word
    if type(value) is not expected:
        raise ValueError(f"cannot decode `{word}` as a !!{short}")
    return value


def _binary(word: str) -> str:
    try:
        return base64.b64decode(re.sub(r"\s", "", word), validate=True).decode(errors="replace")
    except binascii.Error:
        raise ValueError("!!binary value contains invalid base64 data") from None


def _is_merge(node: Any) -> bool:
    return node.id == "scalar" and node.value == "<<" and (node.tag is True or node.tag == f"{_TAG}merge")


# --- positions -----------------------------------------------------------------------------------


def _mark(node: Any) -> tuple[int, int]:
    mark = node.start_mark
    return mark.line + 1, mark.column + 1


def _locate(root: Any, path: Path) -> tuple[int, int]:
    found, node = root, root
    for step in path:
        child = _child(node, step)
        if child is None:
            break
        found, node = child
    return _mark(found)


def _child(node: Any, step: str | int) -> tuple[Any, Any] | None:
    """(what to point at, the value) one step further down."""
    if node.id == "sequence":
        inside = isinstance(step, int) and 0 <= step < len(node.value)
        return (node.value[step], node.value[step]) if inside else None
    if node.id != "mapping":
        return None
    for key_node, value_node in node.value:
        if key_node.id == "scalar" and not _is_merge(key_node) and _key_text(key_node) == step:
            return key_node, value_node
    return _merged_child(node, step)


def _merged_child(node: Any, step: str | int) -> tuple[Any, Any] | None:
    for key_node, value_node in node.value:
        if _is_merge(key_node):
            sources = value_node.value if value_node.id == "sequence" else (value_node,)
            for source in sources:
                if found := _child(source, step):
                    return found
    return None


def _key_text(node: Any) -> str:
    word: str = node.value
    if node.tag is not True or (word and word not in WORDS and word[0].isalpha()):
        return word
    try:
        return to_key(resolve(word))
    except ValueError:
        return word
