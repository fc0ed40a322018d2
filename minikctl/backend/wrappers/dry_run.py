"""Looks at the engine, but only imagines what would be changed on it.

Rules:
- No mutating call reaches the engine. Each is put into `planned`, in order.
- Looks show the engine with the plan laid over it, so that whoever acts in several steps can go on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from minikctl.backend.port import Backend, Container, ContainerSpec, ContainerState, SandboxSpec
from minikctl.backend.wrappers.base import BackendWrapper, short
from minikctl.errors import PermanentError

_ID = "dry-run-"


class PlannedCall(Struct, frozen=True):
    method: str
    argument: ContainerSpec | SandboxSpec | str
    """The spec, the container's id or the image."""

    def __str__(self) -> str:
        return f"{self.method} {short(self.argument)}"


class DryRunBackend(BackendWrapper):
    """An engine on which everything works and nothing happens.

    :param clock: seconds since the epoch.
    """

    def __init__(self, inner: Backend, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(inner)
        self.planned: list[PlannedCall] = []
        self._clock = clock
        self._lock = threading.RLock()
        self._changed: dict[str, Container] = {}
        self._removed: set[str] = set()
        self._images: dict[str, str] = {}

    # --- looking ---

    def list_containers(self) -> list[Container]:
        with self._lock:
            real = {container.id: container for container in self.inner.list_containers()}
            return [one for key, one in (real | self._changed).items() if key not in self._removed]

    def inspect_container(self, container_id: str) -> Container | None:
        with self._lock:
            if container_id in self._removed:
                return None
            return self._changed.get(container_id) or self.inner.inspect_container(container_id)

    def image_id(self, image: str) -> str | None:
        return self.inner.image_id(image) or self._images.get(image)

    # --- imagining ---

    def pull_image(self, image: str) -> str:
        with self._lock:
            self.planned.append(PlannedCall("pull_image", image))
            return self.inner.image_id(image) or self._images.setdefault(image, _ID + image)

    def create_sandbox(self, spec: SandboxSpec) -> Container:
        with self._lock:
            found = self._named(spec.name)
            if found and found.state is ContainerState.RUNNING:
                return found
            self.planned.append(PlannedCall("create_sandbox", spec))
            return self._run(found or self._imagine(spec.name, spec, image="", image_id=""))

    def create_container(self, spec: ContainerSpec) -> str:
        with self._lock:
            found = self._named(spec.name)
            if found:
                return found.id
            image_id = self.image_id(spec.image)
            if image_id is None:
                raise PermanentError(f"No such image: {spec.image}", reason="ImageNotFound")
            self.planned.append(PlannedCall("create_container", spec))
            return self._imagine(spec.name, spec, image=spec.image, image_id=image_id).id

    def start_container(self, container_id: str) -> Container:
        with self._lock:
            found = self.inspect_container(container_id)
            if found is None:
                raise PermanentError(f"No such container: {container_id}", reason="NotFound")
            if found.state is ContainerState.RUNNING:
                return found
            self.planned.append(PlannedCall("start_container", container_id))
            return self._run(found)

    def signal_container(self, container_id: str, *, kill: bool) -> None:
        """The process is imagined to obey at once."""
        with self._lock:
            found = self.inspect_container(container_id)
            if found and found.state is ContainerState.RUNNING:
                self.planned.append(PlannedCall("signal_container", container_id))
                self._changed[container_id] = replace(
                    found,
                    state=ContainerState.EXITED,
                    finished_at=self._clock(),
                    exit_code=137 if kill else 143,
                    ip="",
                )

    def remove_container(self, container_id: str) -> None:
        with self._lock:
            if self.inspect_container(container_id):
                self.planned.append(PlannedCall("remove_container", container_id))
                self._changed.pop(container_id, None)
                self._removed.add(container_id)

    # --- the plan as containers ---

    def _named(self, name: str) -> Container | None:
        return next((container for container in self.list_containers() if container.name == name), None)

    def _imagine(
        self, name: str, spec: ContainerSpec | SandboxSpec, *, image: str, image_id: str
    ) -> Container:
        container = Container(
            id=f"{_ID}{len(self.planned)}-{name}",
            name=name,
            labels=dict(spec.labels),
            state=ContainerState.CREATED,
            image=image,
            image_id=image_id,
            created_at=self._clock(),
        )
        self._changed[container.id] = container
        return container

    def _run(self, container: Container) -> Container:
        running = replace(
            container,
            state=ContainerState.RUNNING,
            started_at=self._clock(),
            finished_at=None,
            exit_code=None,
        )
        self._changed[container.id] = running
        return running
