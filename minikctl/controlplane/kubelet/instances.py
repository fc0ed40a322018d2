"""The containers of one pod as the engine shows them, sorted into what the kubelet asks about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

from minikctl.backend import Container, ContainerState
from minikctl.controlplane.kubelet.seal import Identity, identity

_NOTHING: Mapping[str, int] = MappingProxyType({})


class Instance(Struct, frozen=True):
    """One attempt at one container."""

    container: Container
    identity: Identity

    @property
    def id(self) -> str:
        return self.container.id

    @property
    def is_running(self) -> bool:
        return self.container.state is ContainerState.RUNNING

    @property
    def has_ended(self) -> bool:
        return self.container.state is ContainerState.EXITED

    @property
    def ran_seconds(self) -> float:
        started, finished = self.container.started_at, self.container.finished_at
        return finished - started if started is not None and finished is not None else 0.0


class Instances:
    """All attempts of one pod's containers, each list from the oldest to the newest attempt."""

    def __init__(self, containers: Sequence[Container], counts: Mapping[str, int] = _NOTHING) -> None:
        """:param counts: by container, the newest attempt that was ever seen."""
        self._counts = counts
        self._by_name: dict[str, list[Instance]] = {}
        self.sandboxes: list[Instance] = []
        for container in containers:
            known = Instance(container, identity(container))
            place = self.sandboxes if known.identity.is_sandbox else self._of(known.identity.container)
            place.append(known)
        for attempts in (*self._by_name.values(), self.sandboxes):
            attempts.sort(key=lambda one: (one.identity.attempt, one.container.created_at))

    def _of(self, name: str) -> list[Instance]:
        return self._by_name.setdefault(name, [])

    def of(self, name: str) -> list[Instance]:
        return self._by_name.get(name, [])

    def latest(self, name: str) -> Instance | None:
        """The newest attempt; a running one wins over a newer one that was never started. None where all
        are older than one that was seen: the engine's list is old, and nobody decides by it."""
        attempts = self.of(name)
        running = [one for one in attempts if one.is_running]
        found: Instance | None = (running or attempts or [None])[-1]  # type: ignore[list-item]
        if found is None or found.identity.attempt < self._counts.get(name, 0):
            return None
        return found

    def previous(self, name: str) -> Instance | None:
        """The newest attempt that ended, other than the latest."""
        latest = self.latest(name)
        ended = [one for one in self.of(name) if one.has_ended and one is not latest]
        return ended[-1] if ended else None

    def apps(self) -> list[Instance]:
        return [one for attempts in self._by_name.values() for one in attempts]

    def sandbox(self) -> Instance | None:
        running = [one for one in self.sandboxes if one.is_running]
        return (running or self.sandboxes or [None])[-1]  # type: ignore[list-item]
