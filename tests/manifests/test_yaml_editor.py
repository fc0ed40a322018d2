"""Edits keep what they don't touch."""

# ruff: noqa: E501 (tables of texts)

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_strategies import objects

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
        (lambda v: containers(v)[1].update(image="nginx:2"), "nginx:1.25 # image", "nginx:2 # image"),
        (lambda v: containers(v)[1].update(args=["x: y"]), '["a", b]', '["x: y"]'),
        (lambda v: v["spec"]["selector"]["matchLabels"].update(on="1"), "{app: web}", '{app: web, "on": "1"}'),
        (lambda v: v["metadata"].update(labels="x"), "  labels:\n    app: web\n", "  labels: x\n"),
        (lambda v: v["metadata"].pop("labels"), "  labels:\n    app: web\n", ""),
        (lambda v: v["metadata"].update(x={"z": [1]}), "    app: web\n", "    app: web\n  x:\n    z:\n    - 1\n"),
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
