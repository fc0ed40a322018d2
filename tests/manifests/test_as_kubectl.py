"""What a file means, asked of a real kubectl (`patch --local` needs no server and prints the objects)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest

from minikctl.errors import ManifestError
from minikctl.manifests import parse
from minikctl.manifests.scalars import to_json
from minikctl.manifests.yaml_reader import load

Objects = list[dict[str, Any]]


@pytest.fixture
def kubectl() -> str:
    """A kubectl to compare with, where the environment asks for it: starting one takes a while."""
    found = shutil.which("kubectl") if os.environ.get("MINIKCTL_COMPARE_KUBECTL") else None
    if not found:
        pytest.skip("MINIKCTL_COMPARE_KUBECTL is not set, or there is no kubectl")
    return found


def theirs(kubectl: str, folder: Path, data: str) -> Objects | None:
    """The objects that kubectl finds; None where it gives an error, whatever it printed before."""
    path = folder / "f.yaml"
    path.write_bytes(data.encode())
    command = [kubectl, "patch", "--local", "--type=merge", "-p", "{}", "-o", "json", "-f", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "no objects passed" in done.stderr:
        return []
    return None if done.returncode or done.stderr else _stream(done.stdout)


def _stream(text: str) -> Objects:
    decoder = json.JSONDecoder(parse_int=lambda digits: to_json(int(digits)))
    found, end = [], 0
    while end < len(text.rstrip()):
        value, end = decoder.raw_decode(text, end)
        found.append(value)
        end += 1  # the line break
    return found


def ours(data: str) -> Objects | None:
    try:
        return [document.obj for document in parse(data.encode(), "f")]
    except ManifestError:
        return None


A = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
B = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"
J = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"j"}}'
LIST = "apiVersion: v1\nkind: List\n"
TYPED = "apiVersion: v1\nkind: ConfigMapList\n"

FILES = [
    "", "# only\n", "null", "---\n# a\n---\n", f"{A}---\n{B}", f"{A}--- \n{B}", f"{A}---\t\n{B}",
    f"{A}--- # c\n{B}", f"{A}---#c\n{B}", f"{A}---\r\n{B}", f"{A}---\n{B}".replace("\n", "\r\n"),
    A.replace("\n", "\r"), f"--- # x\n{A}", f"---\n---\n{A}", f"{A}---\nnull\n---\n{B}", f"{A}---\n~\n",
    f"{A}--- foo\n{B}", f"{A}---foo\n{B}", f"{A}----\n{B}", f"{A} ---\n{B}", f"{A}--- {{kind: X}}\n",
    f"{A}--- !!map\n{B}", f"{A}--- |\n  x\n", f"{A}---\x0b\n{B}", f"{A}---\xa0\n{B}", f"{A}---\r{B}",
    f"{A}...\n---\n{B}", f"{A}...\n", f"{A}... # c\n", f"{A}...\n...\n", f"...\n{A}",
    f"%YAML 1.1\n---\n{A}", f"%YAML 1.3\n---\n{A}", f"%TAG ! tag:x,2000:\n---\n{A}",
    f"# c\n%YAML 1.1\n---\n{A}", f"\ufeff{A}", f"\ufeff---\n{A}", f"{A}---\n\ufeff{B}",
    f"\ufeff{A}\ufeff---\n{B}", f'{A}data: {{a: "\0"}}', f"{A}\0", f"{A}data:\n\ta: b\n",
    f"{A}data:\n  a:\tb\n", f"\t{A}", f"{A}\t\n", f"{A}data: \t\n  a: b\n", f'{A}data:\n  a: "x\n---\ny"\n',
    f'{A}data:\n  a: "x\n---y"\n', f"{A}---\na: [\n---\n{B}", f"{J}\n---\n{A}", J + J, f"{J}\n{A}",
    f"{J} x", f"{J},{J}", f"{J}\n# c\n", f"{J}\n# c\n{J}", f"{J} null", f"{J}\n---\n---\n{J}", f"\ufeff{J}",
    f"{J}\n\ufeff{J}", f" \n\n{J}{J}", f"{J}\0", f"{J} [1]", f"{J} 5", f"[1]{J}", f"null {J}",
    f"{J}\n{A}---\n{B}", f"{J[:-1]},}}", f"{J[:-1]}, # c\n}}", f'{J[:-1]},"x":1e400}}',
    f'{J[:-1]},"x":[1e3,1.0,-0.0,0.1e1,-0]}}', f'{J[:-1]},"x":NaN}}', f'{J[:-1]},"x":01}}',
    f'{J[:-1]},"x":"\\ud83d"}}', f'{J[:-1]},"x":"\t"}}', f'{J[:-1]},"x":"\\u0000"}}', f"{J[:-1]},'x':1}}",
    "[]", f"[{J}]", '"x"', "1", "x", "{}", "kind: 1\napiVersion: v1", 'kind: ""\napiVersion: v1',
    "Kind: X\napiVersion: v1\n", "kind: X\n", "apiVersion: v1\nkind: [a]\n", "apiVersion: null\nkind: X\n",
    "apiVersion: v1\nkind: X\nmetadata: {}\n", LIST, f"{LIST}items: []", f"{LIST}items: null",
    f"{LIST}items: {{}}", f"{LIST}items: x", f"{LIST}items:\n- null\n", f"{LIST}items:\n- 1\n",
    f"{LIST}items:\n- {J}\n- {J}\n", f"{LIST}items:\n- {{apiVersion: v1, metadata: {{name: x}}}}\n",
    f"{TYPED}items:\n- {{metadata: {{name: x}}}}\n- {{kind: '', metadata: {{name: y}}}}\n",
    f"{TYPED}items:\n- {J}\n", f"{TYPED}items:\n- {{kind: 5, metadata: {{name: x}}}}\n",
    f"{TYPED}items:\n- {{apiVersion: v1, metadata: {{name: x}}}}\n",
    "kind: ConfigMapList\nitems:\n- {metadata: {name: x}}\n", f"kind: List\nitems: [{J}]\n",
    f"{A}x: {{<<: {{a: 1}}, a: 2}}", f"{A}x: {{a: 2, <<: {{a: 1}}}}",
    f"{A}x: {{<<: {{a: 1}}, <<: {{b: 2}}}}", f"{A}x: {{<<: [{{a: 1}}, {{a: 2, b: 3}}], b: 4}}",
    f"{A}x: {{<<: }}", f"{A}x: {{<<: []}}", f"{A}x: {{<<: [[{{a: 1}}]]}}", f"{A}x: {{<<: 1}}",
    f'{A}x: {{"<<": {{a: 1}}}}', f"{A}x: {{!!merge a: {{a: 1}}}}", f"{A}x: {{!!str <<: {{a: 1}}}}",
    f"{A}x: {{<<: *a}}", f"{A}x: &a {{b: 1, <<: *a}}",
    f"{A}y: &a {{b: {{c: 1}}}}\nx: {{<<: *a, b: {{d: 2}}}}", f"{A}x: [<<]", f"{A}x: <<",
    f"{A}x: {{? [a]: 1}}", f"{A}x: {{~: 1}}", f"{A}x: {{? a, b: 1}}", f"{A}x: {{a, b}}", f"{A}x: [a: 1, b]",
    f"{A}x: !!set {{a, b}}", f"{A}x: !!omap [a: 1]", f"{A}x: !!seq {{a: 1}}", f"{A}x: !!map [a]",
    f"{A}x: !foo {{a: 1}}", f"{A}x: !<tag:yaml.org,2002:int> '5'",
]  # fmt: skip


@pytest.mark.parametrize("text", FILES, ids=ascii)
def test_file(kubectl: str, tmp_path: Path, text: str) -> None:
    assert ours(text) == theirs(kubectl, tmp_path, text)


# Where kubectl loses something without a word, we refuse; the rest is harmless.
STRICTER = [
    f"{A}data: {{a: b, a: c}}", f'{J[:-1]},"metadata":{{"name":"k"}}}}', f"{A}x: {{<<: {{a: 2, a: 3}}}}",
    f"{A}...\n{B}", f"---\n{J}\n{J}", f"{A}...\n%YAML 1.1\n---\n{B}",
]  # fmt: skip


@pytest.mark.parametrize("text", STRICTER, ids=ascii)
def test_stricter_than_kubectl(kubectl: str, tmp_path: Path, text: str) -> None:
    assert ours(text) is None
    assert theirs(kubectl, tmp_path, text) is not None


def test_generated_words(kubectl: str, tmp_path: Path) -> None:
    """Words of letters and signs that numbers, times, booleans and null are made of, as values and keys."""
    random = Random(1)
    words = sorted({_word(random) for _ in range(3000)})
    _compare(kubectl, tmp_path, [f"v: {word}" for word in words] + [f"v: {{? {word} : 1}}" for word in words])


def test_generated_collections(kubectl: str, tmp_path: Path) -> None:
    random = Random(2)
    _compare(kubectl, tmp_path, [_collection(random) for _ in range(1500)])


def _word(random: Random) -> str:
    if random.random() < 0.5:
        return "".join(random.choice("0123456789.eE+-_xob:") for _ in range(random.randint(1, 8))).strip()
    tag = random.choice(
        ("", "", "!!str ", "!!int ", "!!float ", "!!bool ", "!!null ", "!foo ", "!!binary ", "!!timestamp ")
    )
    quote = random.choice(("", "", "", "'", '"'))
    text = random.choice(
        (
            "y", "No", "oN", "NULL", "~", "1_000", "0o17", "0b1", "-0x1F", "1e3", ".5", "5.", ".inf",
            "-.INF", ".NaN", "aGk=", "1:30", "2001-01-01", "2001-1-1T1:1:1Z", "9223372036854775808",
            "18446744073709551616", "1e308", "1e309", "0.1e-400", "-", "=", "<<",
        )
    )  # fmt: skip
    return f"{tag}{quote}{text}{quote}"


def _collection(random: Random) -> str:
    lines = ["base: &base {a: 1, b: {c: x}}", "other: &other {b: 2, d: [1]}"]
    for name in "uvwx":
        key = random.choice((name, f"'{name}'", f"? {name}\n", f"!!str {name}", "1", "yes"))
        value = random.choice(
            (
                "*base", "{<<: *base}", "{<<: [*other, *base], z: 1}", "{a: 0, <<: *base}",
                "[*base, *other]", "|\n  a\n   b\n\n  c\n", ">-\n  a\n  b\n\n  c\n", "|+\n  a\n\n",
                "'it''s'", '"a\\\n  b\\x41\\u00e9"', "a\n  b c", "[a, [b], {c: d}]", "[a,]", "{}",
                "\n- a\n- b: 1\n  c: 2", "\n  a:\n  - 1\n  -\n    - 2", "&x 5", "!!str 5", "a #b", "a#b",
                "'' # c", "[1, 2 # c\n  ]", "-1", "- 1", "a: b", "@a", "`a", "%a", "*nothing", "[", "\"",
                "{a: 1, a: 2", "? a", "|2\n   a", "|9\n   a", ">x\n a",
            )
        )  # fmt: skip
        lines.append(f"{key}: {value}")
    return "\n".join(lines)


def _compare(kubectl: str, folder: Path, bodies: list[str]) -> None:
    """What we read in one call, some of what we refuse one by one: an error hides all that follows."""
    read, refused = [], []
    for body in bodies:
        try:
            read.append((body, load(A + body + "\n")))
        except ManifestError as error:
            if "already set" not in str(error):
                refused.append(body)
    found = theirs(kubectl, folder, "\n---\n".join(A + body for body, _ in read))
    assert found is not None and len(found) == len(read)
    for (body, value), other in zip(read, found, strict=True):
        assert value == other, body
    assert refused
    for body in Random(3).sample(refused, min(40, len(refused))):
        assert theirs(kubectl, folder, A + body + "\n") is None, body
