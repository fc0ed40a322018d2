"""`minikctl watch`: the live tree, in the alternate screen, until q or Ctrl-C.

Where nobody acts on the state directory, the loop runs in this process meanwhile; otherwise it only looks.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from minikctl.cli import options
from minikctl.cli.agent import stopping
from minikctl.cli.options import flag
from minikctl.cli.session import Session, open_session
from minikctl.errors import LockHeld, UsageError
from minikctl.model import Object
from minikctl.model.kinds import KINDS

if TYPE_CHECKING:
    from minikctl.render.style import Style

_FRAME_SECONDS = 0.1
_CLOCK_SECONDS = 1.0
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


def watch(
    context: typer.Context,
    all_namespaces: options.AllNamespaces = False,
    all_containers: Annotated[bool, flag("--all-containers", text="Show every container.")] = False,
) -> None:
    """A live tree of what is desired and what runs, until q or Ctrl-C. Heals where no agent does."""
    if not sys.stdout.isatty():
        raise UsageError("watch draws on a terminal; elsewhere use: minikctl get pods -w")
    with open_session(context) as session, stopping() as stop:
        namespace = None if all_namespaces else session.namespace
        with _loop(session, stop), _screen(), _keys() as pressed:
            _draw_until(session, stop, namespace, all_containers, pressed)


@contextmanager
def _loop(session: Session, stop: threading.Event) -> Iterator[None]:
    """Acts in a thread, with a door to the store of its own, unless somebody acts already."""
    from minikctl.agent.cluster import open_cluster
    from minikctl.agent.driver import run_agent

    failures: list[Exception] = []

    def act() -> None:
        try:
            with contextlib.closing(open_cluster(session.options)) as cluster, contextlib.suppress(LockHeld):
                run_agent(cluster, stop)
        except Exception as error:
            failures.append(error)
            stop.set()

    if session.cluster.lock_holder() is not None:
        yield
        return
    thread = threading.Thread(target=act, name="agent")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if failures:
        raise failures[0]


def _draw_until(
    session: Session, stop: threading.Event, namespace: str | None, all_containers: bool, pressed: _Pressed
) -> None:
    from minikctl.render.tree import tree

    shown: tuple[object, ...] = ()
    while not stop.is_set() and pressed() not in ("q", "Q"):
        size = shutil.get_terminal_size()
        state = (session.api.store.stamp(), size, int(time.time() / _CLOCK_SECONDS))
        if state != shown:
            shown = state
            events = session.api.list("Event", namespace)
            lines = tree(
                _objects(session, namespace),
                events,
                session.now(),
                size.columns - 1,
                style=_style(),
                all_containers=all_containers,
                height=size.lines - 1,
            )
            sys.stdout.write("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
            sys.stdout.flush()
        stop.wait(_FRAME_SECONDS)


def _style() -> Style:
    """Colours unless NO_COLOR is set; plain ASCII where the terminal can't show more."""
    from minikctl.render.style import ASCII, COLOURED, PLAIN

    if (sys.stdout.encoding or "").lower().replace("-", "") != "utf8":
        return ASCII
    return PLAIN if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else COLOURED


def _objects(session: Session, namespace: str | None) -> list[Object]:
    return [obj for kind in KINDS if kind != "Event" for obj in session.api.list(kind, namespace)]


@contextmanager
def _screen() -> Iterator[None]:
    sys.stdout.write(_ENTER)
    sys.stdout.flush()
    try:
        yield
    finally:
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()


class _Pressed:
    """Asks for a key that was pressed, without waiting; "" when none was."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def __call__(self) -> str:
        if self._descriptor is None or not select.select([self._descriptor], [], [], 0)[0]:
            return ""
        return os.read(self._descriptor, 1).decode(errors="ignore")


@contextmanager
def _keys() -> Iterator[_Pressed]:
    """Keys come at once and are not shown; Ctrl-C stays a signal."""
    if not sys.stdin.isatty():
        yield _Pressed(None)
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield _Pressed(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
