"""Thousands of random lives with these objects, each from one seed: see seeds."""

from __future__ import annotations

import re

import pytest

from minikctl.agent.loop import Loop
from minikctl.controlplane import claims, volumes
from minikctl.controlplane.decision import Decision, Ids
from minikctl.controlplane.scheduling import volumes as scheduling
from minikctl.controlplane.view import View
from minikctl.model import Object

from .seeds import batches, live
from .storage_story import StorageStory

SEEDS = 150


@pytest.mark.parametrize("seeds", batches(), ids=str)
def test_claims_keep_their_data(seeds: range) -> None:
    live(StorageStory, seeds)


def _forgets_whose_a_volume_is(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Loop, "_with_intent", lambda self, write: write)


def _gives_what_was_released(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(volumes, "_free", lambda claim, view: view.list("PersistentVolume"))


def _promises_one_volume_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(scheduling, "gifts", lambda pod, node, view: [])


def _forgets_what_a_volume_is_called(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("minikctl.agent.loop.needs_file", lambda obj: False)


def _waits_for_what_is_kept(patch: pytest.MonkeyPatch) -> None:
    real = claims._beside_earlier

    def beside(claim: Object, view: View, decision: Decision, ids: Ids) -> Object | None:
        found = real(claim, view, decision, ids)
        return found if found is claim else None

    patch.setattr(claims, "_beside_earlier", beside)


BUGS = {
    _forgets_what_a_volume_is_called: "had .* has",
    _waits_for_what_is_kept: "is beside what an earlier one left",
    _forgets_whose_a_volume_is: "had .* has|could have",
    _gives_what_was_released: "is .*'s and|is not .*'s|had .* has|do not come to rest",
    _promises_one_volume_twice: "is used and not bound|not ready",
}


@pytest.mark.parametrize(("bug", "told"), BUGS.items(), ids=[bug.__name__.strip("_") for bug in BUGS])
def test_a_bug_is_noticed(bug: object, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)  # type: ignore[operator]
    for seed in range(SEEDS):
        try:
            StorageStory(seed).live()
        except (AssertionError, RuntimeError) as error:
            assert re.search(told, str(error)), f"seed {seed} noticed something else: {error}"
            return
    pytest.fail(f"{SEEDS} lives went well with {bug}")
