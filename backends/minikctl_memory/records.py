"""What the simulated engine knows of one container, and how that looks through the port."""

from __future__ import annotations

import base64
import json
import math
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from minikctl.backend import Container, ContainerState, PortMapping, labels
from minikctl_memory.program import Edits, Fate, Program, Signals, Written


class Record(Struct):
    """One container (or sandbox). Times are the engine's clock's."""

    id: str
    name: str
    engine: str
    """Which of the engines that share a file it belongs to."""
    image: str
    image_id: str
    labels: dict[str, str]
    program: Program
    stop_signal: str
    created_at: float
    ports: tuple[PortMapping, ...] = ()
    sandbox_id: str = ""
    address: str = ""
    started_at: float | None = None
    signals: Signals = ()
    """Of the present run, in seconds since its start."""
    edits: Edits = ()
    """Of its files, by commands and archives, in seconds since the start of the present run."""
    volumes: tuple[str, ...] = ()
    ends_at: float = math.inf
    exit_code: int = 0
    message: str = ""
    generation: int = 0
    """Counts changes; what was planned for an earlier one is void."""
    snapshot: Container | None = None

    @property
    def cluster_id(self) -> str:
        return self.labels.get(labels.CLUSTER, "")

    @property
    def is_sandbox(self) -> bool:
        return self.labels.get(labels.TYPE) == labels.TYPE_SANDBOX

    def state(self, now: float) -> ContainerState:
        if self.started_at is None:
            return ContainerState.CREATED
        return ContainerState.EXITED if self.ends_at <= now else ContainerState.RUNNING

    def start(self, now: float) -> None:
        from minikctl_memory.process import fate  # only who starts something pays for it

        kept = self.files(now)
        self.started_at, self.signals, self.message, self.edits = now, (), "", kept
        self._meet(fate(self.program, (), kept), now)

    def signal(self, name: str, now: float) -> None:
        assert self.started_at is not None
        self.signals = (*self.signals, (now - self.started_at, name))
        if name == "KILL":
            self.end(now, 137)
        else:
            from minikctl_memory.process import fate

            self._meet(fate(self.program, self.signals, self.edits), self.started_at)

    def edit(self, changes: Edits, now: float) -> None:
        """Files are changed from outside, now. A process that looks at them may go another way."""
        since = 0.0 if self.started_at is None else now - self.started_at
        self.edits = (*self.edits, *((since, path, content) for _, path, content in changes))
        if self.started_at is not None and self.ends_at > now:
            from minikctl_memory.process import fate

            self._meet(fate(self.program, self.signals, self.edits), self.started_at)

    def files(self, now: float) -> Edits:
        """All that was written to its files, as edits at 0."""
        if self.started_at is None:
            return self.edits
        from minikctl_memory.process import files_of

        since = min(now, self.ends_at) - self.started_at
        seen = files_of(self.program, self.signals, since, self.edits)
        return tuple((0.0, path, content) for path, content in sorted(seen.written.items()))

    def end(self, now: float, exit_code: int) -> None:
        self.ends_at, self.exit_code = now, exit_code

    def _meet(self, end: Fate, started_at: float) -> None:
        self.ends_at, self.exit_code = started_at + end.seconds, end.exit_code

    def written(self, now: float) -> list[Written]:
        """The lines so far of the present (or last) run; `seconds` since its start."""
        if self.started_at is None:
            return []
        from minikctl_memory.process import output

        until = min(now, self.ends_at) - self.started_at
        return output(self.program, self.signals, self.started_at, until, self.edits)

    def container(self, now: float) -> Container:
        """As the port shows it. The same value is handed out until something changes."""
        if self.snapshot is None:
            self.snapshot = self._look(now)
        return self.snapshot

    def _look(self, now: float) -> Container:
        state = self.state(now)
        ended = state is ContainerState.EXITED
        return Container(
            id=self.id,
            name=self.name,
            labels=MappingProxyType(self.labels),
            state=state,
            image=self.image,
            image_id=self.image_id,
            created_at=self.created_at,
            started_at=self.started_at,
            finished_at=self.ends_at if ended else None,
            exit_code=self.exit_code if ended else None,
            ip=self.address if state is ContainerState.RUNNING else "",
            message=self.message,
        )

    # --- as text, for the file ---

    def to_json(self) -> str:
        data = asdict(self)
        del data["snapshot"]
        data["program"] = asdict(self.program)
        data["ports"] = [asdict(port) for port in self.ports]
        data["edits"] = [(at, path, _text(content)) for at, path, content in self.edits]
        data["ends_at"] = None if math.isinf(self.ends_at) else self.ends_at
        return json.dumps(data)

    @classmethod
    def from_json(cls, text: str) -> Record:
        data: dict[str, Any] = json.loads(text)
        program = data["program"]
        program["argv"] = tuple(program["argv"])
        program["env"] = tuple((name, value) for name, value in program["env"])
        program["binds"] = tuple((target, source) for target, source in program["binds"])
        program["empty"] = tuple(program["empty"])
        data["program"] = Program(**program)
        data["edits"] = tuple((at, path, _bytes(content)) for at, path, content in data["edits"])
        data["volumes"] = tuple(data["volumes"])
        data["ports"] = tuple(PortMapping(**port) for port in data["ports"])
        data["signals"] = tuple((at, name) for at, name in data["signals"])
        data["ends_at"] = math.inf if data["ends_at"] is None else data["ends_at"]
        return cls(**data)


def _text(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode("ascii")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
