"""Somebody at a terminal: types, reads, changes the window's size."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class Keyboard:
    """A command at a terminal of its own (which is its controlling one). Ended by `close`."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self._master, self._slave = pty.openpty()
        self.resize(24, 80)
        self.screen = b""
        self._seen = 0
        self.process = subprocess.Popen(
            argv,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def resize(self, rows: int, columns: int) -> None:
        """The kernel tells the process in front."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def settings(self) -> list[object]:
        """The terminal's modes, to see whether they were put back."""
        return termios.tcgetattr(self._slave)

    def expect(self, text: str, seconds: float = 20.0) -> None:
        """Reads on until that comes, after what was expected before."""
        deadline = time.monotonic() + seconds
        while (place := self.screen.find(text.encode(), self._seen)) < 0:
            assert time.monotonic() < deadline, (text, self.screen[self._seen :])
            self._read(0.05)
        self._seen = place + len(text)

    def finish(self, seconds: float = 20.0) -> int:
        """The exit code, at the end."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.screen
            self._read(0.05)
        self._read(0.0)
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for descriptor in (self._master, self._slave):
            os.close(descriptor)

    def _read(self, seconds: float) -> None:
        while select.select([self._master], [], [], seconds)[0]:
            self.screen += os.read(self._master, 65536)
            seconds = 0.0
