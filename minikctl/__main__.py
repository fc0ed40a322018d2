"""The process: `minikctl …` and `python -m minikctl …`.

Rules, all for the sake of commands that take a tenth of a second:
- `minikctl version` alone is answered here, before anything is imported: scripts ask for it again and again.
- Collecting garbage starts late: while modules are imported there is none, and looking for it costs a tenth.
- The process ends without taking the interpreter apart. Nothing is left to be done then: the session closed
  the store and the engines, files were closed where they were written, threads are daemons.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import NoReturn, TextIO

from minikctl import __version__

_BARE_VERSION = (["version"], ["--version"])
_OBJECTS_BEFORE_COLLECTING = 500_000
_LATE = {"difflib": ("get_close_matches",), "shutil": ("get_terminal_size",), "subprocess": ()}
"""What typer imports for help, completions and misspelt commands."""
_OTHER_TYPING = ("typing_extensions",)
"""msgspec takes the standard library's, where it is missing."""


def main(argv: list[str] | None = None) -> int:
    """Runs one command line and returns its exit code. Without `argv` it is the process, and ends it."""
    if argv is not None:
        return _run(argv)
    import gc

    if sys.stdout is None or sys.stderr is None:  # closed by the shell (>&-): write to nowhere
        sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115
        sys.stderr = sys.stderr or sys.stdout
    for stream in (sys.stdout, sys.stderr):
        _say_all(stream)
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)
    _end(_run(sys.argv[1:]))


def _say_all(stream: TextIO) -> None:
    """What the stream's encoding has no letters for is written as escapes, and is no error."""
    if isinstance(stream, TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
        stream.reconfigure(errors="backslashreplace")


def _run(argv: list[str]) -> int:
    if argv in _BARE_VERSION:
        try:
            sys.stdout.write(f"minikctl v{__version__}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            sys.stdout = None
        except OSError as error:
            return _lost(error)
        return 0
    from minikctl.imports import lean_imports

    with lean_imports(_LATE, hidden=_OTHER_TYPING):
        from minikctl.cli.app import run
    return run(argv)


def _end(code: int) -> NoReturn:
    """An exception never comes here: Python reports it and ends as it always does."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except OSError as error:  # a full disk behind it
                code = code or (_lost(error) if stream is sys.stdout else 1)
    os._exit(code)


def _lost(error: OSError) -> int:
    os.write(2, f"error: cannot write the output: {error.strerror}\n".encode())
    return 1


if __name__ == "__main__":
    main()
