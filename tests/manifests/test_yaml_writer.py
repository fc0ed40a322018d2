"""What is written is what kubectl writes, and reads as the same value everywhere."""

from __future__ import annotations

import re
from typing import Any
from unittest import mock

import pytest
import yaml
from hypothesis import given
from json_strategies import HARD_WORDS, values
from manifest_corpus import corpus

from minikctl.manifests import dump_yaml
from minikctl.manifests.yaml_reader import load


@given(values)
def test_reads_as_what_was_written(value: Any) -> None:
    for sort_keys in (True, False):
        assert load(dump_yaml(value, sort_keys=sort_keys)) == value


@given(values)
def test_the_pure_emitter_reads_the_same(value: Any) -> None:
    """PyYAML without libyaml: breaks and escapes may differ, the value may not."""
    with mock.patch.object(yaml, "CSafeDumper", yaml.SafeDumper):
        assert load(dump_yaml({"v": value})) == {"v": value}  # alone, it would write a text behind `---`


def test_end_mark_of_a_document_is_no_text() -> None:
    assert dump_yaml({"v": "...\n"}) == "v: |\n  ...\n"
    assert dump_yaml("a") == "a\n"
    assert dump_yaml({"v": "a\n\n"}) == "v: |+\n  a\n\n"


def test_half_of_a_surrogate_pair_is_escaped() -> None:
    assert dump_yaml({"v": "\ud83dx"}) == 'v: "\\uD83Dx"\n'


@pytest.mark.parametrize("word", HARD_WORDS, ids=ascii)
def test_string_stays_a_string_for_other_readers(word: str) -> None:
    text = dump_yaml({"v": word, "l": [word], word: 1})
    assert load(text) == {"v": word, "l": [word], word: 1}
    assert yaml.safe_load(text) == {"v": word, "l": [word], word: 1}


# Written by kubectl 1.37 for the same values.
KUBECTL = {
    "": '""',
    "a b": "a b",
    "a:b": "a:b",
    "a: b": "'a: b'",
    "a #b": "'a #b'",
    "- a": "'- a'",
    "-a": "-a",
    "it's": "it's",
    "'a'": "'''a'''",
    "*a": "'*a'",
    "1": '"1"',
    "on": '"on"',
    "n": '"n"',
    "0777": '"0777"',
    "1e3": '"1e3"',
    "1:30": '"1:30"',
    "2001-01-01": '"2001-01-01"',
    "null": '"null"',
    "100m": "100m",
    "25%": "25%",
    "a\tb": '"a\\tb"',
    "é": "é",
    "😀": '"\\U0001F600"',
    "\ufeff": '"\\uFEFF"',
    "a\nb": "|-\n  a\n  b",
    "a\nb\n": "|\n  a\n  b",
    "a\n\n": "|+\n  a\n",
    " a\nb": "|2-\n   a\n  b",
    "\n": "|2+\n",
    "a \nb": '"a \\nb"',
    "x" * 90: "x" * 90,
    "word " * 30 + "end": "word " * 15 + "word\n  " + "word " * 13 + "word end",
}


@pytest.mark.parametrize("value", KUBECTL, ids=ascii)
def test_string_looks_as_from_kubectl(value: str) -> None:
    assert dump_yaml({"v": value}) == f"v: {KUBECTL[value]}\n"


@pytest.mark.parametrize(("value", "written"), [(" a", "' a'"), ("a ", "'a '"), (" a b ", "' a\n  b '")])
def test_spaces_at_the_ends_are_no_places_to_break(value: str, written: str) -> None:
    key = "k" * 100
    assert dump_yaml({key: value}) == f"{key}: {written}\n"
    assert load(dump_yaml({key: value})) == {key: value}


def test_keys_look_as_from_kubectl() -> None:
    assert dump_yaml({"v": {"a\nb": "x", "~": "~x", "0o17": "y"}}) == (
        'v:\n  "0o17": "y"\n  ? |-\n    a\n    b\n  : x\n  "~": ~x\n'
    )


def test_shape() -> None:
    value = {"b": [{"z": 1, "x": [1, [2, 3], []]}, {}], "a": {"k": None, "e": {}}, "c": 1e21, "d": 1.5}
    assert dump_yaml(value) == (
        "a:\n  e: {}\n  k: null\nb:\n- x:\n  - 1\n  - - 2\n    - 3\n  - []\n  z: 1\n- {}\nc: 1e+21\nd: 1.5\n"
    )
    assert dump_yaml({"b": 1, "a": 2}, sort_keys=False) == "b: 1\na: 2\n"
    assert dump_yaml([]) == "[]\n"
    assert dump_yaml("x\ny\n") == "|\n  x\n  y\n"


def test_writes_transcripts_as_they_were() -> None:
    outputs = 0
    for file in sorted((corpus() / "transcripts").glob("*.txt")):
        for output in re.findall(
            r"^\$ kubectl get [^\n]*-o yaml[^\n]*\n(.*?)^\[exit 0\]", file.read_text(), re.M | re.S
        ):
            if "Warning" not in output.splitlines()[0]:
                assert dump_yaml(load(output)) == output
                outputs += 1
    assert outputs >= 5
