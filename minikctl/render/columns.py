"""Columns aligned as Go's text/tabwriter aligns them, which is what kubectl prints through.

A column is as wide as its widest cell plus the padding; the last cell of a line belongs to no column and
is not padded. Widths count code points, as tabwriter does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


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


def align_tabs(text: str, *, padding: int = 2, minimum: int = 0) -> str:
    """Text with tabs as tabwriter lays it out: what describe and rollout history print through.

    A column is a run of neighbouring lines that have a tab-terminated cell at the same place; a line without
    one ends it. Hence the blocks of a description are aligned each for itself.
    """
    lines = [line.split("\t") for line in text.split("\n")]
    widths: list[list[int]] = [[0] * (len(cells) - 1) for cells in lines]
    _measure(lines, widths, 0, len(lines), 0, padding, minimum)
    return "\n".join(
        "".join((*(cell.ljust(width) for cell, width in zip(cells, row, strict=False)), cells[-1]))
        for cells, row in zip(lines, widths, strict=True)
    )


def _measure(
    lines: list[list[str]],
    widths: list[list[int]],
    start: int,
    end: int,
    column: int,
    padding: int,
    minimum: int,
) -> None:
    """Gives each run of lines start..end that have a cell in `column` its width, then looks right of it."""
    index = start
    while index < end:
        if len(lines[index]) - 1 <= column:
            index += 1
            continue
        run = index
        while run < end and len(lines[run]) - 1 > column:
            run += 1
        width = max(minimum, *(len(lines[line][column]) + padding for line in range(index, run)))
        for line in range(index, run):
            widths[line][column] = width
        _measure(lines, widths, index, run, column + 1, padding, minimum)
        index = run
