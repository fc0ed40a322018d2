"""Declared files: sparse, complete, and in the author's order."""

from __future__ import annotations

from typing import Any

from apply_corpus import table
from hypothesis import given
from hypothesis import strategies as st

from minikctl.apply.sparse import declared, sparsify
from minikctl.model import Object
from minikctl.model.defaults import set_defaults

DEPLOYMENT = table("Deployment")


def manifest(**spec: Any) -> Object:
    containers = [{"name": "web", "image": "nginx:1.27"}]
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}
    selector = {"matchLabels": {"app": "web"}}
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "n"}}
    return {**head, "spec": {"selector": selector, "template": template, **spec}}


def test_what_was_written_comes_back_as_it_was_written() -> None:
    written = manifest(replicas=3, strategy={"type": "Recreate"})
    assert sparsify(set_defaults(written), [written], set_defaults, DEPLOYMENT) == written


def test_the_order_of_keys_is_the_author_s() -> None:
    written = dict(reversed(manifest(replicas=1).items()))
    sparse = sparsify(set_defaults(written), [written], set_defaults, DEPLOYMENT)
    assert list(sparse) == ["spec", "metadata", "kind", "apiVersion"]


def test_a_default_that_was_written_stays() -> None:
    written = manifest(replicas=1)
    assert sparsify(set_defaults(written), [written], set_defaults)["spec"]["replicas"] == 1


def test_what_no_hint_knows_is_added() -> None:
    full = set_defaults(manifest(replicas=7, strategy={"type": "Recreate"}))
    sparse = sparsify(full, [manifest()], set_defaults, DEPLOYMENT)
    assert sparse == manifest(replicas=7, strategy={"type": "Recreate"})


def test_what_the_server_sets_is_not_declared() -> None:
    full = set_defaults(manifest())
    full["metadata"] |= {"uid": "u", "resourceVersion": "1", "generation": 2, "labels": {"a": "b"}}
    full["status"] = {"replicas": 1}
    sparse = sparsify(full, [], set_defaults)
    assert "status" not in sparse
    assert sparse["metadata"] == {"name": "web", "namespace": "n", "labels": {"a": "b"}}


def test_defaults_are_only_asked_for_objects_that_name_themselves() -> None:
    asked = []

    def defaults(obj: Object) -> Object:
        asked.append((obj.get("apiVersion"), obj.get("kind"), obj.get("metadata", {}).get("name")))
        return set_defaults(obj)

    sparsify(set_defaults(manifest()), [], defaults)
    assert set(asked) == {("apps/v1", "Deployment", "web")}


_CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("abc"), "image": st.sampled_from(["x", "x:1"])},
        optional={
            "imagePullPolicy": st.sampled_from(["Always", "Never"]),
            "command": st.lists(st.sampled_from("xy"), min_size=1, max_size=2),
            "ports": st.just([{"containerPort": 80}]),
            "env": st.just([{"name": "A", "value": "1"}]),
        },
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda container: container["name"],
)


@st.composite
def _manifests(draw: st.DrawFn) -> Object:
    optional = {
        "replicas": st.integers(0, 3),
        "minReadySeconds": st.integers(0, 2),
        "strategy": st.sampled_from(
            [{"type": "Recreate"}, {"type": "RollingUpdate"}, {"rollingUpdate": {"maxSurge": 2}}]
        ),
    }
    result = manifest(**draw(st.fixed_dictionaries({}, optional=optional)))
    result["spec"]["template"]["spec"]["containers"] = draw(_CONTAINERS)
    result["metadata"]["labels"] = draw(st.dictionaries(st.sampled_from("ab"), st.just("1"), min_size=1))
    return result


@given(written=_manifests(), hints=st.lists(_manifests(), max_size=2), keyed=st.booleans())
def test_defaults_make_it_whole_again(written: Object, hints: list[Object], keyed: bool) -> None:
    full = set_defaults(written)
    sparse = sparsify(full, hints, set_defaults, DEPLOYMENT if keyed else None)
    assert set_defaults(sparse) == declared(full)
