"""An executor that keeps jobs for the test to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minikctl.agent.ports import News, Outcome


class Submitted:
    def __init__(self) -> None:
        self.jobs: list[Callable[[], Any]] = []

    def together(self, calls: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
        raise NotImplementedError

    def submit(self, lane: str, job: Callable[[], News]) -> None:
        self.jobs.append(job)

    def watch(self, engine: str) -> None:
        raise NotImplementedError
