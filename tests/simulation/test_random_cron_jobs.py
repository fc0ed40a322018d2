"""Thousands of random lives with CronJobs, each from one seed: see seeds."""

from __future__ import annotations

import pytest

from .cron_jobs_story import CronJobStory
from .seeds import batches, live


@pytest.mark.parametrize("seeds", batches(), ids=str)
def test_no_time_is_taken_twice(seeds: range) -> None:
    live(CronJobStory, seeds)
