"""The simulated engine keeps every promise of the port: in one process, and in a file."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from minikctl_memory import ImageConfig, MemoryBackend, MemoryEngine

from minikctl.contract import BackendContract
from minikctl.contract.base import MakeBackend

CONFIGS = {"configured:1": ImageConfig(entrypoint=("echo", "entry"), cmd=("cmd",), stop_signal="USR1")}


SPEED = 10


def fast_clock() -> float:
    """Seconds since the epoch, of days that pass ten times as fast: the suite waits less."""
    return time.time() * SPEED


class MemoryContract(BackendContract):
    configured_image = "configured:1"
    pullable_image = "nginx:1.27"

    def now(self) -> float:
        return fast_clock()


def prepared(engine: MemoryEngine) -> MemoryEngine:
    for image in (MemoryContract.image, MemoryContract.other_image, MemoryContract.configured_image):
        engine.pull(image)
    return engine


class TestInProcess(MemoryContract):
    @pytest.fixture
    def make_backend(self) -> MakeBackend:
        engine = prepared(MemoryEngine(clock=fast_clock, image_configs=CONFIGS))
        return lambda cluster_id: MemoryBackend(cluster_id, engine)


class TestInFile(MemoryContract):
    """Each connection has an engine of its own on one file, as in several processes."""

    @pytest.fixture
    def make_backend(self, tmp_path: Path) -> MakeBackend:
        def make(cluster_id: str) -> MemoryBackend:
            return MemoryBackend(
                cluster_id, MemoryEngine(clock=fast_clock, state_dir=tmp_path, image_configs=CONFIGS)
            )

        prepared(make("preparation").engine).close()
        return make
