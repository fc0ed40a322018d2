"""A test marked `engine` without an engine is skipped, or fails where engines are required."""

from engines.rig import pytest_runtest_setup

__all__ = ["pytest_runtest_setup"]
