"""Bugs put in on purpose into the controllers of Jobs and sets are noticed by their random lives."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from minikctl.controlplane import cronjobs, jobs, manager, statefulsets
from minikctl.controlplane.daemonsets import _Look

from .cron_jobs_story import CronJobStory
from .daemon_sets_story import DaemonSetStory
from .jobs_story import JobStory
from .life import Life
from .stateful_sets_story import StatefulSetStory

SEEDS = 60


def _counts_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(jobs, "untracked", lambda pod: pod)


def _never_rolls(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(statefulsets._Look, "_roll", lambda self: None)


def _leaves_nodes_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_Look, "_may_stay", lambda self, node: True)


def _forgets_its_last_time(patch: pytest.MonkeyPatch) -> None:
    def start(self: Any, slot: float) -> None:
        self.running.append(
            self.decision.put(cronjobs.job_for(self.cron_job, slot, self.now, self.ids.uid()))
        )

    patch.setattr(cronjobs._Look, "_start", start)


BUGS: dict[Callable[[pytest.MonkeyPatch], None], tuple[type[Life], str]] = {
    _counts_twice: (JobStory, "do not come to rest|has pods left|successes|is still there|has not ended"),
    _never_rolls: (StatefulSetStory, "old revision"),
    _leaves_nodes_alone: (DaemonSetStory, "should not be on"),
    _forgets_its_last_time: (CronJobStory, "taken twice|do not come to rest"),
}


@pytest.mark.parametrize(("bug", "told"), BUGS.items(), ids=[bug.__name__.strip("_") for bug in BUGS])
def test_a_bug_is_noticed(
    bug: Callable[[pytest.MonkeyPatch], None], told: tuple[type[Life], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    story, said = told
    monkeypatch.setattr(manager, "ENDLESS", 2000)
    bug(monkeypatch)
    for seed in range(SEEDS):
        try:
            story(seed).live()
        except (AssertionError, RuntimeError) as error:
            assert re.search(said, str(error)), f"seed {seed} noticed something else: {error}"
            return
    pytest.fail(f"{SEEDS} lives went well with {bug.__name__}")
