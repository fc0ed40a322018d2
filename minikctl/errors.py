"""Every error that minikctl raises on purpose.

Rules:
- An error carries data; its text is made in `__str__`, as one clear line (what, where, what to do).
- The API errors are named as Kubernetes' status reasons, so that a message reads like the API server's.
- A backend raises one of three: temporary (try again later), permanent (the request itself is wrong),
  unreachable (the engine did not answer: nothing is known). SDK errors are wrapped at the edge.
- The CLI turns any `MinikctlError` into one line and `exit_code`; anything else is a bug in minikctl.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class MinikctlError(Exception):
    """Base of all expected errors. `exit_code` is what the process ends with."""

    exit_code = 1


class UsageError(MinikctlError):
    """The command line itself can't be obeyed."""


# --- manifests ---------------------------------------------------------------------------------


class Position(Struct, frozen=True):
    """Where something stands in a file: 1-based line and column."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOT_HANDLED = "NotHandled"
"""The reason of a problem with a field that Kubernetes knows and this version would have to ignore."""


class FieldProblem(Struct, frozen=True):
    """One thing wrong with one field, in the API server's terms.

    `path` is written as the API server writes it (`spec.template.spec.containers[0].image`);
    `reason` is a Kubernetes cause (`FieldValueRequired`, `FieldValueInvalid`, `FieldValueNotSupported`,
    `FieldValueForbidden`, `FieldValueDuplicate`, `FieldValueTypeInvalid`, `UnknownField`) or ours
    (`NOT_HANDLED` and a few others).
    """

    path: str
    reason: str
    message: str
    position: Position | None = None
    rule: str = ""
    """The id of the rule that found it; empty for what the schema says."""

    def __str__(self) -> str:
        where = f"{self.position}: " if self.position else ""
        text = f"{where}{self.path}: {self.message}" if self.path else f"{where}{self.message}"
        # A path has the keys that somebody wrote.
        return text if text.isprintable() else "".join(map(_printable, text))


def _printable(char: str) -> str:
    return char if char.isprintable() else ascii(char)[1:-1]


class ManifestError(MinikctlError):
    """A file that can't be read as manifests at all (YAML syntax, size, not an object)."""

    def __init__(self, message: str, position: Position | None = None) -> None:
        super().__init__(message, position)
        self.message = message
        self.position = position

    def __str__(self) -> str:
        return f"{self.position}: {self.message}" if self.position else self.message


# --- the API -----------------------------------------------------------------------------------


class ApiError(MinikctlError):
    """What kube-apiserver would answer with a Status; `reason` is the Status' reason."""

    reason = "Unknown"


class NotFound(ApiError):
    """No such object. Printed as kubectl prints it."""

    reason = "NotFound"

    def __init__(self, resource: str, name: str) -> None:
        super().__init__(resource, name)
        self.resource = resource
        self.name = name

    def __str__(self) -> str:
        return f'{self.resource} "{self.name}" not found'


class AlreadyExists(ApiError):
    """An object of that kind, namespace and name exists."""

    reason = "AlreadyExists"

    def __init__(self, resource: str, name: str) -> None:
        super().__init__(resource, name)
        self.resource = resource
        self.name = name

    def __str__(self) -> str:
        return f'{self.resource} "{self.name}" already exists'


class Conflict(ApiError):
    """The object changed since the revision that the write was based on."""

    reason = "Conflict"

    def __init__(self, resource: str, name: str) -> None:
        super().__init__(resource, name)
        self.resource = resource
        self.name = name

    def __str__(self) -> str:
        return (
            f'Operation cannot be fulfilled on {self.resource} "{self.name}": the object has been modified; '
            "please apply your changes to the latest version and try again"
        )


class Forbidden(ApiError):
    """The request is understood and refused."""

    reason = "Forbidden"


class TooManyRequests(ApiError):
    """Not now; the same request may be taken later."""

    reason = "TooManyRequests"


class Invalid(ApiError):
    """One or more fields of one object are wrong."""

    reason = "Invalid"

    def __init__(self, kind: str, name: str, problems: Sequence[FieldProblem]) -> None:
        super().__init__(kind, name, tuple(problems))
        self.kind = kind
        self.name = name
        self.problems = tuple(problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return f'The {self.kind} "{self.name}" is invalid: {self.problems[0]}'
        lines = "".join(f"\n* {problem}" for problem in self.problems)
        return f'The {self.kind} "{self.name}" is invalid: {lines}'


# --- the state directory -----------------------------------------------------------------------


class StoreError(MinikctlError):
    """The state directory can't be used (permissions, full disk, damaged file)."""


class RevisionExpired(StoreError):
    """A watch asked for changes since a revision that is no longer kept: list again."""


class LockHeld(MinikctlError):
    """Another process acts on this state directory."""

    def __init__(self, state_dir: str, pid: int | None) -> None:
        super().__init__(state_dir, pid)
        self.state_dir = state_dir
        self.pid = pid

    def __str__(self) -> str:
        who = f"pid {self.pid}" if self.pid else "another process"
        return f"an agent ({who}) already acts on {self.state_dir}; see: minikctl agent status"


# --- backends ----------------------------------------------------------------------------------


class BackendError(MinikctlError):
    """Base of the three errors that a backend may raise.

    `reason` is a CRI/kubelet reason where there is one (`ErrImagePull`, `CreateContainerError`, …).
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason

    def __str__(self) -> str:
        return self.message


class TemporaryError(BackendError):
    """It may work later without any change: a busy engine, a registry that did not answer."""


class PermanentError(BackendError):
    """It can't work until something changes: no such image, a bad request, a port in use."""


class UnreachableError(BackendError):
    """The engine did not answer. Nothing is known about what it runs; the call may have taken effect."""
