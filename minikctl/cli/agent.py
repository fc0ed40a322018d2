"""`minikctl agent`: the loop kept running. It heals, and does what others write."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from minikctl.cli.base import Entry, flags_of
from minikctl.cli.options import flag
from minikctl.cli.session import Session, open_session, out

_COLLECTING = (700, 10, 10)
"""Python's own measure of when to collect garbage."""
_HOME = "minikctl.cli.agent"
ENTRIES = {
    "run": Entry(_HOME, "run", "Run the loop in the foreground."),
    "start": Entry(_HOME, "start", "Start it in the background."),
    "stop": Entry(_HOME, "stop", "Stop the one in the background. What it runs keeps running."),
    "status": Entry(_HOME, "status", "Whether one runs, and since when."),
}


def run(
    context: typer.Context,
    once: Annotated[bool, flag("--once", text="End when all is as desired.")] = False,
    confirm_deletions: Annotated[
        bool, flag("--confirm-deletions", text="Obey a desired/ folder that lost most of its files.")
    ] = False,
) -> None:
    """Run the loop in the foreground, until Ctrl-C or SIGTERM. What it runs keeps running."""
    import gc

    from minikctl.agent.driver import run_agent

    with open_session(context) as session, stopping() as stop:
        session.tell_simulated()
        session.cluster.check_engines()
        # The process starts as one that ends soon; this one does not. What is there now stays.
        gc.freeze()
        gc.set_threshold(*_COLLECTING)
        run_agent(session.cluster, stop, once=once, confirm_deletions=confirm_deletions, say=log)


def start(context: typer.Context) -> None:
    """Start the loop in the background; its log is agent.log in the state directory."""
    from minikctl.agent.process import start_agent

    status = start_agent(Session(flags_of(context)).options)
    out(f"agent started (pid {status.pid}), log: {status.log}\n")


def stop(context: typer.Context) -> None:
    """Stop the loop in the background. What it runs keeps running."""
    from minikctl.agent.process import stop_agent

    out("agent stopped\n" if stop_agent(_state_dir(context)) else "no agent is running\n")


def status(context: typer.Context) -> None:
    """Whether an agent runs, and since when. Exit code 0 where one does, else 1."""
    from minikctl.agent.process import agent_status
    from minikctl.render.durations import human_duration

    folder = _state_dir(context)
    if (folder / "desired").is_dir():
        with open_session(context) as session:
            session.tell_files()
    facts = agent_status(folder)
    if not facts.running:
        out("no agent is running\n")
        raise typer.Exit(1)
    since = f", for {human_duration(time.time() - facts.started_at)}" if facts.started_at else ""
    if facts.role == "agent":
        out(f"agent running (pid {facts.pid}){since}, log: {facts.log}\n")
        return
    out(f"no agent is running; `minikctl {facts.role}` acts at the moment (pid {facts.pid}){since}\n")
    raise typer.Exit(1)


def _state_dir(context: typer.Context) -> Path:
    from minikctl.agent.cluster import find_state_dir

    return find_state_dir(Session(flags_of(context)).options, os.environ)


def log(text: str) -> None:
    """A line for the agent's log, with the time."""
    from minikctl.render.escape import escape

    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {escape(text)}\n")
    sys.stderr.flush()


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set, so that a pass under way is finished first."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
