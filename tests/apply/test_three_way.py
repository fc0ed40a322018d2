"""Three-way apply: what is deleted, what stays, what is left as it is."""

from __future__ import annotations

from typing import Any

import pytest
from apply_corpus import table
from hypothesis import given
from hypothesis import strategies as st

from minikctl.apply.threeway import three_way, three_way_patch
from minikctl.model import Object

DEPLOYMENT = table("Deployment")


def pod(**spec: Any) -> Object:
    return {"spec": {"template": {"spec": spec}}}


def named(*names: str) -> list[dict[str, Any]]:
    return [{"name": name} for name in names]


def test_what_somebody_else_set_stays() -> None:
    manifest = {"metadata": {"labels": {"app": "web"}}, "spec": {"paused": False}}
    live = {"metadata": {"labels": {"app": "web", "other": "x"}}, "spec": {"paused": False, "replicas": 5}}
    assert three_way(manifest, live, manifest, DEPLOYMENT) == live
    assert three_way_patch(manifest, live, manifest, DEPLOYMENT) == {}


def test_what_the_manifest_drops_goes() -> None:
    last = {"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"replicas": 3, "minReadySeconds": 5}}
    live = {**last, "status": {"replicas": 3}}
    new = {"metadata": {"labels": {"a": "1"}}, "spec": {"replicas": 3}}
    assert three_way(last, live, new, DEPLOYMENT) == {**new, "status": {"replicas": 3}}
    patch = three_way_patch(last, live, new, DEPLOYMENT)
    assert patch == {"metadata": {"labels": {"b": None}}, "spec": {"minReadySeconds": None}}


def test_without_a_last_manifest_nothing_goes() -> None:
    live, new = pod(containers=named("a", "b")), pod(containers=named("b"))
    assert three_way(None, live, new, DEPLOYMENT) == live


def test_a_live_edit_is_taken_back_where_the_manifest_says_otherwise() -> None:
    manifest, live = {"spec": {"replicas": 3}}, {"spec": {"replicas": 9}}
    assert three_way(manifest, live, manifest, DEPLOYMENT) == manifest


@pytest.mark.parametrize(
    ("last", "live", "new", "expected"),
    [
        pytest.param("ab", "ab", "b", "b", id="dropped"),
        pytest.param("ab", "abs", "b", "bs", id="dropped, the injected one stays"),
        pytest.param("ab", "ab", "ba", "ba", id="reordered"),
        pytest.param("ab", "sab", "ba", "sba", id="reordered around an injected one"),
        pytest.param("a", "a", "ca", "ca", id="added in front"),
        pytest.param("ab", "b", "b", "b", id="dropped here and there"),
    ],
)
def test_lists_by_key(last: str, live: str, new: str, expected: str) -> None:
    before, now, wanted, result = (pod(containers=named(*names)) for names in (last, live, new, expected))
    assert three_way(before, now, wanted, DEPLOYMENT) == result


@pytest.mark.parametrize(
    ("last", "live", "new", "expected"),
    [("ab", "abx", "b", "bx"), ("a", "a", "ac", "ac"), ("", "x", "", "x")],
)
def test_lists_of_scalars(last: str, live: str, new: str, expected: str) -> None:
    before, now, wanted, result = ({"metadata": {"finalizers": list(x)}} for x in (last, live, new, expected))
    assert three_way(before, now, wanted, DEPLOYMENT) == result


def test_an_item_keeps_what_others_added_to_it() -> None:
    manifest = pod(containers=[{"name": "a", "image": "2"}])
    live = pod(containers=[{"name": "a", "image": "1", "imagePullPolicy": "Always"}])
    merged = three_way(None, live, manifest, DEPLOYMENT)
    assert merged == pod(containers=[{"name": "a", "image": "2", "imagePullPolicy": "Always"}])


def test_retained_keys_leave_nothing_of_another_strategy() -> None:
    live = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    new = {"spec": {"strategy": {"type": "Recreate"}}}
    assert three_way(None, live, new, DEPLOYMENT) == new


def test_a_volume_has_one_source() -> None:
    live, new = (
        pod(volumes=[{"name": "v", **source}]) for source in ({"emptyDir": {}}, {"configMap": {"name": "c"}})
    )
    assert three_way(None, live, new, DEPLOYMENT) == new


def test_an_injected_container_does_not_make_each_apply_a_change() -> None:
    manifest, live = pod(containers=named("a")), pod(containers=named("a", "sidecar"))
    assert three_way_patch(manifest, live, manifest, DEPLOYMENT) == {}


def test_equal_merge_keys_are_told_apart_by_their_place() -> None:
    ports = [{"containerPort": 53, "protocol": protocol} for protocol in ("TCP", "UDP")]
    manifest = pod(containers=[{"name": "dns", "ports": ports}])
    assert three_way_patch(manifest, manifest, manifest, DEPLOYMENT) == {}
    without_udp = pod(containers=[{"name": "dns", "ports": ports[:1]}])
    assert three_way(manifest, manifest, without_udp, DEPLOYMENT) == without_udp


# --- properties --------------------------------------------------------------------------------

_KEYS = st.sampled_from("abcd")
_MAPS = st.dictionaries(_KEYS, st.sampled_from(["1", "2"]), max_size=4)


@st.composite
def _objects(draw: st.DrawFn) -> Object:
    containers = [
        {"name": name, "image": draw(st.sampled_from("12")), "env": draw(_named_values())}
        for name in draw(st.lists(_KEYS, unique=True))
    ]
    return {
        "metadata": {"labels": draw(_MAPS), "finalizers": draw(st.lists(_KEYS, unique=True))},
        "spec": {
            "strategy": draw(_MAPS),
            "template": {"spec": {"containers": containers, "nodeSelector": draw(_MAPS)}},
        },
    }


def _named_values() -> st.SearchStrategy[list[dict[str, str]]]:
    return _MAPS.map(lambda values: [{"name": name, "value": value} for name, value in values.items()])


@given(last=st.none() | _objects(), live=_objects(), new=_objects())
def test_the_same_manifest_again_is_an_empty_patch(last: Object | None, live: Object, new: Object) -> None:
    applied = three_way(last, live, new, DEPLOYMENT)
    assert three_way_patch(new, applied, new, DEPLOYMENT) == {}


@given(last=_objects(), new=_objects())
def test_an_untouched_object_becomes_the_manifest(last: Object, new: Object) -> None:
    assert three_way(last, last, new, DEPLOYMENT) == new


@given(last=st.none() | _objects(), live=_objects(), new=_objects())
def test_labels_are_the_manifest_s_and_those_of_others(
    last: Object | None, live: Object, new: Object
) -> None:
    dropped = (last or {"metadata": {"labels": {}}})["metadata"]["labels"].keys()
    others = {k: v for k, v in live["metadata"]["labels"].items() if k not in dropped}
    result = three_way(last, live, new, DEPLOYMENT)["metadata"]["labels"]
    assert result == {**others, **new["metadata"]["labels"]}
