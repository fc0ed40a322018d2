"""What the columns of tables are made of."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from minikctl.model import Object, name_of
from minikctl.render.durations import since

Cell = Callable[[Object, float], str]
"""The text of an object at a time (seconds since the epoch)."""


class Column(Struct, frozen=True):
    """One column: its header and how a cell is read from an object at a time."""

    header: str
    cell: Cell
    wide: bool = False


def name_cell(obj: Object, _now: float) -> str:
    return name_of(obj)


def age_cell(obj: Object, now: float) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)
