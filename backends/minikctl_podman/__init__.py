"""Podman as a backend, through its own libpod API (rootful, rootless, 4.3 and newer).

Rules:
- A sandbox is a native pod. Its id is that of the pod's infra container, so that every container call works
  on it, and events name it; only creating in it and removing it speak of the pod.
- Only `engine` touches the SDK, and imports it at the first call: importing this package costs nothing.
- `payload`, `observation` and `faults` are pure; `backend` does the branching.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikctl_podman.backend import PodmanBackend

if TYPE_CHECKING:
    from minikctl.backend import BackendType

    _keeps_the_port: type[BackendType] = PodmanBackend

__all__ = ["PodmanBackend"]
