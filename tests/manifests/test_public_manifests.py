"""Public manifests, document by document: a real API server's verdicts, and ours."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from manifest_corpus import corpus, rows

from minikctl.errors import ManifestError
from minikctl.manifests import Document, validate
from minikctl.manifests.loader import RepeatedKeys, load_each
from minikctl.manifests.structure import UNKNOWN

DISAGREEMENTS: dict[tuple[str, int, int], str] = {}
"""(file, document, item) where our verdict is another, and why."""

Key = tuple[str, int, int]
Verdict = tuple[bool, list[tuple[str, str]]]


def test_agrees_with_the_api_server_on_public_manifests() -> None:
    theirs, ours = _theirs(), _ours()
    assert len(theirs) > 350
    assert ours.keys() == theirs.keys()
    wrong = {key for key in theirs if ours[key][0] != theirs[key][0]}
    assert wrong == DISAGREEMENTS.keys()
    assert len(wrong) / len(theirs) < 0.01


def test_agrees_on_the_fields() -> None:
    theirs, ours = _theirs(), _ours()
    invalid = [key for key, (_, fields) in theirs.items() if fields]
    assert invalid
    assert [(key, ours[key], theirs[key]) for key in invalid if ours[key][1] != theirs[key][1]] == []


def _theirs() -> dict[Key, Verdict]:
    """By file, document and item, as the rows count them."""
    found = {}
    for row in rows("manifests.jsonl"):
        key = row["file"], row["doc"], row["item"] or 0
        found[key] = row["accepted"], sorted((path, reason) for path, reason in row["fields"])
    return found


def _ours() -> dict[Key, Verdict]:
    found: dict[Key, Verdict] = {}
    for file in sorted({row["file"] for row in rows("manifests.jsonl")}):
        for one in load_each([str(corpus() / file)]):
            fields = _fields(one)
            found[(file, *_place(file, one))] = not isinstance(one, ManifestError) and not fields, fields
    return found


def _place(file: str, one: Document | ManifestError) -> tuple[int, int]:
    if isinstance(one, Document):
        return one.document, one.item or 0
    assert one.position is not None
    above = (corpus() / file).read_text().split("\n")[: one.position.line]
    return sum(line.startswith("---") for line in above), 0


def _fields(one: Document | ManifestError) -> list[tuple[str, str]]:
    """Field paths with their reasons. The server names a duplicate key only, not where it lies."""
    if isinstance(one, Document):
        return sorted((problem.path, problem.reason) for problem in validate(one.obj))
    if not isinstance(one, RepeatedKeys):
        return []
    unknown = [field for document in one.documents for field in _fields(document) if field[1] == UNKNOWN]
    return sorted([*((key.key, "DuplicateField") for key in one.keys), *unknown])


def test_every_document_has_its_place() -> None:
    """No two documents, or items of a list, of one file are counted alike."""
    counted: dict[str, list[tuple[int, int | None]]] = defaultdict(list)
    for file in {row["file"] for row in rows("manifests.jsonl")}:
        for one in load_each([str(corpus() / file)]):
            if isinstance(one, Document):
                counted[file].append((one.document, one.item))
    assert all(len(set(places)) == len(places) for places in counted.values())


def test_positions_are_found_in_every_document() -> None:
    """The key of every field stands where its position says."""
    checked = 0
    for file in sorted({row["file"] for row in rows("manifests.jsonl")}):
        lines = (corpus() / file).read_text().split("\n")
        documents = [one for one in load_each([str(corpus() / file)]) if isinstance(one, Document)]
        for one in documents:
            for path in _keys(one.obj, ()):
                position = one.position(path)
                there = lines[position.line - 1][position.column - 1 :].lstrip("\"'")
                checked += 1
                assert there.startswith(str(path[-1])) or "<<" in lines[position.line - 1], (file, path)
    assert checked > 7_000


def _keys(value: Any, path: tuple[Any, ...]) -> Any:
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key)
            yield from _keys(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _keys(item, (*path, index))
