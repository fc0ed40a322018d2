"""Looks at the store and the engine as fast as it can during a rollout, and keeps what was wrong.

Rules:
- A sample of the engine lies between two of the store. It counts where these name the same staying pods: over
  a change an engine's list, which is not made at one moment, says nothing. The store is judged every time.
- Its own failures are failures of the test: `close` raises them.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from e2e.stage import Stage, ready_pods
from minikctl.api import DesiredCodec
from minikctl.store import open_directory

SLOWEST_SECONDS = 0.5
"""Slower samples on the average would prove nothing."""


class Sampler:
    """A context manager: samples between `with` and its end.

    :param most: pods that may stay at once (replicas + maxSurge).
    :param least: pods that must be available (replicas - maxUnavailable).
    """

    def __init__(self, stage: Stage, *, most: int, least: int) -> None:
        self.stage = stage
        self.most = most
        self.least = least
        self.count = 0
        self.steady = 0
        """Samples of the engine during which the store's pods stayed as they were."""
        self.problems: list[str] = []
        self.busiest = 0
        """The most containers of staying pods that were seen at once."""
        self.error: BaseException | None = None

    def __enter__(self) -> Sampler:
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._sample_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def check(self) -> None:
        """After the `with`: nothing was wrong, and the samples were dense enough to say so."""
        assert self.error is None, self.error
        assert not self.problems, self.problems[:5]
        assert self.steady >= 3
        assert (self.ended - self._began) / self.count < SLOWEST_SECONDS

    def _sample_on(self) -> None:
        store = open_directory(self.stage.state, DesiredCodec())
        try:
            before = store.list("Pod")
            while not self._stop.is_set():
                containers = self.stage.running()
                after = store.list("Pod")
                self._judge(before, [one.uid for one in containers], after)
                before = after
                self.count += 1
        except BaseException as error:
            self.error = error
        finally:
            self.ended = time.monotonic()
            store.close()

    def _judge(self, before: list[dict[str, Any]], running: list[str], after: list[dict[str, Any]]) -> None:
        staying = _staying(after)
        ready = sum(1 for _ in ready_pods([one for one in after if one["metadata"]["uid"] in staying]))
        if len(staying) > self.most or ready < self.least:
            self.problems.append(f"store: {len(staying)} pods, {ready} of them ready")
        if _staying(before) != staying:
            # An engine lists one container after the other: over a change such a list says of some what was
            # before it and of others what was after it, as if more or fewer ran than ever did at once.
            return
        self.steady += 1
        run = sum(1 for uid in running if uid in staying)
        self.busiest = max(self.busiest, run)
        if not self.least <= run <= self.most:
            self.problems.append(f"engine: {run} containers of staying pods run")


def _staying(pods: list[dict[str, Any]]) -> set[str]:
    return {one["metadata"]["uid"] for one in pods if "deletionTimestamp" not in one["metadata"]}
