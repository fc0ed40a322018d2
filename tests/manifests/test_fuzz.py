"""Whatever stands in a file: it is read, or refused, in one line, and soon.

`MINIKCTL_FUZZ` says how many documents (default 2000, CI 20000); a failure names its seed, which
`MINIKCTL_FIRST_FUZZ` makes the first one. Real manifests are those of MINIKCTL_CORPUS, else the examples.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import minikctl_schemas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_objects import damaged, damaged_bytes, near_object

from minikctl.errors import FieldProblem, ManifestError
from minikctl.manifests import Document, check, dump_yaml, parse, validate, validate_update
from minikctl.manifests.loader import RepeatedKeys, parse_each
from minikctl.manifests.paths import parse_path

COUNT = int(os.environ.get("MINIKCTL_FUZZ", "2000"))
FIRST = int(os.environ.get("MINIKCTL_FIRST_FUZZ", "0"))
SECONDS_EACH = 0.02
SECONDS_OF_THE_SLOWEST = 3.0
Make = Callable[[Random], bytes]


@cache
def real_files() -> list[bytes]:
    corpus = os.environ.get("MINIKCTL_CORPUS")
    folder = Path(corpus) / "manifests" if corpus else Path(__file__).parents[2] / "examples"
    found = (path for path in sorted(folder.rglob("*")) if path.suffix in (".yaml", ".yml", ".json"))
    return [path.read_bytes()[:20_000] for path in found]


@cache
def real_objects() -> list[dict[str, Any]]:
    return [one.obj for data in real_files() for one in parse_each(data, "f") if isinstance(one, Document)]


def mutated_bytes(random: Random) -> bytes:
    return damaged_bytes(random, random.choice(real_files()))


def near_real_kinds(random: Random) -> bytes:
    obj = near_object(random, random.choice(list(minikctl_schemas.kinds())))
    return _text(random, damaged(random, obj) if random.random() < 0.5 else obj)


def damaged_objects(random: Random) -> bytes:
    return _text(random, damaged(random, random.choice(real_objects())))


def _text(random: Random, obj: dict[str, Any]) -> bytes:
    if random.random() < 0.2:
        return dump_yaml(obj).encode()
    return json.dumps(obj, indent=random.choice((None, 1))).encode()


@settings(max_examples=max(1, int(COUNT * 0.4)), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.sampled_from([near_real_kinds, damaged_objects]))
def test_any_structure(random: Random, make: Make) -> None:
    """Hypothesis looks for what is new, and makes what it finds small."""
    judge(make(random))


@pytest.mark.parametrize(
    ("make", "share"), [(mutated_bytes, 0.4), (near_real_kinds, 0.1), (damaged_objects, 0.1)]
)
def test_ends_in_one_line_and_soon(make: Make, share: float) -> None:
    count = max(1, int(COUNT * share))
    begin, slowest = time.process_time(), (0.0, 0)
    for seed in range(FIRST, FIRST + count):
        started = time.process_time()
        _live(make, seed)
        slowest = max(slowest, (time.process_time() - started, seed))
    assert slowest[0] < SECONDS_OF_THE_SLOWEST, f"seed {slowest[1]}"
    assert time.process_time() - begin < 20 + count * SECONDS_EACH


def _live(make: Make, seed: int) -> None:
    data = b""
    try:
        data = make(Random(seed))
        judge(data)
    except Exception as error:
        error.add_note(f"MINIKCTL_FIRST_FUZZ={seed}, {make.__name__}: {data[:3000]!r}")
        raise


def judge(data: bytes) -> None:
    """Every door that a document goes through: reading, validation, updates, positions, what we handle."""
    found = list(parse_each(data, "f"))
    broken = [one for one in found if isinstance(one, ManifestError)]
    for error in broken:
        _one_line(error)
        assert error.position is not None
    if broken:
        with pytest.raises(ManifestError):
            parse(data, "f")
    for document in _documents(found):
        for problem in [*_problems(document.obj), *check([document])]:
            _one_line(problem)
            position = document.position(parse_path(problem.path))
            assert position.line >= 1 and position.column >= 1


_stored: dict[tuple[str, str], dict[str, Any]] = {}
"""Of each kind the first object that was accepted: what is stored is always valid."""


def _problems(obj: dict[str, Any]) -> list[FieldProblem]:
    found = validate(obj)
    if not found:
        _stored.setdefault((obj["apiVersion"], obj["kind"]), obj)
    old = _stored.get((str(obj.get("apiVersion")), obj["kind"]))
    return found if old is None else [*found, *validate_update(old, obj)]


def _documents(found: list[Document | ManifestError]) -> Iterator[Document]:
    for one in found:
        if isinstance(one, Document):
            yield one
        elif isinstance(one, RepeatedKeys):
            yield from one.documents


def _one_line(told: object) -> None:
    text = str(told)
    assert text and len(text.splitlines()) == 1 and "\0" not in text and "\x1b" not in text, repr(text)
