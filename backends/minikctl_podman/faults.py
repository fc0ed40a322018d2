"""What Podman's error texts mean, as one of the port's errors with one clean line.

Podman answers most failures with a 500 and a text; its texts are all there is to tell them apart.
"""

from __future__ import annotations

import re

from minikctl.backend.faults import Faults, says

_NAME_TAKEN = ("already in use", "is in use", "already exists")
_NO_IMAGE = ("image not known", "no such image")
# Commands and their output come first in runtime errors; what failed stands behind them.
_RUNTIME_PREFIX = re.compile(
    r"^(?:runc|crun): (?:runc create failed: )?(?:unable to start container process: )?"
)
_COPIER_PREFIX = re.compile(r"^error during bulk transfer for copier\.request\{.*\}: ")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")


def one_line(text: str) -> str:
    """Printable, on one line, without the runtime's own preamble."""
    line = _COPIER_PREFIX.sub("", _CONTROL.sub(" ", text).strip())
    return _RUNTIME_PREFIX.sub("", line) or "the engine gave no reason"


def is_name_taken(message: str) -> bool:
    return says(message, _NAME_TAKEN)


def is_no_image(message: str) -> bool:
    return says(message, _NO_IMAGE)


def is_not_running(message: str) -> bool:
    return says(message, ("state improper", "not running", "can only attach to"))


def is_in_use(message: str) -> bool:
    return says(message, ("being used",))


def is_bad_archive(message: str) -> bool:
    return says(message, ("archive/tar", "unexpected eof", "invalid tar header"))


_FAULTS = Faults(
    one_line,
    busy=("container state improper", "database is locked", "no pod with id", "no such pod"),
    registry_says_no=(
        "denied",
        "did not resolve to an alias",
        "insufficient scope",
        "invalid username/password",
        "no image found in",
        "repository name not known",
        "repository not known",
    ),
    not_a_reference=("invalid reference", "must be lowercase", "parsing reference", "unsupported transport"),
)
container_error = _FAULTS.container_error
pull_error = _FAULTS.pull_error
