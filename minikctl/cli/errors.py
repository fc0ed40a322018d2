"""From an exception to what people read and what the process ends with. Never a traceback."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer

from minikctl.errors import ApiError, Invalid, MinikctlError

_ALIKE = 0.75
"""How much a flag must look like another one to be taken for it: a far-fetched guess misleads."""
# Flags of kubectl that people try. Each with what to do instead, where there is something.
_KUBECTLS = {
    **dict.fromkeys(
        ("--as", "--as-group", "--as-uid", "--certificate-authority", "--client-certificate", "--client-key"),
        "there is no API server to log in to",
    ),
    **dict.fromkeys(
        ("--cluster", "--context", "--kubeconfig", "--user"),
        "another cluster is another --state-dir",
    ),
    **dict.fromkeys(
        (
            "--insecure-skip-tls-verify",
            "--password",
            "--server",
            "--tls-server-name",
            "--token",
            "--username",
        ),
        "there is no API server to log in to",
    ),
    **dict.fromkeys(
        ("--field-manager", "--force-conflicts", "--server-side"),
        "apply merges what it applied before, what is there, and what files say",
    ),
    **dict.fromkeys(
        ("--applyset", "--prune", "--prune-allowlist"),
        "delete names what is to go",
    ),
    "--cache-dir": "",
    "--raw": "",
    "--record": "",
    "--request-timeout": "",
    "--save-config": "",
    "--subresource": "",
    "--template": "",
    "--validate": "everything is validated before anything is changed",
    "--warnings-as-errors": "validate --strict does so",
}
INTERRUPTED = 130
BROKEN_PIPE = 141
"""What a shell shows for kubectl, which SIGPIPE ends."""
# Typer exports BadParameter but not what it derives from: all that can be wrong with a command line.
_TyperUsageError: type[Exception] = typer.BadParameter.__mro__[1]


class BadRequest(ApiError):
    """The request itself makes no sense to the API."""

    reason = "BadRequest"


class Failed(MinikctlError):
    """What was asked for did not happen. Several lines; the first says what."""


class Reported(MinikctlError):
    """All has been said on stderr already; only the exit code is left."""

    def __init__(self, exit_code: int = 1) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def report(error: Exception) -> int:
    """Says on stderr what went wrong and returns the exit code."""
    if isinstance(error, Reported):
        return error.exit_code
    if isinstance(error, MinikctlError):
        complain(text_of(error))
        return error.exit_code
    if isinstance(error, _TyperUsageError):
        return _report_usage(error)
    if os.environ.get("MINIKCTL_DEBUG"):
        raise error
    return _report_bug(error)


def text_of(error: MinikctlError, doing: str = "") -> str:
    """The error as kubectl words it; `doing` is what went wrong (`error when deleting "web.yaml": `)."""
    if isinstance(error, Invalid):
        return str(error) if not doing else f"{doing}{error}"
    if isinstance(error, ApiError):
        return f"Error from server ({error.reason}): {doing}{error}"
    return f"error: {doing}{error}"


def complain(text: str) -> None:
    """Lines for stderr, safe for a terminal."""
    from minikctl.render.escape import escape_lines

    sys.stdout.flush()
    sys.stderr.write(f"{escape_lines(text)}\n")
    sys.stderr.flush()


def _report_usage(error: Any) -> int:
    """kubectl's words for click's complaints; the exit code is kubectl's 1, not click's 2."""
    if type(error).__name__ == "NoArgsIsHelpError":
        is_root = error.ctx.parent is None
        (sys.stdout if is_root else sys.stderr).write(f"{error.format_message()}\n")
        return 0 if is_root else 1
    path = error.ctx.command_path if error.ctx else "minikctl"
    complain(f"error: {_usage_text(error)}\nSee '{path} --help' for usage.")
    return 1


def _usage_text(error: Any) -> str:
    name = getattr(error, "option_name", None)
    if name is not None and hasattr(error, "possibilities"):
        return _unknown_flag(name, error)
    if name is not None:
        return f"flag needs an argument: {name}"
    param = getattr(error, "param", None)
    if type(error).__name__ == "MissingParameter" and param is not None:
        word = "required flag(s)" if param.opts[0].startswith("-") else "required argument"
        return f'{word} "{param.opts[0].lstrip("-")}" not set'
    if param is not None and param.opts[0].startswith("-"):
        return f'invalid argument for "{", ".join(reversed(param.opts))}" flag: {error.message}'
    return str(error.message[:1].lower() + error.message[1:]).removesuffix(".")


def _unknown_flag(name: str, error: Any) -> str:
    if not name.startswith("--"):
        return f"unknown shorthand flag: '{name.lstrip('-')}' in {name}"
    from difflib import get_close_matches

    if name in _KUBECTLS:
        why = _KUBECTLS[name]
        return f"{name} is a flag of kubectl that minikctl does not have" + (f": {why}" if why else "")
    known = [opt for one in error.ctx.command.get_params(error.ctx) for opt in one.opts] if error.ctx else []
    near = get_close_matches(name, known, n=1, cutoff=_ALIKE)
    return f"unknown flag: {name}" + (f"; did you mean {near[0]}?" if near else "")


def _report_bug(error: Exception) -> int:
    """One line; the traceback goes to a file that only its owner can read."""
    import traceback

    text = "".join(traceback.format_exception(error))
    what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    complain(f"minikctl bug: {what}, see {_write_private(text)} (MINIKCTL_DEBUG=1 shows it here)")
    return 1


def _write_private(text: str) -> str:
    import tempfile
    import time
    from pathlib import Path

    from minikctl.cli.session import state_dir_hint

    name = f"bug-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    for folder in (state_dir_hint(), Path(tempfile.gettempdir())):
        try:
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            continue
        with os.fdopen(descriptor, "w", errors="backslashreplace") as file:
            file.write(text)
        return str(folder / name)
    return "(nowhere to write it)"
