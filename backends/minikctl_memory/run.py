"""A process between its start and a horizon, as the interpreter of `process` and its commands share it."""

from __future__ import annotations

import math

from minikctl_memory.files import Files
from minikctl_memory.program import Edits, Program, Signals, Written
from minikctl_memory.shell import FIRST_FILE, Script

SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "USR2": 12, "TERM": 15, "WINCH": 28}


class Exit(Exception):
    """The process ends now."""

    def __init__(self, code: int) -> None:
        self.code = code


class Out(Exception):
    """Nothing more is asked for: the horizon is reached."""


class Killed(Out):
    pass


class Run:
    """A process between its start and a horizon. Times are seconds since the start."""

    def __init__(
        self,
        program: Program,
        signals: Signals,
        until: float,
        *,
        edits: Edits = (),
        started_at: float = 0.0,
        kept_rounds: int = 1,
        now: float = 0.0,
    ) -> None:
        self.program = program
        self.signals = signals
        self.until = until
        self.started_at = started_at
        self.kept_rounds = kept_rounds
        self.now = now
        self.status = 0
        self.serves = not program.runs_to_completion
        """What a program that is not known does: for ever, or at once."""
        self.lines: list[Written] = []
        self.pieces: list[tuple[str, bytes]] | None = None
        self.files = Files(program, edits)
        self.files.pass_to(now)
        self.sinks: tuple[str, ...] = ()
        """The files that the present command writes to."""
        self.traps: dict[str, Script] = {}
        self.jobs: list[float] = []
        """When each background command ends."""
        self.captured: list[bytes] | None = None
        self.variables = dict(program.env)
        self.killed_at = next((at for at, name in signals if name == "KILL"), math.inf)
        self.horizon = min(until, self.killed_at)
        self.next_signal = 0
        self._unfinished: dict[int, tuple[float, bytes]] = {}

    def pass_to(self, moment: float) -> None:
        """Time passes until then, or the horizon ends it all."""
        if moment >= self.killed_at and not math.isinf(self.killed_at) and self.killed_at <= self.until:
            raise Killed
        if moment > self.horizon or math.isinf(moment):
            raise Out
        self.now = moment
        self.files.pass_to(moment)

    def handled(self) -> tuple[float, str] | None:
        """The next signal that a trap is set for, without taking it."""
        for index in range(self.next_signal, len(self.signals)):
            at, name = self.signals[index]
            if name in self.traps:
                return at, name
        return None

    def write(self, stream: int, text: bytes) -> None:
        if self.captured is not None and stream == 1:
            self.captured.append(text)
            return
        if stream == 0:
            return
        if stream >= FIRST_FILE:
            self.files.append(self.sinks[stream - FIRST_FILE], text)
            return
        if self.pieces is not None:
            self.pieces.append(("stdout" if stream == 1 else "stderr", text))
        began, before = self._unfinished.pop(stream, (self.now, b""))
        *whole, rest = (before + text).split(b"\n")
        name = "stdout" if stream == 1 else "stderr"
        self.lines.extend(
            Written(began if index == 0 else self.now, name, line) for index, line in enumerate(whole)
        )
        if rest:
            self._unfinished[stream] = (self.now if whole else began, rest)

    def finish_lines(self) -> None:
        for stream, (began, text) in sorted(self._unfinished.items()):
            self.lines.append(Written(began, "stdout" if stream == 1 else "stderr", text))
        self._unfinished.clear()
