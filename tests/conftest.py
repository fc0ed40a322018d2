"""A test marked `engine` without an engine is skipped, or fails where engines are required."""

import gc

from engines.rig import pytest_runtest_setup

__all__ = ["pytest_runtest_setup"]

# As the product's own processes do: collecting takes a tenth of the time otherwise.
gc.set_threshold(50_000)
