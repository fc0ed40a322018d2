"""What becomes of a process in a simulated container: computed from time, never run.

Rules:
- Everything is a pure function of the program, the signals that it got and the seconds since its start:
  `fate` says when it ends and how, `output` what it wrote until then. So any process can look at any time.
- A container's process is PID 1: a signal without a handler is ignored, SIGKILL never is. A shell runs its
  traps when its foreground command is over, `wait` is interrupted at once.
- Files are those of `minikctl_memory.files`: what the process wrote, what others changed, what is mounted.
- A program that is not known here is taken for a well-behaved server: it runs, writes nothing, and a stop
  signal ends it with 128 + n. Where an end is counted on (init containers, Jobs' programs) it is taken for
  one that ends at once and well. So is what is run beside it by exec: `pg_isready`, `redis-cli ping`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NoReturn, assert_never

from msgspec import Struct

from minikctl_memory.commands import COMMANDS, QUICK
from minikctl_memory.files import Files
from minikctl_memory.program import Edits, Fate, Program, Signals, Written
from minikctl_memory.run import SIGNALS, Exit, Killed, Out, Run
from minikctl_memory.shell import (
    Command,
    For,
    If,
    Literal,
    Loop,
    NotUnderstood,
    Pipeline,
    Script,
    Simple,
    Step,
    Substitution,
    Variable,
    Word,
    parse,
)

_STOPS = frozenset(SIGNALS) - {"WINCH"}
KEPT_ROUNDS = 1000
"""How many rounds of an endless loop keep their lines, as a log driver that rotates would."""


@lru_cache(maxsize=8192)
def fate(program: Program, signals: Signals = (), edits: Edits = ()) -> Fate:
    return _simulate(Run(program, signals, math.inf, edits=edits, kept_rounds=1))


def output(
    program: Program, signals: Signals, started_at: float, until: float, edits: Edits = ()
) -> list[Written]:
    """The whole lines until then, and the last unfinished one if the process has ended by then."""
    run = Run(program, signals, until, edits=edits, started_at=started_at, kept_rounds=KEPT_ROUNDS)
    end = _simulate(run)
    if end.seconds <= until:
        run.finish_lines()
    lines = sorted(run.lines, key=lambda line: line.seconds)
    return [line for line in lines if line.seconds <= until]


def files_of(program: Program, signals: Signals, until: float, edits: Edits = ()) -> Files:
    """As they are then."""
    run = Run(program, signals, until, edits=edits)
    _simulate(run)
    run.files.pass_to(until)
    return run.files


class Executed(Struct, frozen=True):
    """What became of a command in a running container."""

    fate: Fate
    pieces: tuple[tuple[str, bytes], ...]
    """(stream, bytes), in order."""
    changes: Edits
    """Of files, all at 0."""


def execute(program: Program, files: Files, started_at: float, timeout: float) -> Executed:
    """`files` are those of the container, as its own process sees them now."""
    before = dict(files.written)
    edits = tuple((0.0, path, content) for path, content in before.items())
    run = Run(program, (), timeout, edits=edits, started_at=started_at, kept_rounds=KEPT_ROUNDS)
    run.pieces = []
    run.serves = False
    end = _simulate(run)
    changes = tuple(
        (0.0, path, content)
        for path, content in run.files.written.items()
        if path not in before or before[path] != content
    )
    return Executed(end, tuple(run.pieces), changes)


def missing(argv: tuple[str, ...]) -> bool:
    """Whether no such command exists: names that say so themselves, `nosuchcommand`, `/no/such/thing`."""
    return not argv or argv[0] in _BUILTINS or _MISSING.search(argv[0]) is not None


_BUILTINS = frozenset(
    {"", ":", "exit", "trap", "wait", "export", "set", "cd", "read", "eval", "exec", "break"}
)
_MISSING = re.compile(r"(^|/)(no|non|not)[-_/]?(such|exist)|does-?_?not-?_?exist", re.IGNORECASE)


# --- running -----------------------------------------------------------------------------------


def _capture(run: Run, call: Callable[[], None]) -> bytes:
    """What is written to stdout by a part of the script that runs in a shell of its own."""
    outer, run.captured = run.captured, []
    try:
        call()
    except Exit as exit_:
        run.status = exit_.code
    finally:
        captured, run.captured = run.captured, outer
    return b"".join(captured)


def _simulate(run: Run) -> Fate:
    try:
        _run_or_serve(run)
    except Exit as exit_:
        return Fate(run.now, exit_.code & 255)
    except Killed:
        return Fate(run.killed_at, 137)
    except Out:
        return Fate(math.inf, 0)


def _run_or_serve(run: Run) -> NoReturn:
    try:
        _run_program(run, run.program.argv)
    except NotUnderstood:
        _serve(run)


def _run_program(run: Run, argv: tuple[str, ...]) -> NoReturn:
    """PID 1 is this program. Ends with one of the exceptions above."""
    name = argv[0].rpartition("/")[2]
    if name in _SHELLS:
        _run_shell(run, argv)
    if name in COMMANDS:
        raise Exit(COMMANDS[name](run, argv, 1, 2))
    if name in QUICK:
        raise Exit(0)
    _serve(run)


_SHELLS = frozenset({"sh", "bash", "ash", "dash"})


def _run_shell(run: Run, argv: tuple[str, ...]) -> NoReturn:
    flags = argv[1] if len(argv) > 1 else ""
    if not flags:
        raise Exit(0)  # it reads its script from an input that is closed
    if not re.fullmatch(r"-[elux]*c", flags) or len(argv) < 3:
        raise NotUnderstood("a script in a file")
    _run_script(run, parse(argv[2]), fail_fast="e" in flags)
    raise Exit(run.status)


def _serve(run: Run) -> NoReturn:
    """A server that handles stop signals as programs do that leave them alone outside of containers."""
    if not run.serves:
        raise Exit(0)
    for at, name in run.signals:
        if name in _STOPS and at >= run.now:
            run.pass_to(at)
            raise Exit(128 + SIGNALS[name])
    run.pass_to(math.inf)
    raise Out


def _run_script(run: Run, script: Script, *, fail_fast: bool = False) -> None:
    for step in script:
        if (step.operator == "&&" and run.status != 0) or (step.operator == "||" and run.status == 0):
            continue
        if step.background:
            _start_job(run, step)
        else:
            _run_command(run, step.command)
        _take_traps(run)
        last = step is script[-1]
        if fail_fast and run.status and (last or script[script.index(step) + 1].operator == ";"):
            raise Exit(run.status)


def _take_traps(run: Run) -> None:
    """Runs the traps of the signals that came by now."""
    while run.next_signal < len(run.signals) and run.signals[run.next_signal][0] <= run.now:
        _, name = run.signals[run.next_signal]
        run.next_signal += 1
        if name in run.traps:
            status = run.status
            _run_script(run, run.traps[name])
            run.status = status


def _start_job(run: Run, step: Step) -> None:
    """A background command: what it writes is written now, and when it ends is remembered."""
    job = Run(run.program, (), math.inf, started_at=run.started_at, now=run.now)
    job.variables = dict(run.variables)
    job.files = run.files
    try:
        _run_command(job, step.command)
        run.jobs.append(job.now)
    except Exit:
        run.jobs.append(job.now)
    except Out:
        run.jobs.append(math.inf)
    run.lines.extend(job.lines)
    run.status = 0


def _run_command(run: Run, command: Command) -> None:
    match command:
        case Simple():
            _run_simple(run, command)
        case Pipeline():
            _run_pipeline(run, command)
        case Loop():
            _run_loop(run, command)
        case For():
            for value in _expand(run, command.words):
                run.variables[command.name] = value
                _run_script(run, command.body)
        case If():
            _run_if(run, command)
        case _:
            assert_never(command)


def _run_pipeline(run: Run, pipeline: Pipeline) -> None:
    """One after the other. `cat` and `tee` pass on what came before them; other commands swallow it."""
    passed = b""
    for command in pipeline.commands[:-1]:
        passed = _capture(run, partial(_run_stage, run, command, passed))
    _run_stage(run, pipeline.commands[-1], passed)
    if pipeline.negated:
        run.status = int(run.status == 0)


def _run_stage(run: Run, command: Command, text: bytes) -> None:
    if isinstance(command, Simple) and command.words[0] in _PASSING:
        run.write(command.stdout, text)
    _run_command(run, command)


_PASSING = ((Literal("cat"),), (Literal("tee"),))


def _run_if(run: Run, command: If) -> None:
    for condition, body in command.branches:
        _run_script(run, condition)
        if run.status == 0:
            _run_script(run, body)
            return
    run.status = 0
    _run_script(run, command.otherwise)


def _run_loop(run: Run, loop: Loop) -> None:
    """Rounds are alike, since nothing here counts: an endless loop is skipped through, not walked."""
    rounds = 0
    status = 0
    while True:
        began, edits_seen = run.now, run.files.edits_seen
        _run_script(run, loop.condition)
        if (run.status == 0) == loop.until:
            run.status = status
            return
        _run_script(run, loop.body)
        status = run.status
        rounds += 1
        if rounds > 1 and run.files.edits_seen == edits_seen:  # else the next round may find something new
            _skip_rounds(run, run.now - began)


def _skip_rounds(run: Run, seconds: float) -> None:
    handled = run.handled()
    edited = run.files.next_edit()
    boundary = min(run.horizon, handled[0] if handled else math.inf, math.inf if edited is None else edited)
    if seconds <= 0:  # it spins: only a signal brings news
        run.pass_to(max(boundary, run.now))
        if edited is not None and edited <= run.now:
            return
        if not handled or handled[0] > run.now:
            run.pass_to(math.inf)
        return
    if math.isinf(boundary):
        run.pass_to(math.inf)
        raise Out
    skipped = math.floor((boundary - run.now) / seconds) - run.kept_rounds
    if skipped > 0:
        run.now += skipped * seconds
        run.files.pass_to(run.now)


def _run_simple(run: Run, command: Simple) -> None:
    argv = _expand(run, command.words)
    while argv and (found := _ASSIGNMENT.match(argv[0])):
        run.variables[found[1]] = found[2]
        argv = argv[1:]
    if not argv:
        run.status = 0
        return
    name = argv[0].rpartition("/")[2]
    _open_files(run, command)
    if name == "exec":
        _exec(run, argv[1:])
    elif builtin := COMMANDS.get(name):
        run.status = builtin(run, tuple(argv), command.stdout, command.stderr)
    elif _MISSING.search(argv[0]):
        run.write(command.stderr, f"sh: line 0: {argv[0]}: not found\n".encode())
        run.status = 127
    elif name in _SHELLS:
        raise NotUnderstood("a shell within a shell")
    elif name in QUICK or not run.serves:
        run.status = 0
    else:
        run.pass_to(math.inf)


def _open_files(run: Run, command: Simple) -> None:
    run.sinks = tuple(path for path, _ in command.files)
    for path, appended in command.files:
        run.files.append(path, b"") if appended else run.files.write(path, b"")


_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


def _exec(run: Run, argv: list[str]) -> None:
    if not argv:
        run.status = 0
        return
    run.traps.clear()
    if missing(tuple(argv)):
        run.write(2, f"sh: exec: line 0: {argv[0]}: not found\n".encode())
        raise Exit(127)
    _run_program(run, tuple(argv))


def _expand(run: Run, words: tuple[Word, ...]) -> list[str]:
    expanded: list[str] = []
    for word in words:
        fields = [""]
        splits = False
        for part in word:
            text, splitting = _expand_part(run, part)
            if splitting:
                splits = True
                pieces = text.split() or [""]
                fields[-1] += pieces[0]
                fields.extend(pieces[1:])
            else:
                fields[-1] += text
        if not (splits and fields == [""]):
            expanded.extend(fields)
    return expanded


def _expand_part(run: Run, part: Literal | Variable | Substitution) -> tuple[str, bool]:
    """The text, and whether it is to be split at white space."""
    match part:
        case Literal():
            return part.text, False
        case Variable(name="?"):
            return str(run.status), False
        case Variable():
            return run.variables.get(part.name, ""), not part.quoted
        case Substitution():
            text = _capture(run, lambda: _run_script(run, part.script))
            return text.decode(errors="replace").rstrip("\n"), not part.quoted
        case _:
            assert_never(part)
