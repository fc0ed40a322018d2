"""What the kubelet remembers of a pod between two looks, beside what the engine shows. May be lost."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from minikctl.controlplane.kubelet.actions import (
    Action,
    InspectContainer,
    RunContainer,
    RunSandbox,
    SignalContainer,
    StartContainer,
)
from minikctl.controlplane.kubelet.backoff import retry_wait
from minikctl.errors import BackendError

SANDBOX = "POD"
"""The sandbox's name where container names stand, as in every kubelet."""
IMAGE_NOT_FOUND = "ImageNotFound"


class Trouble(Struct, frozen=True):
    """A creation or start that failed, and when to try again."""

    reason: str
    message: str
    failures: int
    retry_at: float


class PodMemo(Struct, frozen=True):
    troubles: Mapping[str, Trouble] = field(default_factory=dict)
    """By container name."""
    signalled: frozenset[str] = frozenset()
    """Ids of containers that were sent their stop signal."""
    gone: frozenset[str] = frozenset()
    """Ids of containers that the engine confirmed not to have."""
    waiting_since: Mapping[str, float] = field(default_factory=dict)
    """By container name: since when an image is wanted that must be pulled anew."""

    def wanting(self, container: str, now: float) -> PodMemo:
        if container in self.waiting_since:
            return self
        return replace(self, waiting_since={**self.waiting_since, container: now})

    def without_trouble(self, container: str) -> PodMemo:
        troubles = {name: trouble for name, trouble in self.troubles.items() if name != container}
        waiting = {name: since for name, since in self.waiting_since.items() if name != container}
        return replace(self, troubles=troubles, waiting_since=waiting)


def absorb(memo: PodMemo, action: Action, error: BackendError | None, found: bool, now: float) -> PodMemo:
    """The memo after an action ended. `found` says whether an inspected container exists."""
    match action:
        case SignalContainer(container_id):
            return memo if error else replace(memo, signalled=memo.signalled | {container_id})
        case InspectContainer(container_id):
            return memo if error or found else replace(memo, gone=memo.gone | {container_id})
        case RunContainer(container=name) | StartContainer(container=name):
            return memo.without_trouble(name) if error is None else _troubled(memo, name, error, now)
        case RunSandbox():
            return memo.without_trouble(SANDBOX) if error is None else _troubled(memo, SANDBOX, error, now)
        case _:
            return memo


def _troubled(memo: PodMemo, name: str, error: BackendError, now: float) -> PodMemo:
    if error.reason == IMAGE_NOT_FOUND:
        return memo  # the image book knows; a pull follows
    known = memo.troubles.get(name)
    failures = known.failures + 1 if known else 1
    reason = error.reason or "CreateContainerError"
    trouble = Trouble(reason, error.message, failures, now + retry_wait(failures))
    return replace(memo, troubles={**memo.troubles, name: trouble})
