"""The wrapper that changes nothing: each call goes through one of two places, which a subclass overrides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from minikctl.backend.checks import Check, Checked
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
from minikctl.backend.port import Backend
from minikctl.backend.specs import ContainerSpec, Credentials, SandboxSpec, VolumeSpec

T = TypeVar("T")

MUTATING = frozenset(
    {
        "pull_image",
        "create_sandbox",
        "create_container",
        "start_container",
        "signal_container",
        "remove_container",
        "exec_container",
        "open_exec",
        "put_archive",
        "create_volume",
        "remove_volume",
    }
)
"""The calls that change something on the engine by themselves, or may."""


def short(argument: object) -> str:
    """A call's argument for people and logs: specs by name, since their environment may hold secrets."""
    if isinstance(argument, ContainerSpec):
        return f"{argument.name} ({argument.image})"
    return argument.name if isinstance(argument, SandboxSpec | VolumeSpec) else str(argument)


class BackendWrapper:
    """Forwards everything to `inner`: plain calls through `_call`, streams through `_stream`."""

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self.name: str = inner.name
        self.endpoint: str = inner.endpoint
        self.capabilities: Capabilities = inner.capabilities

    def _call(self, method: str, argument: object, call: Callable[[], T]) -> T:
        """Makes one call. `method` is its name in the port; `argument` its first one, None if it has none."""
        return call()

    def _stream(self, method: str, argument: object, call: Callable[[], Iterator[T]]) -> Iterator[T]:
        """As `_call`, for what is handed out piece by piece."""
        return call()

    def ping(self) -> None:
        self._call("ping", None, self.inner.ping)

    def info(self) -> EngineInfo:
        return self._call("info", None, self.inner.info)

    def list_containers(self) -> list[Container]:
        return self._call("list_containers", None, self.inner.list_containers)

    def inspect_container(self, container_id: str) -> Container | None:
        return self._call(
            "inspect_container", container_id, lambda: self.inner.inspect_container(container_id)
        )

    def image_id(self, image: str) -> str | None:
        return self._call("image_id", image, lambda: self.inner.image_id(image))

    def pull_image(self, image: str, credentials: Credentials | None = None) -> str:
        return self._call("pull_image", image, lambda: self.inner.pull_image(image, credentials))

    def create_sandbox(self, spec: SandboxSpec) -> Container:
        return self._call("create_sandbox", spec, lambda: self.inner.create_sandbox(spec))

    def create_container(self, spec: ContainerSpec) -> str:
        return self._call("create_container", spec, lambda: self.inner.create_container(spec))

    def start_container(self, container_id: str) -> Container:
        return self._call("start_container", container_id, lambda: self.inner.start_container(container_id))

    def signal_container(self, container_id: str, *, kill: bool) -> None:
        self._call(
            "signal_container", container_id, lambda: self.inner.signal_container(container_id, kill=kill)
        )

    def remove_container(self, container_id: str) -> None:
        self._call("remove_container", container_id, lambda: self.inner.remove_container(container_id))

    def logs(self, container_id: str, options: LogOptions) -> Iterator[LogLine]:
        return self._stream("logs", container_id, lambda: self.inner.logs(container_id, options))

    def exec_container(self, container_id: str, command: Sequence[str], *, timeout: float) -> ExecResult:
        return self._call(
            "exec_container",
            container_id,
            lambda: self.inner.exec_container(container_id, command, timeout=timeout),
        )

    def probe(self, container_id: str, check: Check, *, timeout: float) -> Checked:
        return self._call(
            "probe", container_id, lambda: self.inner.probe(container_id, check, timeout=timeout)
        )

    def open_exec(
        self,
        container_id: str,
        command: Sequence[str],
        *,
        stdin: bool,
        tty: bool,
        environment: Sequence[tuple[str, str]] = (),
    ) -> Stream:
        return self._call(
            "open_exec",
            container_id,
            lambda: self.inner.open_exec(
                container_id, command, stdin=stdin, tty=tty, environment=environment
            ),
        )

    def open_attach(self, container_id: str, *, stdin: bool, tty: bool) -> Stream:
        return self._call(
            "open_attach", container_id, lambda: self.inner.open_attach(container_id, stdin=stdin, tty=tty)
        )

    def get_archive(self, container_id: str, path: str) -> Iterator[bytes]:
        return self._stream("get_archive", container_id, lambda: self.inner.get_archive(container_id, path))

    def put_archive(self, container_id: str, path: str, data: Iterable[bytes] | bytes) -> None:
        self._call("put_archive", container_id, lambda: self.inner.put_archive(container_id, path, data))

    def usage(self, container_id: str) -> Usage | None:
        return self._call("usage", container_id, lambda: self.inner.usage(container_id))

    def create_volume(self, spec: VolumeSpec) -> Volume:
        return self._call("create_volume", spec, lambda: self.inner.create_volume(spec))

    def list_volumes(self) -> list[Volume]:
        return self._call("list_volumes", None, self.inner.list_volumes)

    def remove_volume(self, name: str) -> None:
        self._call("remove_volume", name, lambda: self.inner.remove_volume(name))

    def events(self) -> Iterator[EngineEvent]:
        return self._stream("events", None, self.inner.events)

    def close(self) -> None:
        self.inner.close()
