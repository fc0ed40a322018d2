"""Files, folders, patterns and standard input as documents.

Rules:
- The order is kubectl's: arguments as given, a folder's files by name, documents as they stand.
- In a folder only `.json`, `.yaml` and `.yml` count; a file that was named is read whatever its name.
- A `List` (also `DeploymentList` and the like) stands for its items; empty documents are left out.
- Nothing is validated here, except that a document is an object with a kind.
- There is one way to read: `load_each` goes on after every error. What must have all or nothing stops at the
  first one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from msgspec import Struct

from minikctl.errors import ManifestError, Position
from minikctl.manifests.inputs import open_inputs
from minikctl.manifests.paths import Path
from minikctl.manifests.yaml_reader import Locate, Parsed, decode, read_each
from minikctl.manifests.yaml_values import RepeatedKey
from minikctl.model import Object

MAX_ERRORS = 100
"""Broken documents in one file, after which the rest is not looked at."""


class Document(Struct, frozen=True):
    """One object of one file. `index` counts the objects of that file from 0.

    `document` counts what stands between the `---` lines of the file (or its JSON values), from 0, also what
    is empty or broken there; `item` is the index in a `List`, of the outermost one.
    """

    obj: Object
    source: str
    index: int
    _locate: Locate
    _prefix: Path = ()
    document: int = 0

    @property
    def item(self) -> int | None:
        return next((step for step in self._prefix if isinstance(step, int)), None)

    def position(self, path: Path = ()) -> Position:
        """Where a field stands: its key, or the item of a list; else its nearest existing parent."""
        return Position(self.source, *self._locate(self._prefix + path))


class RepeatedKeys(ManifestError):
    """Keys of one document that are set twice in one map. It reads as the first of them.

    `documents` is what the text means where the last of them counts: the server, too, goes on to look for
    unknown fields.
    """

    def __init__(self, keys: Sequence[RepeatedKey], documents: Sequence[Document]) -> None:
        super().__init__(keys[0].message, keys[0].position)
        self.keys = tuple(keys)
        self.documents = tuple(documents)


def load_each(
    paths: Sequence[str], *, recursive: bool = False, stdin: IO[bytes] | None = None
) -> Iterator[Document | ManifestError]:
    """The documents of files, folders, patterns (`k8s/**/*.yaml`) and `-` (standard input).

    Where a path, a file or a document can't be read, its error stands in its place, with its position, and
    the rest follows. Files are read while the documents are taken.
    """
    for path in paths:
        for source in open_inputs(path, recursive, stdin):
            if isinstance(source, ManifestError):
                yield source
            else:
                yield from parse_each(source.data, source.name)


def load_files(
    paths: Sequence[str], *, recursive: bool = False, stdin: IO[bytes] | None = None
) -> list[Document]:
    """As `load_each`, for who can do nothing with a part.

    :raises ManifestError: a path does not exist, can't be read, or is no manifest.
    """
    return _all_or_nothing(load_each(paths, recursive=recursive, stdin=stdin))


def parse_each(data: bytes, source: str) -> Iterator[Document | ManifestError]:
    """The documents in the bytes of one file, and the errors of those that can't be read."""
    errors = 0
    for found in _parse_all(data, source):
        yield found
        errors += isinstance(found, ManifestError)
        if errors == MAX_ERRORS:
            message = f"{MAX_ERRORS} documents of this file can't be read: the rest is left out"
            yield ManifestError(message, Position(source, 1, 1))
            return


def _parse_all(data: bytes, source: str) -> Iterator[Document | ManifestError]:
    try:
        text = decode(data, source)
    except ManifestError as error:
        yield error
        return
    del data
    index = 0
    for parsed in read_each(text, source):
        if isinstance(parsed, ManifestError):
            yield parsed
            continue
        found = list(_documents(parsed, source, index))
        documents = tuple(one for one in found if isinstance(one, Document))
        index += len(documents)
        if parsed.repeated:
            yield RepeatedKeys(parsed.repeated, documents)
        else:
            yield from found


def _documents(parsed: Parsed, source: str, index: int) -> Iterator[Document | ManifestError]:
    for found in _flatten(parsed.value, (), parsed, source):
        if isinstance(found, ManifestError):
            yield found
        else:
            prefix, obj = found
            yield Document(obj, source, index, parsed.locate, prefix, parsed.index)
            index += 1


def parse(data: bytes, source: str) -> list[Document]:
    """The documents in the bytes of one file.

    :raises ManifestError: with the position in `source`.
    """
    return _all_or_nothing(parse_each(data, source))


def _all_or_nothing(found: Iterable[Document | ManifestError]) -> list[Document]:
    documents = []
    for one in found:
        if isinstance(one, ManifestError):
            raise one
        documents.append(one)
    return documents


# --- what a document is ---------------------------------------------------------------------------


def _flatten(
    value: Any, prefix: Path, parsed: Parsed, source: str
) -> Iterator[tuple[Path, Object] | ManifestError]:
    problem = _problem(value)
    if problem:
        yield ManifestError(problem, Position(source, *parsed.locate(prefix)))
    elif not (value["kind"].endswith("List") and "items" in value):
        yield prefix, value
    elif not isinstance(value["items"], list | None):
        yield ManifestError(
            f"the items of a {value['kind']} are a list", Position(source, *parsed.locate((*prefix, "items")))
        )
    else:
        kind = value["kind"].removesuffix("List")
        for index, item in enumerate(value["items"] or ()):
            inner = _with_type(item, kind, value.get("apiVersion"))
            yield from _flatten(inner, (*prefix, "items", index), parsed, source)


def _problem(value: Any) -> str:
    if not isinstance(value, dict):
        return f"expected an object with apiVersion and kind, found {_what(value)}"
    kind = value.get("kind")
    return "" if isinstance(kind, str) and kind else "Object 'Kind' is missing"


def _with_type(item: Any, kind: str, api_version: Any) -> Any:
    """The items of a `DeploymentList` may leave out both of what the list says."""
    if not kind or not isinstance(item, dict) or not isinstance(api_version, str):
        return item
    if any(isinstance(item.get(name), str) and item[name] for name in ("kind", "apiVersion")):
        return item
    return {**item, "apiVersion": api_version, "kind": kind}


def _what(value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else f"{value!r:.60}"
