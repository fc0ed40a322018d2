"""Two who want the last place of a quota: one gets it."""

from __future__ import annotations

from typing import Any

import pytest
from api_world import ApiWorld

from minikctl.errors import Forbidden
from minikctl.model import Object, ObjectKey, name_of, status_of
from minikctl.model.writes import Write

QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "q"},
    "spec": {"hard": {"pods": "1", "services": "1"}},
}


def pod(name: str) -> Object:
    spec = {"containers": [{"name": "a", "image": "a"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def service(kind: str, name: str = "s") -> Object:
    spec = {"type": kind, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def used(world: ApiWorld) -> Any:
    return status_of(world.api.get(ObjectKey("ResourceQuota", "default", "q")))["used"]


def test_a_commit_pays_for_what_it_makes(world: ApiWorld) -> None:
    world.api.create(QUOTA)
    world.api.create(pod("a"))
    assert used(world) == {"pods": "1", "services": "0"}
    world.api.apply([service("ClusterIP")])
    assert used(world) == {"pods": "1", "services": "1"}
    with pytest.raises(Forbidden, match='pods "b" is forbidden: exceeded quota: q, requested: pods=1, used'):
        world.api.create(pod("b"))


def test_a_batch_is_counted_together_and_made_as_a_whole_or_not(world: ApiWorld) -> None:
    with pytest.raises(Forbidden, match="exceeded quota"):
        world.api.apply([QUOTA, pod("a"), pod("b")])
    assert world.store.list("Pod") == []
    world.api.apply([QUOTA, pod("a")])


def test_somebody_else_takes_the_last_place_meanwhile(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.api.create(QUOTA)
    real = world.store.commit

    def commit(writes: list[Write]) -> list[Object]:
        monkeypatch.setattr(world.store, "commit", real)
        world.api.create(pod("first"))
        return real(writes)

    monkeypatch.setattr(world.store, "commit", commit)
    with pytest.raises(Forbidden, match="exceeded quota"):
        world.api.create(pod("second"))
    assert [name_of(one) for one in world.store.list("Pod")] == ["first"]


def test_a_change_is_paid_for_too(world: ApiWorld) -> None:
    whole = {**QUOTA, "spec": {"hard": {"services.nodeports": "0"}}}
    world.api.create(whole)
    world.api.apply([service("ClusterIP")])
    with pytest.raises(Forbidden, match='services "s" is forbidden: exceeded quota: q, requested: services'):
        world.api.apply([service("NodePort")])
    key = ObjectKey("Service", "default", "s")
    with pytest.raises(Forbidden, match="exceeded quota"):
        world.api.update(key, lambda one: {**one, "spec": {**one["spec"], "type": "NodePort"}})


GOLD = "gold.storageclass.storage.k8s.io/persistentvolumeclaims"
GOLD_IS_DEFAULT = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "gold", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "engine.minikctl.io",
}
CLAIM: Object = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


def test_a_claim_without_a_class_is_counted_to_the_default_one(world: ApiWorld) -> None:
    bound = {**QUOTA, "spec": {"hard": {GOLD: "1"}}}
    other = {**CLAIM, "metadata": {"name": "other"}}
    with pytest.raises(Forbidden, match="exceeded quota: q, requested: gold"):
        world.api.apply([other, CLAIM, bound, GOLD_IS_DEFAULT])
    world.api.apply([bound, GOLD_IS_DEFAULT])
    world.api.apply([CLAIM])
    assert used(world) == {GOLD: "1"}
    key = ObjectKey("PersistentVolumeClaim", "default", "data")
    assert world.api.get(key)["spec"]["storageClassName"] == "gold"
    assert "storageClassName" not in world.text("default/persistentvolumeclaim.data.yaml")
    assert [one.verb for one in world.api.apply([CLAIM])] == ["unchanged"]


def test_the_same_by_files(world: ApiWorld) -> None:
    other = ApiWorld()
    other.api.apply([CLAIM, {**QUOTA, "spec": {"hard": {GOLD: "1"}}}, GOLD_IS_DEFAULT])
    for path, text in other.files.texts.items():
        world.write(path, text)
    path = "default/persistentvolumeclaim.{}.yaml"
    world.write(path.format("z"), world.text(path.format("data")).replace("name: data", "name: z"))
    (problem,) = world.api.absorb()
    assert problem.path == path.format("z")
    assert "exceeded quota: q, requested: gold" in problem.message
