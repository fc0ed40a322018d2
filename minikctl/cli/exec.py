"""`minikctl exec`: a command in a container that runs."""

from __future__ import annotations

from typing import Annotated

import typer

from minikctl.cli import options
from minikctl.cli.base import split_at_dashes
from minikctl.cli.containers import choose_container, running_container, running_pod
from minikctl.cli.documents import targets_of_files
from minikctl.cli.errors import Reported, complain
from minikctl.cli.options import flag, seconds, value
from minikctl.cli.resources import Target
from minikctl.cli.session import open_session
from minikctl.cli.terminal import NO_TTY, converse, has_terminal
from minikctl.errors import UsageError

_NO_POD = "pod, type/name or --filename must be specified"
_NO_COMMAND = "you must specify at least one command for the container"
_OLD_FORM = (
    "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\n"
    "See 'minikctl exec -h' for help and examples"
)
START_SECONDS = 60.0

Container = Annotated[
    str, value("--container", "-c", metavar="NAME", text="In this container; default the first.")
]
Stdin = Annotated[bool, flag("--stdin", "-i", text="Pass our input to it.")]
Tty = Annotated[bool, flag("--tty", "-t", text="With a terminal.")]
Quiet = Annotated[bool, flag("--quiet", "-q", text="Only what the process writes.")]
PodRunningTimeout = Annotated[
    float,
    value("--pod-running-timeout", metavar="DURATION", parser=seconds, text="For a pod to run: 1m."),
]


def execute(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="POD | TYPE/NAME -- COMMAND [args...]", show_default=False),
    ] = None,
    files: options.Files = None,
    container: Container = "",
    stdin: Stdin = False,
    tty: Tty = False,
    quiet: Quiet = False,
    pod_running_timeout: PodRunningTimeout = START_SECONDS,
) -> None:
    """Execute a command in a container: `exec web-0 -- date`, `exec -it deploy/web -- sh`.

    Ends with the command's exit code.
    """
    named, command = split_at_dashes(context, list(words or ()))
    if not named and not files:
        raise UsageError(_NO_POD)
    if len(named) > (0 if files else 1):
        raise UsageError(_OLD_FORM)
    if not command:
        raise UsageError(_NO_COMMAND)
    with open_session(context) as session:
        word = named[0] if named else _only(targets_of_files(session, files, False))
        pod = running_pod(session, word, "exec into", pod_running_timeout)
        name = choose_container(pod, container, quiet=quiet)
        place = running_container(session, pod, name, "exec into")
        has_tty = wants_terminal(stdin=stdin, tty=tty, quiet=quiet)
        stream = place.backend.open_exec(place.identifier, command, stdin=stdin, tty=has_tty)
        code = converse(stream, stdin=stdin, tty=has_tty).code
    if code:
        complain(f"command terminated with exit code {code}")
        raise Reported(code)


def wants_terminal(*, stdin: bool, tty: bool, quiet: bool) -> bool:
    """As kubectl: a terminal for the process only where its input is ours, and ours is a terminal."""
    if not (stdin and tty):
        return False
    if not has_terminal() and not quiet:
        complain(NO_TTY)
    return has_terminal()


def _only(targets: list[Target]) -> Target:
    if len(targets) != 1:
        raise UsageError("the files must name one pod, or one object that has pods")
    return targets[0]
