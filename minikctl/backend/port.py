"""The Protocol that every backend keeps. The promises are in the docstrings.

The values that cross it are in `specs` (what is asked for), `observed` (what engines tell) and `checks`.
Times are seconds since the epoch; memory is bytes; CPU is thousandths of a core.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from msgspec import Struct

from minikctl.backend.checks import Check, Checked
from minikctl.backend.fidelity import EVERYTHING_ENFORCED, FidelityTable
from minikctl.backend.observed import (
    Capabilities,
    Container,
    EngineEvent,
    EngineInfo,
    ExecResult,
    LogLine,
    LogOptions,
    Stream,
    Usage,
    Volume,
)
from minikctl.backend.specs import ContainerSpec, Credentials, SandboxSpec, VolumeSpec

KEPT_OUTPUT = 10 * 1024
"""Bytes of a command's output that `exec_container` keeps."""


class Settings(Struct, frozen=True):
    """How to reach an engine, and on whose behalf."""

    endpoint: str
    """As the backend's own environment variable writes it (`unix:///…`, `tcp://…`); "" is its default."""
    cluster_id: str
    """Only containers labelled with this id are this backend's business."""
    state_dir: Path | None = None
    """Where a backend without an engine keeps what it simulates; None keeps it in the process."""


class Backend(Protocol):
    """A connection to one engine. Cheap to make; connects at the first call."""

    endpoint: str
    capabilities: Capabilities

    @property
    def name(self) -> str:
        """The backend's name, the one it is registered under; a class variable will do."""

    def ping(self) -> None:
        """Returns when the engine answers; the cheapest question there is.

        :raises UnreachableError: it does not, or what answers is another kind of engine, or none.
        :raises PermanentError: it is one that this backend can't work with: too old, say.
        """

    def info(self) -> EngineInfo:
        """Asks the engine who it is. Blocks for one round trip (at most a few seconds; a Podman that asks its
        machine's packages takes a tenth of one)."""

    def list_containers(self) -> list[Container]:
        """All containers and sandboxes of this cluster, in every state, in no order.

        Complete or an error, never a part: an engine that can't be asked raises `UnreachableError`.
        """

    def inspect_container(self, container_id: str) -> Container | None:
        """The container now, by its id or its name; None when the engine has no such container of this
        cluster."""

    def image_id(self, image: str) -> str | None:
        """The id of the local image that this reference names; None when it is not there. Never pulls."""

    def pull_image(self, image: str, credentials: Credentials | None = None) -> str:
        """Pulls the image and returns its id. Blocks for as long as it takes.

        Without credentials those are used that the engine, or its client here, is set up with.

        :raises PermanentError: the registry says no (reason `ErrImagePull`), or the name is not a
            reference (reason `InvalidImageName`).
        :raises TemporaryError: the registry could not be asked (reason `ErrImagePull`).
        """

    def create_sandbox(self, spec: SandboxSpec) -> Container:
        """Makes and starts a sandbox. A sandbox of that name that exists already is returned, started."""

    def create_container(self, spec: ContainerSpec) -> str:
        """Makes a container and returns its id; does not start it and never pulls.

        A container of that name which carries this cluster's id exists already: its id is returned, unless
        it has run and ended. Who starts that one again runs an attempt twice, perhaps beside the next.

        :raises PermanentError: reason `ErrImageNeverPull`-like causes are the kubelet's; here `AlreadyRan`,
            `CreateContainerError` (bad request, name taken by somebody else), `ImageNotFound`, or
            `CreateContainerConfigError` (it must not run as root, and would).
        """

    def start_container(self, container_id: str) -> Container:
        """Starts it and returns how it is now. Already running is fine.

        :raises PermanentError: reason `RunContainerError` (no such command, host port in use), or
            `NotFound` when there is no such container.
        """

    def signal_container(self, container_id: str, *, kill: bool) -> None:
        """Sends its stop signal (the spec's, else the image's, else SIGTERM), or SIGKILL. Does not wait.

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

    # --- commands, files and checks in a running container ---

    def exec_container(self, container_id: str, command: Sequence[str], *, timeout: float) -> ExecResult:
        """Runs a command in the container and waits for its end. Not idempotent: never made again by itself.

        :raises PermanentError: reason `NotFound`, `NotRunning`, or `DeadlineExceeded` after `timeout`
            seconds (the command may go on: engines can't end it).
        """

    def probe(self, container_id: str, check: Check, *, timeout: float) -> Checked:
        """Makes one check, with the kubelet's words for its failure. A check that fails is no error.

        Connects to the pod's address from this process where that leads there, else from inside of the
        container by the tools that it has.

        :raises PermanentError: reason `NotFound`, `NotRunning`, or `NotSupported`: neither way is there.
        """

    def open_exec(
        self,
        container_id: str,
        command: Sequence[str],
        *,
        stdin: bool,
        tty: bool,
        environment: Sequence[tuple[str, str]] = (),
    ) -> Stream:
        """Starts a command in the container, to talk with it.

        A command that can't be run is told as its output and its exit code (126, 127).

        :raises PermanentError: reason `NotFound` or `NotRunning`.
        """

    def open_attach(self, container_id: str, *, stdin: bool, tty: bool) -> Stream:
        """Talks with the container's own process from now on. `tty` as its spec has it.

        :raises PermanentError: reason `NotFound` or `NotRunning`.
        """

    def get_archive(self, container_id: str, path: str) -> Iterator[bytes]:
        """A tar of the file or folder, whose names begin with the last part of `path`. It need not run.

        :raises PermanentError: reason `NotFound`: no such container, or no such path in it.
        """

    def put_archive(self, container_id: str, path: str, data: Iterable[bytes] | bytes) -> None:
        """Unpacks a tar into the folder `path`, which must be there. Not made again by itself. What it says
        of owners and modes becomes so, of folders that are there already too; of a volume's root either by
        the name `.` in it, said twice, or by its name in the folder above.

        :raises PermanentError: reason `NotFound` as above, `BadArchive`: `data` is no tar.
        """

    def usage(self, container_id: str) -> Usage | None:
        """What it uses now; None when it is gone or does not run."""

    # --- volumes ---

    def create_volume(self, spec: VolumeSpec) -> Volume:
        """Makes a volume. One of that name which carries this cluster's id is returned as it is.

        :raises PermanentError: reason `CreateVolumeError`: the name is taken by somebody else.
        """

    def list_volumes(self) -> list[Volume]:
        """All volumes of this cluster, in no order. Complete or an error."""

    def remove_volume(self, name: str) -> None:
        """Removes it with all that is in it. Gone already, or not of this cluster, is fine.

        :raises TemporaryError: reason `VolumeInUse`: a container, running or not, has it mounted.
        """

    # --- hints ---

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
