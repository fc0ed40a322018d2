"""The simulated engine: containers and images as values, changed under one lock, with time as data.

Rules:
- Nothing here sleeps, starts threads or draws random numbers. The clock is an argument; what happens to a
  process is computed from it whenever somebody looks.
- Several backends (clusters) may be connected to one engine, as to a real one.
- With a shelf the same engine is in several processes at once; without it everything is in this one.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from minikctl.backend import (
    Container,
    ContainerSpec,
    ContainerState,
    EngineEvent,
    MountKind,
    NetworkMode,
    PortMapping,
    SandboxSpec,
    Volume,
    VolumeSpec,
    labels,
)
from minikctl.backend.attempts import check_not_ended
from minikctl.backend.users import check_non_root
from minikctl.errors import PermanentError, TemporaryError, UnreachableError
from minikctl_memory.images import ImageConfig, default_config, invalid_name, parse_reference, pull_failure
from minikctl_memory.program import Edits, Program
from minikctl_memory.records import Record
from minikctl_memory.shelf import Shelf

_KEPT_EVENTS = 10_000
_ADDRESSES = 240 * 254


class Call(NamedTuple):
    """One mutating call that was made, for tests: `argument` is a spec, an id or an image."""

    name: str
    argument: Any


class MemoryEngine:
    """One simulated machine with an engine on it.

    :param endpoint: its name; engines that share a `state_dir` are told apart by it.
    :param clock: seconds since the epoch.
    :param image_configs: what images say of themselves, by reference; the usual ones are known.
    """

    def __init__(
        self,
        endpoint: str = "memory://",
        *,
        clock: Callable[[], float] = time.time,
        state_dir: Path | None = None,
        image_configs: Mapping[str, ImageConfig] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.clock = clock
        self.reachable = True
        """Set it to False, and every call raises `UnreachableError`."""
        self.journal: list[Call] | None = None
        """Set it to a list, and every mutating call is put there."""
        self.changed = threading.Condition(threading.RLock())
        self._image_configs = dict(image_configs or {})
        self._shelf = Shelf(state_dir) if state_dir is not None else None
        self._records: dict[str, Record] = {}
        self._names: dict[str, str] = {}
        self._images: set[str] = set()
        self._volumes: dict[str, Volume] = {}
        self._ports: dict[tuple[str, int], set[str]] = {}
        self._ends: list[tuple[float, str, int]] = []
        self._lists: dict[str, list[Container]] = {}
        self._events: deque[tuple[str, EngineEvent]] = deque(maxlen=_KEPT_EVENTS)
        self._event_count = 0
        self._serial = 0

    # --- looking ---

    def containers(self, cluster_id: str) -> list[Container]:
        with self._looking() as now:
            listed = self._lists.get(cluster_id)
            if listed is None:
                listed = self._lists[cluster_id] = [
                    record.container(now)
                    for record in self._records.values()
                    if record.cluster_id == cluster_id and record.engine == self.endpoint
                ]
            return listed.copy()

    def container(self, container_id: str, cluster_id: str) -> Container | None:
        with self._looking() as now:
            record = self._mine(self._names.get(container_id, container_id), cluster_id)
            return record.container(now) if record else None

    def record(self, container_id: str, cluster_id: str) -> tuple[Record | None, float]:
        """The record (do not change it) and the time now, for reading logs."""
        with self._looking() as now:
            return self._mine(container_id, cluster_id), now

    def every_record(self) -> list[Record]:
        """Of all clusters and engines in the file; do not change them."""
        with self._looking():
            return list(self._records.values())

    def image_id(self, image: str) -> str | None:
        with self._looking():
            reference = parse_reference(image)
            return reference.id if reference and reference.id in self._images else None

    def next_end(self) -> float:
        """When the next process ends by itself; infinity when none does. A simulation jumps there."""
        with self._looking():
            while self._ends and not self._is_due(*self._ends[0]):
                heapq.heappop(self._ends)
            return self._ends[0][0] if self._ends else math.inf

    def event_position(self) -> int:
        with self._looking():
            return self._event_count

    def events_after(self, position: int, cluster_id: str) -> tuple[list[EngineEvent], int]:
        """The hints since that position, and the position after them; an empty id where some were lost."""
        with self._looking():
            skipped = max(0, position - (self._event_count - len(self._events)))
            lost = position < self._event_count - len(self._events)
            fresh = itertools.islice(self._events, skipped, None)
            hints = [event for cluster, event in fresh if cluster == cluster_id]
            return ([EngineEvent("")] if lost else []) + hints, self._event_count

    # --- changing: what the port's calls do ---

    def pull(self, image: str) -> str:
        reference = parse_reference(image)
        if reference is None:
            raise invalid_name(image)
        failure = pull_failure(reference)
        if failure:
            raise failure
        with self._changing("pull_image", image):
            self._images.add(reference.id)
            if self._shelf:
                self._shelf.put_image(self.endpoint, reference.id)
        return reference.id

    def create_container(self, spec: ContainerSpec, cluster_id: str) -> str:
        with self._changing("create_container", spec) as now:
            existing = self._named(spec.name, cluster_id)
            if existing:
                check_not_ended(spec.name, existing.state(now))
                return existing.id
            reference = parse_reference(spec.image)
            if reference is None or reference.id not in self._images:
                raise PermanentError(f"No such image: {spec.image}", reason="ImageNotFound")
            sandbox_id = spec.sandbox_id if spec.network is NetworkMode.SANDBOX else ""
            sandbox = self._mine(sandbox_id, cluster_id) if sandbox_id else None
            if spec.network is NetworkMode.SANDBOX and sandbox is None:
                raise PermanentError(f"No such sandbox: {spec.sandbox_id}", reason="CreateContainerError")
            config = self._image_configs.get(spec.image) or default_config(reference)
            check_non_root(spec, config.user)
            record = self._new_record(
                spec.name,
                image=spec.image,
                image_id=reference.id,
                labels=dict(spec.labels),
                program=_program(spec, config, sandbox),
                stop_signal=spec.stop_signal.removeprefix("SIG") or config.stop_signal,
                created_at=now,
                ports=() if spec.pod.host_network else spec.ports,
                volumes=tuple(one.source for one in spec.mounts if one.kind is MountKind.VOLUME),
                sandbox_id=sandbox_id,
            )
            self._add(record)
            return record.id

    def create_sandbox(self, spec: SandboxSpec, cluster_id: str) -> Container:
        with self._changing("create_sandbox", spec) as now:
            record = self._named(spec.name, cluster_id)
            if record is None:
                record = self._new_record(
                    spec.name,
                    image=_PAUSE_IMAGE,
                    image_id=_PAUSE_IMAGE_ID,
                    labels=dict(spec.labels),
                    program=Program(
                        ("sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"), hostname=spec.hostname
                    ),
                    stop_signal="TERM",
                    created_at=now,
                    ports=() if spec.pod.host_network else spec.ports,
                )
                self._add(record)
            self._start(record, now)
            return record.container(now)

    def start(self, container_id: str, cluster_id: str) -> Container:
        with self._changing("start_container", container_id) as now:
            record = self._mine(container_id, cluster_id)
            if record is None:
                raise not_found(container_id)
            try:
                self._start(record, now)
            except PermanentError as error:
                record.message = str(error)
                self._put(record)
                failure = error
            else:
                return record.container(now)
        raise failure

    def signal(self, container_id: str, cluster_id: str, *, kill: bool) -> None:
        with self._changing("signal_container", (container_id, kill)) as now:
            record = self._mine(container_id, cluster_id)
            if record and record.state(now) is ContainerState.RUNNING:
                record.signal("KILL" if kill else record.stop_signal, now)
                self._put(record)
                self._settle(now)

    def remove(self, container_id: str, cluster_id: str) -> None:
        with self._changing("remove_container", container_id):
            record = self._mine(container_id, cluster_id)
            if record is None:
                return
            users = [other.name for other in self._records.values() if other.sandbox_id == container_id]
            if users:
                raise PermanentError(f"sandbox {record.name} is in use by {users[0]}", reason="SandboxInUse")
            self._drop(record)

    @contextmanager
    def inside(self, name: str, container_id: str, cluster_id: str) -> Iterator[tuple[Record | None, float]]:
        """For a change within a container: its record, None where there is none, and the time now."""
        with self._changing(name, container_id) as now:
            yield self._mine(container_id, cluster_id), now

    def edit(self, record: Record, changes: Edits, now: float) -> None:
        """Files of a container change; to be called within `inside`."""
        record.edit(changes, now)
        self._put(record)
        self._settle(now)

    # --- volumes ---

    def volumes(self, cluster_id: str) -> list[Volume]:
        with self._looking():
            volumes = self._all_volumes().values()
            return [volume for volume in volumes if volume.labels.get(labels.CLUSTER) == cluster_id]

    def create_volume(self, spec: VolumeSpec, cluster_id: str) -> Volume:
        with self._changing("create_volume", spec) as now:
            existing = self._all_volumes().get(spec.name)
            if existing is not None and existing.labels.get(labels.CLUSTER) != cluster_id:
                raise PermanentError(
                    f"the name {spec.name!r} is taken by a volume that this cluster did not make",
                    reason="CreateVolumeError",
                )
            if existing is not None:
                return existing
            volume = self._volumes[spec.name] = Volume(spec.name, dict(spec.labels), now)
            if self._shelf:
                self._shelf.put_volume(self.endpoint, volume)
            return volume

    def remove_volume(self, name: str, cluster_id: str) -> None:
        with self._changing("remove_volume", name):
            volume = self._all_volumes().get(name)
            if volume is None or volume.labels.get(labels.CLUSTER) != cluster_id:
                return
            users = [record.name for record in self._records.values() if name in record.volumes]
            if users:
                raise TemporaryError(f"volume {name} is in use by {users[0]}", reason="VolumeInUse")
            self._volumes.pop(name, None)
            if self._shelf:
                self._shelf.drop_volume(self.endpoint, name)

    def _all_volumes(self) -> dict[str, Volume]:
        if self._shelf:
            return {volume.name: volume for volume in self._shelf.volumes(self.endpoint)}
        return self._volumes

    # --- changing: what happens to engines in life, for tests and simulations ---

    def crash(self, container_id: str, exit_code: int = 1) -> None:
        """The process of a running container ends now with that code."""
        with self._changing("crash", container_id) as now:
            record = self._records[container_id]
            if record.state(now) is ContainerState.RUNNING:
                self._end(record, now, exit_code)

    def kill_all(self) -> None:
        """The machine goes down and comes up again: all that ran on it has ended with 137."""
        with self._changing("kill_all", None) as now:
            for record in list(self._records.values()):
                if record.engine == self.endpoint and record.state(now) is ContainerState.RUNNING:
                    self._end(record, now, 137)

    def remove_image(self, image: str) -> None:
        with self._changing("remove_image", image):
            reference = parse_reference(image)
            if reference:
                self._images.discard(reference.id)
                if self._shelf:
                    self._shelf.drop_image(self.endpoint, reference.id)

    def close(self) -> None:
        """Gives up the file, if there is one. A later call opens it again."""
        with self.changed:
            if self._shelf:
                self._shelf.close()
            self.changed.notify_all()

    # --- the two ways in ---

    @contextmanager
    def _looking(self) -> Iterator[float]:
        """Everything as of now."""
        with self.changed:
            self._check_reachable()
            self._read_news()
            now = self.clock()
            self._settle(now)
            yield now

    @contextmanager
    def _changing(self, name: str, argument: Any) -> Iterator[float]:
        with self.changed:
            self._check_reachable()
            if self.journal is not None:
                self.journal.append(Call(name, argument))
            if self._shelf is None:
                now = self.clock()
                self._settle(now)
                yield now
            else:
                with self._transaction() as now:
                    yield now
            self.changed.notify_all()

    @contextmanager
    def _transaction(self) -> Iterator[float]:
        assert self._shelf
        try:
            with self._shelf.changing():
                self._read_news()
                now = self.clock()
                self._settle(now)
                yield now
        except BaseException:
            # What is in memory may be ahead of the file: forget it, without calling that an event.
            self._forget()
            raise

    def _check_reachable(self) -> None:
        if not self.reachable:
            raise UnreachableError(f"Cannot connect to the simulated engine at {self.endpoint}")

    def _forget(self) -> None:
        assert self._shelf
        self._shelf.forget()

    # --- what others did ---

    def _read_news(self) -> None:
        news = self._shelf.news() if self._shelf else None
        if news is None:
            return
        changed, ids, images = news
        for record in changed:
            known = self._records.get(record.id)
            if known != record:
                self._remember(record)
                for action in _actions(known, record):
                    self._emit(record, action)
        for container_id in self._records.keys() - ids:
            self._forget_record(self._records[container_id])
        self._images = {image_id for engine, image_id in images if engine == self.endpoint}

    # --- records ---

    def _mine(self, container_id: str, cluster_id: str) -> Record | None:
        record = self._records.get(container_id)
        return (
            record if record and record.cluster_id == cluster_id and record.engine == self.endpoint else None
        )

    def _named(self, name: str, cluster_id: str) -> Record | None:
        container_id = self._names.get(name)
        if container_id is None:
            return None
        record = self._mine(container_id, cluster_id)
        if record is None:
            raise PermanentError(
                f'the name "{name}" is in use by container {container_id[:12]}, which is not of this cluster',
                reason="CreateContainerError",
            )
        return record

    def _new_record(self, name: str, **fields: Any) -> Record:
        if self._shelf:
            self._serial = self._shelf.next_number("serial")
        else:
            self._serial += 1
        identity = f"{self.endpoint}\n{name}\n{self._serial}".encode()
        container_id = hashlib.sha256(identity).hexdigest()
        address = "" if fields.get("sandbox_id") else self._address(self._serial)
        return Record(id=container_id, name=name, engine=self.endpoint, address=address, **fields)

    def _address(self, serial: int) -> str:
        """One after the other in 10.244.0.0/16, beginning at a place that depends on the engine's name."""
        first = int.from_bytes(hashlib.sha256(self.endpoint.encode()).digest()[:4])
        high, low = divmod((first + serial) % _ADDRESSES, 254)
        return f"10.244.{high}.{low + 1}"

    def _add(self, record: Record) -> None:
        self._put(record)
        self._emit(record, "create")

    def _put(self, record: Record) -> None:
        """Everybody sees the record as it is now."""
        record.generation += 1
        self._remember(record)
        if self._shelf:
            self._shelf.put(record)

    def _remember(self, record: Record) -> None:
        record.snapshot = None
        self._records[record.id] = record
        if record.engine != self.endpoint:
            return
        self._names[record.name] = record.id
        self._lists.pop(record.cluster_id, None)
        for port in record.ports:
            self._ports.setdefault((port.protocol, port.host_port), set()).add(record.id)
        if not math.isinf(record.ends_at):
            heapq.heappush(self._ends, (record.ends_at, record.id, record.generation))

    def _drop(self, record: Record) -> None:
        self._forget_record(record)
        if self._shelf:
            self._shelf.drop(record.id)

    def _forget_record(self, record: Record) -> None:
        del self._records[record.id]
        if record.engine != self.endpoint:
            return
        if self._names.get(record.name) == record.id:
            del self._names[record.name]
        self._lists.pop(record.cluster_id, None)
        for port in record.ports:
            self._ports.get((port.protocol, port.host_port), set()).discard(record.id)
        self._emit(record, "destroy")

    def _emit(self, record: Record, action: str) -> None:
        if record.engine == self.endpoint:
            self._events.append((record.cluster_id, EngineEvent(record.id, action)))
            self._event_count += 1

    # --- processes ---

    def _start(self, record: Record, now: float) -> None:
        if record.state(now) is ContainerState.RUNNING:
            return
        self._check_start(record, now)
        record.start(now)
        self._put(record)
        self._emit(record, "start")
        self._settle(now)

    def _check_start(self, record: Record, now: float) -> None:
        from minikctl_memory.process import missing

        argv = record.program.argv
        if missing(argv):
            name = argv[0] if argv else ""
            raise PermanentError(
                f'exec: "{name}": executable file not found in $PATH', reason="RunContainerError"
            )
        sandbox = self._records.get(record.sandbox_id)
        if record.sandbox_id and (sandbox is None or sandbox.state(now) is not ContainerState.RUNNING):
            raise PermanentError("its sandbox is not running", reason="RunContainerError")
        for port in record.ports:
            self._check_port(port, record.id, now)

    def _check_port(self, port: PortMapping, container_id: str, now: float) -> None:
        for holder_id in self._ports.get((port.protocol, port.host_port), set()) - {container_id}:
            holder = self._records[holder_id]
            addresses = {held.host_ip for held in holder.ports if held.host_port == port.host_port}
            clash = port.host_ip in _EVERYWHERE or addresses & {*_EVERYWHERE, port.host_ip}
            if clash and holder.state(now) is ContainerState.RUNNING:
                raise PermanentError(
                    f"host port {port.host_port}/{port.protocol} is already allocated to {holder.name}",
                    reason="RunContainerError",
                )

    def _end(self, record: Record, now: float, exit_code: int) -> None:
        record.end(now, exit_code)
        self._put(record)
        self._settle(now)

    def _settle(self, now: float) -> None:
        """Whatever has ended by now is seen to have ended."""
        while self._ends and self._ends[0][0] <= now:
            end = heapq.heappop(self._ends)
            if self._is_due(*end):
                record = self._records[end[1]]
                record.snapshot = None
                self._lists.pop(record.cluster_id, None)
                self._emit(record, "die")

    def _is_due(self, _: float, container_id: str, generation: int) -> bool:
        record = self._records.get(container_id)
        return record is not None and record.generation == generation


_PAUSE_IMAGE = "registry.k8s.io/pause:3.10"
_PAUSE_IMAGE_ID = "sha256:" + hashlib.sha256(_PAUSE_IMAGE.encode()).hexdigest()
_EVERYWHERE = ("", "0.0.0.0")


def not_found(container_id: str) -> PermanentError:
    return PermanentError(f"No such container: {container_id}", reason="NotFound")


def _actions(before: Record | None, after: Record) -> list[str]:
    """What must have happened to a record that another process changed; ends are told when they are due."""
    actions = ["create"] if before is None else []
    if after.started_at is not None and (before is None or before.started_at != after.started_at):
        actions.append("start")
    return actions


def _program(spec: ContainerSpec, config: ImageConfig, sandbox: Record | None) -> Program:
    if spec.command is not None:
        argv = (*spec.command, *(spec.args or ()))
    else:
        argv = (*config.entrypoint, *(config.cmd if spec.args is None else spec.args))
    return Program(
        argv=argv,
        env=spec.env,
        working_dir=spec.working_dir or "/",
        hostname=sandbox.program.hostname if sandbox else spec.hostname,
        user=spec.security.run_as_user or 0,
        group=spec.security.run_as_group or 0,
        binds=tuple((one.target, one.source) for one in spec.mounts if one.kind is MountKind.BIND),
        empty=tuple(one.target for one in spec.mounts if one.kind is not MountKind.BIND),
        runs_to_completion=_runs_to_completion(spec),
    )


def _runs_to_completion(spec: ContainerSpec) -> bool:
    """An init container that is no sidecar, and what a pod that is not always restarted is told to run. (An
    image's own program is more often a server: `run web --image=nginx --restart=Never`.)"""
    pod = json.loads(spec.labels.get(labels.POD) or "{}").get("spec") or {}
    for init in pod.get("initContainers") or ():
        if init.get("name") == spec.labels.get(labels.CONTAINER_NAME):
            return bool(init.get("restartPolicy") != "Always")
    given = spec.command is not None or spec.args is not None
    return given and pod.get("restartPolicy") in ("Never", "OnFailure")
