"""The values that simulated processes are described in; `minikctl_memory.process` computes with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Signals: TypeAlias = tuple[tuple[float, str], ...]
"""Seconds since the start, name without SIG; in order."""


@dataclass(frozen=True, slots=True)
class Program:
    """What runs, and what it can find out about itself."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = "/"
    hostname: str = ""
    user: int = 0
    group: int = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """`seconds` after its start it ends with `exit_code`; never, when that is infinity."""

    seconds: float
    exit_code: int


@dataclass(frozen=True, slots=True)
class Written:
    seconds: float
    stream: str
    text: bytes
