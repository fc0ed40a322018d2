"""A place and a stage for each test; what a test leaves on an engine goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import rig

from e2e.places import MemoryPlace, Place, RealPlace
from e2e.stage import Stage


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """By `parametrize("place", everywhere(), indirect=True)`; memory where a test does not say."""
    engine = getattr(request, "param", None)
    if request.node.get_closest_marker("engine"):
        return RealPlace(rig.engine_or_skip(engine))
    return MemoryPlace()


@pytest.fixture
def stage(place: Place, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(place, tmp_path)
    try:
        yield stage
    finally:
        stage.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the scenes measured (`record_property`), slowest place and all."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        if report.when == "call" and "e2e" in report.nodeid:
            for name, value in report.user_properties:
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {name} {value}")
