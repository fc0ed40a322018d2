"""Thousands of random lives with ReplicationControllers, each from one seed: see seeds."""

from __future__ import annotations

import pytest

from .replication_controllers_story import ReplicationControllerStory
from .seeds import batches, live


@pytest.mark.parametrize("seeds", batches(), ids=str)
def test_there_are_as_many_as_declared(seeds: range) -> None:
    live(ReplicationControllerStory, seeds)
