"""What only Podman does, on each Podman that the environment names, and what a broken one does to us."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engines import rig
from minikctl_podman import PodmanBackend
from minikctl_podman.engine import Engine, Reply

from minikctl.backend import ContainerState, LogOptions, NetworkMode, SecurityContext, Settings
from minikctl.contract.bench import FOREVER, Bench, in_time, new_cluster_id, shell
from minikctl.errors import PermanentError, TemporaryError, UnreachableError

on_each_podman = pytest.mark.parametrize("engine", rig.engine_params("podman"))


@pytest.fixture
def raw(engine: rig.Engine | None) -> Iterator[Engine]:
    raw = Engine(rig.engine_or_skip(engine).endpoint)
    yield raw
    raw.close()


@pytest.fixture
def bench(engine: rig.Engine | None) -> Iterator[Bench]:
    cluster_id = new_cluster_id()
    backend = PodmanBackend.open(Settings(rig.engine_or_skip(engine).endpoint, cluster_id))
    bench = Bench(backend, cluster_id, "busybox:1.36")
    yield bench
    bench.clear()
    backend.close()


def calls_of(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that the backend asks for from now on."""
    seen: list[str] = []
    engine = bench.backend._engine  # type: ignore[attr-defined]
    call = engine._call

    def record(method: str, path: str, **arguments: Any) -> Any:
        seen.append(path)
        return call(method, path, **arguments)

    monkeypatch.setattr(engine, "_call", record)
    return seen


@on_each_podman
def test_nothing_of_ours_is_left(bench: Bench, raw: Engine) -> None:
    def everything() -> dict[str, set[str]]:
        found = {}
        for kind, key in (("containers", "Id"), ("pods", "Id"), ("volumes", "Name"), ("networks", "name")):
            found[kind] = {item[key] for item in raw.get(f"/{kind}/json", {"all": "true"}).body or ()}
        return found

    # Podman 4 builds its own pause image for the first pod: that is not ours, so let it be done.
    bench.backend.remove_container(bench.backend.create_sandbox(bench.sandbox_spec()).id)
    before = everything()
    sandbox = bench.backend.create_sandbox(bench.sandbox_spec())
    shared = {"network": NetworkMode.SANDBOX, "sandbox_id": sandbox.id}
    bench.start(bench.spec(*FOREVER, **shared))
    assert len(everything()["pods"] - before["pods"]) == 1
    bench.backend.remove_container(sandbox.id)
    bench.until(
        lambda: not any(found - before[kind] for kind, found in everything().items()), "nothing is left"
    )


@on_each_podman
def test_a_list_of_what_did_not_change_is_one_request(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    running = bench.start(bench.spec(*FOREVER)).id
    exited = bench.run(bench.spec("false")).container.id
    bench.backend.create_container(bench.spec("true"))
    bench.until(lambda: len(calls_of_one_list(bench, monkeypatch)) == 1, "the exited one is tidied up")
    bench.backend.signal_container(running, kill=True)
    bench.until_exited(running)
    assert bench.listed()[running].exit_code == 137
    assert bench.listed()[exited].exit_code == 1


def calls_of_one_list(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    with monkeypatch.context() as patched:
        calls = calls_of(bench, patched)
        bench.backend.list_containers()
    return calls


@on_each_podman
def test_removing_what_ignores_signals_does_not_wait(bench: Bench) -> None:
    container = bench.start(bench.spec(*shell("trap '' TERM; echo set; while :; do sleep 1; done")))
    bench.until_written(container.id, b"set")
    begun = time.monotonic()
    bench.backend.remove_container(container.id)
    assert time.monotonic() - begun < 5


@on_each_podman
def test_closing_ends_blocked_readers(bench: Bench) -> None:
    other = PodmanBackend.open(Settings(bench.backend.endpoint, bench.cluster_id))
    container = bench.start(bench.spec(*shell("echo ready; sleep 3600")))
    bench.until_written(container.id, b"ready")
    events, follower = other.events(), other.logs(container.id, LogOptions(follow=True))
    assert in_time(lambda: next(events)).container_id == ""
    assert in_time(lambda: next(follower)).text == b"ready"
    readers = [threading.Thread(target=list, args=(stream,), daemon=True) for stream in (events, follower)]
    for reader in readers:
        reader.start()
    time.sleep(0.3)
    other.close()
    for reader in readers:
        reader.join(2)
        assert not reader.is_alive()


@on_each_podman
def test_a_pod_that_was_half_made_is_removed(bench: Bench, raw: Engine) -> None:
    spec = bench.sandbox_spec()
    body = {"name": spec.name, "labels": dict(spec.labels), "no_infra": True, "shared_namespaces": []}
    assert raw.post("/pods/create", body=body).ok
    with pytest.raises(TemporaryError):
        bench.backend.create_sandbox(spec)
    assert bench.backend.create_sandbox(spec).state is ContainerState.RUNNING


@on_each_podman
def test_only_the_group_is_set(bench: Bench) -> None:
    ended = bench.run(bench.spec(*shell("id -u; id -g"), security=SecurityContext(run_as_group=77)))
    assert ended.text() == ["0", "77"]


@on_each_podman
def test_pulling_what_no_registry_answers_for(bench: Bench) -> None:
    with pytest.raises(TemporaryError) as caught:
        bench.backend.pull_image("registry.invalid/x:1")
    assert caught.value.reason == "ErrImagePull"
    with pytest.raises(PermanentError) as refused:
        bench.backend.pull_image("NOT A REFERENCE")
    assert refused.value.reason == "InvalidImageName"


# --- without an engine --------------------------------------------------------------------------


class BrokenEngine:
    """Accepts connections on a socket and answers each with the same bytes, or never."""

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self.endpoint = f"unix://{path}"
        self._answer = answer
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            if self._answer is not None:
                connection.recv(65536)
                connection.sendall(self._answer)
                connection.close()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bytes | None], PodmanBackend]]:
    made: list[BrokenEngine] = []

    def make(answer: bytes | None) -> PodmanBackend:
        engine = BrokenEngine(tmp_path_factory.mktemp("b") / "s", answer)
        made.append(engine)
        return PodmanBackend.open(Settings(engine.endpoint, "c"))

    yield make
    for engine in made:
        engine.close()


def assert_unreachable(backend: PodmanBackend) -> None:
    calls: list[Callable[[], object]] = [
        backend.ping,
        backend.info,
        backend.list_containers,
        lambda: backend.inspect_container("x"),
        lambda: list(backend.events()),
        lambda: list(backend.logs("x", LogOptions())),
    ]
    for call in calls:
        with pytest.raises(UnreachableError) as caught:
            call()
        assert backend.endpoint in str(caught.value)
        assert "\n" not in str(caught.value)


def test_an_engine_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    backend = PodmanBackend.open(Settings(f"unix://{tmp_path}/none.sock", "c"))
    assert_unreachable(backend)
    with pytest.raises(UnreachableError, match="no such file or directory"):
        backend.info()
    assert_unreachable(PodmanBackend.open(Settings("nonsense://x", "c")))
    assert_unreachable(PodmanBackend.open(Settings("tcp://127.0.0.1:1", "c")))


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[", b"nonsense\r\n\r\n"]
)
def test_an_engine_that_breaks_off_is_unreachable(
    broken: Callable[[bytes | None], PodmanBackend], answer: bytes
) -> None:
    assert_unreachable(broken(answer))


def test_a_connection_that_the_engine_ended_between_calls_is_made_anew(
    broken: Callable[[bytes | None], PodmanBackend],
) -> None:
    """As after a restart of the service: it was idle, so nothing is in doubt."""
    backend = broken(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
    for _ in range(3):
        assert backend.list_containers() == []
        time.sleep(0.05)


def test_a_process_that_ends_while_podman_looks_at_it_is_looked_at_again(
    broken: Callable[[bytes | None], PodmanBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    replies = [Reply(500, {"message": "read /proc/7/cgroup: no such process"}), Reply(404)]
    backend = broken(None)
    monkeypatch.setattr(backend._engine, "get", lambda path: replies.pop(0))
    assert backend.inspect_container("x") is None
    assert not replies


def test_a_silent_engine_is_unreachable(
    broken: Callable[[bytes | None], PodmanBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minikctl_podman.backend._INFO_TIMEOUT", 0.2)
    with pytest.raises(UnreachableError, match="no answer in time"):
        in_time(broken(None).info, 5)
