"""A container is one attempt, and runs once. The next attempt is another container with another name."""

from __future__ import annotations

from minikctl.backend.observed import ContainerState
from minikctl.errors import PermanentError

ALREADY_RAN = "AlreadyRan"
"""The reason with which a name is refused that belongs to an attempt which has ended."""


def check_not_ended(name: str, state: ContainerState) -> None:
    """Of what stands under a name already when a container of that name is to be made.

    :raises PermanentError: reason `AlreadyRan`.
    """
    if state is ContainerState.EXITED:
        raise PermanentError(f"container {name!r} has run, and has ended", reason=ALREADY_RAN)
