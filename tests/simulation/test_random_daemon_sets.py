"""Thousands of random lives with these objects, each from one seed: see seeds."""

from __future__ import annotations

import pytest

from .daemon_sets_story import DaemonSetStory
from .seeds import batches, live


@pytest.mark.parametrize("seeds", batches(), ids=str)
def test_daemon_sets_cover_their_nodes(seeds: range) -> None:
    live(DaemonSetStory, seeds)
