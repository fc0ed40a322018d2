"""Columns aligned as Go's text/tabwriter aligns them, which is what kubectl prints through.

A column is as wide as its widest cell plus the padding; the last cell of a line belongs to no column and
is not padded. Widths count code points, as tabwriter does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby


class Aligner:
    """Lines of tables, with widths remembered from call to call (for `get -w`)."""

    def __init__(self, *, padding: int = 3, minimum: int = 6) -> None:
        self._padding = padding
        self._minimum = minimum
        self._widths: list[int] = []

    def lines(self, rows: Iterable[Sequence[str]]) -> list[str]:
        """One line a row. All rows of all calls must have the same number of cells."""
        table = list(rows)
        for row in table:
            self._widen(row)
        return [self._line(row) for row in table]

    def _widen(self, row: Sequence[str]) -> None:
        self._widths.extend([self._minimum] * (len(row) - len(self._widths)))
        for index, cell in enumerate(row):
            self._widths[index] = max(self._widths[index], len(cell) + self._padding)

    def _line(self, row: Sequence[str]) -> str:
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], self._widths, strict=False)]
        return "".join((*padded, *row[-1:]))


def align_blocks(rows: Sequence[Sequence[str]], *, padding: int = 2) -> list[str]:
    """One line a row, aligned in blocks: what describe and rollout history print through.

    A column is a run of neighbouring rows that have a cell there which is not their last; a row without one
    ends it. Hence the blocks of a description are aligned each for itself.
    """
    widths: list[list[int]] = [[0] * (len(row) - 1) for row in rows]
    _measure(rows, widths, range(len(rows)), 0, padding)
    return [
        "".join((*(cell.ljust(width) for cell, width in zip(row, widths[index], strict=False)), *row[-1:]))
        for index, row in enumerate(rows)
    ]


def _measure(
    rows: Sequence[Sequence[str]], widths: list[list[int]], within: range, column: int, padding: int
) -> None:
    """Gives each run of rows that have a cell in `column` its width, then looks to the right of it."""
    for has_cell, run in groupby(within, key=lambda index: len(rows[index]) - 1 > column):
        if not has_cell:
            continue
        indexes = list(run)
        width = max(len(rows[index][column]) for index in indexes) + padding
        for index in indexes:
            widths[index][column] = width
        _measure(rows, widths, range(indexes[0], indexes[-1] + 1), column + 1, padding)
