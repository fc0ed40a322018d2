"""Edits keep what they don't touch."""

# ruff: noqa: E501 (tables of texts)

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_strategies import objects
from manifest_corpus import corpus

from minikctl.errors import ManifestError
from minikctl.manifests import dump_yaml, edit_yaml
from minikctl.manifests.yaml_reader import load

TEXT = """\
# top
apiVersion: apps/v1  # version
kind: Deployment
metadata:
  name: web   # the name
  labels:
    app: web

# about the spec
spec:
  replicas: 3 # three
  # the selector
  selector:
    matchLabels: {app: web}
  template:
    spec:
      containers:
        # the side
        - name: side   # side
          image: "busybox:1"
        # the web
        - name: web
          image: nginx:1.25 # image
          args: ["a", b]
          script: |
            # no comment
            echo
          env:
            - name: A # first
              value: "1"
            # about B
            - name: B
              value: 'yes'
# foot
"""


def edited(change: Any) -> str:
    value = load(TEXT)
    change(value)
    text = edit_yaml(TEXT, value)
    assert load(text) == value
    return text


def containers(value: Any) -> list[Any]:
    found: list[Any] = value["spec"]["template"]["spec"]["containers"]
    return found


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (lambda v: v["spec"].update(replicas=5), "replicas: 3 # three", "replicas: 5 # three"),
        (lambda v: containers(v)[1].update(image="nginx:2"), "nginx:1.25 # image", "nginx:2    # image"),
        (lambda v: containers(v)[1].update(args=["x: y"]), '["a", b]', '["x: y"]'),
        (lambda v: v["spec"]["selector"]["matchLabels"].update(on="1"), "{app: web}", '{app: web, "on": "1"}'),
        (lambda v: v["metadata"].update(labels="x"), "  labels:\n    app: web\n", "  labels: x\n"),
        (lambda v: v["metadata"].pop("labels"), "  labels:\n    app: web\n", ""),
        (lambda v: v["metadata"].update(x={"z": [1]}), "    app: web\n", "    app: web\n  x:\n    z:\n      - 1\n"),
        (lambda v: v.update(z="\n"), "# foot", 'z: |2+\n\n# foot'),
        (lambda v: containers(v)[1].update(script="x\ny\n"), "            # no comment\n            echo\n",
         "            x\n            y\n"),
        (lambda v: containers(v)[1]["env"].append({"name": "C"}), "'yes'\n", "'yes'\n            - name: C\n"),
        (lambda v: containers(v)[1]["env"].pop(0), '            - name: A # first\n              value: "1"\n', ""),
        (
            lambda v: containers(v).pop(0),
            '        # the side\n        - name: side   # side\n          image: "busybox:1"\n',
            "",
        ),
    ],
)  # fmt: skip
def test_only_the_change_changes(change: Any, old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    assert edited(change) == TEXT.replace(old, new)


def test_items_with_names_keep_their_comments_when_they_move() -> None:
    text = edited(lambda v: containers(v).reverse())
    web, side = text.index("# the web"), text.index("# the side")
    assert (
        web < text.index("- name: web") < text.index("about B") < side < text.index("- name: side   # side")
    )


def test_unchanged_text_stays() -> None:
    assert edit_yaml(TEXT, load(TEXT)) == TEXT
    assert edit_yaml("# x\na: 1e3\n", {"a": 1000}) == "# x\na: 1e3\n"


@pytest.mark.parametrize(
    "text",
    ["", "# c", "- 1", "a: &x {b: 1}\nc: *x", "a: &x {b: 1}\nc: {<<: *x}", "{a: 1}", '{"a": [1]}', "? a\n: b", "a: 1\r\nb: 2",
     "1: x", "a:\n-\n  b: 1\n", "a:\n- - 1\n  - 2", "a:\n- b:\n    c: 1\n  d: 1", "a: >\n  x\n  y\n", "a:\nb:"],
)  # fmt: skip
@pytest.mark.parametrize(
    "new", [{}, {"a": {"b": 2}, "c": [1]}, {"a": [{"b": 2}], "1": "y"}, {"a": None}, [1], 1, "on"]
)
def test_odd_layouts_are_right_at_least(text: str, new: Any) -> None:
    assert load(edit_yaml(text, new)) == new


LAYOUTS = [
    "a: 0777\nb: ~\nc: on\nd: 2001-01-01\ne: 1e3\nf: null\ng: 0x1F # h\ni:\nj: 'it''s'\nk: \"a\\tb\"\n",
    "# license\n\n---\n# b\na: 1\n",
    "a:\n- b: 1 # c\n\n  # d\n  e:\n  - f\n# g\n- h\n",
    "a:\n  - b: 1 # c\n    # d\n    e:\n      - f\n  # g\n  - h\n",
    "a:\n    b:\n        c:\n        -   d\n        -   e: 1\n",
    "a: # b\n  # c\n  d: 1 # e\n  # f\ng: | # h\n  # i\n\n\n# j\nk: >-\n  l\n  m\n# n\no: {p: [q]} # r\n# s\n",
    "a: &b\n  c: 1\nd: *b\n# f\ne: !!str 1\n",
    "a: 'b\n\n  c' # d\ne: " + "f " * 99 + "f\n",
]


@pytest.mark.parametrize("text", LAYOUTS)
def test_layout_stays(text: str) -> None:
    assert (
        edit_yaml(text, {**load(text), "new": 1})
        == text[: foot_of(text)] + "new: 1\n" + text[foot_of(text) :]
    )


def test_comments_behind_an_alias_stay_there() -> None:
    text = "a: &b\n  c: 1\nd: *b # e\n# f\ng: 1\n"
    result = edit_yaml(text, {**load(text), "g": 2})
    assert result.index("c: 1") < result.index("d: *b") < result.index("# e") < result.index("# f\ng: 2\n")


def foot_of(text: str) -> int:
    """Where the comments after the last value begin."""
    lines = text.splitlines(keepends=True)
    while lines[-1].startswith("#"):
        del lines[-1]
    return sum(map(len, lines))


@pytest.mark.parametrize(
    ("text", "new", "expected"),
    [
        ('a: "b" # c\n', {"a": "d"}, 'a: "d" # c\n'),
        ("a: 'b'\n", {"a": 1}, "a: 1\n"),
        ("a: |- # b\n  c\nd: 1\n", {"a": None, "d": 1}, "a: null\nd: 1\n"),
        ("a: |- # b\n  c\nd: 1\n", {"a": {"e": 1}, "d": 1}, "a:\n  e: 1\nd: 1\n"),
        (
            "a:\n# b\n- containerPort: 1\n# c\n- containerPort: 2\n",
            {"a": [{"containerPort": 2, "protocol": "UDP"}]},
            "a:\n# c\n- containerPort: 2\n  protocol: UDP\n",
        ),
        ("a:\n# b\n- port: 1 # c\n", {"a": [{"port": 2}]}, "a:\n# b\n- port: 2 # c\n"),
        ("a:\n# b\n- name: c\n# d\n- name: e\n", {"a": [{"name": "e"}]}, "a:\n# d\n- name: e\n"),
        ("a:\n# b\n- c\n# d\n- e\n", {"a": ["f", "e", "c"]}, "a:\n- f\n# d\n- e\n# b\n- c\n"),
        ("# a\nb: 1\n# c\nd: 1\n# e\n", {"d": 1}, "# c\nd: 1\n# e\n"),
        ("a:\n  b: # c\n    # d\n    e: 1\n  # f\n  g: 1\n", {"a": {"g": 1}}, "a:\n  # f\n  g: 1\n"),
        (
            "# a\r\nb: 1 # c\r\n\r\n# d\r\ne: |\r\n  f\r\n",
            {"b": 2, "e": "f\n"},
            "# a\r\nb: 2 # c\r\n\r\n# d\r\ne: |\r\n  f\r\n",
        ),
        ("a:\n- b\n\nc: # d\n  - e\n", {"a": ["b"], "c": ["e", "f"]}, "a:\n- b\n\nc: # d\n- e\n- f\n"),
    ],
)
def test_comments_go_with_what_they_are_about(text: str, new: Any, expected: str) -> None:
    assert edit_yaml(text, new) == expected


def test_comments_in_public_manifests_survive() -> None:
    changed = same = 0
    for file in sorted((corpus() / "manifests").rglob("*.yaml")):
        for text in re.split(r"(?m)^---.*\n", file.read_text()):
            if (value := readable(text)) and "#" in text:
                result = edit_yaml(text, {**value, "new": "x"})
                assert set(re.findall("#.*", text)) <= set(re.findall("#.*", result)), file
                changed += 1
                same += len(result) == len(text) + len("new: x\n")
    assert changed > 90
    assert same / changed > 0.6  # the others are not indented evenly


def readable(text: str) -> dict[str, Any] | None:
    try:
        value = load(text)
    except ManifestError:
        return None
    return value if isinstance(value, dict) else None


def test_true_is_not_one() -> None:
    assert load(edit_yaml("a: true\n", {"a": 1}))["a"] is not True
    assert edit_yaml("a: 1 # x\n", {"a": True}) == "a: true # x\n"


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(ManifestError):
        edit_yaml("a: [1", {})


@given(objects, objects)
def test_edit_reads_as_the_new_value(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert load(edit_yaml(dump_yaml(old), new)) == new


@given(st.data())
def test_comments_of_untouched_keys_survive(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True))
    old = {name: {"v": 1, "l": [{"name": name, "w": 2}]} for name in names}
    lines: list[str] = []
    for name in names:
        lines += [f"# above {name}", f"{name}: # beside {name}", "  v: 1", "  l:"]
        lines += [f"  # item {name}", f"  - name: {name}", "    w: 2"]
    new = copy.deepcopy(old)
    for name in names:
        match data.draw(st.sampled_from(["keep", "drop", "change"])):
            case "drop":
                del new[name]
            case "change":
                new[name]["v"] = data.draw(st.sampled_from([2, "on", [1], {"k": "v"}]))
                new[name]["l"][0]["more"] = [1]
    text = edit_yaml("\n".join(lines) + "\n", new)
    assert load(text) == new
    for name in names:
        for comment in (f"# above {name}", f"# beside {name}", f"# item {name}"):
            assert (comment in text) == (name in new)
