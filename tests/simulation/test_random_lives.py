"""Thousands of random lives of a cluster with Deployments and pods, each from one seed."""

from __future__ import annotations

import pytest

from .seeds import batches, live
from .story import Story


@pytest.mark.parametrize("seeds", batches(), ids=str)
def test_lives_end_as_declared(seeds: range) -> None:
    live(Story, seeds)
