"""A proxy is ready when its container was told, whatever becomes of the notes about it."""

from __future__ import annotations

import pytest

from minikctl.controlplane.proxies import PROGRAMMED, Role, pod_key
from minikctl.model import Object, ObjectKey, conditions, status_of, uid_of
from minikctl.model.pods import is_ready
from minikctl.model.writes import Put

from .world import World

WEB = ObjectKey("Service", "default", "web")
SERVICE: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


@pytest.fixture
def world() -> World:
    made = World(1)
    made.api.create(SERVICE)
    assert made.run(30, lambda: is_served(made))
    return made


def proxy(world: World) -> Object:
    found = world.database.get(pod_key(WEB, Role.CLUSTER))
    assert found is not None
    return found


def is_served(world: World) -> bool:
    found = world.database.get(pod_key(WEB, Role.CLUSTER))
    return found is not None and is_ready(found)


def test_a_note_that_was_lost_is_made_again(world: World) -> None:
    pod = proxy(world)
    left = [one for one in status_of(pod)["conditions"] if one["type"] not in (PROGRAMMED, "Ready")]
    world.database.commit([Put({**pod, "status": {**status_of(pod), "conditions": left}})])
    assert not is_served(world)
    assert world.run(30, lambda: is_served(world))


def test_a_lost_state_db_under_a_living_agent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(world, "crash", lambda: None)
        world.lose_database()
    world.loop._store._inner = world.database
    assert world.run(60, lambda: is_served(world))


def test_the_next_container_is_not_ready_before_it_was_told(world: World) -> None:
    uid, (container,) = uid_of(proxy(world)), world.engine.containers(world.database.cluster_id)
    world.engine.crash(container.id)
    seen: list[tuple[bool, bool]] = []

    def look() -> bool:
        known = world.loop.kubelets._proxies._known.get(uid)
        is_told = known is not None and known.container_id != container.id and known.told is not None
        seen.append((is_served(world), is_told))
        return all(seen[-1])

    assert world.run(60, look)
    runs = [conditions.is_true(status_of(proxy(world)), "ContainersReady")]
    assert runs == [True]
    after = seen[next(index for index, (ready, _) in enumerate(seen) if not ready) :]
    assert not [one for one in after if one == (True, False)], "ready, and nobody had told it"
