"""What Docker's error texts mean, as one of the port's errors with one clean line. Pure.

Rules:
- A status says what the engine thinks of the request, not whether a second try helps: a host port in use is a
  500, a registry without network a 404. So the text decides, and the status where the text says nothing.
- Where a pull's text says both (denied, and could not be asked), it may work later: temporary wins.
"""

from __future__ import annotations

import re

from minikctl.errors import PermanentError, TemporaryError, UnreachableError

_BUSY = (
    "context deadline exceeded",
    "context canceled",
    "resource temporarily unavailable",
    "too many open files",
    "no space left on device",
    "cannot allocate memory",
    "device or resource busy",
    "is already in progress",
    "timed out",
    "timeout",
)
_REGISTRY_SAYS_NO = (
    "manifest unknown",
    "manifest for",
    "no matching manifest",
    "name unknown",
    "repository does not exist",
    "pull access denied",
    "access denied",
    "denied:",
    "unauthorized",
    "authentication required",
    "forbidden",
    "not found",
    "insufficient_scope",
    "incorrect username or password",
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
    "client.timeout",
    "bad gateway",
    "service unavailable",
    "gateway timeout",
    "internal server error",
)
_NOT_A_REFERENCE = ("invalid reference format", "repository name must be lowercase")
# What the layers above the one that failed put before its words, and containerd behind them.
_PREAMBLE = (
    r"^(?:.*(?:unable to start container process|OCI runtime create failed|failed to create task[^:]*): "
    r"|failed to set up container networking: )"
)
_ENDPOINT = r"driver failed programming external connectivity on endpoint \S+ \([0-9a-f]+\): "
_CONTROL = r"[\x00-\x1f\x7f-\x9f\s]+"


def one_line(text: str) -> str:
    """Printable, on one line, without the preambles of the layers in between."""
    line = re.sub(_CONTROL, " ", text).strip().removesuffix(": unknown")
    return re.sub(_ENDPOINT, "", re.sub(_PREAMBLE, "", line)) or "the engine gave no reason"


def is_no_image(message: str) -> bool:
    return "no such image" in message.lower()


def is_no_container(message: str, container_id: str) -> bool:
    """Of that container; another one in the text may be the sandbox that it should join."""
    return f"no such container: {container_id}".lower() in message.lower()


def is_not_running(message: str) -> bool:
    return "is not running" in message.lower()


def is_being_removed(message: str) -> bool:
    return "already in progress" in message.lower()


def is_version_refused(message: str) -> bool:
    return "client version" in message and ("too new" in message or "too old" in message)


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


def unreachable(endpoint: str, error: BaseException) -> UnreachableError:
    return UnreachableError(f"cannot reach the Docker engine at {endpoint}: {_cause(error)}")


def _cause(error: BaseException) -> str:
    """The system's own words, which the HTTP libraries wrap several times."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, TimeoutError) or "timed out" in str(seen).lower():
            return "no answer in time"
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        seen = seen.__cause__ or seen.__context__
    return one_line(str(error))


def _says(message: str, phrases: tuple[str, ...]) -> bool:
    lowered = message.lower()
    return any(phrase in lowered for phrase in phrases)
