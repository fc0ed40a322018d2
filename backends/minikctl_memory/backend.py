"""The port in front of a simulated engine, on behalf of one cluster."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar
from weakref import WeakValueDictionary

from minikctl.backend import (
    Capabilities,
    Check,
    Checked,
    Container,
    ContainerSpec,
    ContainerState,
    Credentials,
    EngineEvent,
    EngineInfo,
    ExecResult,
    FidelityTable,
    LogLine,
    LogOptions,
    SandboxSpec,
    Settings,
    Usage,
    Volume,
    VolumeSpec,
)
from minikctl.errors import PermanentError
from minikctl_memory.engine import MemoryEngine, not_found
from minikctl_memory.talk import Talk

DEFAULT_ENDPOINT = "memory://"

_CPU_MILLICORES = 32_000
_MEMORY_BYTES = 128 * 1024**3
_KILLED = 137
_PATIENCE = 3600.0
"""Seconds after which a command that somebody talks with is taken for one that never ends."""
_POLL_SECONDS = 0.05
"""How often somebody who follows looks for what time or another process brought."""

_engines: WeakValueDictionary[str, MemoryEngine] = WeakValueDictionary()
"""The engines of this process, by endpoint: as with real ones, two connections see the same containers."""
_engines_lock = threading.Lock()


class MemoryBackend:
    """A connection to a simulated engine. Nothing really runs, and everything can be tried.

    :param engine: the engine to connect to, shared with whoever else was given it.
    """

    name: ClassVar[str] = "memory"
    capabilities = Capabilities(simulated=True)

    def __init__(self, cluster_id: str, engine: MemoryEngine | None = None) -> None:
        self.cluster_id = cluster_id
        self.engine = engine or MemoryEngine()
        self.endpoint = self.engine.endpoint
        self._closed = False

    # --- BackendType ---

    @classmethod
    def endpoints(cls, environ: Mapping[str, str]) -> Sequence[str]:
        return [DEFAULT_ENDPOINT]

    @classmethod
    def open(cls, settings: Settings) -> MemoryBackend:
        """With a state directory the engine lives in its file, else in this process while anybody uses it."""
        endpoint = settings.endpoint or DEFAULT_ENDPOINT
        if settings.state_dir is not None:
            return cls(settings.cluster_id, MemoryEngine(endpoint, state_dir=settings.state_dir))
        with _engines_lock:
            engine = _engines.get(endpoint)
            if engine is None:
                engine = _engines[endpoint] = MemoryEngine(endpoint)
        return cls(settings.cluster_id, engine)

    @classmethod
    def fidelity(cls) -> FidelityTable:
        from minikctl_memory.fidelity import TABLE

        return TABLE

    # --- Backend ---

    def ping(self) -> None:
        self.engine.event_position()  # raises when the engine is not reachable

    def info(self) -> EngineInfo:
        self.ping()
        return EngineInfo(
            name=self.name,
            version="1.0",
            api_version="1.0",
            operating_system="linux",
            os_image="simulated",
            kernel_version="simulated",
            architecture=_GO_ARCHITECTURES.get(os.uname().machine, "amd64"),
            cpu_millicores=_CPU_MILLICORES,
            memory_bytes=_MEMORY_BYTES,
            pod_network="10.244.0.0/16",
        )

    def list_containers(self) -> list[Container]:
        return self.engine.containers(self.cluster_id)

    def inspect_container(self, container_id: str) -> Container | None:
        return self.engine.container(container_id, self.cluster_id)

    def image_id(self, image: str) -> str | None:
        return self.engine.image_id(image)

    def pull_image(self, image: str, credentials: Credentials | None = None) -> str:
        return self.engine.pull(image)

    def create_sandbox(self, spec: SandboxSpec) -> Container:
        return self.engine.create_sandbox(spec, self.cluster_id)

    def create_container(self, spec: ContainerSpec) -> str:
        return self.engine.create_container(spec, self.cluster_id)

    def start_container(self, container_id: str) -> Container:
        return self.engine.start(container_id, self.cluster_id)

    def signal_container(self, container_id: str, *, kill: bool) -> None:
        self.engine.signal(container_id, self.cluster_id, kill=kill)

    def remove_container(self, container_id: str) -> None:
        self.engine.remove(container_id, self.cluster_id)

    # --- from the inside ---

    def exec_container(self, container_id: str, command: Sequence[str], *, timeout: float) -> ExecResult:
        from minikctl_memory import interior

        done = interior.run_command(self.engine, self.cluster_id, container_id, command, timeout=timeout)
        return interior.result_of(done)

    def probe(self, container_id: str, check: Check, *, timeout: float) -> Checked:
        from minikctl_memory import interior

        return interior.probe(self.engine, self.cluster_id, container_id, check, timeout=timeout)

    def open_exec(
        self,
        container_id: str,
        command: Sequence[str],
        *,
        stdin: bool,
        tty: bool,
        environment: Sequence[tuple[str, str]] = (),
    ) -> Talk:
        from minikctl_memory import interior

        done = interior.run_command(
            self.engine,
            self.cluster_id,
            container_id,
            command,
            environment,
            timeout=_PATIENCE,
            call="open_exec",
        )
        return Talk(iter(done.pieces), lambda: done.fate.exit_code)

    def open_attach(self, container_id: str, *, stdin: bool, tty: bool) -> Talk:
        container = self.inspect_container(container_id)
        if container is None:
            raise not_found(container_id)
        if container.state is not ContainerState.RUNNING:
            raise PermanentError(f"container {container.name} is not running", reason="NotRunning")

        def exit_code() -> int | None:
            found = self.inspect_container(container_id)
            return found.exit_code if found else _KILLED

        options = LogOptions(follow=True, tail=0)
        lines = ((line.stream, line.text + b"\n") for line in self.logs(container_id, options))
        return Talk(lines, exit_code)

    def get_archive(self, container_id: str, path: str) -> Iterator[bytes]:
        from minikctl_memory import interior

        yield from interior.read_archive(self.engine, self.cluster_id, container_id, path)

    def put_archive(self, container_id: str, path: str, data: Iterable[bytes] | bytes) -> None:
        from minikctl_memory import interior

        interior.write_archive(self.engine, self.cluster_id, container_id, path, data)

    def usage(self, container_id: str) -> Usage | None:
        """Simulated processes use nothing."""
        container = self.inspect_container(container_id)
        runs = container is not None and container.state is ContainerState.RUNNING
        return Usage(0, 0) if runs else None

    # --- volumes ---

    def create_volume(self, spec: VolumeSpec) -> Volume:
        return self.engine.create_volume(spec, self.cluster_id)

    def list_volumes(self) -> list[Volume]:
        return self.engine.volumes(self.cluster_id)

    def remove_volume(self, name: str) -> None:
        self.engine.remove_volume(name, self.cluster_id)

    # --- streams ---

    def logs(self, container_id: str, options: LogOptions) -> Iterator[LogLine]:
        """Of the present (or last) run."""
        lines, following = self._read_logs(container_id)
        lines = [line for line in lines if options.since is None or line.time >= options.since]
        if options.tail is not None:
            lines = lines[max(0, len(lines) - options.tail) :]
        yield from lines
        seen = lines[-1].time if lines else options.since or 0.0
        while following and options.follow and not self._closed:
            with self.engine.changed:
                self.engine.changed.wait(_POLL_SECONDS)
            if self.inspect_container(container_id) is None:
                return
            lines, following = self._read_logs(container_id)
            fresh = [line for line in lines if line.time > seen]
            yield from fresh
            seen = fresh[-1].time if fresh else seen

    def _read_logs(self, container_id: str) -> tuple[list[LogLine], bool]:
        """All lines so far, and whether there may be more."""
        record, now = self.engine.record(container_id, self.cluster_id)
        if record is None:
            raise not_found(container_id)
        started_at = record.started_at or 0.0
        lines = [LogLine(started_at + line.seconds, line.stream, line.text) for line in record.written(now)]
        return lines, record.ends_at > now

    def events(self) -> Iterator[EngineEvent]:
        position = self.engine.event_position()
        yield EngineEvent("")
        while not self._closed:
            found, position = self.engine.events_after(position, self.cluster_id)
            yield from found
            if not found:
                with self.engine.changed:
                    self.engine.changed.wait(_POLL_SECONDS)

    def close(self) -> None:
        """Ends the streams of this backend."""
        self._closed = True
        self.engine.close()


_GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
