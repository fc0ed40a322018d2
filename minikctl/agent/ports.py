"""What the loop needs of the world beside Store, Backend and Clock: work done elsewhere, and news.

In life these are threads and a queue; in a simulation they are a schedule in virtual time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from msgspec import Struct, field

from minikctl.backend import Checked, Container, Dns, EngineEvent, EngineInfo, Mount
from minikctl.backend import Volume as EngineVolume
from minikctl.controlplane.kubelet import Action, ProbePlan, PullImage, RunHook
from minikctl.controlplane.kubelet.volumes import Volume, VolumeMount
from minikctl.controlplane.proxies import Program
from minikctl.errors import BackendError
from minikctl.model import ObjectKey


class Listed(Struct, frozen=True):
    """All containers of one engine, or why it could not say."""

    engine: str
    serial: int
    """Of the question: what was learnt after it was asked is newer than this answer."""
    containers: tuple[Container, ...] = ()
    with_files: frozenset[str] = frozenset()
    """Uids of pods that files are kept for."""
    volumes: tuple[EngineVolume, ...] | None = None
    """None where nobody asked for them."""
    error: BackendError | None = None


class PodVolumes(Protocol):
    """The files that are kept for an engine's pods, where there are any. Everything is safe to do twice."""

    keeps_files: bool
    """Whether there are files, and so something to remove."""

    def set_up(self, uid: str, volumes: Sequence[Volume]) -> None:
        """Makes a pod's volumes, or brings their files up to date.

        :raises PermanentError: with the kubelet's words.
        """

    def mounts(self, uid: str, container: str, wanted: Sequence[VolumeMount]) -> tuple[Mount, ...]:
        """What the engine is asked to mount, found out just before a container is made.

        :raises PermanentError: a path leads out of its volume, or must not be mounted.
        """

    def message_file(self, uid: str, container: str, attempt: int) -> Path | None:
        """Where a container's termination message is kept; None where nothing is."""

    def tear_down(self, uid: str) -> None:
        """Removes all that was made for a pod, which has no containers any more. Gone already is fine.

        :raises PermanentError: something can't be removed.
        """

    def uids(self) -> set[str]:
        """Of all pods that something is kept for."""


class Introduced(Struct, frozen=True):
    """What an engine says of itself."""

    engine: str
    info: EngineInfo | None = None
    resolver: Dns = Dns()
    """What its machine's own resolver reads."""
    error: BackendError | None = None


class Outcome(Struct, frozen=True):
    """How one action ended. `container` is how the container is now, where the action tells."""

    action: Action
    container: Container | None = None
    error: BackendError | None = None
    text: str = ""
    """What was read."""


class Acted(Struct, frozen=True):
    """One pod's actions are done, in order."""

    engine: str
    uid: str
    key: ObjectKey
    outcomes: tuple[Outcome, ...]


class Pulled(Struct, frozen=True):
    engine: str
    wanted: PullImage
    error: BackendError | None = None


class Probed(Struct, frozen=True):
    """The answer to one probe, or why there is none."""

    engine: str
    uid: str
    """The pod's."""
    plan: ProbePlan
    checked: Checked | None = None
    error: BackendError | None = None


class Hooked(Struct, frozen=True):
    """A lifecycle hook is over. `error` is that the engine could not be asked, which decides nothing."""

    engine: str
    uid: str
    key: ObjectKey
    hook: RunHook
    failed: bool = False
    error: BackendError | None = None


class Told(Struct, frozen=True):
    """A Service's proxy follows a program now, or why not."""

    engine: str
    uid: str
    """The proxy pod's."""
    key: ObjectKey
    container_id: str
    program: Program
    error: BackendError | None = None


class HostsWritten(Struct, frozen=True):
    """Pods' hosts files were written."""

    engine: str
    uids: tuple[str, ...]
    texts: dict[str, str]
    """By pod uid; one that is missing could not be written."""


class Resolved(Struct, frozen=True):
    """What names outside of the cluster stand for."""

    engine: str
    names: tuple[str, ...]
    """All that were asked for."""
    addresses: dict[str, tuple[str, ...]]
    """By name; one that is missing could not be resolved."""


class Sample(Struct, frozen=True):
    """What one container has used so far, at a time."""

    engine: str
    container_id: str
    uid: str
    """The pod's."""
    container: str
    moment: float
    cpu_nanoseconds: int
    memory_bytes: int


class Measured(Struct, frozen=True):
    """Running containers were looked at; where the engine was lost meanwhile, not all of them."""

    engine: str
    samples: tuple[Sample, ...] = ()
    failed: frozenset[str] = frozenset()
    """Uids of the pods with a container that could not be measured."""
    error: BackendError | None = None
    """Of the last one that could not."""


class VolumeRemoved(Struct, frozen=True):
    """The engine's volume behind a PersistentVolume is gone, or why not."""

    engine: str
    key: ObjectKey
    error: BackendError | None = None


class Looked(Struct, frozen=True):
    """Single containers, looked at because of a hint; None where there is no such container."""

    engine: str
    serial: int
    containers: dict[str, Container | None] = field(default_factory=dict)
    error: BackendError | None = None


class Cleared(Struct, frozen=True):
    """Containers that belong to no pod were removed (or not)."""

    engine: str
    removed: tuple[str, ...] = ()
    error: BackendError | None = None


class Hinted(Struct, frozen=True):
    """The engine's event stream says that something happened."""

    engine: str
    event: EngineEvent


class Woken(Struct, frozen=True):
    """Somebody else wrote something, or just wants a look."""


News: TypeAlias = (
    Listed
    | Introduced
    | Acted
    | Pulled
    | Probed
    | Hooked
    | Told
    | HostsWritten
    | Resolved
    | Measured
    | VolumeRemoved
    | Looked
    | Cleared
    | Hinted
    | Woken
)


class Executor(Protocol):
    def submit(self, lane: str, job: Callable[[], News]) -> None:
        """Runs the job elsewhere; its result comes back as news. Jobs never raise.

        Lanes are `act`, `tell`, `pull`, `look`, `probe` and `hook` of an engine (`docker:act`): each has
        workers of its own, so that a long pull delays no start.
        """

    def together(self, calls: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
        """What the calls give, in their order. They may be made side by side, in a job's own thread and in
        others; it ends when all have ended. Calls never raise."""

    def watch(self, engine: str) -> None:
        """Follows the engine's event stream from now on, reconnecting as needed."""
