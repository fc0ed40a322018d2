"""Who an engine is, asked beside what a command does meanwhile: Podman takes 0.07 s to say it.

The first call is made by who asks, not beside: an engine's SDK is imported with it, and two threads that
import are far slower than one.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from minikctl.errors import BackendError

if TYPE_CHECKING:
    from minikctl.backend import Backend, EngineInfo

CLOSE_SECONDS = 1.0


class Greeting:
    """One engine, pinged and asked who it is."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._info: EngineInfo | None = None
        self._error: BackendError | None = None
        self._thread: threading.Thread | None = None
        try:
            backend.ping()
        except BackendError as error:
            self._error = error
            return
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Whether it still answers, and has not failed to say who it is. Waits for no answer to that.

        :raises BackendError: it does not.
        """
        if self._error is None:
            self._backend.ping()
        if self._error is not None:
            raise self._error

    def info(self) -> EngineInfo | None:
        """None where it did not say it: whoever needs it asks again, and hears why."""
        if self._thread is not None:
            self._thread.join()
        return self._info

    def close(self) -> None:
        """The backend is about to be closed."""
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)

    def _ask(self) -> None:
        try:
            self._info = self._backend.info()
        except BackendError as error:
            self._error = error
        except Exception:  # a backend that breaks its promises: the loop finds out by asking
            return
