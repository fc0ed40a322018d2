"""A workbench for one test: makes containers of one cluster id, waits for them, and clears them away."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from minikctl.backend import (
    Backend,
    Container,
    ContainerSpec,
    ContainerState,
    LogLine,
    LogOptions,
    SandboxSpec,
    labels,
)

T = TypeVar("T")

DEADLINE = 20.0
"""Seconds after which something that is waited for is taken as never coming."""
_POLL = 0.05

FOREVER = ("sleep", "3600")
"""As PID 1 it ignores SIGTERM, like any process without a handler there."""


def new_cluster_id() -> str:
    return f"contract-{uuid.uuid4().hex[:12]}"


def shell(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


def in_time(call: Callable[[], T], seconds: float = DEADLINE) -> T:
    """What `call` returns or raises, or AssertionError when it takes longer than that."""
    outcome: list[Callable[[], T]] = []

    def work() -> None:
        try:
            value = call()
        except BaseException as error:
            failure = error
            outcome.append(lambda: _throw(failure))
        else:
            outcome.append(lambda: value)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    assert outcome, f"did not end within {seconds:g} s"
    return outcome[0]()


def _throw(error: BaseException) -> Any:
    raise error


class Ended(Struct, frozen=True):
    """A container that has ended, and all that it wrote."""

    container: Container
    lines: Sequence[LogLine]

    def text(self, stream: str = "stdout") -> list[str]:
        return [line.text.decode() for line in self.lines if line.stream == stream]


class Bench(Struct):
    """Makes containers through `backend` under `cluster_id`. `pause` lets the given seconds pass."""

    backend: Backend
    cluster_id: str
    image: str
    pause: Callable[[float], None] = time.sleep
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def name(self) -> str:
        return f"{self.cluster_id}-{next(self._numbers)}"

    def labels(self, kind: str = labels.TYPE_CONTAINER) -> dict[str, str]:
        return {labels.CLUSTER: self.cluster_id, labels.TYPE: kind}

    def spec(self, *command: str, **fields: Any) -> ContainerSpec:
        """A spec with a fresh name, this cluster's labels and, unless given otherwise, the usual image."""
        spec = ContainerSpec(
            name=self.name(), image=self.image, labels=self.labels(), command=command or None
        )
        return replace(spec, **fields)

    def sandbox_spec(self, **fields: Any) -> SandboxSpec:
        name = self.name()
        spec = SandboxSpec(name=name, hostname="shared-host", labels=self.labels(labels.TYPE_SANDBOX))
        return replace(spec, **fields)

    def start(self, spec: ContainerSpec) -> Container:
        return self.backend.start_container(self.backend.create_container(spec))

    def run(self, spec: ContainerSpec) -> Ended:
        """Runs it to its end."""
        container = self.until_exited(self.start(spec).id)
        return Ended(container, list(self.backend.logs(container.id, LogOptions())))

    def look(self, container_id: str) -> Container:
        """The container now; it must be there."""
        container = self.backend.inspect_container(container_id)
        assert container is not None, f"container {container_id} is gone"
        return container

    def listed(self) -> dict[str, Container]:
        """What the backend lists, by id; each id at most once."""
        containers = self.backend.list_containers()
        by_id = {container.id: container for container in containers}
        assert len(by_id) == len(containers), "a container was listed twice"
        return by_id

    def until(self, probe: Callable[[], T], what: str, seconds: float = DEADLINE) -> T:
        """The first true value of `probe`; AssertionError naming `what` when none comes in time."""
        deadline = time.monotonic() + seconds
        while not (value := probe()):
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
            self.pause(_POLL)
        return value

    def until_exited(self, container_id: str) -> Container:
        def exited() -> Container | None:
            container = self.look(container_id)
            return container if container.state is ContainerState.EXITED else None

        container = self.until(exited, f"{container_id} exits")
        assert container is not None
        return container

    def until_written(self, container_id: str, text: bytes) -> None:
        """Until the container wrote a line of that text (so that a trap set before it is in force)."""

        def written() -> bool:
            return any(line.text == text for line in self.backend.logs(container_id, LogOptions()))

        self.until(written, f"{container_id} writes {text!r}")

    def clear(self) -> None:
        """Removes all containers of this cluster, the sandboxes last, then its volumes."""
        containers = self.backend.list_containers()
        for container in sorted(containers, key=lambda c: c.labels.get(labels.TYPE) == labels.TYPE_SANDBOX):
            self.backend.remove_container(container.id)
        for volume in self.backend.list_volumes():
            self.backend.remove_volume(volume.name)
        assert self.backend.list_containers() == [], "something is left after the cleanup"
