"""YAML is read as Kubernetes reads it. The tables are what kubectl 1.37 answered for the same text."""

from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from json_strategies import objects

from minikctl.errors import ManifestError
from minikctl.manifests import yaml_composers
from minikctl.manifests.yaml_composers import MAX_DEPTH, MAX_NODES
from minikctl.manifests.yaml_reader import MAX_BYTES, Parsed, decode, load, read, read_each

SCALARS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    "tRue": "tRue",
    "nULL": "nULL",
    "Inf": "Inf",
    "nan": "nan",
    "infinity": "infinity",
    "0777": 511,
    "0o17": 15,
    "0O17": 15,
    "08": 8,
    "0x1F": 31,
    "-0x1F": -31,
    "0b11": 3,
    "-0b11": -3,
    "1_000": 1000,
    "1__0": 10,
    "0_7": 7,
    "1_": 1,
    ".2_9e1_0": 2_900_000_000,
    ".2_": ".2_",
    "_1": "_1",
    "0x_1F": 31,
    "1_0.5": 10.5,
    "1e3": 1000,
    "1E3": 1000,
    "1e+3": 1000,
    "1e-3": 0.001,
    "1.e3": 1000,
    "1.": 1,
    ".5": 0.5,
    ".5e3": 500,
    "+1": 1,
    "-1": -1,
    "-0": 0,
    "00": 0,
    "1.0": 1,
    "1.5": 1.5,
    "09.5": 9.5,
    "-.5": -0.5,
    "0x": "0x",
    "0b": "0b",
    "1e": "1e",
    ".e5": ".e5",
    "1.2.3": "1.2.3",
    "0x1p4": "0x1p4",
    "1p4": "1p4",
    "1:30": "1:30",
    "190:20:30": "190:20:30",
    "2001-01-01": "2001-01-01",
    "=": "=",
    ".": ".",
    "+": "+",
    "9223372036854775807": 2**63 - 1,
    "9223372036854775808": 2.0**63,
    "0xFFFFFFFFFFFFFFFF": 2.0**64,
    "0xFFFFFFFFFFFFFFFFF": "0xFFFFFFFFFFFFFFFFF",
    "99999999999999999999999": 1e23,
    "1e21": 1e21,
    "1e18": 10**18,
    "1e400": "1e400",
    "-1e400": "-1e400",
    "٣": "٣",
    "<<": "<<",
    "2001-12-14t21:59:43.10-05:00": "2001-12-14t21:59:43.10-05:00",
    "!!str 123": "123",
    '!!int "123"': 123,
    "!!float 1": 1,
    "!!binary aGVsbG8=": "hello",
    "!foo 1": "1",
    '!!bool "true"': True,
    '!!null ""': None,
    "!!timestamp 2001-01-01": "2001-01-01",
    "!!str null": "null",
    "'on'": "on",
    '"1e3"': "1e3",
    "'null'": "null",
    "''": "",
}


@pytest.mark.parametrize("text", SCALARS, ids=repr)
def test_scalar(text: str) -> None:
    value = load(f"v: {text}")["v"]
    assert value == SCALARS[text]
    assert type(value) is type(SCALARS[text])


@pytest.mark.parametrize(
    "text",
    [
        ".inf",
        "-.inf",
        "+.Inf",
        ".nan",
        ".NaN",
        "!!int abc",
        "!!int 1.5",
        "!!bool abc",
        "!!null x",
        "!!float x",
        "!!float 9223372036854775808",
        "!!timestamp x",
        "!!binary zzz",
        "!!int",
    ],
)
def test_scalar_that_has_no_json(text: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(f"a: 1\nv: {text}", "f.yaml")
    assert str(caught.value).startswith("f.yaml:2:4: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1: a", {"1": "a"}),
        ("0777: a", {"511": "a"}),
        ("1.5: a", {"1.5": "a"}),
        ("1e3: a", {"1000": "a"}),
        ("1.0: a", {"1": "a"}),
        ("1e30: a", {"1e+30": "a"}),
        ("1e308: a", {".inf": "a"}),
        ("123456e1: a", {"1.23456e+06": "a"}),
        ("123456e0: a", {"123456": "a"}),
        ("1.23456789: a", {"1.2345679": "a"}),
        (".inf: a", {".inf": "a"}),
        ("yes: a", {"true": "a"}),
        ("'yes': a", {"yes": "a"}),
        ("'': a", {"": "a"}),
        ("2001-01-01: a", {"2001-01-01": "a"}),
        ("!!str a: b", {"a": "b"}),
        ("'<<': {z: 1}", {"<<": {"z": 1}}),
        ("b: &b {q: 1}\nc: {<<: *b, r: 2}", {"b": {"q": 1}, "c": {"q": 1, "r": 2}}),
        ("b: &b {q: 1}\nc: {<<: *b, q: 2}", {"b": {"q": 1}, "c": {"q": 2}}),
        ("b: &b {q: 1}\nc: {q: 2, <<: *b}", {"b": {"q": 1}, "c": {"q": 1}}),
        ("b: &b {q: 1}\nc: {<<: [*b, {q: 3, r: 4}]}", {"b": {"q": 1}, "c": {"q": 1, "r": 4}}),
        ("b: &b {<<: {k: 1}, q: 1}\nc: {<<: *b}", {"b": {"k": 1, "q": 1}, "c": {"k": 1, "q": 1}}),
        ("a: |\n  x\n\n", {"a": "x\n"}),
        ("a:\t1", {"a": 1}),
        ('a: "\\u0000"', {"a": "\0"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: &x [1]\nb: *x\nc: &x {d: &x 2}\ne: *x", {"a": [1], "b": [1], "c": {"d": 2}, "e": 2}),
    ],
)
def test_collections(text: str, expected: object) -> None:
    assert load(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("~: a", "1:1: null can't be a key"),
        ("? [1]\n: a", "1:3: a key must be a scalar"),
        ("? {a: b}\n: a", "1:3: a key must be a scalar"),
        ("12345678901234567890: a", "1:1: 12345678901234567890 can't be a key"),
        ("a: 1\nb: 2\na: 3", '3:1: key "a" already set in map'),
        ("1: a\n'1': b", '2:1: key "1" already set in map'),
        ("x:\n  a: 1\n  a: 1", '3:3: key "a" already set in map'),
        ('{"a": 1,\n "a": 2}', '2:2: key "a" already set in map'),
        ("c: {<<: 1}", "1:9: map merge requires map or sequence of maps as the value"),
        ("c: {<<: [1]}", "1:10: map merge requires map or sequence of maps as the value"),
        ("a: [1,2", "2:1: while parsing a flow sequence"),
        ("a: *x", "1:4: found undefined alias"),
        ("a: 1\n b: 2", "2:3: mapping values are not allowed"),
        ("a: é\nb: \x07", "2:4: control characters are not allowed"),
    ],
)
def test_error_in_one_line_with_position(text: str, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(text + "\n", "f")
    assert str(caught.value).startswith(f"f:{message}")
    assert "\n" not in str(caught.value)


def test_documents_empty_ones_left_out() -> None:
    text = "# c\n---\n---\n\n# x\n---\na: 1\r\nb: 2\r\n---\n--- # y\nc: 3\n...\n"
    assert [document.value for document in read(text)] == [{"a": 1, "b": 2}, {"c": 3}]
    assert read("") == read("# only\n") == read("null") == []


def test_json_documents_one_after_the_other() -> None:
    text = '{"a": 1e3, "b": 1.0, "s": "\\ud83d\\ude00\\/"}\n{"a": 12345678901234567890}'
    first, second = (document.value for document in read(text))
    assert first == {"a": 1000, "b": 1, "s": "😀/"}
    assert type(first["a"]) is type(first["b"]) is int
    assert second == {"a": 12345678901234567890.0}


def test_what_is_nearly_json_is_yaml() -> None:
    assert load('{"a": NaN, "b": 1,}') == {"a": "NaN", "b": 1}
    assert load("{apiVersion: v1}") == {"apiVersion": "v1"}
    assert [document.value for document in read('{"a": 1}\n---\nb: 2')] == [{"a": 1}, {"b": 2}]


def test_bom_and_encoding() -> None:
    assert load(decode(b"\xef\xbb\xbfa: 1", "f")) == {"a": 1}
    with pytest.raises(ManifestError, match=r"f:2:4: the file is not UTF-8 text"):
        decode(b"a: 1\nb: \xff", "f")


YAML_TEXT = """\
a: 1
b:
  - x
  - name: y
    z: {q: [1, 2]}
c: &c
  d: 1
e:
  <<: *c
  f: 2
"""


@pytest.mark.parametrize(
    ("path", "position"),
    [
        ((), (1, 1)),
        (("a",), (1, 1)),
        (("b", 0), (3, 5)),
        (("b", 1), (4, 5)),
        (("b", 1, "z"), (5, 5)),
        (("b", 1, "z", "q"), (5, 9)),
        (("b", 1, "z", "q", 1), (5, 16)),
        (("e", "d"), (7, 3)),
        (("e", "f"), (10, 3)),
        (("b", 1, "missing", "below"), (4, 5)),
        (("b", 7), (2, 1)),
        (("nowhere",), (1, 1)),
        (("a", "below"), (1, 1)),
    ],
)
def test_position(path: tuple[str | int, ...], position: tuple[int, int]) -> None:
    assert read(YAML_TEXT)[0].locate(path) == position


def test_position_of_what_is_repeated_or_merged() -> None:
    (found,) = read_each("a: 1\na: 2\nb: {<<: [&m {c: 1}, *m], d: 2}")
    assert isinstance(found, Parsed)
    places = [found.locate(path) for path in (("a",), ("b", "c"), ("b", "x"))]
    assert places == [(1, 1), (3, 14), (3, 1)]


def test_position_in_json_and_in_later_documents() -> None:
    second = read('{"a": 1}\n  {"b":\n   {"c": 2}}')[1]
    assert second.locate(()) == (2, 3)
    assert second.locate(("b", "c")) == (3, 5)
    assert read("a: 1\n---\nb:\n  c: 1")[1].locate(("b", "c")) == (4, 3)
    # YAML has no surrogate pairs.
    assert read('{"a": 1} {"s": "\\ud83d\\ude00", "t": 1}')[1].locate(("t",)) == (1, 32)


BOMBS = {
    "billion laughs": "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + "".join(
        f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "quadratic aliases": "a: &a [" + "x," * 2000 + "]\nb: [" + "*a," * 2000 + "]",
    "merges": "a: &a {x: 1}\n" + "".join(f"k{i}: &k{i} {{<<: [{'*a,' * 300}]}}\n" for i in range(400)),
    "contains itself": "a: &x [*x]",
    "contains itself twice": "a: &x {b: *x, c: *x}",
    "deep flow": "[" * 100_000,
    "deep maps": "{a: " * 30_000,
    "deep blocks": "- " * 50_000,
    "deep keys": "? " * 50_000,
    "deep JSON": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "valid deep JSON": '{"a":' * 300 + "1" + "}" * 300,
    "many nodes": "[" + "1," * (MAX_NODES + 1) + "]",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_ends_soon_in_one_line(name: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(ManifestError) as caught:
        read(BOMBS[name], "f")
    assert time.perf_counter() - begin < 10
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_size_is_bounded() -> None:
    with pytest.raises(ManifestError, match="larger than 16 MiB"):
        decode(b"#" * (MAX_BYTES + 1), "f")


def test_depth_that_is_allowed() -> None:
    assert load("[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)) is not None
    assert load('{"a":' * (MAX_DEPTH - 1) + "1" + "}" * (MAX_DEPTH - 1))


@pytest.fixture
def pure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_composers, "_composer", yaml_composers._pure_composer())


@pytest.mark.usefixtures("pure")
@pytest.mark.parametrize("text", [text for text in SCALARS if text != "٣"], ids=repr)
def test_scalar_without_the_c_parser(text: str) -> None:
    value = load(f"v: {text}")["v"]
    assert value == SCALARS[text] and type(value) is type(SCALARS[text])


@pytest.mark.usefixtures("pure")
@pytest.mark.parametrize("text", ["a: &x [*x]", "[" * 3000, "a: [1", "a: \x07", "a: 1\na: 2"])
def test_errors_without_the_c_parser(text: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read(text, "f")
    assert str(caught.value).startswith("f:")


@given(objects)
def test_json_text_reads_as_json(value: dict[str, object]) -> None:
    assert load(json.dumps(value)) == (value or {})


SEED = b"""# c
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: &l {a: "b", on: 0777}}
spec:
- <<: *l
  x: |
    text
  ? 1e3
  : !!binary aGVsbG8=
---
{"a": [1.5, null, true]}
"""


@given(st.data())
@example(None)
def test_broken_bytes_end_in_manifest_errors(data: st.DataObject | None) -> None:
    mutated = bytearray(SEED)
    if data is not None:
        for _ in range(data.draw(st.integers(1, 6))):
            place = data.draw(st.integers(0, len(mutated) - 1))
            mutated[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        documents = read(decode(bytes(mutated), "f"), "f")
    except ManifestError as error:
        assert "\n" not in str(error)
        return
    for document in documents:
        _assert_is_json(document.value)
        assert document.locate(("spec", 0, "x")) >= (1, 1)


def _assert_is_json(value: object) -> None:
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _assert_is_json(item)
    else:
        assert value is None or type(value) in (str, int, float, bool)
        assert not isinstance(value, float) or math.isfinite(value)
