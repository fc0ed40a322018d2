"""A container engine that is only imagined: for learning, for dry runs of whole rollouts, and for tests.

Rules:
- It passes the same contract suite as the real ones, and is compared with them on random operations.
- Time is data: what a process does is computed from the clock when somebody looks (`process`, `shell`).
- Containers have files: what their scripts, commands and archives wrote, and what is mounted (read from this
  machine, never written). `/simulated/refuses` and `/simulated/http-status` decide about probes (`interior`).
- It depends on `minikctl.backend`, `minikctl.model` and `minikctl.errors` only.

`python -m minikctl_memory STATE_DIR ps|stop|kill|rm [CONTAINER]` plays what people do to an engine by hand.
"""

from __future__ import annotations

from minikctl_memory.backend import MemoryBackend
from minikctl_memory.engine import Call, MemoryEngine
from minikctl_memory.images import ImageConfig

__all__ = ["Call", "ImageConfig", "MemoryBackend", "MemoryEngine"]
