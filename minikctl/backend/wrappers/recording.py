"""Tells a reporter about each call: what, on what, how long, with which outcome."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from msgspec import Struct

from minikctl.backend.port import Backend
from minikctl.backend.wrappers.base import BackendWrapper, short
from minikctl.errors import BackendError

T = TypeVar("T")


class CallReport(Struct, frozen=True):
    method: str
    argument: str
    """As `short` writes it: never the environment of a container."""
    seconds: float
    error: BackendError | None = None

    def __str__(self) -> str:
        failed = f": {type(self.error).__name__}: {self.error}" if self.error else ""
        return f"{self.method} {self.argument} {self.seconds * 1000:.1f} ms{failed}"


class RecordingBackend(BackendWrapper):
    """Reports each call to `report`.

    :param report: called once a call is over; for streams when they are asked for.
    :param clock: seconds from any beginning.
    """

    def __init__(
        self,
        inner: Backend,
        report: Callable[[CallReport], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self._report = report
        self._clock = clock

    def _call(self, method: str, argument: object, call: Callable[[], T]) -> T:
        text = "" if argument is None else short(argument)
        began = self._clock()
        try:
            result = call()
        except BackendError as error:
            self._report(CallReport(method, text, self._clock() - began, error))
            raise
        self._report(CallReport(method, text, self._clock() - began))
        return result

    def _stream(self, method: str, argument: object, call: Callable[[], Iterator[T]]) -> Iterator[T]:
        return self._call(method, argument, call)


def log_calls(inner: Backend, logger: logging.Logger | None = None) -> RecordingBackend:
    """A backend that writes each call to a log at level DEBUG, failed ones at INFO."""
    target = logger or logging.getLogger("minikctl.backend")

    def report(call: CallReport) -> None:
        target.log(logging.INFO if call.error else logging.DEBUG, "%s %s", inner.endpoint, call)

    return RecordingBackend(inner, report)
