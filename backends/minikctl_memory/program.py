"""The values that simulated processes are described in; `minikctl_memory.process` computes with them."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

Signals: TypeAlias = tuple[tuple[float, str], ...]
"""Seconds since the start, name without SIG; in order."""
Edits: TypeAlias = tuple[tuple[float, str, bytes | None], ...]
"""What others did to its files: seconds since the start, path, content (None: removed); in order."""


class Program(Struct, frozen=True):
    """What runs, and what it can find out about itself."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = "/"
    hostname: str = ""
    user: int = 0
    group: int = 0
    binds: tuple[tuple[str, str], ...] = ()
    """(target, path on this machine) of what is mounted from there: read when somebody looks, never
    written."""
    empty: tuple[str, ...] = ()
    """Where nothing is but what is written there: the targets of volumes and of memory."""
    runs_to_completion: bool = False
    """Whether whoever declared it counts on its end: then what is not known ends well instead of serving."""


class Fate(Struct, frozen=True):
    """`seconds` after its start it ends with `exit_code`; never, when that is infinity."""

    seconds: float
    exit_code: int


class Written(Struct, frozen=True):
    seconds: float
    stream: str
    text: bytes
