"""What an engine's error texts mean, as one of the port's errors with one clean line. Pure.

Rules:
- The text decides: engines' status codes say little, and differ between versions.
- An engine's own phrases stand beside those that come from below it (Go, the registries, the kernel), which
  are the same everywhere.
- Where a pull's text says both (denied, and could not be asked), it may work later: temporary wins.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from minikctl.errors import PermanentError, TemporaryError

Phrases = tuple[str, ...]

_BUSY: Phrases = (
    "cannot allocate memory",
    "context canceled",
    "context deadline exceeded",
    "no space left on device",
    "resource temporarily unavailable",
    "timed out",
    "timeout",
    "too many open files",
)
_REGISTRY_SAYS_NO: Phrases = (
    "authentication required",
    "forbidden",
    "manifest unknown",
    "name unknown",
    "not found",
    "unauthorized",
)
_REGISTRY_NOT_ASKED: Phrases = (
    ": eof",
    "bad gateway",
    "client.timeout",
    "connection refused",
    "connection reset",
    "deadline exceeded",
    "gateway timeout",
    "handshake timeout",
    "i/o timeout",
    "internal server error",
    "network is unreachable",
    "no route to host",
    "no such host",
    "server misbehaving",
    "service unavailable",
    "temporary failure",
    "too many requests",
    "toomanyrequests",
    "unexpected eof",
)


def says(message: str, phrases: Phrases) -> bool:
    lowered = message.lower()
    return any(phrase in lowered for phrase in phrases)


class Faults(Struct, frozen=True):
    """One engine's phrases, in lower case, and how its texts become one line."""

    one_line: Callable[[str], str]
    busy: Phrases
    registry_says_no: Phrases
    not_a_reference: Phrases

    def container_error(self, message: str, reason: str) -> TemporaryError | PermanentError:
        """Of a call that creates, starts, signals or removes."""
        kind = TemporaryError if says(message, _BUSY + self.busy) else PermanentError
        return kind(self.one_line(message), reason=reason)

    def pull_error(self, message: str) -> TemporaryError | PermanentError:
        """Of a pull. What neither the registry nor the network explains may be gone at the next try."""
        if says(message, self.not_a_reference):
            return PermanentError(self.one_line(message), reason="InvalidImageName")
        says_no = says(message, _REGISTRY_SAYS_NO + self.registry_says_no)
        kind = PermanentError if says_no and not says(message, _REGISTRY_NOT_ASKED) else TemporaryError
        return kind(self.one_line(message), reason="ErrImagePull")
