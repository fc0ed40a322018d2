"""Makes a call again that failed for the moment.

Rules:
- Only `TemporaryError`: a permanent one stays, and after an unreachable engine the next pass looks anew.
- Only quick calls. Pulls have a back-off of their own (the kubelet's), as probes have a period; streams are
  taken up by their readers.
- Only calls that may be made twice: a command is run once, and an archive can be read only once.
- A repeated start first looks: if the lost one took effect and the process is over already, a second run
  would be one too many.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from minikctl.backend.observed import Container
from minikctl.backend.port import Backend
from minikctl.backend.wrappers.base import BackendWrapper
from minikctl.errors import TemporaryError

T = TypeVar("T")

NOT_RETRIED = frozenset({"pull_image", "probe", "exec_container", "open_exec", "open_attach", "put_archive"})


class RetryingBackend(BackendWrapper):
    """Retries quick calls, with doubling pauses.

    :param attempts: how often a call is made at most.
    :param delay: seconds before the second attempt; doubles for each further one.
    """

    def __init__(
        self,
        inner: Backend,
        *,
        attempts: int = 3,
        delay: float = 0.2,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(inner)
        self._attempts = attempts
        self._delay = delay
        self._sleep = sleep

    def start_container(self, container_id: str) -> Container:
        again = False

        def start() -> Container:
            nonlocal again
            found = self.inner.inspect_container(container_id) if again else None
            again = True
            if found is not None and found.started_at is not None:
                return found
            return self.inner.start_container(container_id)

        return self._call("start_container", container_id, start)

    def _call(self, method: str, argument: object, call: Callable[[], T]) -> T:
        attempts = 1 if method in NOT_RETRIED else self._attempts
        for attempt in range(attempts - 1):
            try:
                return call()
            except TemporaryError:
                self._sleep(self._delay * 2**attempt)
        return call()
