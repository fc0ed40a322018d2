"""Files, folders, patterns and standard input as documents.

Rules:
- The order is kubectl's: arguments as given, a folder's files by name, documents as they stand.
- In a folder only `.json`, `.yaml` and `.yml` count; a file that was named is read whatever its name.
- A `List` (also `DeploymentList` and the like) stands for its items; empty documents are left out.
- Nothing is validated here, except that a document is an object with a kind.
- What was only found (in a folder, by `**`) and says neither what it is nor in which version is no manifest:
  values of a chart, a compose file, a pipeline. Somebody who names such a file means it, and is told.
- There is one way to read: `load_each` goes on after every error. What must have all or nothing stops at the
  first one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import IO, Any

from msgspec import Struct
from msgspec.structs import replace

from minikctl.errors import FieldProblem, ManifestError, Position
from minikctl.manifests.inputs import Ignored, open_inputs
from minikctl.manifests.paths import Path
from minikctl.manifests.yaml_reader import Locate, Parsed, decode, read_each
from minikctl.manifests.yaml_values import RepeatedKey
from minikctl.model import Object

MAX_ERRORS = 100
"""Broken documents in one file, after which the rest is not looked at."""
_OTHER = "not a manifest: it has neither apiVersion nor kind"
_CHART = "Chart.yaml"
"""Helm's, which has an apiVersion all the same."""


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
        return Position(self.source, *self._locate(self._prefix + self._written(path)))

    def _written(self, path: Path) -> Path:
        """The server knows a Secret's stringData only as a part of its data."""
        strings = self.obj.get("stringData") if self.obj.get("kind") == "Secret" else None
        if path[:1] != ("data",) or not isinstance(strings, dict):
            return path
        is_string = str(path[1]) in strings if path[1:] else "data" not in self.obj
        return ("stringData", *path[1:]) if is_string else path


class RepeatedKeys(ManifestError):
    """Keys of one document that are set twice in one map. It reads as the first of them.

    `documents` is what the text means where the last of them counts: the server, too, goes on to look for
    unknown fields.
    """

    def __init__(self, keys: Sequence[RepeatedKey], documents: Sequence[Document]) -> None:
        super().__init__(keys[0].message, keys[0].position)
        self.keys = tuple(keys)
        self.documents = tuple(documents)

    def by_document(self) -> list[tuple[Document, list[tuple[RepeatedKey, Path]]]]:
        """Each document with the keys that it repeats and their paths in it. What is repeated outside of all
        of them (in a `List` itself) goes with the first."""
        found: list[tuple[Document, list[tuple[RepeatedKey, Path]]]] = [(one, []) for one in self.documents]
        homes = {one._prefix: index for index, one in enumerate(self.documents)}
        for key in self.keys:
            beginnings = (key.path[:length] for length in range(len(key.path)))
            prefix = next((one for one in beginnings if one in homes), ())
            found[homes.get(prefix, 0)][1].append((key, key.path[len(prefix) :]))
        return found


class WithoutKind(ManifestError):
    """An object that does not say what it is. `problem` is the same at its field."""

    def __init__(self, problem: FieldProblem) -> None:
        told = "" if problem.reason == "UnknownKind" else f"{problem.path}: "
        super().__init__(f"{told}{problem.message}", problem.position)
        self.problem = problem


class NotManifest(ManifestError):
    """A document that was found, and that nobody says to be a manifest. Nothing is wrong with it."""


def load_each(
    paths: Sequence[str],
    *,
    recursive: bool = False,
    stdin: IO[bytes] | None = None,
    ignored: Ignored | None = None,
) -> Iterator[Document | ManifestError]:
    """The documents of files, folders, patterns (`k8s/**/*.yaml`) and `-` (standard input).

    Where a path, a file or a document can't be read, its error stands in its place, with its position, and
    the rest follows; so does a `NotManifest`. Files are read while the documents are taken.

    :param ignored: which names of files are passed over.
    """
    for path in paths:
        for source in open_inputs(path, recursive, stdin, ignored):
            if isinstance(source, ManifestError):
                yield source
            else:
                yield from parse_each(source.data, source.name, found=source.found)


def load_files(
    paths: Sequence[str], *, recursive: bool = False, stdin: IO[bytes] | None = None
) -> list[Document]:
    """As `load_each`, for who can do nothing with a part. What is no manifest is left out.

    :raises ManifestError: a path does not exist, can't be read, or is no manifest.
    """
    return _all_or_nothing(load_each(paths, recursive=recursive, stdin=stdin))


def parse_each(data: bytes, source: str, *, found: bool = False) -> Iterator[Document | ManifestError]:
    """The documents in the bytes of one file, and the errors of those that can't be read.

    :param found: nobody named the file: it may hold something else, a `NotManifest`.
    """
    errors = 0
    for one in _parse_all(data, source, found):
        yield one
        errors += isinstance(one, ManifestError) and not isinstance(one, NotManifest)
        if errors == MAX_ERRORS:
            message = f"{MAX_ERRORS} documents of this file can't be read: the rest is left out"
            yield ManifestError(message, Position(source, 1, 1))
            return


def _parse_all(data: bytes, source: str, may_be_other: bool) -> Iterator[Document | ManifestError]:
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
        if may_be_other and _is_other(parsed.value, source):
            yield NotManifest(_OTHER, Position(source, *parsed.locate(())))
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
        if isinstance(one, NotManifest):
            continue
        if isinstance(one, ManifestError):
            raise one
        documents.append(one)
    return documents


# --- what a document is ---------------------------------------------------------------------------


def _flatten(
    value: Any, prefix: Path, parsed: Parsed, source: str
) -> Iterator[tuple[Path, Object] | ManifestError]:
    if not isinstance(value, dict):
        message = f"expected an object with apiVersion and kind, found {_what(value)}"
        yield ManifestError(message, Position(source, *parsed.locate(prefix)))
    elif problem := missing_type(value, "kind", "Kind"):
        yield WithoutKind(replace(problem, position=Position(source, *parsed.locate((*prefix, "kind")))))
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


def _is_other(value: Any, source: str) -> bool:
    if not isinstance(value, dict):
        return isinstance(value, list)  # a lone word is rather the rest of something
    if PurePath(source).name == _CHART:
        return "kind" not in value
    return not any(key.lower() in ("apiversion", "kind") for key in value)


def missing_type(obj: Object, field: str, told: str) -> FieldProblem | None:
    """The problem of an object whose `field` (kind, apiVersion) is no text, or not there at all.

    :param told: the field's name as the API server writes it then.
    """
    found = obj.get(field)
    if isinstance(found, str) and found:
        return None
    if found not in (None, ""):
        from minikctl.manifests.rules.problems import show

        return FieldProblem(
            field, "FieldValueTypeInvalid", f"Invalid value: {show(found):.60}: must be a string"
        )
    other = next((key for key in obj if key != field and key.lower() == field.lower()), None)
    hint = f', did you mean "{field}" by "{other}"?' if other is not None else ""
    return FieldProblem(field, "UnknownKind", f"Object '{told}' is missing{hint}")


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
    if isinstance(value, str):
        return "text"
    return "nothing" if value is None else "a number or boolean"
