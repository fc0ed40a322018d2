"""The simulation itself: a seed's story can be told again, and bugs put in on purpose are noticed.

Each bug is of a kind that a control plane may well have; one of the first seeds must stumble over it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from minikctl.agent import engine
from minikctl.agent.kubelets import Kubelets
from minikctl.agent.ports import Probed
from minikctl.agent.prober import Prober
from minikctl.api import Api
from minikctl.backend import Checked, Container
from minikctl.controlplane import deployment, garbage
from minikctl.controlplane.decision import Decision
from minikctl.controlplane.kubelet import sync
from minikctl.controlplane.kubelet.known import known_status
from minikctl.model import conditions

from .story import Story

SEEDS = 200
"""A bug that none of so many lives shows would also get past the suite on most days."""


def test_a_story_can_be_told_again() -> None:
    """Everything follows from the seed: what happened and when, and every object to the last letter."""

    def tell(seed: int) -> tuple[Sequence[str], Any, Any]:
        story = Story(seed)
        story.live()
        return story.world.log, story.world.database.list(), story.world.files.texts

    assert tell(11) == tell(11)
    assert tell(11)[0] != tell(12)[0]


TELL = """
import hashlib, sys
from simulation.{module} import {story}
life = {story}({seed})
life.live()
world = life.world
everything = world.log, world.database.list(), sorted(world.files.texts.items())
print(hashlib.sha256(repr(everything).encode()).hexdigest())
"""


@pytest.mark.parametrize(
    ("module", "story", "seed"),
    [
        ("replication_controllers_story", "ReplicationControllerStory", 0),
        ("daemon_sets_story", "DaemonSetStory", 1),
    ],
)
def test_another_process_tells_the_same_story(module: str, story: str, seed: int) -> None:
    """The order in which Python hands out the members of a set of strings is another one in each process."""
    told = set()
    for hash_seed in ("1", "2", "3"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        script = TELL.format(module=module, story=story, seed=seed)
        ran = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        told.add(ran.stdout)
    assert len(told) == 1


def _obeys_any_label(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(engine, "is_sealed", lambda container, key: True)


def _forgets_the_surge(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deployment, "new_replicas", lambda spec, new, total: spec["replicas"])


def _leaves_orphans(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Kubelets, "clear_orphans", lambda self: None)


def _collects_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(garbage, "reconcile", lambda key, view, now: Decision())


def _overlooks_files(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Api, "absorb", lambda self, deletions=None: ())


def _never_rests(patch: pytest.MonkeyPatch) -> None:
    learn = engine.Engine.learn_list

    def all_is_news(self: engine.Engine, serial: int, containers: Iterable[Container]) -> list[str]:
        return sorted({*learn(self, serial, containers), *self.pods()})

    patch.setattr(engine.Engine, "learn_list", all_is_news)
    patch.setattr(conditions, "_merged", lambda old, new: new)


def _restarts_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sync._Look, "_should_restart", lambda self, container, latest: False)


def _starts_before_it_has_looked(patch: pytest.MonkeyPatch) -> None:
    def at_once(self: Any, container: dict[str, Any]) -> None:
        self._start(container, known_status(self.pod, container["name"]).get("restartCount", -1) + 1, 0)

    patch.setattr(sync._Look, "_run_missing", at_once)


def _takes_silence_for_failure(patch: pytest.MonkeyPatch) -> None:
    learn = Kubelets._learn_answer

    def hastily(self: Any, engine: Any, news: Probed, now: float) -> None:
        learn(self, engine, replace(news, checked=news.checked or Checked(False, "no answer")), now)

    patch.setattr(Kubelets, "_learn_answer", hastily)


def _probes_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Prober, "answered", lambda self, plan: True)


BUGS: dict[Callable[[pytest.MonkeyPatch], None], str] = {
    _obeys_any_label: "somebody else is gone|runs c0 0 times",
    _forgets_the_surge: "are allowed",
    _leaves_orphans: "belongs to nobody",
    _collects_nothing: "is still there|has no file|belongs to nobody",
    _overlooks_files: "was not looked at",
    _never_rests: "still written",
    _restarts_nothing: "is not ready",
    _starts_before_it_has_looked: "runs twice",
    _takes_silence_for_failure: "a healthy container was restarted",
    _probes_once: "is not ready",
}
"""With what must be said of it."""


@pytest.mark.parametrize(("bug", "said"), BUGS.items(), ids=[bug.__name__.strip("_") for bug in BUGS])
def test_a_bug_is_noticed(
    bug: Callable[[pytest.MonkeyPatch], None], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    for seed in range(SEEDS):
        try:
            Story(seed).live()
        except (AssertionError, RuntimeError) as error:
            assert re.search(said, str(error)), f"seed {seed} noticed something else: {error}"
            return
    pytest.fail(f"{SEEDS} lives went well with {bug.__name__}")
