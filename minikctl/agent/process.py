"""The agent as a process in the background: start, stop, status."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from minikctl.agent.cluster import Options


@dataclass(frozen=True, slots=True)
class AgentStatus:
    running: bool
    pid: int | None
    role: str
    """agent, or the verb of a command that acts at the moment."""
    started_at: float | None
    log: Path


def agent_status(state_dir: Path) -> AgentStatus:
    raise NotImplementedError


def start_agent(options: Options, *, wait_seconds: float = 10.0) -> AgentStatus:
    """Starts `minikctl agent run` detached, with its log in the state directory; returns once it acts.

    :raises LockHeld: an agent runs already.
    """
    raise NotImplementedError


def stop_agent(state_dir: Path, *, wait_seconds: float = 10.0) -> bool:
    """Asks the agent to end and waits for it; False when none ran. What it runs keeps running."""
    raise NotImplementedError
