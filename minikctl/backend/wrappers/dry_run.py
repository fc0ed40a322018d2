"""Looks at the engine, but only imagines what would be changed on it.

Rules:
- No mutating call reaches the engine. Each is put into `planned`, in order.
- Looks show the engine with the plan laid over it, so that whoever acts in several steps can go on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from minikctl.backend.checks import Check, Checked, ExecCheck
from minikctl.backend.observed import Container, ContainerState, ExecResult, Stream, Usage, Volume
from minikctl.backend.port import Backend
from minikctl.backend.specs import ContainerSpec, Credentials, SandboxSpec, VolumeSpec
from minikctl.backend.wrappers.base import BackendWrapper, short
from minikctl.errors import PermanentError

_ID = "dry-run-"


class PlannedCall(Struct, frozen=True):
    method: str
    argument: ContainerSpec | SandboxSpec | VolumeSpec | str
    """The spec, the container's id, the image or the volume's name."""

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
        self._volumes: dict[str, Volume | None] = {}
        """What is imagined of volumes; None: removed."""

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

    def list_volumes(self) -> list[Volume]:
        with self._lock:
            volumes = {volume.name: volume for volume in self.inner.list_volumes()}
            return [volume for volume in (volumes | self._volumes).values() if volume is not None]

    def probe(self, container_id: str, check: Check, *, timeout: float) -> Checked:
        """What is only imagined is well; a command is not run."""
        if self._is_changed(container_id) or isinstance(check, ExecCheck):
            return Checked(ok=True)
        return self.inner.probe(container_id, check, timeout=timeout)

    def usage(self, container_id: str) -> Usage | None:
        return None if self._is_changed(container_id) else self.inner.usage(container_id)

    def get_archive(self, container_id: str, path: str) -> Iterator[bytes]:
        if self._is_changed(container_id):
            raise _only_imagined(container_id)
        return self.inner.get_archive(container_id, path)

    def open_exec(
        self,
        container_id: str,
        command: Sequence[str],
        *,
        stdin: bool,
        tty: bool,
        environment: Sequence[tuple[str, str]] = (),
    ) -> Stream:
        raise _only_imagined(container_id)

    def open_attach(self, container_id: str, *, stdin: bool, tty: bool) -> Stream:
        raise _only_imagined(container_id)

    # --- imagining ---

    def exec_container(self, container_id: str, command: Sequence[str], *, timeout: float) -> ExecResult:
        """The command is imagined to succeed."""
        with self._lock:
            self.planned.append(PlannedCall("exec_container", container_id))
            return ExecResult(0, b"")

    def put_archive(self, container_id: str, path: str, data: Iterable[bytes] | bytes) -> None:
        with self._lock:
            self.planned.append(PlannedCall("put_archive", container_id))

    def create_volume(self, spec: VolumeSpec) -> Volume:
        with self._lock:
            for volume in self.list_volumes():
                if volume.name == spec.name:
                    return volume
            self.planned.append(PlannedCall("create_volume", spec))
            made = Volume(spec.name, dict(spec.labels), self._clock())
            self._volumes[spec.name] = made
            return made

    def remove_volume(self, name: str) -> None:
        with self._lock:
            if any(volume.name == name for volume in self.list_volumes()):
                self.planned.append(PlannedCall("remove_volume", name))
                self._volumes[name] = None

    def pull_image(self, image: str, credentials: Credentials | None = None) -> str:
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

    def _is_changed(self, container_id: str) -> bool:
        with self._lock:
            return container_id in self._changed or container_id in self._removed

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


def _only_imagined(container_id: str) -> PermanentError:
    return PermanentError(f"{container_id} is part of a dry run: nothing runs in it", reason="NotSupported")
