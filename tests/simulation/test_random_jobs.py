"""Thousands of random lives with Jobs, each from one seed: see seeds."""

from __future__ import annotations

import pytest

from .jobs_story import JobStory
from .seeds import batches, live


@pytest.mark.parametrize("seeds", batches(), ids=str)
def test_jobs_end_and_are_counted_once(seeds: range) -> None:
    live(JobStory, seeds)
