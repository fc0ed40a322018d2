"""Thousands of random lives of a cluster, each from one seed.

MINIKCTL_SEEDS says how many (CI: 2,000), MINIKCTL_FIRST_SEED where to begin. To repeat one:
`MINIKCTL_FIRST_SEED=1234 MINIKCTL_SEEDS=1 pytest tests/simulation -k lives`.
"""

from __future__ import annotations

import os

import pytest

from .story import Story

SEEDS = int(os.environ.get("MINIKCTL_SEEDS", "100"))
FIRST = int(os.environ.get("MINIKCTL_FIRST_SEED", "0"))
BATCH = 10


@pytest.mark.parametrize("first", range(FIRST, FIRST + SEEDS, BATCH))
def test_lives_end_as_declared(first: int) -> None:
    for seed in range(first, min(first + BATCH, FIRST + SEEDS)):
        story = Story(seed)
        try:
            story.live()
        except Exception as error:
            log = "\n".join(story.world.log[-60:])
            pytest.fail(f"seed {seed}: {error!r}\n{log}")
