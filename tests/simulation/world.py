"""A whole control plane in virtual time: the real loop, store, API and controllers over a simulated engine.

Rules:
- Everything that happens follows from one seed: replies' delays, faults, crashes, what people do.
- A job that is handed to the executor takes effect at one moment and is heard of at a later one. A crash of
  the control plane between the two loses the news, never the effect.
- Every call to the engine and every commit may fail before or after its effect, and the process may die
  before or after any of them.
- A failing seed is repeated by `World(seed)`; nothing reads the real clock.
"""

from __future__ import annotations

import heapq
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from minikctl_memory import MemoryBackend
from minikctl_memory.engine import MemoryEngine

from minikctl.agent.engine import Engine
from minikctl.agent.loop import Loop
from minikctl.agent.ports import Hinted, News, Outcome
from minikctl.api import Api
from minikctl.backend import Check, Checked, ContainerState, EngineEvent, ExecResult, Usage
from minikctl.backend.wrappers.faulty import Faults, FaultyBackend
from minikctl.controlplane.decision import Ids
from minikctl.controlplane.node import NodeConfig
from minikctl.errors import PermanentError, StoreError
from minikctl.model import Object
from minikctl.model.hashing import safe_suffix
from minikctl.model.writes import Write
from minikctl.store import DatabaseStore, open_memory
from minikctl.store.files import MemoryFiles

from .files import SimulatedVolumes

CLUSTER = "simulated"
KEY = b"the key of a simulated cluster"
BEGIN = 1_800_000_000.0

MOST_TURNS = 100_000
"""No life takes a tenth of it."""
MOST_AT_ONCE = 5
"""So often in a row may a loop that hears nothing want its next step at once."""

QUIET = Faults()
ROUGH = Faults(
    temporary_before=0.03,
    unreachable_before=0.01,
    temporary_after=0.03,
    unreachable_after=0.01,
    stale_list=0.1,
)


class Crash(BaseException):
    """The process dies here. Not an Exception, so that nothing in the product can catch it."""


class SimClock:
    def __init__(self) -> None:
        self.time = BEGIN

    def now(self) -> float:
        return self.time


class JsonCodec:
    """Desired files as JSON: YAML is tested elsewhere, and slow."""

    def encode(self, desired: Object, previous: str | None) -> str:
        return json.dumps(desired)

    def decode(self, text: str, path: str) -> Object:
        decoded: Object = json.loads(text)
        return decoded


class CrashingFiles(MemoryFiles):
    """The process may die when the files are replaced and the database has not committed yet."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def replace(self, texts: Mapping[str, str | None]) -> dict[str, str]:
        stamps = super().replace(texts)
        self._world.maybe_crash("between the files and the commit")
        return stamps


class FaultyStore:
    """The store as it is, but commits may fail or end the process before or after their effect."""

    def __init__(self, inner: DatabaseStore, world: World) -> None:
        self._inner = inner
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def commit(self, writes: Sequence[Write]) -> list[Object]:
        self._world.maybe_crash("before a commit")
        if self._world.chance(self._world.store_faults):
            self._world.note("somebody else is faster")
            self._world.meddle()
        if self._world.chance(self._world.store_faults):
            raise StoreError("simulated fault: no space left on device")
        stored = self._inner.commit(writes)
        self._world.killings += [one for one in stored if "failed liveness probe" in one.get("message", "")]
        if self._world.chance(self._world.store_faults):
            raise StoreError("simulated fault: the reply to a commit was lost")
        self._world.maybe_crash("after a commit")
        return stored


class CrashingBackend(FaultyBackend):
    """Also ends the process before or after a call. What probes and commands find is the world's to say."""

    world: World

    def probe(self, container_id: str, check: Check, *, timeout: float) -> Checked:
        return self._call("probe", container_id, lambda: self.world.probe(container_id))

    def exec_container(self, container_id: str, command: Sequence[str], *, timeout: float) -> ExecResult:
        return self._call("exec_container", container_id, lambda: self.world.run_command(container_id))

    def usage(self, container_id: str) -> Usage | None:
        return self._call("usage", container_id, lambda: self.world.usage(container_id))

    def _call(self, method: str, argument: object, call: Callable[[], Any]) -> Any:
        self.world.maybe_crash(f"before {method}")
        result = super()._call(method, argument, call)
        self.world.maybe_crash(f"after {method}")
        return result


class World:
    """One seed's world. `run` lets virtual time pass; `crash` ends the control plane and starts a new one."""

    backend_type: ClassVar[type[CrashingBackend]] = CrashingBackend

    def __init__(self, seed: int, nodes: int = 3) -> None:
        self.random = Random(seed)
        self.clock = SimClock()
        self.engine = MemoryEngine(clock=self.clock.now)
        self.volumes = SimulatedVolumes(self.maybe_crash)
        self.crash_chance = 0.0
        self.log: list[str] = []
        self.files = CrashingFiles(self)
        self.database = open_memory(JsonCodec(), self.files, cluster_id=CLUSTER, seal_key=KEY)
        self.ids = Ids(
            uid=lambda: str(uuid.UUID(int=self.random.getrandbits(128), version=4)),
            suffix=lambda: safe_suffix(self.random.getrandbits(40)),
        )
        self.api = Api(self.database, self.clock, self.ids)
        self.api.ensure_namespace()
        self.nodes = tuple(NodeConfig(f"node-{number}", "memory") for number in range(1, nodes + 1))
        self.faults = QUIET
        self.store_faults = 0.0
        self.meddle: Callable[[], None] = lambda: None
        """What somebody else does just before one of the control plane's commits."""
        self.sick: set[str] = set()
        """Ids of containers whose probes fail."""
        self.usage: Callable[[str], Usage | None] = lambda container_id: Usage(0, 0)
        """What a container has used so far."""
        self.killings: list[Object] = []
        """Events about containers that failed a probe."""
        self.failing_commands = 0.0
        self.crashes = 0
        self.checks: list[Callable[[], None]] = []
        """What must hold after every step."""
        self.stored_checks: list[Callable[[], None]] = []
        """What must hold of all that is stored and of all that runs, whenever it has changed."""
        self.seen_checks: list[Callable[[], None]] = []
        """What must hold of it once the loop has seen it and knows what runs."""
        self._stored: object = None
        self._seen: object = None
        self._serial = 0
        self._turns = 0
        self._at_once = 0
        self._event_position = 0
        self.start()

    # --- the control plane's process

    def start(self) -> None:
        """A new control plane over what there is."""
        self._schedule: list[tuple[float, int, Callable[[], News] | News]] = []
        backend = self.backend_type(MemoryBackend(CLUSTER, self.engine), self.faults, self.random)
        backend.world = self
        self.backend = backend
        engine = Engine("memory", backend, self.nodes, KEY, volumes=self.volumes)
        api = Api(FaultyStore(self.database, self), self.clock, self.ids)  # type: ignore[arg-type]
        self.loop = Loop(api, [engine], self, self.ids, say=self.note)
        self._next_step = self.clock.time
        self.loop.start()

    def crash(self) -> None:
        self.crashes += 1
        self.note("the control plane died")
        self.start()

    def lose_database(self) -> None:
        """state.db is deleted; the files stay."""
        self.note("state.db is deleted")
        self.database = open_memory(JsonCodec(), self.files, cluster_id=CLUSTER, seal_key=KEY)
        self.api = Api(self.database, self.clock, self.ids)
        self.crash()

    def set_faults(self, faults: Faults, store: float = 0.0, crash: float = 0.0) -> None:
        self.faults = self.backend.faults = faults
        self.store_faults = store
        self.crash_chance = crash

    # --- chance

    def chance(self, probability: float) -> bool:
        return probability > 0 and self.random.random() < probability

    def maybe_crash(self, where: str) -> None:
        if self.chance(self.crash_chance):
            self.note(f"dies {where}")
            raise Crash

    def note(self, text: str) -> None:
        self.log.append(f"{self.clock.time - BEGIN:9.3f} {text}")

    # --- what runs in containers

    def probe(self, container_id: str) -> Checked:
        self._check_running(container_id)
        return Checked(False, "it is sick") if container_id in self.sick else Checked(True)

    def run_command(self, container_id: str) -> ExecResult:
        self._check_running(container_id)
        return ExecResult(int(self.chance(self.failing_commands)), b"")

    def _check_running(self, container_id: str) -> None:
        found = self.engine.container(container_id, CLUSTER)
        if found is None or found.state is not ContainerState.RUNNING:
            raise PermanentError("it does not run", reason="NotRunning")

    # --- the executor

    def submit(self, lane: str, job: Callable[[], News]) -> None:
        self._put(self.clock.time + self.random.uniform(0.001, 0.3), job)

    def together(self, calls: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
        """One after the other, in any order."""
        order = list(range(len(calls)))
        self.random.shuffle(order)
        done = {number: calls[number]() for number in order}
        return [done[number] for number in range(len(calls))]

    def watch(self, engine: str) -> None:
        self._put(self.clock.time + 0.01, Hinted(engine, EngineEvent("")))

    def _put(self, moment: float, what: Callable[[], News] | News) -> None:
        self._serial += 1
        heapq.heappush(self._schedule, (moment, self._serial, what))

    # --- time

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Lets time pass until `until()`; False when it did not come true."""
        end = self.clock.time + seconds
        while self.clock.time < end:
            if until():
                return True
            try:
                self._turn(end)
            except Crash:
                self.crash()
        return until()

    def _turn(self, end: float) -> None:
        self._turns += 1
        assert self._turns < MOST_TURNS, "the loop turns for ever"
        moments = [self._next_step, end]
        if self.engine.reachable:
            moments.append(self.engine.next_end())
        if self._schedule:
            moments.append(self._schedule[0][0])
        self.clock.time = max(self.clock.time, min(moments))
        news = self._due()
        if not news and self.clock.time < self._next_step:
            return  # as in life: nobody wakes the loop because an engine did something
        self._next_step = self.loop.step(news)
        is_at_once = self._next_step <= self.clock.time
        self._at_once = self._at_once + 1 if is_at_once and not news else 0
        assert self._at_once <= MOST_AT_ONCE, "the loop waits for something that is over"
        if is_at_once:
            self._next_step = self.clock.time + 0.001
        self._check()

    def _check(self) -> None:
        for check in self.checks:
            check()
        revision = self.database.revision()
        newest = self.state()
        if newest != self._stored:
            self._stored = newest
            for check in self.stored_checks:
                check()
        if newest != self._seen and self.loop._revision == revision and self.loop.has_looked():
            self._seen = newest
            for check in self.seen_checks:
                check()

    def state(self) -> object:
        """The same as long as nothing is stored and nothing happens to containers."""
        return (self.database, self.database.revision(), self._event_position)

    def _due(self) -> list[News]:
        """What is heard now. A job that is due takes effect now and is heard of later."""
        news: list[News] = []
        while self._schedule and self._schedule[0][0] <= self.clock.time:
            _, _, what = heapq.heappop(self._schedule)
            if callable(what):
                self._put(self.clock.time + self.random.uniform(0.0, 0.2), what())
            else:
                news.append(what)
        if not self.engine.reachable:
            return news
        events, self._event_position = self.engine.events_after(self._event_position, CLUSTER)
        news.extend(
            Hinted("memory", event) for event in events if not (self.faults is not QUIET and self.chance(0.2))
        )
        return news
