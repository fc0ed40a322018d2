"""Podman keeps every promise of the backend port, on each Podman that the environment names."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from minikctl_podman import PodmanBackend

from minikctl.backend import Backend, Settings
from minikctl.contract import BackendContract
from tests.engines.rig import Engine, engine_or_skip, engine_params


@pytest.mark.parametrize("engine", engine_params("podman"))
class TestPodmanContract(BackendContract):
    @pytest.fixture
    def make_backend(self, engine: Engine | None) -> Callable[[str], Backend]:
        endpoint = engine_or_skip(engine).endpoint
        return lambda cluster_id: PodmanBackend.open(Settings(endpoint, cluster_id))
