"""The executor in life: daemon threads and one queue of news."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from minikctl.agent.ports import Hinted, News, Outcome, Woken
from minikctl.backend import Backend, EngineEvent
from minikctl.store.lock import open_wake, wake

WORKERS = {"act": 3, "tell": 2, "pull": 2, "look": 1, "probe": 8, "hook": 64}
"""Threads per lane and engine, made when there is work for them. Engines gain nothing from more that act:
they start containers one by one inside. Probes and hooks mostly wait: for an answer, or for a command."""
HELPERS = 2
"""Threads that make further containers of a pod beside its first."""
RECONNECT_SECONDS = 0.5
CLOSE_SECONDS = 5.0
"""How long jobs that act are waited for at the end. An engine that answers needs a fraction of it."""

Job: TypeAlias = Callable[[], News]


class _Lane:
    """A queue and its threads: another one is made when all are at work, up to a limit."""

    def __init__(self, most: int) -> None:
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.most = most
        self.threads: list[threading.Thread] = []
        self.idle = 0
        self.lock = threading.Lock()


class ThreadExecutor:
    """Implements `Executor`. Threads are daemons: a process that ends does not wait for an engine."""

    def __init__(self, backends: Mapping[str, Backend]) -> None:
        self._backends = backends
        self._inbox: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._lanes: dict[str, _Lane] = {}
        self._closed = threading.Event()
        self._state_dir: Path | None = None

    def submit(self, lane: str, job: Job) -> None:
        """Only ever called by the loop's own thread."""
        if lane not in self._lanes:
            self._lanes[lane] = _Lane(WORKERS[lane.rpartition(":")[2]])
        place = self._lanes[lane]
        with place.lock:
            place.idle -= 1  # the one that will take it
            needs_thread = place.idle < 0 and len(place.threads) < place.most
            place.idle += needs_thread
        if needs_thread:
            place.threads.append(self._thread(self._work, place))
        place.jobs.put(job)

    def together(self, calls: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
        """The caller's thread and a few more take one call after the other: an engine that hangs holds up
        nobody else's."""
        done: dict[int, Outcome] = {}
        left = deque(enumerate(calls))

        def take(_: object = None) -> None:
            with contextlib.suppress(IndexError):
                while True:
                    number, call = left.popleft()
                    done[number] = call()

        helpers = [self._thread(take, None) for _ in range(min(HELPERS, len(calls) - 1))]
        take()
        for helper in helpers:
            helper.join()
        return [done[number] for number in range(len(calls))]

    def watch(self, engine: str) -> None:
        self._thread(self._follow, engine)

    def listen(self, state_dir: Path) -> None:
        """News when another process wrote something to the state directory."""
        self._state_dir = state_dir
        self._thread(self._hear, open_wake(state_dir))

    def wait(self, seconds: float) -> list[News]:
        """The news there are, after at most so many seconds."""
        news: list[News] = []
        try:
            news.append(self._inbox.get(timeout=max(0.0, seconds)))
            while True:
                news.append(self._inbox.get_nowait())
        except queue.Empty:
            return news

    def close(self) -> None:
        """No job is begun any more, and those that act are waited for: somebody else may act next.

        The other threads end as soon as they notice. The backends stay open for their owner.
        """
        self._closed.set()
        for lane in self._lanes.values():
            for _ in lane.threads:
                lane.jobs.put(None)
        if self._state_dir is not None:
            wake(self._state_dir)
        deadline = time.monotonic() + CLOSE_SECONDS
        actors = (
            one
            for name, lane in self._lanes.items()
            if name.endswith((":act", ":tell"))
            for one in lane.threads
        )
        for actor in actors:
            actor.join(max(0.0, deadline - time.monotonic()))

    def _thread(self, target: Callable[..., None], argument: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=(argument,), daemon=True)
        thread.start()
        return thread

    def _work(self, lane: _Lane) -> None:
        while True:
            job = lane.jobs.get()
            if job is None or self._closed.is_set():
                return
            self._inbox.put(job())
            with lane.lock:
                lane.idle += 1

    def _follow(self, engine: str) -> None:
        while not self._closed.is_set():
            connected = False
            try:
                for event in self._backends[engine].events():
                    connected = True
                    self._inbox.put(Hinted(engine, event))
            except Exception:
                connected = True  # gone, or a backend that breaks its promises: the loop finds out by asking
            if connected:
                self._inbox.put(Hinted(engine, EngineEvent("")))  # and it asks now
            self._closed.wait(RECONNECT_SECONDS)

    def _hear(self, descriptor: int) -> None:
        try:
            while not self._closed.is_set():
                select.select([descriptor], [], [])
                with contextlib.suppress(BlockingIOError):  # somebody else who listens was faster
                    os.read(descriptor, 4096)
                self._inbox.put(Woken())
        finally:
            os.close(descriptor)


class InlineExecutor:
    """Does each job at once, in the caller's thread: for one look without a loop."""

    def __init__(self) -> None:
        self.news: list[News] = []

    def submit(self, lane: str, job: Job) -> None:
        self.news.append(job())

    def together(self, calls: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
        return [call() for call in calls]

    def watch(self, engine: str) -> None:
        """Nobody waits for events."""
