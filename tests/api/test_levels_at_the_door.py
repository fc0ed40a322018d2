"""A namespace's Pod Security level at the door: Pods are refused, workloads are let in."""

from __future__ import annotations

from typing import Any

import pytest
from api_world import ApiWorld, deployment, key
from api_world import namespace as named
from api_world import pod as plain

from minikctl.errors import Forbidden
from minikctl.model import Object

LEVEL = "pod-security.kubernetes.io/enforce"


def namespace(level: str = "") -> Object:
    return named("strict", **{LEVEL: level} if level else {})


def pod(**context: Any) -> Object:
    obj = plain("p")
    obj["metadata"]["namespace"] = "strict"
    obj["spec"]["containers"][0]["securityContext"] = context
    return obj


REFUSED = (
    'pods "p" is forbidden: violates PodSecurity "baseline:latest": privileged (container "app" must not set '
    "securityContext.privileged=true)"
)


@pytest.fixture
def strict(world: ApiWorld) -> ApiWorld:
    world.api.create(namespace("baseline"))
    return world


def test_a_pod_that_its_level_forbids_is_not_created(strict: ApiWorld) -> None:
    with pytest.raises(Forbidden) as error:
        strict.api.create(pod(privileged=True))
    assert str(error.value) == REFUSED
    assert strict.api.find(key("Pod", "p", "strict")) is None
    strict.api.create(pod(privileged=False))


def test_nor_applied_nor_in_a_dry_run(strict: ApiWorld) -> None:
    for dry_run in (False, True):
        with pytest.raises(Forbidden, match="violates PodSecurity"):
            strict.api.apply([pod(privileged=True)], dry_run=dry_run)


def test_a_namespace_of_the_same_apply_counts_as_it_will_be(world: ApiWorld) -> None:
    with pytest.raises(Forbidden):
        world.api.apply([namespace("baseline"), pod(privileged=True)])
    world.api.apply([namespace("privileged"), pod(privileged=True)])


def test_without_a_level_everything_is_let_in(world: ApiWorld) -> None:
    world.api.apply([namespace(), pod(privileged=True)])


def test_a_workload_is_let_in(strict: ApiWorld) -> None:
    web = deployment(namespace="strict")
    web["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    assert strict.api.apply([web])[0].verb == "created"


def test_a_pod_in_a_file_is_let_in_once_its_namespace_allows_it(strict: ApiWorld) -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: strict}\nspec:\n  containers:\n"
    text += "  - {name: app, image: 'i:1', securityContext: {privileged: true}}\n"
    strict.write("strict/pod.p.yaml", text)
    assert [problem.message for problem in strict.api.absorb()] == [REFUSED]
    strict.api.apply([namespace("privileged")])
    assert not strict.api.absorb()
    assert strict.api.find(key("Pod", "p", "strict")) is not None
