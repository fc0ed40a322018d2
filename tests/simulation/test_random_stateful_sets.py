"""Thousands of random lives with these objects, each from one seed: see seeds."""

from __future__ import annotations

import pytest

from .seeds import batches, live
from .stateful_sets_story import StatefulSetStory


@pytest.mark.parametrize("seeds", batches(), ids=str)
def test_stateful_sets_keep_their_names(seeds: range) -> None:
    live(StatefulSetStory, seeds)
