"""The page that a description is written on: rows of cells at a level, aligned in blocks at the end.

A level is two spaces. Cells are escaped here, so no describer has to think of it. Lines after the first in
a row's last cell stay in its column: a message can't forge a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minikctl.render.columns import align_blocks
from minikctl.render.escape import escape

NONE = "<none>"


_HIDDEN_ANNOTATIONS = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})
_LONGEST_ANNOTATION = 140


class Page:
    """Collects rows; `aligned` or `tabbed` is the text."""

    def __init__(self) -> None:
        self._rows: list[list[str]] = []

    def row(self, level: int, *cells: object) -> None:
        """One row; all but the first cell stand in columns shared with the neighbouring rows."""
        *before, last = (str(cell) for cell in cells)
        first, *more = last.split("\n")
        row = [escape(cell) for cell in (*before, first)]
        row[0] = "  " * level + row[0]
        self._rows.append(row)
        padding = [""] * len(before)
        indent = "" if before else "  " * level
        self._rows.extend([*padding, indent + escape(line)] for line in more)

    def values(self, level: int, title: str, values: Iterable[str]) -> None:
        """A title with several values below each other, `<none>` without any."""
        lines = list(values) or [NONE]
        self.row(level, f"{title}:", lines[0])
        for line in lines[1:]:
            self.row(0, "", line)

    def labels(self, level: int, title: str, labels: Mapping[str, str] | None) -> None:
        self.values(level, title, (f"{key}={value}" for key, value in sorted((labels or {}).items())))

    def annotations(self, level: int, title: str, values: Mapping[str, str] | None) -> None:
        """Annotations below each other; long or multi-line ones start below their key."""
        lines: list[str] = []
        for key, value in sorted((values or {}).items()):
            if key in _HIDDEN_ANNOTATIONS:
                continue
            value = value.removesuffix("\n")
            if len(value) + len(key) + 2 > _LONGEST_ANNOTATION or "\n" in value:
                lines.append(f"{key}:")
                lines.extend(f"  {_shortened(line)}" for line in value.split("\n"))
            else:
                lines.append(f"{key}: {value}")
        self.values(level, title, lines)

    def aligned(self) -> str:
        """The text, in columns."""
        return "".join(f"{line}\n" for line in align_blocks(self._rows))

    def tabbed(self) -> str:
        """The text with tabs where columns would be: `rollout history --revision`."""
        return "".join("\t".join(row) + "\n" for row in self._rows)


def _shortened(text: str) -> str:
    longest = _LONGEST_ANNOTATION - 2
    return f"{text[:longest]}..." if len(text) > longest else text
