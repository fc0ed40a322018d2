"""What the backends of engines with Docker's way of talking hand on to their parts.

A backend says which containers are its cluster's (`_facts_of`), and what is done in them and with volumes is
done by its `_inside` and its `_volumes`, in its engine's dialect.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from minikctl.backend.checks import Check, Checked
from minikctl.backend.conversations import Conversation
from minikctl.backend.observed import EngineInfo, ExecResult, Usage, Volume
from minikctl.backend.specs import VolumeSpec
from minikctl.errors import PermanentError


class Inside(Protocol):
    """What is done in one container, by its id."""

    def open_exec(
        self,
        container_id: str,
        command: Sequence[str],
        *,
        stdin: bool = False,
        tty: bool = False,
        environment: Sequence[tuple[str, str]] = (),
    ) -> Conversation: ...

    def open_attach(self, container_id: str, *, stdin: bool, tty: bool) -> Conversation: ...

    def get_archive(self, container_id: str, path: str) -> Iterator[bytes]: ...

    def put_archive(self, container_id: str, path: str, data: Iterable[bytes] | bytes) -> None: ...

    def probe(self, container_id: str, check: Check, *, timeout: float, host_ip: str) -> Checked: ...

    def usage(self, container_id: str) -> Usage | None: ...


class Volumes(Protocol):
    def create(self, spec: VolumeSpec) -> Volume: ...

    def list(self) -> list[Volume]: ...

    def remove(self, name: str) -> None: ...


class BackendOfParts(ABC):
    """See `minikctl.backend.Backend` for what each call promises."""

    endpoint: str
    _inside: Inside
    _volumes: Volumes
    _reach: str | None = None
    """The machine's own address for `hostNetwork` as far as known: "" where it is out of reach."""

    @abstractmethod
    def info(self) -> EngineInfo: ...

    @abstractmethod
    def _facts_of(self, container_id: str) -> object | None:
        """What is known of a container of this cluster; None where it has none of that id."""

    def exec_container(self, container_id: str, command: Sequence[str], *, timeout: float) -> ExecResult:
        return self._inside_of(container_id).open_exec(container_id, command).run_to_end(timeout)

    def open_exec(
        self,
        container_id: str,
        command: Sequence[str],
        *,
        stdin: bool,
        tty: bool,
        environment: Sequence[tuple[str, str]] = (),
    ) -> Conversation:
        inside = self._inside_of(container_id)
        return inside.open_exec(container_id, command, stdin=stdin, tty=tty, environment=environment)

    def open_attach(self, container_id: str, *, stdin: bool, tty: bool) -> Conversation:
        return self._inside_of(container_id).open_attach(container_id, stdin=stdin, tty=tty)

    def get_archive(self, container_id: str, path: str) -> Iterator[bytes]:
        yield from self._inside_of(container_id).get_archive(container_id, path)

    def put_archive(self, container_id: str, path: str, data: Iterable[bytes] | bytes) -> None:
        self._inside_of(container_id).put_archive(container_id, path, data)

    def probe(self, container_id: str, check: Check, *, timeout: float) -> Checked:
        inside = self._inside_of(container_id)
        return inside.probe(container_id, check, timeout=timeout, host_ip=self._host_network())

    def probe_from_inside(self) -> None:
        """From now on no check is made from this process: for who knows that its network is another one,
        although it has the same addresses."""
        self._reach = ""

    def usage(self, container_id: str) -> Usage | None:
        return self._inside.usage(container_id) if self._facts_of(container_id) else None

    def _inside_of(self, container_id: str) -> Inside:
        if self._facts_of(container_id) is None:
            raise PermanentError(f"there is no container {container_id!r}", reason="NotFound")
        return self._inside

    def _host_network(self) -> str:
        """The engine's machine as it is reached from here; "" where its bridges are not this machine's."""
        if self._reach is None:
            is_here = self.endpoint.startswith("unix:") and not self.info().rootless
            self._reach = "127.0.0.1" if is_here else ""
        return self._reach

    def create_volume(self, spec: VolumeSpec) -> Volume:
        return self._volumes.create(spec)

    def list_volumes(self) -> list[Volume]:
        return self._volumes.list()

    def remove_volume(self, name: str) -> None:
        self._volumes.remove(name)
