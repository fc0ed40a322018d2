"""What Docker's error texts mean, as one of the port's errors with one clean line. Pure.

A status says what the engine thinks of the request, not whether a second try helps: a host port in use is a
500, a registry without network a 404. So the text decides.
"""

from __future__ import annotations

import re

from minikctl.backend.faults import Faults
from minikctl.errors import UnreachableError

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


def is_bad_archive(message: str) -> bool:
    lowered = message.lower()
    return "archive/tar" in lowered or "unexpected eof" in lowered


def is_version_refused(message: str) -> bool:
    return "client version" in message and ("too new" in message or "too old" in message)


_FAULTS = Faults(
    one_line,
    busy=("device or resource busy", "is already in progress"),
    registry_says_no=(
        "access denied",
        "denied:",
        "incorrect username or password",
        "insufficient_scope",
        "manifest for",
        "no matching manifest",
        "repository does not exist",
    ),
    not_a_reference=("invalid reference format", "repository name must be lowercase"),
)
container_error = _FAULTS.container_error
pull_error = _FAULTS.pull_error


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
