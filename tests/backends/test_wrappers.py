"""The wrappers forward everything, and each does its one thing besides."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, TypeVar

import pytest
from minikctl_memory import MemoryBackend, MemoryEngine

from minikctl.backend import (
    Backend,
    ContainerSpec,
    ContainerState,
    Credentials,
    EngineEvent,
    LogOptions,
    SandboxSpec,
    TcpCheck,
    VolumeSpec,
    labels,
)
from minikctl.backend.wrappers.base import MUTATING, BackendWrapper
from minikctl.backend.wrappers.dry_run import DryRunBackend
from minikctl.backend.wrappers.faulty import Faults, FaultyBackend
from minikctl.backend.wrappers.recording import CallReport, RecordingBackend, log_calls
from minikctl.backend.wrappers.retrying import NOT_RETRIED, RetryingBackend
from minikctl.contract import BackendContract
from minikctl.contract.base import MakeBackend
from minikctl.errors import PermanentError, TemporaryError, UnreachableError

T = TypeVar("T")

CLUSTER = "c"
LABELS = {labels.CLUSTER: CLUSTER}
IMAGE = "busybox:1.36"
SPEC = ContainerSpec("web", IMAGE, LABELS, command=("sleep", "5"), env=(("PASSWORD", "hunter2"),))
PORT = sorted(name for name, value in vars(Backend).items() if inspect.isfunction(value) and name[0] != "_")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> MemoryBackend:
    backend = MemoryBackend(CLUSTER, MemoryEngine(clock=clock))
    backend.pull_image(IMAGE)
    backend.engine.journal = []
    return backend


def call_each(backend: Backend, container_id: str) -> dict[str, Callable[[], Any]]:
    """A call of each method of the port, by its name."""
    return {
        "ping": backend.ping,
        "info": backend.info,
        "list_containers": backend.list_containers,
        "inspect_container": lambda: backend.inspect_container(container_id),
        "image_id": lambda: backend.image_id(IMAGE),
        "pull_image": lambda: backend.pull_image(IMAGE),
        "create_sandbox": lambda: backend.create_sandbox(SandboxSpec("pod", "pod", LABELS)),
        "create_container": lambda: backend.create_container(SPEC),
        "start_container": lambda: backend.start_container(container_id),
        "exec_container": lambda: backend.exec_container(container_id, ("true",), timeout=1),
        "probe": lambda: backend.probe(container_id, TcpCheck(80), timeout=1),
        "open_exec": lambda: backend.open_exec(container_id, ("true",), stdin=False, tty=False),
        "open_attach": lambda: backend.open_attach(container_id, stdin=False, tty=False),
        "get_archive": lambda: next(backend.get_archive(container_id, "/tmp/kept"), None),
        "put_archive": lambda: backend.put_archive(container_id, "/tmp", bytes(1024)),
        "usage": lambda: backend.usage(container_id),
        "create_volume": lambda: backend.create_volume(VolumeSpec("data", LABELS)),
        "list_volumes": backend.list_volumes,
        "remove_volume": lambda: backend.remove_volume("data"),
        "logs": lambda: next(backend.logs(container_id, LogOptions()), None),
        "events": lambda: next(backend.events()),
        "signal_container": lambda: backend.signal_container(container_id, kill=True),
        "remove_container": lambda: backend.remove_container(container_id),
        "close": backend.close,
    }


def test_every_method_of_the_port_is_known_here() -> None:
    assert sorted(call_each(MemoryBackend(CLUSTER), "")) == PORT
    assert set(PORT) > MUTATING


class Spy:
    """Stands for a backend: remembers the names of the methods that were called."""

    name, endpoint, capabilities = "spy", "spy://", None

    def __init__(self) -> None:
        self.called: list[str] = []
        self.given: tuple[Any, ...] = ()

    def __getattr__(self, name: str) -> Any:
        def method(*arguments: Any, **__: Any) -> Any:
            self.called.append(name)
            self.given = arguments
            return iter([]) if name in STREAMS else []

        return method


@pytest.mark.parametrize("method", [name for name in PORT if name != "events"])
def test_every_method_is_forwarded(method: str) -> None:
    spy: Any = Spy()
    wrapper = RecordingBackend(RetryingBackend(FaultyBackend(spy, Faults(), Random(0))), lambda _: None)
    call_each(wrapper, "id")[method]()
    assert spy.called == [method]
    assert (wrapper.name, wrapper.endpoint) == ("spy", "spy://")


# --- faults ---


def running(memory: MemoryBackend) -> str:
    """A container that all calls work on."""
    container_id = memory.create_container(SPEC)
    memory.start_container(container_id)
    memory.exec_container(container_id, ("touch", "/tmp/kept"), timeout=1)
    memory.engine.journal = []
    return container_id


@pytest.mark.parametrize("method", [name for name in PORT if name != "close"])
@pytest.mark.parametrize(
    ("fault", "error"), [("temporary_before", TemporaryError), ("unreachable_before", UnreachableError)]
)
def test_faults_before_the_effect(memory: MemoryBackend, method: str, fault: str, error: type) -> None:
    container_id = running(memory)
    faulty = FaultyBackend(memory, Faults(**{fault: 1.0}), Random(0))
    with pytest.raises(error, match=method):
        call_each(faulty, container_id)[method]()
    assert memory.engine.journal == []
    assert faulty.injected[fault] == 1


STREAMS = ("logs", "events", "get_archive")


@pytest.mark.parametrize("method", [name for name in PORT if name not in ("close", *STREAMS)])
@pytest.mark.parametrize(
    ("fault", "error"), [("temporary_after", TemporaryError), ("unreachable_after", UnreachableError)]
)
def test_faults_after_the_effect(memory: MemoryBackend, method: str, fault: str, error: type) -> None:
    container_id = running(memory)
    faulty = FaultyBackend(memory, Faults(**{fault: 1.0}), Random(0))
    with pytest.raises(error, match=method):
        call_each(faulty, container_id)[method]()
    assert [call.name for call in memory.engine.journal or ()] == ([method] if method in MUTATING else [])


def test_broken_streams(memory: MemoryBackend) -> None:
    container_id = memory.create_container(ContainerSpec("a", IMAGE, LABELS, command=("echo", "a")))
    memory.start_container(container_id)
    faulty = FaultyBackend(memory, Faults(broken_stream=1.0), Random(0))
    for stream in (faulty.logs(container_id, LogOptions()), faulty.events()):
        with pytest.raises(UnreachableError, match="broke off"):
            next(stream)


def test_stale_lists(memory: MemoryBackend) -> None:
    faulty = FaultyBackend(memory, Faults(stale_list=1.0), Random(3))
    lengths = []
    for number in range(20):
        memory.create_container(ContainerSpec(f"c{number}", IMAGE, LABELS))
        lengths.append(len(faulty.list_containers()))
    assert lengths != sorted(lengths), "some are older than one that was shown before"
    assert all(number - 4 <= length <= number for number, length in enumerate(lengths, start=1))
    faulty.faults = Faults()
    assert len(faulty.list_containers()) == 20


class Hinting(BackendWrapper):
    def events(self) -> Iterator[EngineEvent]:
        return self._stream(
            "events", None, lambda: iter([EngineEvent(name) for name in ("", "a", "b", "c", "d")])
        )


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(), ["", "a", "b", "c", "d"]),
        (Faults(lost_hint=1.0), [""]),
        (Faults(doubled_hint=1.0), ["", "", "a", "a", "b", "b", "c", "c", "d", "d"]),
        (Faults(late_hint=1.0), ["", "b", "a", "d", "c"]),
    ],
)
def test_hints_lost_doubled_and_late(memory: MemoryBackend, faults: Faults, expected: list[str]) -> None:
    faulty = FaultyBackend(Hinting(memory), faults, Random(0))
    assert [event.container_id for event in faulty.events()] == expected


def test_same_seed_same_faults(memory: MemoryBackend) -> None:
    def outcomes(seed: int) -> list[str]:
        faulty = FaultyBackend(memory, Faults(temporary_before=0.3, unreachable_after=0.3), Random(seed))
        found = []
        for _ in range(50):
            try:
                faulty.list_containers()
                found.append("")
            except (TemporaryError, UnreachableError) as error:
                found.append(str(error))
        return found

    assert outcomes(1) == outcomes(1)
    assert outcomes(1) != outcomes(2)
    assert len(set(outcomes(1))) == 3


# --- retry ---


class Failing(BackendWrapper):
    """Raises the given errors, one per call, then works."""

    def __init__(self, inner: Backend, *errors: Exception, after: bool = False) -> None:
        super().__init__(inner)
        self.errors = list(errors)
        self.after = after

    def _call(self, method: str, argument: object, call: Callable[[], T]) -> T:
        if not self.errors:
            return call()
        if self.after:
            call()
        raise self.errors.pop(0)


RETRIED = sorted(set(PORT) - NOT_RETRIED - {"close", *STREAMS})


@pytest.mark.parametrize("method", RETRIED)
def test_temporary_errors_are_tried_again(memory: MemoryBackend, method: str) -> None:
    container_id = memory.create_container(SPEC)
    pauses: list[float] = []
    failing = Failing(memory, TemporaryError("busy"), TemporaryError("busy"))
    call_each(RetryingBackend(failing, delay=0.5, sleep=pauses.append), container_id)[method]()
    assert pauses == [0.5, 1.0]


def test_attempts_are_bounded(memory: MemoryBackend) -> None:
    failing = Failing(memory, *(TemporaryError(str(number)) for number in range(9)))
    with pytest.raises(TemporaryError, match="2"):
        RetryingBackend(failing, attempts=3, sleep=lambda _: None).list_containers()
    assert len(failing.errors) == 6


@pytest.mark.parametrize("error", [UnreachableError("gone"), PermanentError("no")])
def test_other_errors_are_not(memory: MemoryBackend, error: Exception) -> None:
    pauses: list[float] = []
    with pytest.raises(type(error)):
        RetryingBackend(Failing(memory, error), sleep=pauses.append).list_containers()
    assert pauses == []


@pytest.mark.parametrize("method", sorted(NOT_RETRIED))
def test_what_must_not_happen_twice_is_not_tried_again(memory: MemoryBackend, method: str) -> None:
    retrying = RetryingBackend(Failing(memory, TemporaryError("busy")), sleep=lambda _: None)
    with pytest.raises(TemporaryError):
        call_each(retrying, running(memory))[method]()


def test_credentials_are_told_to_the_engine_alone(memory: MemoryBackend) -> None:
    reports: list[CallReport] = []
    spy: Any = Spy()
    credentials = Credentials("user", "hunter2")
    RecordingBackend(RetryingBackend(spy), reports.append).pull_image(IMAGE, credentials)
    assert spy.given == (IMAGE, credentials)
    assert "hunter2" not in f"{reports} {credentials!r} {credentials} {[credentials]}"


def test_a_start_with_a_lost_reply_runs_once(memory: MemoryBackend, clock: Clock) -> None:
    def pause(_: float) -> None:
        clock.now += 10  # the process ends meanwhile

    container_id = memory.create_container(SPEC)
    retrying = RetryingBackend(Failing(memory, TemporaryError("lost"), after=True), sleep=pause)
    container = retrying.start_container(container_id)
    assert (container.state, container.started_at) == (ContainerState.EXITED, 1000.0)


class Unsteady(FaultyBackend):
    """Faults in calls that are made again: nobody takes up a stream in the suite, or repeats a command."""

    def _call(self, method: str, argument: object, call: Callable[[], T]) -> T:
        return call() if method in NOT_RETRIED else super()._call(method, argument, call)

    def _stream(self, method: str, argument: object, call: Callable[[], Iterator[T]]) -> Iterator[T]:
        return call()


class TestRetriedFaultsAreInvisible(BackendContract):
    """The whole suite on an engine that loses every fourth call or reply."""

    def now(self) -> float:
        return super().now() * 10

    @pytest.fixture
    def make_backend(self) -> MakeBackend:
        engine = MemoryEngine(clock=self.now)
        random = Random(7)

        def make(cluster_id: str) -> Backend:
            memory = MemoryBackend(cluster_id, engine)
            unsteady = Unsteady(memory, Faults(temporary_before=0.25, temporary_after=0.25), random)
            return RetryingBackend(unsteady, attempts=100, sleep=lambda _: None)

        for image in (self.image, self.other_image):
            engine.pull(image)
        return make


# --- recording ---


def test_reports(memory: MemoryBackend, clock: Clock) -> None:
    reports: list[CallReport] = []
    recording = RecordingBackend(memory, reports.append, clock=clock)
    container_id = recording.create_container(SPEC)
    recording.list_containers()
    with pytest.raises(PermanentError):
        recording.start_container("nobody")
    assert [(report.method, report.argument) for report in reports] == [
        ("create_container", f"web ({IMAGE})"),
        ("list_containers", ""),
        ("start_container", "nobody"),
    ]
    assert isinstance(reports[2].error, PermanentError)
    assert container_id
    assert "hunter2" not in str(reports)


def test_log(memory: MemoryBackend, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "minikctl.backend")
    backend = log_calls(memory)
    backend.create_container(SPEC)
    with pytest.raises(PermanentError):
        backend.start_container("nobody")
    assert [record.levelname for record in caplog.records] == ["DEBUG", "INFO"]
    assert "create_container web" in caplog.text
    assert "No such container" in caplog.text
    assert "hunter2" not in caplog.text


# --- dry run ---


def test_nothing_reaches_the_engine(memory: MemoryBackend, clock: Clock) -> None:
    real_id = running(memory)
    before = memory.list_containers()
    dry = DryRunBackend(memory, clock=clock)
    for method, call in call_each(dry, real_id).items():
        if method in ("open_exec", "open_attach"):
            with pytest.raises(PermanentError) as caught:
                call()
            assert caught.value.reason == "NotSupported"
        elif method != "close":
            call()
    assert memory.engine.journal == []
    assert memory.list_containers() == before
    assert [call.method for call in dry.planned] == [
        "pull_image",
        "create_sandbox",
        "exec_container",
        "put_archive",
        "create_volume",
        "remove_volume",
        "signal_container",
        "remove_container",
    ]


def test_the_plan_can_be_gone_on_from(memory: MemoryBackend, clock: Clock) -> None:
    dry = DryRunBackend(memory, clock=clock)
    with pytest.raises(PermanentError) as caught:
        dry.create_container(ContainerSpec("new", "nginx:1", LABELS))
    assert caught.value.reason == "ImageNotFound"
    assert dry.pull_image("nginx:1") == dry.image_id("nginx:1")
    spec = ContainerSpec("new", "nginx:1", LABELS)
    container_id = dry.create_container(spec)
    assert dry.create_container(spec) == container_id
    assert [one.state for one in dry.list_containers()] == [ContainerState.CREATED]
    assert dry.start_container(container_id).state is ContainerState.RUNNING
    assert dry.start_container(container_id).state is ContainerState.RUNNING
    sandbox = SandboxSpec("pod", "pod", LABELS)
    assert dry.create_sandbox(sandbox) == dry.create_sandbox(sandbox)
    dry.signal_container(container_id, kill=True)
    ended = dry.inspect_container(container_id)
    assert ended is not None
    assert (ended.state, ended.exit_code) == (ContainerState.EXITED, 137)
    dry.remove_container(container_id)
    assert dry.inspect_container(container_id) is None
    with pytest.raises(PermanentError) as caught:
        dry.start_container(container_id)
    assert caught.value.reason == "NotFound"
    assert [str(call).split()[0] for call in dry.planned] == [
        "pull_image",
        "create_container",
        "start_container",
        "create_sandbox",
        "signal_container",
        "remove_container",
    ]
