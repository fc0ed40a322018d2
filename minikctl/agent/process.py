"""The agent as a process in the background: start, stop, status."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from minikctl.agent.cluster import Options, find_state_dir
from minikctl.errors import LockHeld, MinikctlError
from minikctl.store import AgentLock
from minikctl.store.directory import using

LOG = "agent.log"
POLL_SECONDS = 0.02


class AgentStatus(Struct, frozen=True):
    running: bool
    pid: int | None
    role: str
    """agent, or the verb of a command that acts at the moment."""
    started_at: float | None
    log: Path


def agent_status(state_dir: Path) -> AgentStatus:
    holder = AgentLock(state_dir).holder() if state_dir.is_dir() else None
    facts = holder or {}
    return AgentStatus(
        holder is not None,
        facts.get("pid"),
        str(facts.get("role", "")),
        facts.get("started"),
        state_dir / LOG,
    )


def start_agent(options: Options, *, wait_seconds: float = 15.0) -> AgentStatus:
    """Starts `minikctl agent run` detached, with its log in the state directory; returns once it acts.

    :raises LockHeld: an agent runs already.
    :raises StoreError: the state directory can't be used.
    :raises MinikctlError: it ended at once; the reason is the last line of its log.
    """
    state_dir = find_state_dir(options, os.environ)
    with using(state_dir):
        descriptor = os.open(state_dir / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as log:
        return _start(options, state_dir, log, wait_seconds)


def _start(options: Options, state_dir: Path, log: BinaryIO, wait_seconds: float) -> AgentStatus:
    before = agent_status(state_dir)
    if before.running and before.role == "agent":
        raise LockHeld(str(state_dir), before.pid)
    command = [sys.executable, "-m", "minikctl", "agent", "run", "--state-dir", str(state_dir)]
    if options.backend:
        command += ["--backend", options.backend]
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )
    deadline = time.monotonic() + wait_seconds
    while time.monotonic() < deadline:
        status = agent_status(state_dir)
        if status.running and status.role == "agent":
            return status
        if child.poll() is not None:
            raise MinikctlError(f"the agent ended at once: {_last_line(state_dir / LOG)}")
        time.sleep(POLL_SECONDS)
    raise MinikctlError(f"the agent does not act after {wait_seconds:.0f} s; see {state_dir / LOG}")


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def stop_agent(state_dir: Path, *, wait_seconds: float = 10.0) -> bool:
    """Asks the agent to end and waits for it; False when none ran. What it runs keeps running.

    :raises MinikctlError: it does not end.
    """
    status = agent_status(state_dir)
    if not status.running or status.role != "agent" or status.pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(status.pid, signal.SIGTERM)
    deadline = time.monotonic() + wait_seconds
    while time.monotonic() < deadline:
        now = agent_status(state_dir)
        if not now.running or now.pid != status.pid:
            return True
        time.sleep(POLL_SECONDS)
    raise MinikctlError(f"the agent (pid {status.pid}) does not end; see {status.log}")
