"""Thousands of random lives with quotas, budgets and priorities, and with autoscalers: see test_random_lives.

Bugs put in on purpose into what decides are noticed by these lives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from minikctl.api import eviction
from minikctl.controlplane import autoscaling, concerns, disruption, quotas
from minikctl.controlplane.autoscaling_rules import Memory
from minikctl.controlplane.scheduling import preemption

from .autoscalers_story import NAMES, AutoscalerStory
from .life import Life
from .policies_story import PoliciesStory
from .seeds import batches, live

BUG_SEEDS = 100


@pytest.mark.parametrize("seeds", batches())
def test_quotas_budgets_and_priorities_hold(seeds: range) -> None:
    live(PoliciesStory, seeds)


@pytest.mark.parametrize("seeds", batches())
def test_autoscalers_follow_the_load(seeds: range) -> None:
    live(AutoscalerStory, seeds)


def test_a_lost_database_costs_no_pod_that_an_autoscaler_asked_for() -> None:
    story = AutoscalerStory(1)
    world = story.world
    story.load = dict.fromkeys(story.load, 1200)
    for name in NAMES:
        story.apply_named(name)
        story.autoscale_named(name, few=1, most=5)
    world.run(400.0)
    before = {one.id for one in story._running()} - story.foreign
    assert len(before) == 10
    world.lose_database()
    world.run(400.0)
    assert before == {one.id for one in story._running()} - story.foreign


# --- bugs


def _has_endless_quotas(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(quotas, "_exceeded", lambda *args: None)


def _counts_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(concerns.policies, "concerned", lambda obj, old, view: ())


def _asks_no_budget(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(eviction, "budgets_of", lambda pod, budgets: [])


def _evicts_for_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(eviction, "with_eviction", lambda budget, pod, now: budget)


def _counts_the_sick(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(disruption, "_is_healthy", lambda pod, disrupted: True)


def _respects_nobody(patch: pytest.MonkeyPatch) -> None:
    def all_of_them(cycle: Any, node: Any, refuses: Any) -> Any:
        pods = tuple(cycle.view.pods_on(node.name))
        return preemption.Victims(node, pods, 0) if pods else None

    patch.setattr(preemption, "_victims_on", all_of_them)


def _never_makes_room(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(preemption, "_victims_on", lambda cycle, node, refuses: None)


def _never_scales_down(patch: pytest.MonkeyPatch) -> None:
    real = autoscaling.stabilized

    def stabilized(behavior: Any, memory: Memory, current: int, wanted: int, now: float) -> Any:
        found, why, after = real(behavior, memory, current, wanted, now)
        return max(found, current), why, after

    patch.setattr(autoscaling, "stabilized", stabilized)


def _has_no_bounds(patch: pytest.MonkeyPatch) -> None:
    real = autoscaling.limited

    def limited(
        behavior: Any, memory: Memory, current: int, wanted: int, bounds: tuple[int, int], now: float
    ) -> Any:
        return real(behavior, memory, current, wanted, (1, 100), now)

    patch.setattr(autoscaling, "limited", limited)


def _measures_nothing(patch: pytest.MonkeyPatch) -> None:
    def act(self: Any, engines: Iterable[Any], view: Any, now: float) -> None:
        return None

    from minikctl.agent.usages import Usages

    patch.setattr(Usages, "act", act)


Bug = Callable[[pytest.MonkeyPatch], None]
BUGS: dict[Bug, tuple[type[Life], str]] = {
    _has_endless_quotas: (PoliciesStory, "are used"),
    _counts_once: (PoliciesStory, "and the (quota|budget) says"),
    _asks_no_budget: (PoliciesStory, "an eviction left"),
    _evicts_for_nothing: (PoliciesStory, "an eviction left"),
    _counts_the_sick: (PoliciesStory, "an eviction left|and the budget says"),
    _respects_nobody: (PoliciesStory, "went for an equal|do not come to rest|does not settle|still"),
    _never_makes_room: (PoliciesStory, "which has room for it"),
    _never_scales_down: (AutoscalerStory, "of the target|pods of"),
    _has_no_bounds: (AutoscalerStory, "pods, not|does not settle|New size|pods of|still written"),
    _measures_nothing: (AutoscalerStory, "of the target|pods of|pods, not"),
}


FIRST = {_evicts_for_nothing: 30}
"""Lives before these notice nothing."""


@pytest.mark.parametrize(("bug", "told"), BUGS.items(), ids=[bug.__name__.strip("_") for bug in BUGS])
def test_a_bug_is_noticed(bug: Bug, told: tuple[type[Life], str], monkeypatch: pytest.MonkeyPatch) -> None:
    story, said = told
    bug(monkeypatch)
    for seed in range(FIRST.get(bug, 0), BUG_SEEDS):
        try:
            story(seed).live()
        except (AssertionError, RuntimeError) as error:
            assert re.search(said, str(error)), f"seed {seed} noticed something else: {error}"
            return
    pytest.fail(f"{BUG_SEEDS} lives went well with {bug.__name__}")
