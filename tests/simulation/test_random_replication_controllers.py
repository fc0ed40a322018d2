"""Thousands of random lives with ReplicationControllers, each from one seed: see test_random_lives."""

from __future__ import annotations

import pytest

from .replication_controllers_story import ReplicationControllerStory
from .seeds import batches, live


@pytest.mark.parametrize("seeds", batches())
def test_there_are_as_many_as_declared(seeds: range) -> None:
    live(ReplicationControllerStory, seeds)
