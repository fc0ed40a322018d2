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
import time as clock_words
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NoReturn, assert_never

from msgspec import Struct

from minikctl_memory.files import UNKNOWN, Files
from minikctl_memory.program import Edits, Fate, Program, Signals, Written
from minikctl_memory.shell import (
    FIRST_FILE,
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

SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "USR2": 12, "TERM": 15, "WINCH": 28}
_STOPS = frozenset(SIGNALS) - {"WINCH"}

KEPT_ROUNDS = 1000
"""How many rounds of an endless loop keep their lines, as a log driver that rotates would."""


@lru_cache(maxsize=8192)
def fate(program: Program, signals: Signals = (), edits: Edits = ()) -> Fate:
    return _simulate(_Run(program, signals, math.inf, edits=edits, kept_rounds=1))


def output(
    program: Program, signals: Signals, started_at: float, until: float, edits: Edits = ()
) -> list[Written]:
    """The whole lines until then, and the last unfinished one if the process has ended by then."""
    run = _Run(program, signals, until, edits=edits, started_at=started_at, kept_rounds=KEPT_ROUNDS)
    end = _simulate(run)
    if end.seconds <= until:
        run.finish_lines()
    lines = sorted(run.lines, key=lambda line: line.seconds)
    return [line for line in lines if line.seconds <= until]


def files_of(program: Program, signals: Signals, until: float, edits: Edits = ()) -> Files:
    """As they are then."""
    run = _Run(program, signals, until, edits=edits)
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
    run = _Run(program, (), timeout, edits=edits, started_at=started_at, kept_rounds=KEPT_ROUNDS)
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


class _Exit(Exception):
    """The process ends now."""

    def __init__(self, code: int) -> None:
        self.code = code


class _Out(Exception):
    """Nothing more is asked for: the horizon is reached."""


class _Killed(_Out):
    pass


class _Run:
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
        self._next_signal = 0
        self._unfinished: dict[int, tuple[float, bytes]] = {}

    def pass_to(self, moment: float) -> None:
        """Time passes until then, or the horizon ends it all."""
        if moment >= self.killed_at and not math.isinf(self.killed_at) and self.killed_at <= self.until:
            raise _Killed
        if moment > self.horizon or math.isinf(moment):
            raise _Out
        self.now = moment
        self.files.pass_to(moment)

    def handled(self) -> tuple[float, str] | None:
        """The next signal that a trap is set for, without taking it."""
        for index in range(self._next_signal, len(self.signals)):
            at, name = self.signals[index]
            if name in self.traps:
                return at, name
        return None

    def take_traps(self) -> None:
        """Runs the traps of the signals that came by now."""
        while self._next_signal < len(self.signals) and self.signals[self._next_signal][0] <= self.now:
            _, name = self.signals[self._next_signal]
            self._next_signal += 1
            if name in self.traps:
                status = self.status
                _run_script(self, self.traps[name])
                self.status = status

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


def _capture(run: _Run, call: Callable[[], None]) -> bytes:
    """What is written to stdout by a part of the script that runs in a shell of its own."""
    outer, run.captured = run.captured, []
    try:
        call()
    except _Exit as exit_:
        run.status = exit_.code
    finally:
        captured, run.captured = run.captured, outer
    return b"".join(captured)


def _simulate(run: _Run) -> Fate:
    try:
        _run_or_serve(run)
    except _Exit as exit_:
        return Fate(run.now, exit_.code & 255)
    except _Killed:
        return Fate(run.killed_at, 137)
    except _Out:
        return Fate(math.inf, 0)


def _run_or_serve(run: _Run) -> NoReturn:
    try:
        _run_program(run, run.program.argv)
    except NotUnderstood:
        _serve(run)


def _run_program(run: _Run, argv: tuple[str, ...]) -> NoReturn:
    """PID 1 is this program. Ends with one of the exceptions above."""
    name = argv[0].rpartition("/")[2]
    if name in _SHELLS:
        _run_shell(run, argv)
    if name in _COMMANDS:
        raise _Exit(_COMMANDS[name](run, argv, 1, 2))
    if name in _QUICK:
        raise _Exit(0)
    _serve(run)


_SHELLS = frozenset({"sh", "bash", "ash", "dash"})


def _run_shell(run: _Run, argv: tuple[str, ...]) -> NoReturn:
    flags = argv[1] if len(argv) > 1 else ""
    if not flags:
        raise _Exit(0)  # it reads its script from an input that is closed
    if not re.fullmatch(r"-[elux]*c", flags) or len(argv) < 3:
        raise NotUnderstood("a script in a file")
    _run_script(run, parse(argv[2]), fail_fast="e" in flags)
    raise _Exit(run.status)


def _serve(run: _Run) -> NoReturn:
    """A server that handles stop signals as programs do that leave them alone outside of containers."""
    if not run.serves:
        raise _Exit(0)
    for at, name in run.signals:
        if name in _STOPS and at >= run.now:
            run.pass_to(at)
            raise _Exit(128 + SIGNALS[name])
    run.pass_to(math.inf)
    raise _Out


def _run_script(run: _Run, script: Script, *, fail_fast: bool = False) -> None:
    for step in script:
        if (step.operator == "&&" and run.status != 0) or (step.operator == "||" and run.status == 0):
            continue
        if step.background:
            _start_job(run, step)
        else:
            _run_command(run, step.command)
        run.take_traps()
        last = step is script[-1]
        if fail_fast and run.status and (last or script[script.index(step) + 1].operator == ";"):
            raise _Exit(run.status)


def _start_job(run: _Run, step: Step) -> None:
    """A background command: what it writes is written now, and when it ends is remembered."""
    job = _Run(run.program, (), math.inf, started_at=run.started_at, now=run.now)
    job.variables = dict(run.variables)
    job.files = run.files
    try:
        _run_command(job, step.command)
        run.jobs.append(job.now)
    except _Exit:
        run.jobs.append(job.now)
    except _Out:
        run.jobs.append(math.inf)
    run.lines.extend(job.lines)
    run.status = 0


def _run_command(run: _Run, command: Command) -> None:
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


def _run_pipeline(run: _Run, pipeline: Pipeline) -> None:
    """One after the other. `cat` and `tee` pass on what came before them; other commands swallow it."""
    passed = b""
    for command in pipeline.commands[:-1]:
        passed = _capture(run, partial(_run_stage, run, command, passed))
    _run_stage(run, pipeline.commands[-1], passed)
    if pipeline.negated:
        run.status = int(run.status == 0)


def _run_stage(run: _Run, command: Command, text: bytes) -> None:
    if isinstance(command, Simple) and command.words[0] in _PASSING:
        run.write(command.stdout, text)
    _run_command(run, command)


_PASSING = ((Literal("cat"),), (Literal("tee"),))


def _run_if(run: _Run, command: If) -> None:
    for condition, body in command.branches:
        _run_script(run, condition)
        if run.status == 0:
            _run_script(run, body)
            return
    run.status = 0
    _run_script(run, command.otherwise)


def _run_loop(run: _Run, loop: Loop) -> None:
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


def _skip_rounds(run: _Run, seconds: float) -> None:
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
        raise _Out
    skipped = math.floor((boundary - run.now) / seconds) - run.kept_rounds
    if skipped > 0:
        run.now += skipped * seconds
        run.files.pass_to(run.now)


def _run_simple(run: _Run, command: Simple) -> None:
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
    elif builtin := _COMMANDS.get(name):
        run.status = builtin(run, tuple(argv), command.stdout, command.stderr)
    elif _MISSING.search(argv[0]):
        run.write(command.stderr, f"sh: line 0: {argv[0]}: not found\n".encode())
        run.status = 127
    elif name in _SHELLS:
        raise NotUnderstood("a shell within a shell")
    elif name in _QUICK or not run.serves:
        run.status = 0
    else:
        run.pass_to(math.inf)


def _open_files(run: _Run, command: Simple) -> None:
    run.sinks = tuple(path for path, _ in command.files)
    for path, appended in command.files:
        run.files.append(path, b"") if appended else run.files.write(path, b"")


_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


def _exec(run: _Run, argv: list[str]) -> None:
    if not argv:
        run.status = 0
        return
    run.traps.clear()
    if missing(tuple(argv)):
        run.write(2, f"sh: exec: line 0: {argv[0]}: not found\n".encode())
        raise _Exit(127)
    _run_program(run, tuple(argv))


def _expand(run: _Run, words: tuple[Word, ...]) -> list[str]:
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


def _expand_part(run: _Run, part: Literal | Variable | Substitution) -> tuple[str, bool]:
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


# --- commands: (run, argv, stdout, stderr) → exit status ---------------------------------------


def _sleep(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    seconds = 0.0
    for text in argv[1:]:
        found = re.fullmatch(r"(\d+\.?\d*|\.\d+)([smhd]?)", text)
        if text in ("infinity", "inf"):
            seconds = math.inf
        elif found:
            seconds += float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]
        else:
            run.write(stderr, f"sleep: invalid number '{text}'\n".encode())
            return 1
    run.pass_to(run.now + seconds)
    return 0


def _echo(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    words = argv[1:]
    end = "\n"
    while words and re.fullmatch(r"-[neE]+", words[0]):
        if "n" in words[0]:
            end = ""
        words = words[1:]
    run.write(stdout, (" ".join(words) + end).encode())
    return 0


_ESCAPE = re.compile(rb"\\(\\|n|t|r|0?[0-7]{1,3})|%(.)")


def _printf(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    words = iter(argv[2:])

    def put(found: re.Match[bytes]) -> bytes:
        if found[2]:
            return b"%" if found[2] == b"%" else next(words, "").encode()
        letter = found[1]
        plain = {b"\\": b"\\", b"n": b"\n", b"t": b"\t", b"r": b"\r"}
        return plain[letter] if letter in plain else bytes([int(letter, 8) & 255])

    run.write(stdout, _ESCAPE.sub(put, argv[1].encode() if len(argv) > 1 else b""))
    return 0


def _exit(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    code = argv[1] if len(argv) > 1 else str(run.status)
    raise _Exit(int(code) & 255 if code.isdigit() else 2)


def _trap(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    names = [name.upper().removeprefix("SIG") for name in argv[2:]]
    numbers = {str(number): name for name, number in SIGNALS.items()}
    for name in (numbers.get(name, name) for name in names):
        if name in ("EXIT", "0"):
            raise NotUnderstood("trap EXIT")
        if argv[1] == "-":
            run.traps.pop(name, None)
        else:
            run.traps[name] = parse(argv[1])
    return 0


def _wait(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    """For all background commands; a signal with a trap interrupts it at once."""
    end = max([run.now, *run.jobs])
    handled = run.handled()
    if handled and handled[0] < end:
        run.pass_to(max(run.now, handled[0]))
        return 128 + SIGNALS[handled[1]]
    run.pass_to(end)
    run.jobs.clear()
    return 0


def _test(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    words = argv[1:]
    if argv[0] == "[":
        words = words[:-1]
    match words:
        case ("!", *rest):
            return int(_test(run, ("test", *rest), stdout, stderr) == 0)
        case ("-n", text) | (text,):
            return int(not text)
        case ("-z", text):
            return int(bool(text))
        case ("-f" | "-e" | "-r" | "-s" as flag, path):
            content = run.files.read(path)
            if content is UNKNOWN:
                raise NotUnderstood("a file of the image")
            return int(not content if flag == "-s" else content is None)
        case (left, "=" | "==", right):
            return int(left != right)
        case (left, "!=", right):
            return int(left == right)
        case _:
            raise NotUnderstood("test")


def _say(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    """The commands that tell something about the container."""
    program = run.program
    texts = {
        "pwd": program.working_dir or "/",
        "hostname": program.hostname,
        "whoami": "root" if program.user == 0 else str(program.user),
        "date": clock_words.strftime(
            "%a %b %e %H:%M:%S UTC %Y", clock_words.gmtime(run.started_at + run.now)
        ),
    }
    run.write(stdout, f"{texts[argv[0].rpartition('/')[2]]}\n".encode())
    return 0


def _environment(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    if len(argv) == 2 and argv[0].endswith("printenv"):
        found = argv[1] in run.variables
        run.write(stdout, f"{run.variables[argv[1]]}\n".encode() if found else b"")
        return int(not found)
    run.write(stdout, "".join(f"{name}={value}\n" for name, value in run.variables.items()).encode())
    return 0


def _user(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    user, group = run.program.user, run.program.group
    texts = {"-u": str(user), "-g": str(group)}
    text = texts.get(" ".join(argv[1:]), f"uid={user} gid={group} groups={group}")
    run.write(stdout, f"{text}\n".encode())
    return 0


def _cat(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    """What is not known is taken for an empty file."""
    status = 0
    for path in argv[1:]:
        content = run.files.read(path) if not path.startswith("-") else b""
        if content is None:
            run.write(stderr, f"cat: can't open '{path}': No such file or directory\n".encode())
            status = 1
        elif isinstance(content, bytes):
            run.write(stdout, content)
    return status


def _touch(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    for path in argv[1:]:
        if not path.startswith("-"):
            run.files.append(path, b"")
    return 0


def _rm(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    status = 0
    forced = any(word.startswith("-") and "f" in word for word in argv[1:])
    for path in argv[1:]:
        if path.startswith("-"):
            continue
        if run.files.read(path) is None and not run.files.below(path) and not forced:
            run.write(stderr, f"rm: can't remove '{path}': No such file or directory\n".encode())
            status = 1
        run.files.remove(path)
    return status


def _seq(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    numbers = [int(text) for text in argv[1:3] if text.lstrip("-").isdigit()]
    if len(numbers) != len(argv) - 1 or not numbers:
        raise NotUnderstood("seq")
    first, last = (1, *numbers)[-2:]
    run.write(stdout, "".join(f"{number}\n" for number in range(first, last + 1)).encode())
    return 0


def _true(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    return 0


def _false(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    return 1


def _refuse(run: _Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    raise NotUnderstood(argv[0])


_COMMANDS = {
    "sleep": _sleep,
    "echo": _echo,
    "printf": _printf,
    "exit": _exit,
    "trap": _trap,
    "wait": _wait,
    "test": _test,
    "[": _test,
    "seq": _seq,
    "cat": _cat,
    "touch": _touch,
    "rm": _rm,
    "env": _environment,
    "printenv": _environment,
    "id": _user,
    "true": _true,
    ":": _true,
    "export": _true,
    "false": _false,
    **dict.fromkeys(("pwd", "hostname", "whoami", "date"), _say),
    **dict.fromkeys(
        ("set", "break", "continue", "read", "kill", "eval", "shift", "return", "unset", "cd"), _refuse
    ),
}

_QUICK_NAMES = (
    "chmod chown cp curl cut dd df du find grep head ln ls mkdir mv nslookup sed sort tail tee"
    " tr uname wc wget which"
)
_QUICK = frozenset(_QUICK_NAMES.split())
"""End at once and well; their output is not simulated."""
