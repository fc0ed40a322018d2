"""Driving the loop: until something is true (`apply`, `delete`, `scale --wait` …), or for good (`agent run`)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from minikctl.agent.cluster import Cluster

T = TypeVar("T")


def drive(
    cluster: Cluster,
    role: str,
    until: Callable[[], T | None],
    *,
    timeout: float | None,
    on_change: Callable[[], None] = lambda: None,
) -> T | None:
    """Runs the loop in this process, or watches the one that another process runs, until `until()` is not None.

    `until` reads the cluster's API; it is asked after every change. `on_change` is called at the same moments
    (progress). Returns what `until` returned, or None when `timeout` seconds passed. When the process that acts
    dies meanwhile, this one takes over. `role` is the verb, for `lock_holder`.
    """
    raise NotImplementedError


def run_agent(
    cluster: Cluster,
    stop: threading.Event,
    *,
    once: bool = False,
    confirm_deletions: bool = False,
    on_change: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = lambda text: None,
) -> None:
    """The loop until `stop` is set, or with `once` until all that is desired is so.

    `say` gets lines worth a log: engines lost and found, files that are not obeyed.

    :raises LockHeld: another process acts on this directory.
    """
    raise NotImplementedError
