"""What deleting writes, by kind and propagation; what the controllers do then is tried beside them."""

from __future__ import annotations

from typing import Any

import pytest
from api_world import NOW, WEB, WEB_PATH, ApiWorld, deployment, key, namespace, node, pod

from minikctl.errors import Forbidden, NotFound
from minikctl.model import Object, controller_reference, is_deleting, name_of
from minikctl.model.defaults import set_defaults
from minikctl.model.timestamps import format_time

POD = key("Pod", "p")


def bound(world: ApiWorld) -> Object:
    live = world.api.create(pod())
    return world.seize({**live, "spec": {**live["spec"], "nodeName": "node-1"}})


def owned_set(world: ApiWorld, owner: Object, name: str) -> Object:
    template = deployment()["spec"]["template"]
    obj = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "generation": 1,
            "ownerReferences": [controller_reference(owner)],
        },
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template},
        "status": {"replicas": 1},
    }
    return world.seize(set_defaults(obj))


class TestPods:
    @pytest.mark.parametrize(
        ("grace", "seconds"), [(None, 30), (5, 5), (0, 0)], ids=["the pod's own", "shorter", "none"]
    )
    def test_a_bound_pod_is_asked_to_go(self, world: ApiWorld, grace: int | None, seconds: int) -> None:
        bound(world)
        world.api.delete(POD, grace_seconds=grace)
        live = world.api.get(POD)
        assert live["metadata"]["deletionGracePeriodSeconds"] == seconds
        assert live["metadata"]["deletionTimestamp"] == format_time(NOW + seconds)
        assert world.files.texts == {}, "it must not come back"

    def test_the_deadline_is_never_too_early(self, world: ApiWorld) -> None:
        bound(world)
        world.clock.time += 0.4
        world.api.delete(POD)
        assert world.api.get(POD)["metadata"]["deletionTimestamp"] == format_time(NOW + 31)

    @pytest.mark.parametrize(("second", "expected"), [(5, 5), (60, 30), (None, 30)])
    def test_only_ever_sooner(self, world: ApiWorld, second: int | None, expected: int) -> None:
        bound(world)
        world.api.delete(POD)
        world.api.delete(POD, grace_seconds=second)
        assert world.api.get(POD)["metadata"]["deletionTimestamp"] == format_time(NOW + expected)

    def test_force_does_not_wait(self, world: ApiWorld) -> None:
        bound(world)
        world.api.delete(POD, grace_seconds=0, force=True)
        assert world.api.find(POD) is None

    def test_force_with_a_grace_period_waits(self, world: ApiWorld) -> None:
        bound(world)
        world.api.delete(POD, grace_seconds=5, force=True)
        assert is_deleting(world.api.get(POD))

    def test_what_never_started_goes_at_once(self, world: ApiWorld) -> None:
        world.api.create(pod())
        returned = world.api.delete(POD)
        assert name_of(returned) == "p"
        assert world.api.find(POD) is None
        assert world.files.texts == {}


class TestPropagation:
    def test_background_leaves_the_rest_to_the_collector(self, world: ApiWorld) -> None:
        owner = world.api.create(deployment())
        owned = owned_set(world, owner, "web-1")
        world.api.delete(WEB)
        assert world.api.find(WEB) is None
        assert world.files.texts == {}
        assert world.store.list("ReplicaSet") == [owned]

    def test_foreground_waits_with_a_finalizer(self, world: ApiWorld) -> None:
        world.api.create(deployment())
        world.api.delete(WEB, propagation="foreground")
        live = world.api.get(WEB)
        assert live["metadata"]["finalizers"] == ["foregroundDeletion"]
        assert live["metadata"]["deletionTimestamp"] == format_time(NOW)
        assert world.files.texts == {}
        world.api.delete(WEB, propagation="foreground")
        assert world.api.get(WEB)["metadata"]["finalizers"] == ["foregroundDeletion"]

    def test_orphans_are_declared_from_now_on(self, world: ApiWorld) -> None:
        owner = world.api.create(deployment())
        owned_set(world, owner, "web-1")
        other = world.api.create(deployment("other"))
        kept = owned_set(world, other, "other-1")
        world.api.delete(WEB, propagation="orphan")
        free = world.api.get(key("ReplicaSet", "web-1"))
        assert "ownerReferences" not in free["metadata"]
        assert world.api.get(key("ReplicaSet", "other-1")) == kept
        file = world.file("default/replicaset.web-1.yaml")
        assert set_defaults(file)["spec"] == free["spec"]
        assert "uid" not in file["metadata"]
        assert not world.api.absorb()

    @pytest.mark.parametrize("propagation", ["background", "foreground", "orphan"])
    def test_a_dry_run(self, world: ApiWorld, propagation: str) -> None:
        owned_set(world, world.api.create(deployment()), "web-1")
        before = world.store.list(), dict(world.files.texts)
        returned = world.api.delete(WEB, propagation=propagation, dry_run=True)
        assert name_of(returned) == "web"
        assert (world.store.list(), world.files.texts) == before


class TestRefusals:
    def test_there_is_no_such_object(self, world: ApiWorld) -> None:
        with pytest.raises(NotFound) as caught:
            world.api.delete(POD)
        assert str(caught.value) == 'pods "p" not found'

    def test_the_default_namespace_is_protected(self, world: ApiWorld) -> None:
        world.api.ensure_namespace()
        with pytest.raises(Forbidden) as caught:
            world.api.delete(key("Namespace", "default"))
        assert str(caught.value) == ('namespaces "default" is forbidden: this namespace may not be deleted')

    def test_nodes_are_not_deleted_by_hand(self, world: ApiWorld) -> None:
        world.seize(node())
        with pytest.raises(Forbidden, match=r'nodes "node-1" is forbidden: .*cluster\.yaml'):
            world.api.delete(key("Node", "node-1"))


def test_a_namespace_is_terminating_until_it_is_empty(world: ApiWorld) -> None:
    world.api.create(namespace("team"))
    world.api.delete(key("Namespace", "team"))
    live = world.api.get(key("Namespace", "team"))
    assert live["status"] == {"phase": "Terminating"}
    assert is_deleting(live)
    assert world.files.texts == {}
    before = world.store.revision()
    world.api.delete(key("Namespace", "team"))
    assert world.store.revision() == before


def test_a_faster_writer_is_no_obstacle(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.api.create(deployment())
    real, others = world.store.commit, iter(range(2))

    def overtaken(writes: Any) -> Any:
        if next(others, None) is not None:
            live = world.api.get(WEB)
            from minikctl.model.writes import Put

            real([Put({**live, "status": {"replicas": world.store.revision()}})])
        return real(writes)

    monkeypatch.setattr(world.store, "commit", overtaken)
    world.api.delete(WEB)
    assert world.api.find(WEB) is None
    assert WEB_PATH not in world.files.texts
