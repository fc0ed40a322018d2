"""What people see while something takes its time: on stderr, so that stdout stays kubectl's.

On a terminal a few lines that are rewritten in place; elsewhere a line whenever it says something new.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from types import TracebackType

from minikctl.render.escape import escape

_REDRAW_SECONDS = 0.08


class Progress:
    """Give `show` the lines as they are now, as often as you like."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty() and os.environ.get("TERM", "") != "dumb"
        self._shown: list[str] = []
        self._drawn_at = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The last live lines go: what follows says how it ended."""
        if self._live and self._shown:
            sys.stderr.write(f"\r\x1b[{len(self._shown)}A\x1b[J")
            sys.stderr.flush()

    def show(self, lines: Sequence[str]) -> None:
        safe = [escape(line) for line in lines]
        if safe == self._shown:
            return
        if self._live:
            self._redraw(safe)
        else:
            known = set(self._shown)
            self._write("".join(f"{line}\n" for line in safe if line not in known))
            self._shown = safe

    def _redraw(self, lines: list[str]) -> None:
        import time

        now = time.monotonic()
        if now - self._drawn_at < _REDRAW_SECONDS:
            return
        self._drawn_at = now
        size = shutil.get_terminal_size()
        fitting = [line[: size.columns - 1] for line in lines[: max(1, size.lines - 2)]]
        up = f"\x1b[{len(self._shown)}A" if self._shown else ""
        self._write(f"\r{up}" + "".join(f"{line}\x1b[K\n" for line in fitting) + "\x1b[J")
        self._shown = fitting

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
