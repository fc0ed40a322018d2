"""What an engine tells: of itself, of containers and volumes, of what they wrote and used.

Times are seconds since the epoch; memory is bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Protocol

from msgspec import Struct


class Capabilities(Struct, frozen=True):
    """What differs between engines. Ask this, never the backend's type."""

    simulated: bool = False
    """Nothing really runs. The CLI always says so."""
    native_pods: bool = False
    """`create_sandbox` makes an engine pod; otherwise a tiny container holds the network namespace."""


class EngineInfo(Struct, frozen=True):
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
    pod_network: str = ""
    """The network that containers get their addresses from, as CIDR (IPv4); "" where they share none."""


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


class Volume(Struct, frozen=True):
    name: str
    labels: Mapping[str, str]
    created_at: float


class EngineEvent(Struct, frozen=True):
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


class ExecResult(Struct, frozen=True):
    exit_code: int
    """126 or 127 where the command can't be run or found, as the engine says it."""
    output: bytes
    """stdout and stderr together, in the order of their arrival; the first 10 KiB."""


class Usage(Struct, frozen=True):
    """What a container uses, as the kubelet's summary has it."""

    cpu_nanoseconds: int
    """All that it used since it started."""
    memory_bytes: int
    """The working set: what is used without what could be dropped at once (inactive file pages)."""


class Stream(Protocol):
    """A conversation with a process. One thread reads, others may write, resize and close."""

    def frames(self) -> Iterator[tuple[str, bytes]]:
        """(`stdout` or `stderr`, bytes) as they come, until the process closes both or `close` is called.
        With a terminal all is `stdout`.

        :raises UnreachableError: the engine went away in the middle.
        """

    def send(self, data: bytes) -> None:
        """To its input. What nobody reads any more is dropped."""

    def close_input(self) -> None:
        """It reads the end of its input. Output still comes."""

    def resize(self, rows: int, columns: int) -> None:
        """Of its terminal; without one nothing happens."""

    def exit_code(self) -> int | None:
        """None while it runs."""

    def close(self) -> None:
        """Hangs up, from any thread. The process may go on."""
