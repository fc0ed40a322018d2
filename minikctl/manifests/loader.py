"""Files, folders and standard input as documents.

Rules:
- The order is kubectl's: arguments as given, a folder's files by name, documents as they stand.
- In a folder only `.json`, `.yaml` and `.yml` count; a file that was named is read whatever its name.
- A `List` (also `DeploymentList` and the like) stands for its items; empty documents are left out.
- Nothing is validated here, except that a document is an object with a kind.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path as FilePath
from typing import IO, Any

from msgspec import Struct

from minikctl.errors import ManifestError, Position
from minikctl.manifests.yaml_reader import MAX_BYTES, Locate, Path, decode, read
from minikctl.model import Object

_EXTENSIONS = (".json", ".yaml", ".yml")
STDIN_NAME = "STDIN"


class Document(Struct, frozen=True):
    """One object of one file. `index` counts the objects of that file from 0."""

    obj: Object
    source: str
    index: int
    _locate: Locate
    _prefix: Path = ()

    def position(self, path: Path = ()) -> Position:
        """Where a field stands: its key, or the item of a list; else its nearest existing parent."""
        return Position(self.source, *self._locate(self._prefix + path))


def load_files(
    paths: Sequence[str], *, recursive: bool = False, stdin: IO[bytes] | None = None
) -> list[Document]:
    """The documents of files, folders and `-` (standard input).

    :raises ManifestError: a path does not exist, can't be read, or is no manifest.
    """
    documents: list[Document] = []
    for path in paths:
        for source, data in _contents(path, recursive, stdin):
            documents.extend(parse(data, source))
    return documents


def parse(data: bytes, source: str) -> list[Document]:
    """The documents in the bytes of one file.

    :raises ManifestError: with the position in `source`.
    """
    documents: list[Document] = []
    for parsed in read(decode(data, source), source):
        for prefix, value in _flatten(parsed.value, (), parsed.locate, source):
            documents.append(Document(value, source, len(documents), parsed.locate, prefix))
    return documents


# --- where the bytes come from --------------------------------------------------------------------


def _contents(path: str, recursive: bool, stdin: IO[bytes] | None) -> Iterator[tuple[str, bytes]]:
    if path == "-":
        stream = stdin if stdin is not None else sys.stdin.buffer
        yield STDIN_NAME, stream.read(MAX_BYTES + 1)
    elif path.startswith(("http://", "https://")):
        raise ManifestError(f"{path}: manifests are read from files only; download it first")
    elif FilePath(path).is_dir():
        for name in _files_of(path, recursive):
            yield name, _read_file(name)
    else:
        yield path, _read_file(path)


def _read_file(path: str) -> bytes:
    try:
        with FilePath(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ManifestError(f'the path "{path}" does not exist') from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ManifestError(f'the path "{path}" can\'t be read: {reason}') from None


def _files_of(folder: str, recursive: bool) -> list[str]:
    """As Go's filepath.Walk: names in the order of their bytes, a folder's content in the folder's place."""
    found: list[str] = []
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            if recursive:
                found.extend(_files_of(entry.path, recursive))
        elif entry.name.endswith(_EXTENSIONS) and entry.is_file():
            found.append(entry.path)
    return found


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        raise ManifestError(f'the path "{folder}" can\'t be read: {error.strerror}') from None


# --- what a document is ---------------------------------------------------------------------------


def _flatten(value: Any, prefix: Path, locate: Locate, source: str) -> Iterable[tuple[Path, Object]]:
    if not isinstance(value, dict):
        raise ManifestError(
            f"expected an object with apiVersion and kind, found {_what(value)}",
            Position(source, *locate(prefix)),
        )
    kind = value.get("kind")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(value.get("items"), list):
        for index, item in enumerate(value["items"]):
            inner = _with_type(item, kind.removesuffix("List"), value.get("apiVersion"))
            yield from _flatten(inner, (*prefix, "items", index), locate, source)
    elif not isinstance(kind, str) or not kind:
        raise ManifestError("Object 'Kind' is missing", Position(source, *locate(prefix)))
    else:
        yield prefix, value


def _with_type(item: Any, kind: str, api_version: Any) -> Any:
    """The items of a `DeploymentList` may leave out what the list says."""
    if kind and isinstance(item, dict) and "kind" not in item and isinstance(api_version, str):
        return {"apiVersion": api_version, "kind": kind, **item}
    return item


def _what(value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else f"{value!r:.60}"
