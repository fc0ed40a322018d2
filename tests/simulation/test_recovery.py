"""What must hold while state.db is made again, where chance rarely leads."""

from __future__ import annotations

import pytest

from minikctl.model import Object
from minikctl.model.pods import is_ready

from .world import CLUSTER, Crash, World

WEB: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [{"name": "web", "image": "web:1", "command": ["sleep", "infinity"]}],
            },
        },
    },
}


def test_who_dies_right_after_it_and_meets_a_silent_engine_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(1)
    world.api.create(WEB)
    assert world.run(30, lambda: any(map(is_ready, world.database.list("Pod"))))
    before = [one.id for one in world.engine.containers(CLUSTER)]
    world.lose_database()

    def die(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(type(world.loop), "_decide_and_commit", die)
        assert world.run(30, lambda: not world.database.needs_recovery)
        world.engine.reachable = False
    world.run(10)
    world.engine.reachable = True
    world.run(60)
    assert [one.id for one in world.engine.containers(CLUSTER)] == before != []
