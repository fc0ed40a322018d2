"""Two Services can't have one address, nor one node port."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from api_world import ApiWorld

from minikctl.errors import Invalid
from minikctl.manifests import validate
from minikctl.model import Object, ObjectKey

TYPES = ("ClusterIP", "NodePort", "LoadBalancer")
PORT = r"spec.ports\[1\].nodePort: Invalid value: 31390: provided port is already allocated"


def service(name: str, *node_ports: int, **spec: Any) -> Object:
    ports = [{"name": f"p{number}", "port": number, "nodePort": number} for number in node_ports]
    whole = {"type": "NodePort", "ports": [{"name": "first", "port": 80}, *ports], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": whole}


def test_a_node_port_that_another_service_has(world: ApiWorld) -> None:
    world.api.create(service("one", 31390))
    with pytest.raises(Invalid, match=f'^The Service "two" is invalid: {PORT}$'):
        world.api.create(service("two", 31390))
    with pytest.raises(Invalid, match=PORT):
        world.api.create(service("two", 31390), dry_run=True)
    assert world.api.apply([service("one", 31390, 31391)])[0].verb == "configured"
    world.api.delete(ObjectKey("Service", "default", "one"))
    world.api.create(service("two", 31390))


def test_a_change_to_a_node_port_that_another_service_has(world: ApiWorld) -> None:
    world.api.apply([service("one", 31390), service("two", 31391)])
    with pytest.raises(Invalid, match=PORT):
        world.api.apply([service("two", 31390)])
    with pytest.raises(Invalid, match=PORT):
        world.api.update(ObjectKey("Service", "default", "two"), lambda live: service("two", 31390))


def test_documents_of_one_apply_are_held_to_each_other(world: ApiWorld) -> None:
    with pytest.raises(Invalid, match=PORT):
        world.api.apply([service("one", 31390), service("two", 31390)])
    assert world.store.list("Service") == []


def test_an_address_that_another_service_has(world: ApiWorld) -> None:
    world.api.create(service("one", clusterIP="10.244.240.9"))
    text = "failed to allocate IP 10.244.240.9: provided IP is already allocated"
    with pytest.raises(Invalid, match=rf'spec.clusterIPs: Invalid value: \["10.244.240.9"\]: {text}'):
        world.api.create(service("two", clusterIP="10.244.240.9"))
    world.api.create(service("three", type="ClusterIP", clusterIP="None"))
    world.api.create(service("four", type="ClusterIP", clusterIP="None"))


def test_a_file_is_obeyed_as_soon_as_the_port_is_free(world: ApiWorld) -> None:
    world.api.apply([service("one", 31390), service("two", 31391)])
    path = "default/service.two.yaml"
    world.write(path, world.text(path).replace("31391", "31390"))
    (problem,) = world.api.absorb()
    assert "already allocated" in problem.message
    world.api.delete(ObjectKey("Service", "default", "one"))
    assert not world.api.absorb()
    assert world.api.get(ObjectKey("Service", "default", "two"))["spec"]["ports"][1]["nodePort"] == 31390


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(TYPES, 2)))
@pytest.mark.parametrize("is_applied", [True, False], ids=["applied", "patched"])
def test_another_type_keeps_nothing_that_only_the_old_one_has(
    world: ApiWorld, before: str, after: str, is_applied: bool
) -> None:
    """What is stored and what stands in the file are valid, so that a lost state.db is read from it."""
    key = ObjectKey("Service", "default", "one")
    world.api.create(service("one", type=before))
    if is_applied:
        world.api.apply([service("one", type=after)])
    else:
        world.api.update(key, lambda live: {**live, "spec": {**live["spec"], "type": after}})
    live = world.api.get(key)
    assert ("externalTrafficPolicy" in live["spec"]) == (after != "ClusterIP")
    assert ("allocateLoadBalancerNodePorts" in live["spec"]) == (after == "LoadBalancer")
    assert validate(world.file("default/service.one.yaml")) == []
    world.api.update(key, lambda live: {**live, "metadata": {**live["metadata"], "labels": {"a": "b"}}})
