"""Which lives are lived: MINIKCTL_SEEDS says how many, MINIKCTL_FIRST_SEED where to begin.

So many lives of Deployments, who are in every other story too; of each other kind an eighth.
"""

from __future__ import annotations

import os

import pytest

from .life import Life

SEEDS = int(os.environ.get("MINIKCTL_SEEDS", "100"))
FIRST = int(os.environ.get("MINIKCTL_FIRST_SEED", "0"))
BATCH = 10
SHOWN = 60


def batches(share: int = 8) -> list[range]:
    """One of `share` seeds is lived, at least one."""
    end = FIRST + max(1, SEEDS // share)
    return [range(first, min(first + BATCH, end)) for first in range(FIRST, end, BATCH)]


def live(story: type[Life], seeds: range) -> None:
    """Lives these lives; the first that goes wrong is told with its seed and the last lines of its log."""
    for seed in seeds:
        life = story(seed)
        try:
            life.live()
        except Exception as error:
            log = "\n".join(life.world.log[-SHOWN:])
            pytest.fail(f"seed {seed}: {error!r}\n{log}")
