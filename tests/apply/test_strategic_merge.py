"""Strategic merge patch, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest
from apply_corpus import table

from minikctl.apply.failure import PatchError
from minikctl.apply.strategic import strategic_merge
from minikctl.model import copy

POD = table("Pod")


def merged(original: dict[str, Any], patch: dict[str, Any]) -> Any:
    """The merge of two pod specs."""
    return strategic_merge({"spec": original}, {"spec": patch}, POD)["spec"]


def named(*names: str) -> list[dict[str, Any]]:
    return [{"name": name} for name in names]


@pytest.mark.parametrize(
    ("original", "patch", "expected"),
    [
        pytest.param({"a": 1, "b": 2}, {"b": 3, "c": 4}, {"a": 1, "b": 3, "c": 4}, id="maps merge"),
        pytest.param({"a": 1, "b": 2}, {"a": None, "z": None}, {"b": 2}, id="null deletes"),
        pytest.param({}, {"m": {"a": None, "b": 1}}, {"m": {"b": 1}}, id="nulls never arrive"),
        pytest.param({"m": {"a": 1}}, {"m": {"$patch": "replace", "b": 1}}, {"m": {"b": 1}}, id="replace"),
        pytest.param(
            {"m": {"a": 1}}, {"m": {"$patch": "delete"}}, {"m": {}}, id="delete leaves an empty map"
        ),
        pytest.param(
            {"m": {"a": 1}}, {"m": {"$patch": "merge", "b": 1}}, {"m": {"a": 1, "b": 1}}, id="merge"
        ),
        pytest.param({"l": [1, 2]}, {"l": [3]}, {"l": [3]}, id="a list without rule is atomic"),
        pytest.param({"x": {"a": 1}}, {"x": [1]}, {"x": [1]}, id="another type replaces"),
        pytest.param({"x": 1}, {"x": {"$patch": "delete"}}, {}, id="a bare directive is nothing"),
        pytest.param(
            {"containers": [{"name": "a", "image": "1"}, {"name": "b"}]},
            {"containers": [{"name": "a", "image": "2"}]},
            {"containers": [{"name": "a", "image": "2"}, {"name": "b"}]},
            id="items merge by key",
        ),
        pytest.param(
            {"containers": named("a", "b")},
            {"containers": [{"name": "a", "$patch": "delete"}, {"name": "c"}]},
            {"containers": named("c", "b")},
            id="an item is deleted",
        ),
        pytest.param(
            {"containers": named("a", "b")},
            {"containers": [{"$patch": "replace"}, {"name": "c"}]},
            {"containers": named("c")},
            id="a list is replaced",
        ),
        pytest.param(
            {"containers": named("a", "b", "c")},
            {"$setElementOrder/containers": named("c", "a")},
            {"containers": named("b", "c", "a")},
            id="order alone; the rest keeps its place",
        ),
        pytest.param(
            {"containers": named("a", "b")},
            {"$setElementOrder/containers": named("c", "b"), "containers": named("c")},
            {"containers": named("c", "a", "b")},
            id="order with a new item",
        ),
        pytest.param(
            {"volumes": [{"name": "v", "emptyDir": {}}]},
            {"volumes": [{"name": "v", "configMap": {"name": "c"}, "$retainKeys": ["name", "configMap"]}]},
            {"volumes": [{"name": "v", "configMap": {"name": "c"}}]},
            id="retainKeys clears the others",
        ),
    ],
)
def test_rules(original: dict[str, Any], patch: dict[str, Any], expected: dict[str, Any]) -> None:
    assert merged(original, patch) == expected


def test_scalars_with_merge_strategy_are_a_set() -> None:
    live = {"metadata": {"finalizers": ["a", "b", "c"]}}
    added = strategic_merge(live, {"metadata": {"finalizers": ["d", "a"]}}, POD)
    assert sorted(added["metadata"]["finalizers"]) == ["a", "b", "c", "d"]
    removed = strategic_merge(live, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["b"]}}, POD)
    assert removed["metadata"]["finalizers"] == ["a", "c"]


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param({"$patch": "nonsense"}, id="unknown directive"),
        pytest.param({"containers": [{"name": "a", "$patch": "merge"}]}, id="merge in a list"),
        pytest.param({"containers": [{"image": "x"}]}, id="no merge key"),
        pytest.param({"$retainKeys": ["a"], "b": 1}, id="retainKeys does not name a key"),
        pytest.param({"$setElementOrder/containers": "a"}, id="order is not a list"),
        pytest.param(
            {"$setElementOrder/containers": named("a", "b"), "containers": named("b", "a")},
            id="orders differ",
        ),
    ],
)
def test_malformed_patches_are_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(PatchError):
        merged({"containers": named("a")}, patch)


def test_arguments_stay_and_nothing_is_shared() -> None:
    original, patch = (
        {"spec": {"containers": named("a")}},
        {"spec": {"containers": [{"name": "b", "env": []}]}},
    )
    before = copy([original, patch])
    result = strategic_merge(original, patch, POD)
    for item in result["spec"]["containers"]:
        item["changed"] = True
    assert [original, patch] == before
