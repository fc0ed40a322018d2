"""What Podman's error texts mean, as one of the port's errors with one clean line.

Rules:
- Podman answers most failures with a 500 and a text; its texts are all there is to tell them apart.
- Where a text says both (the mirror knows no such image, and the registry could not be asked), it may work
  later: temporary wins.
"""

from __future__ import annotations

import re

from minikctl.errors import PermanentError, TemporaryError

_BUSY = (
    "container state improper",
    "database is locked",
    "too many open files",
    "resource temporarily unavailable",
    "no space left on device",
    "cannot allocate memory",
    "context deadline exceeded",
    "context canceled",
    "timed out",
    "timeout",
)
_REGISTRY_SAYS_NO = (
    "manifest unknown",
    "name unknown",
    "repository not known",
    "repository name not known",
    "unauthorized",
    "authentication required",
    "invalid username/password",
    "denied",
    "forbidden",
    "404 (not found)",
    "not found",
    "no image found in",
    "did not resolve to an alias",
    "insufficient scope",
)
_REGISTRY_NOT_ASKED = (
    "no such host",
    "server misbehaving",
    "connection refused",
    "connection reset",
    "network is unreachable",
    "no route to host",
    "i/o timeout",
    "handshake timeout",
    "deadline exceeded",
    "temporary failure",
    "toomanyrequests",
    "too many requests",
    "unexpected eof",
    ": eof",
    "bad gateway",
    "service unavailable",
    "gateway timeout",
    "internal server error",
)
_NOT_A_REFERENCE = ("invalid reference", "unsupported transport", "must be lowercase", "parsing reference")
_NAME_TAKEN = ("already in use", "is in use", "already exists")
_NO_IMAGE = ("image not known", "no such image")
# Commands and their output come first in runtime errors; what failed stands behind them.
_RUNTIME_PREFIX = re.compile(
    r"^(?:runc|crun): (?:runc create failed: )?(?:unable to start container process: )?"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")


def one_line(text: str) -> str:
    """Printable, on one line, without the runtime's own preamble."""
    return _RUNTIME_PREFIX.sub("", _CONTROL.sub(" ", text).strip()) or "the engine gave no reason"


def is_name_taken(message: str) -> bool:
    return _says(message, _NAME_TAKEN)


def is_no_image(message: str) -> bool:
    return _says(message, _NO_IMAGE)


def container_error(message: str, reason: str) -> TemporaryError | PermanentError:
    """Of a call that creates, starts, signals or removes."""
    kind = TemporaryError if _says(message, _BUSY) else PermanentError
    return kind(one_line(message), reason=reason)


def pull_error(message: str) -> TemporaryError | PermanentError:
    """Of a pull. What neither the registry nor the network explains may be gone at the next try."""
    if _says(message, _NOT_A_REFERENCE):
        return PermanentError(one_line(message), reason="InvalidImageName")
    says_no = _says(message, _REGISTRY_SAYS_NO) and not _says(message, _REGISTRY_NOT_ASKED)
    kind = PermanentError if says_no else TemporaryError
    return kind(one_line(message), reason="ErrImagePull")


def _says(message: str, phrases: tuple[str, ...]) -> bool:
    lowered = message.lower()
    return any(phrase in lowered for phrase in phrases)
