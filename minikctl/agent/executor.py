"""The executor in life: daemon threads and one queue of news."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from minikctl.agent.ports import Hinted, News, Woken
from minikctl.backend import Backend, EngineEvent
from minikctl.store.lock import open_wake, wake

WORKERS = {"act": 3, "pull": 2, "look": 1}
"""Threads per lane and engine. Engines gain nothing from more: they start containers one by one inside."""
RECONNECT_SECONDS = 0.5
CLOSE_SECONDS = 5.0
"""How long jobs that act are waited for at the end. An engine that answers needs a fraction of it."""

Lane: TypeAlias = "queue.SimpleQueue[Callable[[], News] | None]"


class ThreadExecutor:
    """Implements `Executor`. Threads are daemons: a process that ends does not wait for an engine."""

    def __init__(self, backends: Mapping[str, Backend]) -> None:
        self._backends = backends
        self._inbox: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._lanes: dict[str, Lane] = {}
        self._actors: list[threading.Thread] = []
        self._closed = threading.Event()
        self._state_dir: Path | None = None

    def submit(self, lane: str, job: Callable[[], News]) -> None:
        if lane not in self._lanes:
            self._lanes[lane] = queue.SimpleQueue()
            kind = lane.rpartition(":")[2]
            workers = [self._thread(self._work, self._lanes[lane]) for _ in range(WORKERS[kind])]
            if kind == "act":
                self._actors.extend(workers)
        self._lanes[lane].put(job)

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
            for _ in range(max(WORKERS.values())):
                lane.put(None)
        if self._state_dir is not None:
            wake(self._state_dir)
        deadline = time.monotonic() + CLOSE_SECONDS
        for actor in self._actors:
            actor.join(max(0.0, deadline - time.monotonic()))

    def _thread(self, target: Callable[..., None], argument: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=(argument,), daemon=True)
        thread.start()
        return thread

    def _work(self, lane: Lane) -> None:
        while True:
            job = lane.get()
            if job is None or self._closed.is_set():
                return
            self._inbox.put(job())

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

    def submit(self, lane: str, job: Callable[[], News]) -> None:
        self.news.append(job())

    def watch(self, engine: str) -> None:
        """Nobody waits for events."""
