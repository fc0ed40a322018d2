"""The simulated engine behaves as the real ones: random operations on both, and what people see compared.

Rules:
- After each step both must come to show the same states, exit codes, labels and errors; the wording of
  errors and the moment at which a process ends are the engine's own.
- The operations follow from the seed alone, so that a failure can be had again.
"""

from __future__ import annotations

import importlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from engines import rig
from minikctl_memory import MemoryBackend, MemoryEngine
from msgspec import Struct

from minikctl.backend import (
    Backend,
    Container,
    ContainerSpec,
    ContainerState,
    LogOptions,
    NetworkMode,
    SandboxSpec,
    Settings,
    labels,
)
from minikctl.contract.bench import Bench, new_cluster_id
from minikctl.errors import BackendError

IMAGE = "busybox:1.36"
STEPS = 30
DEADLINE = 15.0

PROGRAMS: tuple[tuple[str, ...], ...] = (
    ("true",),
    ("false",),
    ("sh", "-c", "echo out; echo err >&2; exit 3"),
    ("sleep", "3600"),
    ("sh", "-c", "trap 'echo bye; exit 7' TERM; echo ready; while true; do sleep 1; done"),
    ("sh", "-c", "trap 'exit 8' TERM; echo ready; sleep 3600 & wait"),
    ("sh", "-c", "trap 'echo again' TERM; echo ready; while true; do sleep 1; done"),
    ("/no/such/command",),
)

SCRIPTS = (
    "echo one; nosuchcommand; echo $?",
    "false && echo a || echo b; true && echo c",
    'X="a  b"; echo $X "$X" \'$X\' $NOTHING. ${X}s',
    "for i in 1 2 3; do echo $i; done; exit 4",
    "for i in $(seq 2 4); do printf '%s-' $i; done",
    "if [ a = b ]; then echo 1; elif [ -n x ]; then echo 2; else echo 3; fi",
    'echo -n a; echo "b $(echo $(pwd))" | cat; ! true; echo $?',
    "echo lost > /tmp/file; echo seen 2> /dev/null; echo error >&2; hostname; id -u",
    "sleep 1 & sleep 0.2; wait; echo $?",
    "until true; do echo never; done; echo $?; # a comment",
    "printf 'a\\tb\\\\c\\101\\n'; test -z '' && exit 257",
    "exec echo replaced",
    "exec nosuchcommand",
    "exit",
)


def open_real(engine: rig.Engine, cluster_id: str) -> Backend:
    module = importlib.import_module(f"minikctl_{engine.kind}")
    backend: Backend = getattr(module, f"{engine.kind.title()}Backend").open(
        Settings(engine.endpoint, cluster_id)
    )
    return backend


class Pair(Struct):
    """The two engines, with the ids that each gave to the same things, by name."""

    memory: Backend
    real: Backend
    ids: dict[str, tuple[str, str]]

    def both(self, call: Callable[[Backend, Callable[[str], str]], Any]) -> tuple[Any, Any]:
        """The call made on both, which must end the same way: both results, or the same error."""
        outcomes = [
            outcome_of(call, backend, lambda name, index=index: self.ids[name][index])
            for index, backend in enumerate((self.memory, self.real))
        ]
        assert isinstance(outcomes[0], Failure) == isinstance(outcomes[1], Failure), outcomes
        if isinstance(outcomes[0], Failure):
            assert outcomes[0] == outcomes[1]
        return outcomes[0], outcomes[1]

    def settle(self) -> None:
        """Until both show the same."""
        deadline = time.monotonic() + DEADLINE
        while (shown := visible(self.memory)) != (real := visible(self.real)):
            assert time.monotonic() < deadline, f"memory {shown}\nreal   {real}"
            time.sleep(0.05)


class Failure(Struct, frozen=True):
    """What callers tell errors apart by."""

    kind: type[BackendError]
    reason: str


def outcome_of(call: Callable[..., Any], backend: Backend, id_of: Callable[[str], str]) -> Any:
    try:
        return call(backend, id_of)
    except BackendError as error:
        return Failure(type(error), error.reason)


def visible(backend: Backend) -> dict[str, tuple[object, ...]]:
    return {container.name: facts(container) for container in backend.list_containers()}


def facts(container: Container) -> tuple[object, ...]:
    """All that must be the same. A sandbox's own image and exit code are its engine's affair."""
    given = {key: value for key, value in container.labels.items() if key.startswith(("minikctl.io", "test"))}
    own = (container.image, container.exit_code)
    sandbox = container.labels.get(labels.TYPE) == labels.TYPE_SANDBOX
    return (container.state, given, container.started_at is not None, () if sandbox else own)


@pytest.fixture
def pair(engine: rig.Engine | None) -> Iterator[Pair]:
    cluster_id = new_cluster_id()
    memory = MemoryBackend(cluster_id, MemoryEngine())
    memory.pull_image(IMAGE)
    real = open_real(rig.engine_or_skip(engine), cluster_id)
    yield Pair(memory, real, {})
    Bench(real, cluster_id, IMAGE).clear()
    real.close()


class Walk:
    """Random operations on a pair."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.pair = pair
        self.random = Random(seed)
        self.cluster_id = pair.memory.cluster_id  # type: ignore[attr-defined]
        self.specs: dict[str, ContainerSpec] = {}
        self.sandboxes: dict[str, SandboxSpec] = {}
        self.users: dict[str, str] = {}
        """container → sandbox"""
        self.removed: set[str] = set()
        self.starts: Counter[str] = Counter()

    def step(self, number: int) -> str:
        """Makes one operation; returns what it was."""
        if not self.specs:
            return self.create(number)
        operations: list[tuple[int, Callable[[int], str]]] = [
            (5, self.create),
            (6, self.start),
            (3, self.signal),
            (3, self.remove),
            (1, self.create_again),
            (1, self.create_from_missing_image),
            (2, self.sandbox),
            (1, self.remove_sandbox),
        ]
        weights = [weight for weight, _ in operations]
        return self.random.choices([operation for _, operation in operations], weights)[0](number)

    def _labels(self, kind: str) -> dict[str, str]:
        return {labels.CLUSTER: self.cluster_id, labels.TYPE: kind, "test/odd": "grün\n\"{}'"}

    def _any(self) -> str:
        return self.random.choice(sorted(self.specs))

    def create(self, number: int) -> str:
        name = f"{self.cluster_id}-{number}"
        spec = ContainerSpec(name, IMAGE, self._labels(labels.TYPE_CONTAINER), self.random.choice(PROGRAMS))
        shared = self.random.choice([None, *sorted(self.sandboxes)])
        if shared:
            self.users[name] = shared
        self.specs[name] = spec
        self.pair.ids[name] = self._create(spec)
        return f"create {spec.command} in {shared}"

    def _create(self, spec: ContainerSpec) -> tuple[Any, Any]:
        shared = self.users.get(spec.name)

        def create(backend: Backend, id_of: Callable[[str], str]) -> str:
            if shared is None:
                return backend.create_container(spec)
            return backend.create_container(
                ContainerSpec(
                    spec.name,
                    spec.image,
                    spec.labels,
                    spec.command,
                    network=NetworkMode.SANDBOX,
                    sandbox_id=id_of(shared),
                )
            )

        return self.pair.both(create)

    def create_again(self, _: int) -> str:
        name = self._any()
        if name not in self.removed:
            assert self._create(self.specs[name]) == self.pair.ids[name]
        return f"create again {name}"

    def create_from_missing_image(self, number: int) -> str:
        spec = ContainerSpec(f"{self.cluster_id}-{number}", "busybox:missing", self._labels("container"))
        self.pair.both(lambda backend, _: backend.create_container(spec))
        return "create from a missing image"

    def start(self, _: int) -> str:
        name = self._any()
        memory, real = self.pair.both(lambda backend, id_of: backend.start_container(id_of(name)))
        if isinstance(memory, Container):
            self.starts[name] += 1
            assert memory.name == real.name == name
            self._until_ready(name)
        return f"start {name}"

    def _until_ready(self, name: str) -> None:
        """A signal would end a shell that has not come to its trap yet."""
        spec = self.specs[name]
        deadline = time.monotonic() + DEADLINE
        while spec.command and "ready" in spec.command[-1] and b"ready" not in self._lines(name):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def _lines(self, name: str) -> list[bytes]:
        """Of the real one."""
        return [line.text for line in self.pair.real.logs(self.pair.ids[name][1], LogOptions())]

    def signal(self, _: int) -> str:
        name = self._any()
        kill = self.random.random() < 0.4
        self.pair.both(lambda backend, id_of: backend.signal_container(id_of(name), kill=kill))
        return f"signal {name} kill={kill}"

    def remove(self, _: int) -> str:
        name = self._any()
        self.pair.both(lambda backend, id_of: backend.remove_container(id_of(name)))
        self.removed.add(name)
        return f"remove {name}"

    def sandbox(self, number: int) -> str:
        name = self.random.choice([f"{self.cluster_id}-{number}", *sorted(self.sandboxes)])
        spec = SandboxSpec(name, "host", self._labels(labels.TYPE_SANDBOX))
        memory, real = self.pair.both(lambda backend, _: backend.create_sandbox(spec))
        self.sandboxes[name] = spec
        self.pair.ids[name] = (memory.id, real.id)
        return f"sandbox {name}"

    def remove_sandbox(self, _: int) -> str:
        used = {shared for name, shared in self.users.items() if name not in self.removed}
        free = sorted(self.sandboxes.keys() - used)
        if not free:
            return "remove no sandbox"
        self.pair.both(lambda backend, id_of: backend.remove_container(id_of(free[0])))
        del self.sandboxes[free[0]]
        return f"remove sandbox {free[0]}"


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("engine", rig.engine_params())
def test_random_operations(pair: Pair, seed: int) -> None:
    walk = Walk(pair, seed)
    history: list[str] = []
    try:
        for number in range(STEPS):
            history.append(walk.step(number))
            pair.settle()
        _compare_endings(walk)
    except AssertionError as difference:
        pytest.fail("\n".join([*history, str(difference)]))


def _compare_endings(walk: Walk) -> None:
    """What has ended once wrote the same, and what is gone is gone for both."""
    for name in walk.specs:
        pair = walk.pair
        if name in walk.removed:
            inspected = pair.both(lambda backend, id_of, name=name: backend.inspect_container(id_of(name)))
            assert inspected == (None, None)
            continue
        states = pair.both(lambda backend, id_of, name=name: backend.inspect_container(id_of(name)).state)
        assert states[0] is states[1]
        if states[0] is ContainerState.EXITED:
            memory, real = pair.both(lambda backend, id_of, name=name: written(backend, id_of(name)))
            if walk.starts[name] == 1:
                assert memory == real, walk.specs[name].command
            else:  # the real log goes on from run to run, the simulated one is of the last
                assert set(memory) <= set(real), walk.specs[name].command


def written(backend: Backend, container_id: str) -> list[tuple[str, bytes]]:
    lines = [(line.stream, line.text) for line in backend.logs(container_id, LogOptions())]
    return sorted(lines) if len({stream for stream, _ in lines}) > 1 else lines


@pytest.mark.parametrize("engine", rig.engine_params()[:1])
def test_scripts(pair: Pair) -> None:
    """The shell in the image is busybox, as is the one that is simulated."""
    cluster_id = pair.memory.cluster_id  # type: ignore[attr-defined]
    names = [f"{cluster_id}-{number}" for number in range(len(SCRIPTS))]
    for name, script in zip(names, SCRIPTS, strict=True):
        spec = ContainerSpec(
            name,
            IMAGE,
            {labels.CLUSTER: cluster_id},
            ("sh", "-c", script),
            working_dir="/tmp",
            hostname="web",
        )
        pair.ids[name] = pair.both(lambda backend, _, spec=spec: backend.create_container(spec))
        pair.both(lambda backend, id_of, name=name: backend.start_container(id_of(name)))
    for backend in (pair.memory, pair.real):
        bench = Bench(backend, cluster_id, IMAGE)
        for container_id in (one.id for one in backend.list_containers()):
            bench.until_exited(container_id)
    for name, script in zip(names, SCRIPTS, strict=True):
        codes = pair.both(lambda backend, id_of, name=name: backend.inspect_container(id_of(name)).exit_code)
        assert codes[0] == codes[1], script
        lines = pair.both(lambda backend, id_of, name=name: written(backend, id_of(name)))
        assert lines[0] == lines[1], script
