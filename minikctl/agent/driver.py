"""Driving the loop: until something is true (a command that waits), or for good (`agent run`)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from minikctl.agent.cluster import Cluster
from minikctl.agent.executor import ThreadExecutor
from minikctl.agent.loop import Loop
from minikctl.controlplane.deployment_status import is_complete
from minikctl.controlplane.proxies import Role, is_proxy, role_of
from minikctl.controlplane.view import View
from minikctl.errors import LockHeld
from minikctl.model import Object, is_deleting, status_of
from minikctl.model.pods import is_finished, is_ready
from minikctl.model.rollouts import WORKLOADS, is_as_declared
from minikctl.store import AgentLock
from minikctl.store.lock import wake

T = TypeVar("T")
STORE_FAILURES = 3
"""A command gives up when the state directory failed it so often in a row; an agent goes on trying."""
POLL_SECONDS = 0.03
"""How often the store is looked at while another process acts."""
TRY_LOCK_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 5.0
WAIT_FOR_COMMANDS_SECONDS = 10.0
"""An agent that starts lets a command that acts at the moment finish."""


def drive(
    cluster: Cluster,
    role: str,
    until: Callable[[], T | None],
    *,
    timeout: float | None,
    on_change: Callable[[], None] = lambda: None,
    is_final: Callable[[T], bool] = lambda result: True,
) -> T | None:
    """Runs the loop in this process until `until()` is not None, or watches the process that runs it.

    `until` reads the cluster's API; it is asked after every change. `on_change` is called at the same
    moments (progress). Returns what `until` returned, or None when `timeout` seconds passed. When the
    process that acts dies meanwhile, this one takes over. What was asked to end (old pods) is waited for
    too when this process acts: nobody else would end it. A result that is not `is_final` must still be so
    when all is done that was under way: what runs may have been found damaged at the first look, and be in
    repair. `role` is the verb, for `lock_holder`.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    lock = AgentLock(cluster.state_dir)
    while True:
        cluster.store.reopen_if_lost()
        if lock.try_acquire({"role": role, "started": time.time()}):
            try:
                return _act_until(cluster, until, deadline, on_change, is_final)
            finally:
                lock.release()
        done, result = _watch_until(cluster, until, deadline, on_change)
        if done:
            return result


def _left(deadline: float | None) -> float:
    return LONGEST_WAIT_SECONDS if deadline is None else deadline - time.monotonic()


def _watch_until(
    cluster: Cluster, until: Callable[[], T | None], deadline: float | None, on_change: Callable[[], None]
) -> tuple[bool, T | None]:
    """(True, result) at the end; (False, None) when it is time to try for the lock again."""
    wake(cluster.state_dir)
    retry_at = time.monotonic() + TRY_LOCK_SECONDS
    stamp: object = None
    while time.monotonic() < retry_at:
        newest = cluster.store.stamp()
        if newest != stamp:
            stamp = newest
            on_change()
            result = until()
            if result is not None:
                return True, result
        if _left(deadline) <= 0:
            return True, None
        time.sleep(POLL_SECONDS)
    return False, None


@contextmanager
def _running(
    cluster: Cluster, say: Callable[[str], None], confirm_deletions: bool
) -> Iterator[tuple[Loop, ThreadExecutor]]:
    before = cluster.store.on_commit
    cluster.store.on_commit = lambda: None  # this process is the one that would be woken
    executor = ThreadExecutor(cluster.backends)
    loop = Loop(
        cluster.api, cluster.engines(), executor, cluster.ids, say=say, confirm_deletions=confirm_deletions
    )
    executor.listen(cluster.state_dir)
    cluster.api.ensure_namespace()
    loop.start()
    try:
        yield loop, executor
    finally:
        executor.close()
        cluster.store.on_commit = before


def _act_until(
    cluster: Cluster,
    until: Callable[[], T | None],
    deadline: float | None,
    on_change: Callable[[], None],
    is_final: Callable[[T], bool],
) -> T | None:
    result: T | None = None
    with _running(cluster, lambda text: None, False) as (loop, executor):
        due = loop.step()
        while _left(deadline) > 0:
            if loop.has_looked() and (result is None or not is_final(result)):
                result = until()
            if result is not None and not _is_ending(loop):
                return result
            seconds = min(due - time.time(), _left(deadline), LONGEST_WAIT_SECONDS)
            due = loop.step(executor.wait(seconds))
            if loop.changed:
                on_change()
            if loop.store_error is not None and loop.store_failures >= STORE_FAILURES:
                raise loop.store_error
    return result


def _is_ending(loop: Loop) -> bool:
    """Something was asked to go and has not gone yet, or a worker is in the middle of something."""
    return not loop.is_idle() or any(is_deleting(pod) for pod in loop.manager.view.list("Pod"))


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
    lock = AgentLock(cluster.state_dir)
    _acquire(lock)
    try:
        with _running(cluster, say, confirm_deletions) as (loop, executor):
            loop.take_over()
            due = loop.step()
            on_change()
            while not stop.is_set():
                if once and loop.has_looked() and loop.is_idle() and is_converged(loop.manager.view):
                    return
                seconds = min(due - time.time(), LONGEST_WAIT_SECONDS)
                due = loop.step(executor.wait(seconds))
                if loop.changed:
                    on_change()
    finally:
        lock.release()


def _acquire(lock: AgentLock) -> None:
    facts = {"role": "agent", "started": time.time()}
    patience = time.monotonic() + WAIT_FOR_COMMANDS_SECONDS
    while not lock.try_acquire(facts):
        holder = lock.holder()
        is_agent = holder is not None and holder.get("role") == "agent"
        if is_agent or time.monotonic() > patience:
            raise LockHeld(str(lock.state_dir), (holder or {}).get("pid"))
        time.sleep(POLL_SECONDS)


def is_converged(view: View) -> bool:
    """Everything that is desired is so, as far as the statuses say."""
    return (
        not any(is_deleting(obj) for obj in view)
        and all(is_complete(one, status_of(one)) for one in view.list("Deployment"))
        and all(is_as_declared(one) for kind in WORKLOADS for one in view.list(kind))
        and all(is_ready(pod) or is_finished(pod) or _may_wait(pod) for pod in view.list("Pod"))
    )


def _may_wait(pod: Object) -> bool:
    """Somebody else on the host may have its port for good: LoadBalancers are pending then, and Ingresses."""
    return is_proxy(pod) and role_of(pod) is not Role.CLUSTER
