"""Programs in the engine's network that answer when they are asked, until they are not needed any more."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from engines import rig

from e2e.stage import Stage


class Beside:
    """A program in the engine's network that answers a line with a line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self) -> str:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@contextlib.contextmanager
def beside(stage: Stage, script: str, *words: str) -> Iterator[Beside]:
    command = [str(rig.ENGINES_SCRIPT), "exec", stage.place.name, sys.executable, "-c", script, *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield Beside(process)
