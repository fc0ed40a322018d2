"""What a simulated process can run: each takes the run, the words and its two streams, and gives its status.

Rules:
- What can't be done as the real command does it raises `NotUnderstood`: the program is a server then.
- Commands of `QUICK` end at once and well; their output is not simulated.
"""

from __future__ import annotations

import math
import re
import time as clock_words
from collections.abc import Callable
from typing import TypeAlias

from minikctl_memory.files import UNKNOWN
from minikctl_memory.run import SIGNALS, Exit, Run
from minikctl_memory.shell import NotUnderstood, parse

Command: TypeAlias = Callable[[Run, tuple[str, ...], int, int], int]
"""(run, words, stdout, stderr) → exit status."""


def _sleep(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
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


def _echo(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    words = argv[1:]
    end = "\n"
    while words and re.fullmatch(r"-[neE]+", words[0]):
        if "n" in words[0]:
            end = ""
        words = words[1:]
    run.write(stdout, (" ".join(words) + end).encode())
    return 0


_ESCAPE = re.compile(rb"\\(\\|n|t|r|0?[0-7]{1,3})|%(.)")


def _printf(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    words = iter(argv[2:])

    def put(found: re.Match[bytes]) -> bytes:
        if found[2]:
            return b"%" if found[2] == b"%" else next(words, "").encode()
        letter = found[1]
        plain = {b"\\": b"\\", b"n": b"\n", b"t": b"\t", b"r": b"\r"}
        return plain[letter] if letter in plain else bytes([int(letter, 8) & 255])

    run.write(stdout, _ESCAPE.sub(put, argv[1].encode() if len(argv) > 1 else b""))
    return 0


def _exit(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    code = argv[1] if len(argv) > 1 else str(run.status)
    raise Exit(int(code) & 255 if code.isdigit() else 2)


def _trap(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
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


def _wait(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    """For all background commands; a signal with a trap interrupts it at once."""
    end = max([run.now, *run.jobs])
    handled = run.handled()
    if handled and handled[0] < end:
        run.pass_to(max(run.now, handled[0]))
        return 128 + SIGNALS[handled[1]]
    run.pass_to(end)
    run.jobs.clear()
    return 0


def _test(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
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


def _say(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
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


def _environment(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    if len(argv) == 2 and argv[0].endswith("printenv"):
        found = argv[1] in run.variables
        run.write(stdout, f"{run.variables[argv[1]]}\n".encode() if found else b"")
        return int(not found)
    run.write(stdout, "".join(f"{name}={value}\n" for name, value in run.variables.items()).encode())
    return 0


def _user(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    user, group = run.program.user, run.program.group
    texts = {"-u": str(user), "-g": str(group)}
    text = texts.get(" ".join(argv[1:]), f"uid={user} gid={group} groups={group}")
    run.write(stdout, f"{text}\n".encode())
    return 0


def _cat(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
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


def _touch(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    for path in argv[1:]:
        if not path.startswith("-"):
            run.files.append(path, b"")
    return 0


def _rm(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
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


def _seq(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    numbers = [int(text) for text in argv[1:3] if text.lstrip("-").isdigit()]
    if len(numbers) != len(argv) - 1 or not numbers:
        raise NotUnderstood("seq")
    first, last = (1, *numbers)[-2:]
    run.write(stdout, "".join(f"{number}\n" for number in range(first, last + 1)).encode())
    return 0


def _true(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    return 0


def _false(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    return 1


def _refuse(run: Run, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    raise NotUnderstood(argv[0])


COMMANDS: dict[str, Command] = {
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

_NAMES = (
    "chmod chown cp curl cut dd df du find grep head ln ls mkdir mv nslookup sed sort tail tee"
    " tr uname wc wget which"
)
QUICK = frozenset(_NAMES.split())
