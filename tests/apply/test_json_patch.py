"""JSON patch and JSON merge patch: the RFCs' own examples, and the limits."""

from __future__ import annotations

from typing import Any

import pytest

from minikctl.apply import patch as patches
from minikctl.apply.failure import PatchError
from minikctl.apply.patch import json_patch, merge_patch


@pytest.mark.parametrize(
    ("document", "operation", "expected"),
    [
        ({"a": 1}, {"op": "add", "path": "/b", "value": 2}, {"a": 1, "b": 2}),
        ({"a": [1, 3]}, {"op": "add", "path": "/a/1", "value": 2}, {"a": [1, 2, 3]}),
        ({"a": [1]}, {"op": "add", "path": "/a/-", "value": 2}, {"a": [1, 2]}),
        ({"a": 1}, {"op": "add", "path": "", "value": {"b": 2}}, {"b": 2}),
        ({"x/y": {"~": 1}}, {"op": "replace", "path": "/x~1y/~0", "value": 2}, {"x/y": {"~": 2}}),
        ({}, {"op": "replace", "path": "/new", "value": 2}, {"new": 2}),
        ({"a": [1, 2]}, {"op": "remove", "path": "/a/0"}, {"a": [2]}),
        ({"a": {"b": 1}}, {"op": "move", "from": "/a/b", "path": "/c"}, {"a": {}, "c": 1}),
        ({"a": [1]}, {"op": "copy", "from": "/a", "path": "/b"}, {"a": [1], "b": [1]}),
        ({"a": 1}, {"op": "test", "path": "/a", "value": 1}, {"a": 1}),
        ({}, {"op": "test", "path": "/a", "value": None}, {}),
    ],
)
def test_operations(document: Any, operation: Any, expected: Any) -> None:
    assert json_patch(document, [operation]) == expected


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ({"op": "remove", "path": "/nothing"}, "Invalid"),
        ({"op": "remove", "path": "/list/9"}, "Invalid"),
        ({"op": "add", "path": "/list/3", "value": 1}, "Invalid"),
        ({"op": "add", "path": "/list/01", "value": 1}, "Invalid"),
        ({"op": "add", "path": "/no/where", "value": 1}, "Invalid"),
        ({"op": "replace", "path": "/list/2", "value": 1}, "Invalid"),
        ({"op": "test", "path": "/flag", "value": 1}, "Invalid"),
        ({"op": "move", "from": "/list", "path": "/list/0"}, "Invalid"),
        ({"op": "add", "path": "list", "value": 1}, "BadRequest"),
        ({"op": "add", "path": "/list/-"}, "BadRequest"),
        ({"op": "twist", "path": "/list"}, "BadRequest"),
        ("text", "BadRequest"),
    ],
)
def test_what_does_not_fit_is_refused(operation: Any, reason: str) -> None:
    with pytest.raises(PatchError) as refusal:
        json_patch({"list": [1, 2], "flag": True}, [operation])
    assert refusal.value.reason == reason


def test_it_is_all_or_nothing() -> None:
    document = {"a": 1}
    with pytest.raises(PatchError):
        json_patch(document, [{"op": "remove", "path": "/a"}, {"op": "remove", "path": "/b"}])
    assert document == {"a": 1}


def test_copies_that_double_each_time_end_early() -> None:
    doubling = {"op": "copy", "from": "/a", "path": "/a/-"}
    with pytest.raises(PatchError, match="copies more than"):
        json_patch({"a": ["x" * 100]}, [doubling] * 64)


def test_the_number_of_operations_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "MAX_OPERATIONS", 2)
    with pytest.raises(PatchError, match="3 operations"):
        json_patch({}, [{"op": "add", "path": "/a", "value": 1}] * 3)


@pytest.mark.parametrize(
    ("original", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": "foo"}, "bar", "bar"),
    ],
)
def test_merge_patch(original: Any, patch: Any, expected: Any) -> None:
    assert merge_patch(original, patch) == expected
