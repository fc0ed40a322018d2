"""What finding an engine needs: sockets that can be used, and configuration files that may hold anything."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def is_usable_socket(path: Path) -> bool:
    """Whether this user may speak through it. A file of another kind is none."""
    try:
        return path.is_socket() and os.access(path, os.R_OK | os.W_OK)
    except OSError:  # a parent folder that is not ours to look into
        return False


def load_mapping(path: Path, parse: Callable[[str], Any]) -> dict[str, Any]:
    """A configuration file's fields; none where it is missing, can't be read or holds something else."""
    try:
        return as_mapping(parse(path.read_text("utf-8")))
    except (OSError, ValueError):
        return {}


def as_mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
