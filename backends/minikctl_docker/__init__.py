"""Docker as a backend, through the Engine API (Docker 20.10, API 1.41, and newer).

Rules:
- A sandbox is a container of a tiny image made here (see `pause`): it holds the network namespace that the
  pod's containers join.
- Only `engine` touches the SDK, and imports it at the first call: importing this package costs nothing.
- `payload`, `observation`, `faults`, `logs`, `references` and `pause` are pure; `backend` does the branching.
"""

from minikctl_docker.backend import DockerBackend

__all__ = ["DockerBackend"]
