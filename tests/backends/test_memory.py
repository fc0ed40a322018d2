"""The simulated engine beyond the contract: virtual time, hooks for simulations, speed."""

from __future__ import annotations

import json
import math
import time

import pytest
from minikctl_memory import Call, MemoryBackend, MemoryEngine

from minikctl.backend import (
    ContainerSpec,
    ContainerState,
    LogOptions,
    NetworkMode,
    PortMapping,
    SandboxSpec,
    Settings,
    labels,
)
from minikctl.errors import PermanentError, TemporaryError, UnreachableError

CLUSTER = "c"
LABELS = {labels.CLUSTER: CLUSTER}
IMAGE = "busybox:1.36"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def backend(clock: Clock) -> MemoryBackend:
    backend = MemoryBackend(CLUSTER, MemoryEngine(clock=clock))
    backend.pull_image(IMAGE)
    return backend


def started(backend: MemoryBackend, name: str, *command: str) -> str:
    container_id = backend.create_container(ContainerSpec(name, IMAGE, LABELS, command=command or ("nginx",)))
    return backend.start_container(container_id).id


def states(backend: MemoryBackend) -> dict[str, tuple[ContainerState, int | None]]:
    return {one.name: (one.state, one.exit_code) for one in backend.list_containers()}


def test_time_ends_processes(backend: MemoryBackend, clock: Clock) -> None:
    engine = backend.engine
    started(backend, "long", "sleep", "50")
    container_id = started(backend, "short", "sh", "-c", "sleep 5; exit 2")
    position = engine.event_position()
    assert engine.next_end() == 1005
    clock.now = 1004.9
    assert backend.inspect_container(container_id).state is ContainerState.RUNNING
    clock.now = 1060.0
    assert states(backend) == {"long": (ContainerState.EXITED, 0), "short": (ContainerState.EXITED, 2)}
    assert backend.inspect_container(container_id).finished_at == 1005
    assert [event.action for event in engine.events_after(position, CLUSTER)[0]] == ["die", "die"]
    assert engine.next_end() == math.inf


@pytest.mark.parametrize(
    ("container", "policy", "ends"),
    [
        ("main", "Always", False),
        ("main", "OnFailure", True),
        ("main", "Never", True),
        ("prepare", "Always", True),
        ("side", "Never", False),
    ],
)
def test_what_its_pod_counts_on_decides_about_a_program_that_nobody_knows(
    backend: MemoryBackend, container: str, policy: str, ends: bool
) -> None:
    inits = [{"name": "prepare"}, {"name": "side", "restartPolicy": "Always"}]
    pod = {"spec": {"restartPolicy": policy, "initContainers": inits, "containers": [{"name": "main"}]}}
    carried = {**LABELS, labels.POD: json.dumps(pod), labels.CONTAINER_NAME: container}
    spec = ContainerSpec("x", IMAGE, carried, command=("/app/run",))
    started = backend.start_container(backend.create_container(spec))
    assert (started.state is ContainerState.EXITED) is ends
    assert started.exit_code == (0 if ends else None)


def test_same_calls_same_engine(clock: Clock) -> None:
    def run() -> list[object]:
        backend = MemoryBackend(CLUSTER, MemoryEngine("memory://a", clock=clock))
        backend.pull_image(IMAGE)
        for number in range(3):
            started(backend, f"c{number}")
        return list(backend.list_containers())

    assert run() == run()
    addresses = [container.ip for container in run()]
    assert len(set(addresses)) == 3
    assert all(address.startswith("10.244.") for address in addresses)


def test_crash_and_kill_all(backend: MemoryBackend, clock: Clock) -> None:
    first, second = started(backend, "a"), started(backend, "b")
    backend.create_container(ContainerSpec("c", IMAGE, LABELS))
    backend.engine.crash(first, 9)
    assert states(backend)["a"] == (ContainerState.EXITED, 9)
    clock.now += 1
    backend.engine.kill_all()
    assert states(backend) == {
        "a": (ContainerState.EXITED, 9),
        "b": (ContainerState.EXITED, 137),
        "c": (ContainerState.CREATED, None),
    }
    assert backend.start_container(second).state is ContainerState.RUNNING, "engines can start what has ended"


def test_not_reachable(backend: MemoryBackend) -> None:
    container_id = started(backend, "a")
    backend.engine.reachable = False
    for call in (
        backend.ping,
        backend.info,
        backend.list_containers,
        lambda: backend.inspect_container(container_id),
        lambda: backend.image_id(IMAGE),
        lambda: backend.pull_image(IMAGE),
        lambda: backend.create_container(ContainerSpec("b", IMAGE, LABELS)),
        lambda: backend.create_sandbox(SandboxSpec("p", "p", LABELS)),
        lambda: backend.start_container(container_id),
        lambda: backend.signal_container(container_id, kill=True),
        lambda: backend.remove_container(container_id),
        lambda: list(backend.logs(container_id, LogOptions())),
        lambda: next(backend.events()),
    ):
        with pytest.raises(UnreachableError):
            call()
    backend.engine.reachable = True
    assert states(backend) == {"a": (ContainerState.RUNNING, None)}


def test_journal(backend: MemoryBackend) -> None:
    backend.engine.journal = []
    container_id = started(backend, "a")
    backend.list_containers()
    backend.signal_container(container_id, kill=True)
    backend.remove_container(container_id)
    names = [call.name for call in backend.engine.journal]
    assert names == ["create_container", "start_container", "signal_container", "remove_container"]
    assert backend.engine.journal[1] == Call("start_container", container_id)


def test_images_must_be_pulled(backend: MemoryBackend) -> None:
    assert backend.image_id("nginx:1.27") is None
    image_id = backend.pull_image("nginx:1.27")
    assert image_id == backend.image_id("docker.io/library/nginx:1.27")
    assert image_id != backend.pull_image("nginx:1.28")
    assert image_id.startswith("sha256:")
    backend.engine.remove_image("nginx:1.27")
    assert backend.image_id("nginx:1.27") is None


@pytest.mark.parametrize(
    ("image", "error", "text"),
    [
        ("registry.invalid/a:1", TemporaryError, "lookup registry.invalid: no such host"),
        ("registry.test:5000/a", TemporaryError, "lookup registry.test: no such host"),
        ("nginx:does-not-exist", PermanentError, "manifest unknown"),
        ("does-not-exist", PermanentError, "manifest unknown"),
    ],
)
def test_images_that_nobody_has(backend: MemoryBackend, image: str, error: type, text: str) -> None:
    with pytest.raises(error, match=text) as caught:
        backend.pull_image(image)
    assert caught.value.reason == "ErrImagePull"


@pytest.mark.parametrize(
    "image",
    [
        "a",
        "a/b",
        "localhost/a:b",
        "localhost:5000/a",
        "r.io/a/b/c:T_1.2-3",
        "a__b--c",
        f"r.io/x@sha256:{'0' * 64}",
    ],
)
def test_references(backend: MemoryBackend, image: str) -> None:
    assert backend.pull_image(image) == backend.image_id(image)


def test_images_without_a_command(backend: MemoryBackend, clock: Clock) -> None:
    """`busybox` ends at once without one, `nginx` serves: as learners find out."""
    for image in ("busybox", "nginx"):
        backend.pull_image(image)
        backend.start_container(backend.create_container(ContainerSpec(image, image, LABELS)))
    assert states(backend) == {"busybox": (ContainerState.EXITED, 0), "nginx": (ContainerState.RUNNING, None)}


def test_host_ports_by_address_and_protocol(backend: MemoryBackend) -> None:
    def start(name: str, port: PortMapping) -> ContainerState:
        spec = ContainerSpec(name, IMAGE, LABELS, command=("nginx",), ports=(port,))
        return backend.start_container(backend.create_container(spec)).state

    assert start("a", PortMapping(80, 8080, host_ip="127.0.0.1")) is ContainerState.RUNNING
    assert start("b", PortMapping(80, 8080, host_ip="127.0.0.2")) is ContainerState.RUNNING
    assert start("c", PortMapping(80, 8080, protocol="UDP")) is ContainerState.RUNNING
    for number, host_ip in enumerate(("127.0.0.1", "", "0.0.0.0")):
        with pytest.raises(PermanentError, match="8080/TCP is already allocated"):
            start(f"d{number}", PortMapping(80, 8080, host_ip=host_ip))


def test_a_sandbox_in_use_is_not_removed(backend: MemoryBackend) -> None:
    sandbox = backend.create_sandbox(SandboxSpec("p", "p", {**LABELS, labels.TYPE: labels.TYPE_SANDBOX}))
    with pytest.raises(PermanentError, match="No such sandbox"):
        backend.engine.create_container(_in_sandbox("x", "nobody"), CLUSTER)
    container_id = backend.create_container(_in_sandbox("a", sandbox.id))
    with pytest.raises(PermanentError, match="in use by a"):
        backend.remove_container(sandbox.id)
    backend.signal_container(sandbox.id, kill=False)
    assert states(backend)["p"] == (ContainerState.EXITED, 0)
    with pytest.raises(PermanentError, match="sandbox is not running"):
        backend.start_container(container_id)


def _in_sandbox(name: str, sandbox_id: str) -> ContainerSpec:
    return ContainerSpec(name, IMAGE, LABELS, network=NetworkMode.SANDBOX, sandbox_id=sandbox_id)


def test_lost_hints_are_told(backend: MemoryBackend) -> None:
    engine = backend.engine
    position = engine.event_position()
    container_id = started(backend, "a", "sleep", "0")
    for _ in range(5000):
        backend.start_container(container_id)
    hints, after = engine.events_after(position, CLUSTER)
    assert hints[0].container_id == ""
    assert len(hints) == 10_001
    assert engine.events_after(after, CLUSTER) == ([], after)
    started(backend, "b")
    assert [event.action for event in engine.events_after(after, CLUSTER)[0]] == ["create", "start"]
    assert engine.events_after(after, "another") == ([], after + 2)


def test_open_shares_the_engines_of_a_process() -> None:
    first = MemoryBackend.open(Settings("memory://shared", CLUSTER))
    second = MemoryBackend.open(Settings("memory://shared", CLUSTER))
    other = MemoryBackend.open(Settings("", CLUSTER))
    first.pull_image(IMAGE)
    started(first, "a")
    assert len(second.list_containers()) == 1
    assert other.list_containers() == []
    assert (first.endpoint, other.endpoint) == ("memory://shared", "memory://")
    assert MemoryBackend.endpoints({}) == ["memory://"]
    del first, second
    assert MemoryBackend.open(Settings("memory://shared", CLUSTER)).list_containers() == []


def test_labels_that_were_handed_out_are_frozen(backend: MemoryBackend) -> None:
    started(backend, "a")
    with pytest.raises(TypeError):
        backend.list_containers()[0].labels["x"] = "y"  # type: ignore[index]


def test_speed(backend: MemoryBackend) -> None:
    """1000 containers in 50 ms, their unchanged list in 5: with room for a busy machine."""
    command = ("sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done")
    specs = [ContainerSpec(f"c{number}", IMAGE, LABELS, command=command) for number in range(1000)]
    began = time.process_time()
    for spec in specs:
        backend.start_container(backend.create_container(spec))
    created = time.process_time()
    backend.list_containers()
    first = time.process_time()
    assert len(backend.list_containers()) == 1000
    assert created - began < 0.25
    assert time.process_time() - first < 0.005
