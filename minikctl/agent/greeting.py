"""Who an engine is, asked beside what a command does meanwhile: Podman takes 0.07 s to say it.

The first call is made by who asks, not beside: an engine's SDK is imported with it, and two threads that
import are far slower than one.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikctl.backend import Backend, EngineInfo


class Greeting:
    """:raises UnreachableError: the engine does not answer."""

    def __init__(self, backend: Backend) -> None:
        backend.ping()
        self._backend = backend
        self._info: EngineInfo | None = None
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def info(self) -> EngineInfo | None:
        """None where it did not say, though it had answered before."""
        self._thread.join()
        return self._info

    def _ask(self) -> None:
        with contextlib.suppress(Exception):  # whoever needs it asks again, and hears why
            self._info = self._backend.info()
