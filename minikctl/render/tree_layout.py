"""How rows of the tree stand in columns, in whatever width there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from minikctl.render.style import Mood, Style, cut, pad, text_width

GAP = "   "
_SOME_WORDS = 24
_ONE_WORD = len("ImagePullBackOff")
_SHORT_NAME = 12


class Row(Struct, frozen=True):
    """One line of the tree before it is laid out."""

    lead: str
    """The lines of the tree that stand before the mark."""
    mood: Mood
    name: str
    cells: tuple[str, ...]
    """ready, state, node, age."""
    name_mood: Mood | None = None


_READY, _STATE, _NODE, _AGE = range(4)


class Layout:
    """Columns for all rows: the tree, ready, state, node, age.

    Where room is short the state gives way first, but keeps some words; then the node goes, then the age,
    then the state shrinks to one word, and the names at last. A state may run on over a node that its row
    does not have.
    """

    def __init__(self, rows: Sequence[Row], width: int, style: Style) -> None:
        self._width, self._style = width, style
        self._name = max((text_width(_head(row, style)) for row in rows), default=0)
        self._cells = [max((text_width(row.cells[index]) for row in rows), default=0) for index in range(4)]
        self._shrink_state(_SOME_WORDS)
        for column in (_NODE, _AGE):
            if self._total() > width:
                self._cells[column] = 0
        self._shrink_state(_ONE_WORD)
        self._name -= min(max(0, self._total() - width), max(0, self._name - _SHORT_NAME))

    def _total(self) -> int:
        return self._name + sum(len(GAP) + cell for cell in self._cells if cell)

    def _shrink_state(self, least: int) -> None:
        excess = max(0, self._total() - self._width)
        self._cells[_STATE] -= min(excess, max(0, self._cells[_STATE] - least))

    def line(self, row: Row) -> str:
        style, room = self._style, self._width
        head = pad(cut(_head(row, style), min(self._name, room), style.cut), self._name)
        parts = [self._painted_head(row, head)]
        room -= self._name
        for cell, width, mood in self._placed(row):
            if not width or room <= len(GAP):
                continue
            shown = cut(cell, min(width, room - len(GAP)), style.cut)
            room -= len(GAP) + width
            parts.append(f"{GAP}{style.paint(shown, mood)}{' ' * (width - text_width(shown))}")
        return "".join(parts).rstrip(" ")

    def _placed(self, row: Row) -> Iterator[tuple[str, int, Mood | None]]:
        """The cells with their widths and moods."""
        fading = row.mood is Mood.LEAVING
        state_width, node_width = self._cells[_STATE], self._cells[_NODE]
        yield row.cells[_READY], self._cells[_READY], Mood.QUIET if fading else None
        state_mood = Mood.QUIET if row.mood is Mood.GOOD else row.mood
        if row.cells[_NODE] or not node_width:
            yield row.cells[_STATE], state_width, state_mood
            yield row.cells[_NODE], node_width, Mood.QUIET
        else:
            yield row.cells[_STATE], state_width + len(GAP) + node_width, state_mood
        yield row.cells[_AGE], self._cells[_AGE], Mood.QUIET

    def _painted_head(self, row: Row, head: str) -> str:
        """The tree's lines quiet, the mark in its mood, the name as it is."""
        style = self._style
        lead, mark_end = len(row.lead), len(row.lead) + len(style.mark(row.mood))
        name = head[mark_end:].rstrip(" ")
        return (
            style.paint(head[:lead], Mood.QUIET)
            + style.paint(head[lead:mark_end], row.mood)
            + style.paint(name, Mood.LEAVING if row.mood is Mood.LEAVING else row.name_mood)
            + head[mark_end + len(name) :]
        )


def _head(row: Row, style: Style) -> str:
    return f"{row.lead}{style.mark(row.mood)} {row.name}"
