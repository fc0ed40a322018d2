"""What hints and old lists lead to, where chance rarely leads: nothing is missed, nothing runs twice."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from minikctl.agent.engine import RESYNC_SECONDS
from minikctl.backend import Container, ContainerState
from minikctl.errors import TemporaryError
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
