"""YAML and JSON text, read as Kubernetes reads it, with the line and column of every field.

Rules, those of kubectl's decoder:
- A text that begins with `{` is JSON, one value after the other; what is not JSON any more is read as YAML.
- Documents are parted by lines that begin with `---`, wherever they stand: what is broken in one document
  says nothing about the next. Nothing but a comment follows the dashes. So a `%YAML` line, which YAML wants
  before the dashes, is an error.
- Unlike kubectl, which passes over it in silence, whatever follows a document without `---` is an error too.
- Hostile input ends in one error, soon: size, depth, number of values and growth through aliases are bounded.
- Positions cost nothing until somebody asks: the text is kept, and its nodes are composed again on demand.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from minikctl.errors import ManifestError, Position
from minikctl.manifests.json_reader import as_yaml, read_values, skip_blank
from minikctl.manifests.paths import Path
from minikctl.manifests.yaml_composers import MAX_FILE_NODES
from minikctl.manifests.yaml_nodes import Budget, Origin, Places, compose
from minikctl.manifests.yaml_values import RepeatedKey, build

MAX_BYTES = 16 * 1024 * 1024
MAX_DOCUMENTS = 100_000
"""Documents in one file, also empty ones."""

Locate = Callable[[Path], tuple[int, int]]

_TEMPLATE = re.compile(
    r"\{\{-?\s*(?:[.$(]|/\*|(?:if|else|end|range|with|define|template|include|toYaml|tpl)\b)"
)
_HELM = "it looks like a Helm template: helm template … | minikctl validate -"
_SEPARATOR = re.compile(r"^---([^\n]*)(?:\n|\Z)", re.MULTILINE)


class Parsed(Struct, frozen=True):
    """One document. `locate(path)` is the 1-based line and column of a path's key (of the item, in a list);
    where the path does not exist, of its nearest existing parent. `index` counts what stands between the
    separators of its file (and each JSON value), also what is empty or broken, from 0. Of the keys that are
    `repeated` in one map the last one counts in `value`."""

    value: Any
    locate: Locate
    index: int = 0
    repeated: tuple[RepeatedKey, ...] = ()


def decode(data: bytes, source: str) -> str:
    """The text of a file: UTF-8, or UTF-16 that says so in its first bytes.

    :raises ManifestError: it is too large or neither of the two.
    """
    if len(data) > MAX_BYTES:
        raise ManifestError(
            f"the file is larger than {MAX_BYTES // 2**20} MiB: split it", Position(source, 1, 1)
        )
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError:
            raise ManifestError("the file is not UTF-16 text", Position(source, 1, 1)) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise ManifestError("the file is not UTF-8 text", Position(source, line, column)) from None


def read_each(text: str, source: str = "<text>") -> Iterator[Parsed | ManifestError]:
    """Every document in `text`, and the error of each that can't be read; empty ones are left out."""
    return _Reader(text, source).read()


def read(text: str, source: str = "<text>") -> list[Parsed]:
    """Every document in `text`; empty ones are left out.

    :raises ManifestError: with the position in `source`.
    """
    documents = []
    for one in read_each(text, source):
        if isinstance(one, ManifestError):
            raise one
        if one.repeated:
            raise one.repeated[0]
        documents.append(one)
    return documents


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


class _Reader:
    """One text, from its beginning to its end. `_line` is the line that `_counted` stands in, from 0."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._index = 0
        self._budget = Budget()
        self._counted = self._line = 0

    def read(self) -> Iterator[Parsed | ManifestError]:
        end = 0
        try:
            if self._text.startswith("{", skip_blank(self._text, 0)):
                values = read_values(self._text, Origin(self._source), MAX_FILE_NODES)
                for value, start, end, repeats in values:
                    yield from self._json(value, start, end, repeats)
                    self._next(end)
            yield from self._yaml(end)
        except ManifestError as error:
            yield error

    def _json(self, value: Any, start: int, end: int, repeats: bool) -> Iterator[Parsed]:
        origin = self._origin(start)
        if repeats:
            _, repeated = self._built(as_yaml(self._text[start:end]), origin)
            yield self._parsed(value, repeated, start, end, origin)
        elif value is not None:
            yield self._parsed(value, (), start, end, origin)

    def _yaml(self, start: int) -> Iterator[Parsed | ManifestError]:
        if start:  # what follows JSON may follow it on its line
            start, end = skip_blank(self._text, start), start
            start = self._text.rfind("\n", end, start) + 1 or start
        if self._index and _SEPARATOR.match(self._text, start):
            self._index -= 1  # there is nothing between the last JSON value and the separator
        for separator in _SEPARATOR.finditer(self._text, start):
            yield from self._document(start, separator.start())
            after = separator[1].strip()
            if after and not after.startswith("#"):
                message = "a line that begins with --- separates documents; nothing follows it there"
                yield self._origin(separator.start()).error(message, 0, 3)
            start = separator.end()
            self._next(start)
        yield from self._document(start, len(self._text))

    def _document(self, start: int, end: int) -> Iterator[Parsed | ManifestError]:
        if skip_blank(self._text, start) >= end:
            return
        origin = self._origin(start)
        start += self._text.startswith("\ufeff", start)
        try:
            value, repeated = self._built(self._text[start:end], origin)
        except ManifestError as error:
            yield _with_hint(error, self._text[start:end])
            return
        if value is not None:
            yield self._parsed(value, repeated, start, end, origin)

    def _built(self, text: str, origin: Origin) -> tuple[Any, tuple[RepeatedKey, ...]]:
        before = self._budget.nodes
        root = compose(text, origin, self._budget)
        nodes = before - self._budget.nodes
        return (None, ()) if root is None else build(root, nodes, origin, self._budget)

    def _parsed(
        self, value: Any, repeated: tuple[RepeatedKey, ...], start: int, end: int, origin: Origin
    ) -> Parsed:
        return Parsed(value, _Positions(self._text, start, end, origin).locate, self._index, repeated)

    def _next(self, index: int) -> None:
        self._index += 1
        if self._index > MAX_DOCUMENTS:
            raise self._origin(index).error(f"more than {MAX_DOCUMENTS} documents: split the file")

    def _origin(self, index: int) -> Origin:
        self._line += self._text.count("\n", self._counted, index)
        self._counted = index
        return Origin(self._source, self._line, index - (self._text.rfind("\n", 0, index) + 1))


def _with_hint(error: ManifestError, text: str) -> ManifestError:
    if _TEMPLATE.search(text) is None:
        return error
    return ManifestError(f"{error.message}; {_HELM}", error.position)


class _Positions:
    """Where the fields of one document stand: composed again when the first one is asked for."""

    def __init__(self, text: str, start: int, end: int, origin: Origin) -> None:
        self._text, self._start, self._end, self._origin = text, start, end, origin
        self._places: Places | None = None
        self._tried = False

    def locate(self, path: Path) -> tuple[int, int]:
        if not self._tried:
            self._tried = True
            try:
                text = as_yaml(self._text[self._start : self._end])
                root = compose(text, self._origin, Budget())
            except ManifestError:  # JSON that no YAML parser takes
                root = None
            self._places = None if root is None else Places(root)
        line, column = (0, 0) if self._places is None else self._places.locate(path)
        return self._origin.place(line, column)
