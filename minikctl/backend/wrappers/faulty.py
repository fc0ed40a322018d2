"""An engine that fails as engines do, as often as asked for: for simulations.

Rules:
- Every call of the port but `close` may fail: before its effect, or after it (the reply is lost).
- All chance comes from the `random.Random` that was given: the same seed and calls, the same faults.
- Hints may be lost, late or doubled, as the port says; the first one ("list now") never is.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from random import Random
from typing import TypeVar

from msgspec import Struct

from minikctl.backend.observed import Container, EngineEvent
from minikctl.backend.port import Backend
from minikctl.backend.wrappers.base import BackendWrapper
from minikctl.errors import BackendError, TemporaryError, UnreachableError

T = TypeVar("T")

_KEPT_LISTS = 5


class Faults(Struct, frozen=True):
    """How likely each fault is, from 0 to 1, per call (or per hint)."""

    temporary_before: float = 0.0
    unreachable_before: float = 0.0
    temporary_after: float = 0.0
    """The call took effect, but its reply is lost."""
    unreachable_after: float = 0.0
    stale_list: float = 0.0
    """`list_containers` answers with one of its last few results."""
    broken_stream: float = 0.0
    """A stream of lines or hints breaks off before a piece of it, with `UnreachableError`."""
    lost_hint: float = 0.0
    doubled_hint: float = 0.0
    late_hint: float = 0.0
    """It comes after the one that follows it."""


class FaultyBackend(BackendWrapper):
    """Fails by chance. Set `faults` to `Faults()` for an engine that has recovered.

    `injected` counts the faults that happened, by the names of `Faults`.
    """

    def __init__(self, inner: Backend, faults: Faults, random: Random) -> None:
        super().__init__(inner)
        self.faults = faults
        self.injected: Counter[str] = Counter()
        self._random = random
        self._lock = threading.Lock()
        self._lists: deque[list[Container]] = deque(maxlen=_KEPT_LISTS)

    def list_containers(self) -> list[Container]:
        listed = super().list_containers()
        with self._lock:
            self._lists.append(listed)
            earlier = list(self._lists)
        if self._happens("stale_list", self.faults.stale_list):
            with self._lock:
                listed = self._random.choice(earlier)
        return list(listed)

    def _call(self, method: str, argument: object, call: Callable[[], T]) -> T:
        self._maybe_fail(method, "before")
        result = call()
        self._maybe_fail(method, "after")
        return result

    def _stream(self, method: str, argument: object, call: Callable[[], Iterator[T]]) -> Iterator[T]:
        self._maybe_fail(method, "before")
        for piece in call():
            if self._happens("broken_stream", self.faults.broken_stream):
                raise UnreachableError(f"simulated fault: {method} broke off")
            yield piece

    def events(self) -> Iterator[EngineEvent]:
        late: EngineEvent | None = None
        for number, event in enumerate(super().events()):
            if number and late is None and self._happens("late_hint", self.faults.late_hint):
                late = event
                continue
            if not (number and self._happens("lost_hint", self.faults.lost_hint)):
                yield event
            if self._happens("doubled_hint", self.faults.doubled_hint):
                yield event
            if late is not None:
                yield late
                late = None

    def _maybe_fail(self, method: str, when: str) -> None:
        faults = self.faults
        kinds: tuple[tuple[str, float, type[BackendError]], ...]
        if when == "before":
            kinds = (
                ("temporary_before", faults.temporary_before, TemporaryError),
                ("unreachable_before", faults.unreachable_before, UnreachableError),
            )
        else:
            kinds = (
                ("temporary_after", faults.temporary_after, TemporaryError),
                ("unreachable_after", faults.unreachable_after, UnreachableError),
            )
        for name, probability, error in kinds:
            if self._happens(name, probability):
                raise error(f"simulated fault: {error.__name__} {when} {method}")

    def _happens(self, name: str, probability: float) -> bool:
        if probability <= 0:  # draws nothing, so that switching one fault off leaves the others as they were
            return False
        with self._lock:
            happens = self._random.random() < probability
            self.injected[name] += happens
        return happens
