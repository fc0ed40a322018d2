"""The wrapper that changes nothing: each call goes through one of two places, which a subclass overrides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from minikctl.backend.port import (
    Backend,
    Capabilities,
    Container,
    ContainerSpec,
    EngineEvent,
    EngineInfo,
    LogLine,
    LogOptions,
    SandboxSpec,
)

T = TypeVar("T")

MUTATING = frozenset(
    {
        "pull_image",
        "create_sandbox",
        "create_container",
        "start_container",
        "signal_container",
        "remove_container",
    }
)
"""The calls that change something on the engine."""


def short(argument: object) -> str:
    """A call's argument for people and logs: specs by name, since their environment may hold secrets."""
    if isinstance(argument, ContainerSpec):
        return f"{argument.name} ({argument.image})"
    return argument.name if isinstance(argument, SandboxSpec) else str(argument)


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

    def pull_image(self, image: str) -> str:
        return self._call("pull_image", image, lambda: self.inner.pull_image(image))

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

    def events(self) -> Iterator[EngineEvent]:
        return self._stream("events", None, self.inner.events)

    def close(self) -> None:
        self.inner.close()
