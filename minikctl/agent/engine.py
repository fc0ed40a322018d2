"""What the loop knows of one engine: its containers by pod, its images, and whether it answers.

What was learnt later wins: an answer to an older question (a list that was asked for before an action
ended) never overwrites what the action's own result said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct, field

from minikctl.agent.ports import PodVolumes
from minikctl.agent.prober import Prober
from minikctl.agent.volumes import ImaginedVolumes
from minikctl.backend import Backend, Container, ContainerState, Dns, EngineInfo, Volume
from minikctl.controlplane.kubelet import ImageBook, PodMemo
from minikctl.controlplane.kubelet.hooks import HookKey
from minikctl.controlplane.kubelet.seal import identity, is_sealed
from minikctl.controlplane.node import NodeConfig
from minikctl.model import Object

RESYNC_SECONDS = 10.0
"""How often everything is listed although no event asked for it."""
RETRY_SECONDS = 0.5
"""How often an engine that does not answer is asked again."""

_ENDS = frozenset(("die", "died", "kill", "stop", "oom", "exited"))
_BEGINS = frozenset(("start", "restart"))
_GOES = frozenset(("destroy", "remove"))
_CHANGES = _ENDS | _BEGINS | _GOES | {"pause", "unpause", ""}


class Engine(Struct):
    """One backend and the nodes on it."""

    name: str
    backend: Backend
    nodes: tuple[NodeConfig, ...]
    seal_key: bytes
    info: EngineInfo | None = None
    state_dir: Path | None = None
    """Where it finds the files that are kept for pods; None where it does not see this machine's files."""
    volumes: PodVolumes = field(default_factory=ImaginedVolumes)
    resolver: Dns = Dns()
    """What its machine's own resolver reads; nothing where that is not known."""
    greeted: Callable[[], EngineInfo | None] | None = None
    """What it said when it was greeted, if it was: the first introduction needs no other question."""
    images: ImageBook = field(default_factory=ImageBook)
    kept: dict[str, tuple[Object | None, object]] = field(default_factory=dict)
    """By node: its object when it was last as it should be, and what the engine had said till then."""
    memos: dict[str, PodMemo] = field(default_factory=dict)
    """By pod uid."""
    busy: set[str] = field(default_factory=set)
    """Uids of pods whose actions are under way."""
    hooking: set[HookKey] = field(default_factory=set)
    """Lifecycle hooks that are under way."""
    prober: Prober = field(default_factory=Prober)
    hinted: dict[str, set[str]] = field(default_factory=dict)
    """Containers that should be looked at, by id, and what happened to them; "" is anything."""
    strays: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Ids of containers that nobody's pod owned as of the last list, with namespace and name of theirs."""
    clearing: set[str] = field(default_factory=set)
    uncleared: bool = False
    """A list came, and nobody has looked yet whether everything in it belongs to somebody."""
    listed: bool = False
    """Whether it was ever known what runs."""
    answers: bool = True
    trouble: str = ""
    listing: bool = False
    looking: bool = False
    introducing: bool = False
    next_list: float = 0.0
    next_introduction: float = 0.0
    serial: int = 0
    _containers: dict[str, Container] = field(default_factory=dict)
    _by_pod: dict[str, dict[str, Container]] = field(default_factory=dict)
    with_files: frozenset[str] = frozenset()
    """Uids of pods that files are kept for, as of the last list."""
    claimed: tuple[Volume, ...] | None = None
    """Its own volumes. They are only asked for when state.db was lost; None before the answer."""
    _learnt: dict[str, int] = field(default_factory=dict)

    def of_pod(self, uid: str) -> tuple[Container, ...]:
        return tuple(self._by_pod.get(uid, {}).values())

    def get(self, container_id: str) -> Container | None:
        return self._containers.get(container_id)

    def pods(self) -> list[str]:
        """Uids of all pods that have containers here."""
        return list(self._by_pod)

    def all(self) -> Iterable[Container]:
        return self._containers.values()

    def next_serial(self) -> int:
        self.serial += 1
        return self.serial

    # --- learning

    def learn(self, container_id: str, container: Container | None) -> str | None:
        """How a container is now (None: gone). Returns the uid of its pod if that is news."""
        self._learnt[container_id] = self.next_serial()
        return self._set(container_id, container)

    def learn_list(self, serial: int, containers: Iterable[Container]) -> list[str]:
        """A whole list. Returns the uids of the pods that it changes, each once."""
        found = {one.id: one for one in containers}
        changed: dict[str, None] = {}
        for container_id in (*found, *(known for known in self._containers if known not in found)):
            if self._is_doubtful(found.get(container_id)):
                self.hint(container_id)
            elif self._learnt.get(container_id, 0) <= serial:
                uid = self._set(container_id, found.get(container_id))
                if uid is not None:
                    changed[uid] = None
        self._learnt = {one: when for one, when in self._learnt.items() if when > serial}
        self.listed = True
        return list(changed)

    def _is_doubtful(self, listed: Container | None) -> bool:
        """What ran is listed as only created: the list is old, or the machine was booted since (Podman).
        Started on an old list's word, it would run beside its successor, so it is looked at alone first."""
        known = self._containers.get(listed.id) if listed is not None else None
        if listed is None or known is None or listed.state is not ContainerState.CREATED:
            return False
        return known.state is not ContainerState.CREATED

    def is_newer(self, container_id: str, serial: int) -> bool:
        return self._learnt.get(container_id, 0) > serial

    def _set(self, container_id: str, container: Container | None) -> str | None:
        known = self._containers.get(container_id)
        if container == known or (container is not None and not is_sealed(container, self.seal_key)):
            return None
        either = container or known
        assert either is not None
        uid = identity(either).uid
        if container is None:
            self._containers.pop(container_id, None)
            place = self._by_pod.get(uid, {})
            place.pop(container_id, None)
            if not place:
                self._by_pod.pop(uid, None)
        else:
            self._containers[container_id] = container
            self._by_pod.setdefault(uid, {})[container_id] = container
        return uid

    # --- hints

    def hint(self, container_id: str, action: str = "") -> None:
        """Something happened to a container: it should be looked at, unless that is known. While a look is
        under way, or comes, nothing is: its answer may be of before."""
        if action not in _CHANGES:
            return
        if self.looking or container_id in self.hinted or not self._expects(container_id, action):
            self.hinted.setdefault(container_id, set()).add(action)

    def still_hinted(self) -> list[str]:
        """Ids of those that should be looked at now. Whose start alone was told, and is known since from who
        started it, needs no look."""
        for container_id, actions in list(self.hinted.items()):
            if not self.looking and actions <= _BEGINS and self._expects(container_id, "start"):
                del self.hinted[container_id]
        return sorted(self.hinted)

    def _expects(self, container_id: str, action: str) -> bool:
        """Whether what the hint tells is known already."""
        known = self._containers.get(container_id)
        if action in _BEGINS:
            return known is not None and known.state is ContainerState.RUNNING
        if action in _ENDS:
            return known is not None and known.state is ContainerState.EXITED
        return action in _GOES and known is None
