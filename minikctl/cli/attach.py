"""`minikctl attach`: a container's own process, at our terminal."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from minikctl.cli.containers import choose_container, container_of, running_container, running_pod
from minikctl.cli.errors import complain
from minikctl.cli.exec import START_SECONDS, Container, PodRunningTimeout, Quiet, Stdin, Tty, wants_terminal
from minikctl.cli.options import value
from minikctl.cli.session import Session, open_session
from minikctl.cli.terminal import DETACH_KEYS, Ending, converse
from minikctl.errors import UsageError
from minikctl.model import Object, name_of, spec_of

_RECORDED = (
    "All commands and output from this session will be recorded in container logs, including credentials and"
    " sensitive information passed through the command prompt."
)
_NO_PROMPT = "If you don't see a command prompt, try pressing enter."

DetachKeys = Annotated[
    str, value("--detach-keys", metavar="KEYS", text="Leave the container running: ctrl-p,ctrl-q.")
]


def attach(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(metavar="POD | TYPE/NAME", show_default=False)] = None,
    container: Container = "",
    stdin: Stdin = False,
    tty: Tty = False,
    quiet: Quiet = False,
    detach_keys: DetachKeys = DETACH_KEYS,
    pod_running_timeout: PodRunningTimeout = START_SECONDS,
) -> None:
    """Attach to a container's own process: `attach web-0`, `attach -it web-0 -c shell`."""
    if not words:
        raise UsageError("at least 1 argument is required for attach")
    with open_session(context) as session:
        pod = running_pod(session, _word(words), "attach to", pod_running_timeout)
        name = choose_container(pod, container, quiet=quiet)
        talk(session, pod, name, stdin=stdin, tty=tty, quiet=quiet, detach_keys=detach_keys)


def _word(words: list[str]) -> str:
    if len(words) == 2 and "/" not in words[0]:
        return "/".join(words)
    if len(words) > 1:
        raise UsageError("expected POD, TYPE/NAME or TYPE NAME")
    return words[0]


def talk(
    session: Session,
    pod: Object,
    name: str,
    *,
    stdin: bool,
    tty: bool,
    quiet: bool,
    detach_keys: str = DETACH_KEYS,
    resumable: bool = True,
) -> Ending:
    """A conversation with the container's process, with kubectl's remarks.

    :param resumable: somebody who left may come back.
    :raises Failed: it does not run.
    """
    place = running_container(session, pod, name, "attach")
    spec = container_of(pod, name) or {}
    has_tty = wants_terminal(stdin=stdin, tty=tty or bool(spec.get("tty")), quiet=True)
    if stdin and tty and not has_tty:
        wants_terminal(stdin=True, tty=True, quiet=quiet)
    if has_tty and not spec.get("tty"):
        if not quiet:
            complain(f"error: Unable to use a TTY - container {name} did not allocate one")
        has_tty = False
    if stdin and not quiet:
        complain(f"{_RECORDED}\n{_NO_PROMPT}")
    stream = place.backend.open_attach(place.identifier, stdin=stdin, tty=bool(spec.get("tty")))
    ending = converse(stream, stdin=stdin, tty=has_tty, detach_keys=detach_keys, redraw=True)
    if has_tty and resumable and not quiet and _goes_on(pod, spec, ending):
        complain(f"Session ended, resume using 'minikctl attach {_resume(pod, name)} -i -t' command")
    return ending


def _goes_on(pod: Object, spec: dict[str, Any], ending: Ending) -> bool:
    is_restarted = spec_of(pod).get("restartPolicy", "Always") == "Always"
    return not spec.get("stdinOnce") and (is_restarted or ending.has_detached)


def _resume(pod: Object, name: str) -> str:
    return f"{name_of(pod)} -c {name} -n {pod['metadata']['namespace']}"
