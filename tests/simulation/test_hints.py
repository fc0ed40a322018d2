"""What hints and old lists lead to, where chance rarely leads: nothing is missed, nothing runs twice."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from minikctl.agent.engine import RESYNC_SECONDS
from minikctl.agent.ports import Listed
from minikctl.backend import Container, ContainerState
from minikctl.errors import StoreError, TemporaryError
from minikctl.model import key_of, uid_of
from minikctl.model.pods import is_ready

from .test_recovery import WEB
from .world import CLUSTER, World


@pytest.fixture
def world() -> World:
    world = World(1)
    world.api.create(WEB)
    assert world.run(30, lambda: is_running(world))
    world.run(RESYNC_SECONDS + 1)
    return world


def containers(world: World) -> list[Container]:
    return list(world.engine.containers(CLUSTER))


def is_running(world: World) -> bool:
    return any(map(is_ready, world.database.list("Pod")))


def test_a_look_that_fails_is_made_up_for_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (container,) = containers(world)
    with monkeypatch.context() as patch:

        def fail(*_: Any) -> Container | None:
            raise TemporaryError("busy")

        patch.setattr(type(world.backend), "inspect_container", fail)
        world.engine.crash(container.id)
        restarted = world.run(2, lambda: any(one.id != container.id for one in containers(world)))
    assert restarted, "the next list would have come far later"


def test_what_ended_and_is_listed_as_created_is_not_started_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list from before its start, and so without its successor too."""
    (ended,) = containers(world)
    world.engine.crash(ended.id)
    assert world.run(5, lambda: sum(one.state is ContainerState.RUNNING for one in containers(world)) == 1)
    old = [replace(ended, state=ContainerState.CREATED)]
    with monkeypatch.context() as patch:
        patch.setattr(type(world.backend), "list_containers", lambda _: old)
        world.run(RESYNC_SECONDS + 1)
    running = [one.id for one in containers(world) if one.state is ContainerState.RUNNING]
    assert len(running) == 1
    assert running != [ended.id]


def test_an_old_list_beside_a_store_that_failed_frees_no_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list comes while the store is not read anew yet: what is remembered of its pods stays."""
    (container,) = containers(world)
    (pod,) = world.database.list("Pod")
    with monkeypatch.context() as patch:
        patch.setattr(type(world.backend), "signal_container", lambda *_, **__: None)  # it takes its time
        world.api.delete(key_of(pod))
        world.run(1)
        world.loop._start_over(StoreError("the disk is full"), world.clock.now())
        serial = world.loop.kubelets.engines["memory"].next_serial()
        world.loop.step([Listed("memory", serial)])
        world.run(3)
        assert container.id in [one.id for one in containers(world)]
        assert pod["metadata"]["uid"] in [uid_of(one) for one in world.database.list("Pod")]
