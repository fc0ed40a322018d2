"""Which lives are lived: of every story MINIKCTL_SEEDS many (CI: 2,000), from MINIKCTL_FIRST_SEED on.

To repeat one: `MINIKCTL_FIRST_SEED=1234 MINIKCTL_SEEDS=1 pytest tests/simulation -k lives`.
"""

from __future__ import annotations

import os

import pytest

from .life import Life

SEEDS = int(os.environ.get("MINIKCTL_SEEDS", "30"))
FIRST = int(os.environ.get("MINIKCTL_FIRST_SEED", "0"))
BATCH = 10
SHOWN = 60


def batches() -> list[range]:
    """All seeds, in parts that workers can share."""
    end = FIRST + SEEDS
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
