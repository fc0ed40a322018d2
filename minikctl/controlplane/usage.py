"""What running pods use, as the agent has measured it: the metrics API of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct


class ContainerUse(Struct, frozen=True):
    cpu_millicores: int
    memory_bytes: int


class PodUse(Struct, frozen=True):
    """All running containers of one pod. CPU is a mean over `window` seconds that end at `moment`."""

    moment: float
    window: float
    containers: Mapping[str, ContainerUse]


Usage: TypeAlias = Mapping[str, PodUse]
"""By the pods' uids. A pod that was not measured (yet) is not in it."""
