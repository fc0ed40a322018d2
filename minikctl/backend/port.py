"""The Protocol and the values that cross it. The promises are in the docstrings.

Times are seconds since the epoch; memory is bytes; CPU is thousandths of a core.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

from msgspec import Struct, field

from minikctl.backend.fidelity import EVERYTHING_ENFORCED, FidelityTable


class Settings(NamedTuple):
    """How to reach an engine, and on whose behalf."""

    endpoint: str
    """As the backend's own environment variable writes it (`unix:///…`, `tcp://…`); "" is its default."""
    cluster_id: str
    """Only containers labelled with this id are this backend's business."""
    state_dir: Path | None = None
    """Where a backend without an engine keeps what it simulates; None keeps it in the process."""


class Capabilities(NamedTuple):
    """What differs between engines. Ask this, never the backend's type."""

    simulated: bool = False
    """Nothing really runs. The CLI always says so."""
    native_pods: bool = False
    """`create_sandbox` makes an engine pod; otherwise a tiny container holds the network namespace."""
    pod_ips: bool = True
    """Containers have addresses of their own (not so in rootless engines with a user-mode network)."""


class EngineInfo(NamedTuple):
    """What the engine says of itself and its machine."""

    name: str
    version: str
    api_version: str
    operating_system: str
    os_image: str
    kernel_version: str
    architecture: str
    """GOARCH words: amd64, arm64."""
    cpu_millicores: int
    memory_bytes: int
    host_ip: str = "127.0.0.1"
    rootless: bool = False


class ContainerState(Enum):
    """CRI's container states. What the engine calls paused, restarting or dead is UNKNOWN here."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"


class Container(Struct, frozen=True):
    """One container as the engine reports it. A sandbox is one too (its labels say so)."""

    id: str
    name: str
    labels: Mapping[str, str]
    state: ContainerState
    image: str
    """The reference that it was created from."""
    image_id: str
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None
    exit_code: int | None = None
    """Of a container that ended; 128 + n when a signal n ended it."""
    oom_killed: bool = False
    ip: str = ""
    """Address on the pod network; "" while it has none."""
    message: str = ""
    """What the engine says went wrong (a start that failed), else ""."""


class PortMapping(NamedTuple):
    container_port: int
    host_port: int
    protocol: str = "TCP"
    """TCP, UDP or SCTP, as Kubernetes writes it."""
    host_ip: str = ""


class ResourceLimits(NamedTuple):
    """What the engine enforces; 0 is no limit."""

    cpu_request_millicores: int = 0
    """Becomes the relative weight (cpu.shares / cpu.weight)."""
    cpu_limit_millicores: int = 0
    memory_limit_bytes: int = 0


class SecurityContext(NamedTuple):
    """The pod's and the container's securityContext, already merged."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool = False
    supplemental_groups: tuple[int, ...] = ()
    privileged: bool = False
    read_only_root_filesystem: bool = False
    allow_privilege_escalation: bool = True
    add_capabilities: tuple[str, ...] = ()
    drop_capabilities: tuple[str, ...] = ()


class NetworkMode(Enum):
    POD = "pod"
    """A network namespace of its own on the engine's pod network."""
    SANDBOX = "sandbox"
    """The namespace of the pod's sandbox, `ContainerSpec.sandbox_id`."""


class SandboxSpec(Struct, frozen=True):
    """What several containers of one pod share: network namespace, host name, published ports."""

    name: str
    """The engine's name for it, unique per attempt: creating the same name again finds the first."""
    hostname: str
    labels: Mapping[str, str]
    ports: tuple[PortMapping, ...] = ()


class ContainerSpec(Struct, frozen=True):
    """All that an engine needs to make one container."""

    name: str
    """The engine's name for it, unique per attempt: creating the same name again finds the first."""
    image: str
    labels: Mapping[str, str]
    command: tuple[str, ...] | None = None
    """Kubernetes' command, the image's ENTRYPOINT where None."""
    args: tuple[str, ...] | None = None
    """Kubernetes' args, the image's CMD where None (and command is None too)."""
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    hostname: str = ""
    ports: tuple[PortMapping, ...] = ()
    resources: ResourceLimits = field(default_factory=ResourceLimits)
    security: SecurityContext = field(default_factory=SecurityContext)
    network: NetworkMode = NetworkMode.POD
    sandbox_id: str = ""
    stdin: bool = False
    tty: bool = False


class EngineEvent(NamedTuple):
    """A hint that something happened to a container. May be lost, late or doubled: look again."""

    container_id: str
    """"" when the hint is only that the stream was (re)connected and anything may have changed."""
    action: str = ""
    """create, start, die, destroy, oom, …; only good for leaving out a look that is not needed."""


class LogOptions(Struct, frozen=True):
    follow: bool = False
    tail: int | None = None
    since: float | None = None


class LogLine(Struct, frozen=True):
    """One line without its line end, as the container wrote it."""

    time: float
    stream: str
    """stdout or stderr."""
    text: bytes


class Backend(Protocol):
    """A connection to one engine. Cheap to make; connects at the first call."""

    endpoint: str
    capabilities: Capabilities

    @property
    def name(self) -> str:
        """The backend's name, the one it is registered under; a class variable will do."""

    def info(self) -> EngineInfo:
        """Asks the engine who it is. Blocks for one round trip (at most a few seconds)."""

    def list_containers(self) -> list[Container]:
        """All containers and sandboxes of this cluster, in every state, in no order.

        Complete or an error, never a part: an engine that can't be asked raises `UnreachableError`.
        """

    def inspect_container(self, container_id: str) -> Container | None:
        """The container now; None when the engine has no such container of this cluster."""

    def image_id(self, image: str) -> str | None:
        """The id of the local image that this reference names; None when it is not there. Never pulls."""

    def pull_image(self, image: str) -> str:
        """Pulls the image and returns its id. Blocks for as long as it takes.

        :raises PermanentError: the registry says no (reason `ErrImagePull`), or the name is not a
            reference (reason `InvalidImageName`).
        :raises TemporaryError: the registry could not be asked (reason `ErrImagePull`).
        """

    def create_sandbox(self, spec: SandboxSpec) -> Container:
        """Makes and starts a sandbox. A sandbox of that name that exists already is returned, started."""

    def create_container(self, spec: ContainerSpec) -> str:
        """Makes a container and returns its id; does not start it and never pulls.

        A container of that name which carries this cluster's id exists already: its id is returned.

        :raises PermanentError: reason `ErrImageNeverPull`-like causes are the kubelet's; here
            `CreateContainerError` (bad request, name taken by somebody else), `ImageNotFound`, or
            `CreateContainerConfigError` (it must not run as root, and would).
        """

    def start_container(self, container_id: str) -> Container:
        """Starts it and returns how it is now. Already running is fine.

        :raises PermanentError: reason `RunContainerError` (no such command, host port in use), or
            `NotFound` when there is no such container.
        """

    def signal_container(self, container_id: str, *, kill: bool) -> None:
        """Sends the image's STOPSIGNAL (SIGTERM where none), or SIGKILL. Does not wait.

        A container that is gone or not running is fine.
        """

    def remove_container(self, container_id: str) -> None:
        """Removes it with its anonymous volumes, running or not. Gone already is fine.

        A sandbox is removed with what holds it; containers that still use it make it fail or go with it,
        so the kubelet removes them first.
        """

    def logs(self, container_id: str, options: LogOptions) -> Iterator[LogLine]:
        """The lines that the container wrote, oldest first. With `follow`, ends when the container does.

        :raises PermanentError: reason `NotFound`: there is no such container.
        """

    def events(self) -> Iterator[EngineEvent]:
        """Hints, for as long as the engine is there. First comes one with an empty id: "list now".

        Blocks between hints. Ends (or raises `UnreachableError`) when the engine goes away or `close` was
        called; the caller asks again.
        """

    def close(self) -> None:
        """Gives up connections. Blocked calls may stay blocked; nothing on the engine changes."""


class BackendType(Protocol):
    """What a package registers under the entry point group `minikctl.backends`."""

    name: ClassVar[str]

    @classmethod
    def endpoints(cls, environ: Mapping[str, str]) -> Sequence[str]:
        """Where this engine may be reached, most likely first, without asking anybody.

        Only what exists is named (a socket file that is not there is left out), except what the
        environment names explicitly.
        """

    @classmethod
    def open(cls, settings: Settings) -> Backend:
        """A backend for that endpoint. Does not connect yet."""

    @classmethod
    def fidelity(cls) -> FidelityTable:
        """What becomes of the pod fields whose meaning is the engine's (see `minikctl.backend.fidelity`).

        Asked without an engine, and before one is chosen. `validate` reports from it, and `apply` refuses
        what is rejected. A class without this method has no opinion: all of them are enforced.
        """
        return EVERYTHING_ENFORCED
