"""What only Docker does, on each Docker that the environment names, and what a broken one does to us."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from engines import rig
from minikctl_docker import DockerBackend, pause
from minikctl_docker import engine as engine_module
from minikctl_docker.engine import Engine

from minikctl.backend import (
    Backend,
    ContainerSpec,
    ContainerState,
    LogOptions,
    Mount,
    MountKind,
    PortMapping,
    ResourceLimits,
    SecurityContext,
    Settings,
)
from minikctl.contract.bench import FOREVER, Bench, in_time, new_cluster_id, shell
from minikctl.errors import MinikctlError, PermanentError, UnreachableError

REGISTRY = os.environ.get("MINIKCTL_TEST_REGISTRY", "")

on_each_docker = pytest.mark.parametrize("engine", rig.engine_params("docker"))


@pytest.fixture
def raw(engine: rig.Engine | None) -> Iterator[Engine]:
    raw = Engine(rig.engine_or_skip(engine).endpoint)
    yield raw
    raw.close()


@pytest.fixture
def bench(engine: rig.Engine | None) -> Iterator[Bench]:
    cluster_id = new_cluster_id()
    backend = DockerBackend.open(Settings(rig.engine_or_skip(engine).endpoint, cluster_id))
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


# --- with a real engine ------------------------------------------------------------------------


@on_each_docker
def test_the_image_of_sandboxes_stays_and_is_one(bench: Bench, raw: Engine) -> None:
    image = f"/images/{pause.REFERENCE}/json"
    bench.backend.remove_container(bench.backend.create_sandbox(bench.sandbox_spec()).id)
    before = raw.get(image).body["Id"]
    raw.delete(f"/images/{pause.REFERENCE}")  # as people do who prune; refused while somebody uses it
    bench.backend.remove_container(bench.backend.create_sandbox(bench.sandbox_spec()).id)
    assert raw.get(image).body["Id"] == before, "made again, it is the same"
    dangling = raw.get("/images/json", {"filters": json.dumps({"dangling": ["true"]})}).body
    assert not [row for row in dangling if row["Created"] == 0], "no nameless copy of the pause image"


@on_each_docker
def test_a_sandbox_ends_at_its_stop_signal(bench: Bench) -> None:
    sandbox = bench.backend.create_sandbox(bench.sandbox_spec())
    bench.backend.signal_container(sandbox.id, kill=False)
    bench.until_exited(sandbox.id)


@on_each_docker
def test_a_pass_over_containers_that_did_nothing_is_one_request(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = [bench.start(bench.spec(*FOREVER)).id for _ in range(2)]
    ended = bench.run(bench.spec("true")).container.id
    bench.listed()
    calls = calls_of(bench, monkeypatch)
    bench.listed()
    assert calls == ["/containers/json"]
    calls.clear()
    bench.backend.signal_container(running[0], kill=True)
    bench.until_exited(running[0])
    calls.clear()
    assert bench.listed()[ended].exit_code == 0
    assert set(calls) <= {"/containers/json", f"/containers/{running[0]}/json"}


@on_each_docker
def test_create_and_start_are_three_requests(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = calls_of(bench, monkeypatch)
    container_id = bench.start(bench.spec(*FOREVER)).id
    assert calls == [
        "/containers/create",
        f"/containers/{container_id}/start",
        f"/containers/{container_id}/json",
    ]


@on_each_docker
def test_a_container_that_was_started_again_is_seen_anew(bench: Bench, raw: Engine) -> None:
    container = bench.start(bench.spec(*FOREVER))
    bench.until(lambda: time.time() - (container.started_at or 0) > 5, "it ran for a while")
    assert bench.listed()[container.id].started_at == container.started_at
    assert raw.post(f"/containers/{container.id}/restart", {"t": "0"}).ok
    assert bench.listed()[container.id].started_at != container.started_at


@on_each_docker
def test_a_limit_beyond_the_machine_is_a_limit(bench: Bench) -> None:
    limits = ResourceLimits(cpu_limit_millicores=1_000_000)
    assert bench.run(bench.spec("true", resources=limits)).container.exit_code == 0


@on_each_docker
def test_a_group_alone_keeps_the_images_user(bench: Bench, raw: Engine) -> None:
    image = f"localhost/{bench.cluster_id}:1"
    container_id = bench.backend.create_container(bench.spec("true"))
    commit = {"container": container_id, "repo": image.removesuffix(":1"), "tag": "1"}
    assert raw.post("/commit", commit, body={"User": "1234:5678"}).ok
    try:
        security = SecurityContext(run_as_group=2345)
        ended = bench.run(bench.spec(*shell("id -u; id -g"), security=security, image=image))
        assert ended.text() == ["1234", "2345"]
        bench.backend.remove_container(ended.container.id)
    finally:
        assert raw.delete(f"/images/{image}").ok


@on_each_docker
def test_a_host_port_in_use_is_named(bench: Bench) -> None:
    ports = (PortMapping(80, 18999),)
    bench.start(bench.spec(*FOREVER, ports=ports))
    with pytest.raises(PermanentError, match="18999") as caught:
        bench.start(bench.spec(*FOREVER, ports=ports))
    assert "endpoint" not in str(caught.value)


@on_each_docker
def test_a_long_line_of_a_terminal_is_one(bench: Bench) -> None:
    ended = bench.run(bench.spec(*shell(f"echo {'x' * 40_000}; echo end"), tty=True))
    assert [len(text) for text in ended.text()] == [40_000, 3]


@on_each_docker
def test_what_was_pulled_by_nobody(bench: Bench) -> None:
    with pytest.raises(MinikctlError) as caught:
        bench.backend.pull_image("127.0.0.1:9/nobody/pushed:it")
    assert caught.value.reason == "ErrImagePull"  # type: ignore[attr-defined]


@pytest.mark.skipif(not REGISTRY, reason="MINIKCTL_TEST_REGISTRY names no registry")
@pytest.mark.parametrize("engine", rig.engine_params("docker")[:1])
def test_what_the_registry_does_not_have_is_permanent(bench: Bench) -> None:
    with pytest.raises(PermanentError, match="manifest unknown") as caught:
        bench.backend.pull_image(f"{REGISTRY}/library/busybox:no-such-tag")
    assert caught.value.reason == "ErrImagePull"


@on_each_docker
@pytest.mark.slow
def test_an_engine_that_is_killed_and_comes_back(engine: rig.Engine, bench: Bench) -> None:
    """With the same backend: no connection, no version and no cached state outlives the engine."""
    container = bench.start(bench.spec(*shell("trap 'exit 0' TERM; while true; do sleep 0.1; done")))
    follower = threading.Thread(target=_swallow, args=(bench.backend, container.id), daemon=True)
    follower.start()
    rig.kill(engine.name)
    try:
        with pytest.raises(UnreachableError):
            bench.backend.list_containers()
        follower.join(10)
        assert not follower.is_alive(), "who followed the log is told"
    finally:
        rig.start(engine.name)
    bench.until(lambda: bench.listed()[container.id].state is ContainerState.EXITED, "its end is seen")
    assert bench.backend.start_container(container.id).state is ContainerState.RUNNING


def _swallow(backend: Backend, container_id: str) -> None:
    try:
        for _ in backend.logs(container_id, LogOptions(follow=True)):
            pass
    except UnreachableError:
        pass


# --- with an engine that is none ---------------------------------------------------------------


VERSIONLESS = ("/_ping", "/version")


class FakeEngine(socketserver.ThreadingUnixStreamServer):
    """Answers with what `answers` holds for a path without its version; a function gets the handler."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), FakeHandler)
        self.endpoint = f"unix://{path}"
        self.paths: list[str] = []
        self.newest_api = "1.51"
        self.answers: dict[str, Any] = {"/_ping": (200, "OK")}


class FakeHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeEngine

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        path = self.path.partition("?")[0]
        answer = self.server.answers[path if path in VERSIONLESS else "/" + path.split("/", 2)[2]]
        if callable(answer):
            answer(self)
            return
        status, body = answer
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if self.server.newest_api:
            self.send_header("Api-Version", self.server.newest_api)
        self.end_headers()
        self.wfile.write(content)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeEngine]:
    with FakeEngine(tmp_path / "e.sock") as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def open_backend() -> Iterator[Callable[[str], DockerBackend]]:
    opened: list[DockerBackend] = []

    def make(endpoint: str) -> DockerBackend:
        opened.append(DockerBackend.open(Settings(endpoint, "test")))
        return opened[-1]

    yield make
    for backend in opened:
        backend.close()


OpenBackend = Callable[[str], DockerBackend]


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [("1.41", "1.12", "1.41"), ("1.51", "1.24", "1.51"), ("1.60", "1.44", "1.51"), ("1.70", "1.55", "1.55")],
)
def test_the_version_is_one_that_both_know(
    fake: FakeEngine, open_backend: OpenBackend, newest: str, oldest: str, spoken: str
) -> None:
    fake.newest_api = newest
    fake.answers["/version"] = (200, {"ApiVersion": newest, "MinAPIVersion": oldest, "Arch": "amd64"})
    fake.answers["/containers/json"] = (200, [])
    backend = open_backend(fake.endpoint)
    backend.list_containers()
    backend.list_containers()
    asked = [path.partition("?")[0] for path in fake.paths]
    assert asked[0] == "/_ping"
    assert asked[-2:] == [f"/v{spoken}/containers/json"] * 2
    assert ("/version" in asked) == (newest > "1.51"), "it costs an engine more than a container"


def test_an_engine_that_is_too_old(fake: FakeEngine, open_backend: OpenBackend) -> None:
    fake.newest_api = "1.40"
    with pytest.raises(PermanentError, match=r"1\.40.*20\.10"):
        open_backend(fake.endpoint).list_containers()


def test_an_engine_that_would_mount_a_whole_volume_is_not_asked(
    fake: FakeEngine, open_backend: OpenBackend
) -> None:
    fake.newest_api = "1.44"
    part = Mount(MountKind.VOLUME, "v", "/v", sub_path="a")
    with pytest.raises(PermanentError, match=r"needs Docker 26 .* speaks API 1\.44") as caught:
        open_backend(fake.endpoint).create_container(ContainerSpec("n", "i", {}, mounts=(part,)))
    assert caught.value.reason == "CreateContainerConfigError"


def test_an_engine_that_was_replaced_by_an_older_one(fake: FakeEngine, open_backend: OpenBackend) -> None:
    fake.answers["/containers/json"] = (200, [])
    backend = open_backend(fake.endpoint)
    backend.list_containers()

    def refuse_once(handler: FakeHandler) -> None:
        fake.answers["/containers/json"] = (200, [])
        refusal = b'{"message": "client version 1.51 is too new. Maximum supported API version is 1.43"}'
        handler.send_response(400)
        handler.send_header("Content-Length", str(len(refusal)))
        handler.end_headers()
        handler.wfile.write(refusal)

    fake.answers["/containers/json"] = refuse_once
    fake.newest_api = "1.43"
    assert backend.list_containers() == []
    assert fake.paths[-1].startswith("/v1.43/")


def test_no_socket_and_nobody_listening(tmp_path: Path, open_backend: OpenBackend) -> None:
    with pytest.raises(UnreachableError, match="No such file or directory"):
        open_backend(f"unix://{tmp_path}/none.sock").list_containers()
    with pytest.raises(UnreachableError, match="No such file or directory"):
        open_backend(f"unix://{tmp_path}/none.sock").ping()
    FakeEngine(tmp_path / "left.sock").server_close()
    with pytest.raises(UnreachableError, match="Connection refused"):
        open_backend(f"unix://{tmp_path}/left.sock").info()
    with pytest.raises(UnreachableError, match="Connection refused"):
        open_backend("tcp://127.0.0.1:9").list_containers()


def test_an_endpoint_that_is_none(open_backend: OpenBackend) -> None:
    with pytest.raises(PermanentError, match="gopher"):
        open_backend("gopher://hole").list_containers()


def test_an_engine_that_hangs(
    fake: FakeEngine, open_backend: OpenBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "PROMPT_TIMEOUT", 0.2)
    fake.answers["/_ping"] = lambda _: time.sleep(2)
    with pytest.raises(UnreachableError, match="no answer in time"):
        in_time(lambda: open_backend(fake.endpoint).list_containers(), 1.5)


@pytest.mark.parametrize("found", [(404, "not found"), (200, "<html>")])
@pytest.mark.parametrize("version", ["", "2024-01-01", "v2"])
def test_a_web_server_is_no_engine(
    fake: FakeEngine, open_backend: OpenBackend, found: tuple[int, str], version: str
) -> None:
    fake.newest_api = version
    fake.answers["/_ping"] = found
    with pytest.raises(UnreachableError, match="no Docker engine"):
        open_backend(fake.endpoint).list_containers()


def test_a_list_that_breaks_off_is_an_error_not_a_shorter_list(
    fake: FakeEngine, open_backend: OpenBackend
) -> None:
    def half(handler: FakeHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"[]")
        handler.close_connection = True

    fake.answers["/containers/json"] = half
    with pytest.raises(UnreachableError):
        open_backend(fake.endpoint).list_containers()


def test_events_that_break_off_end(fake: FakeEngine, open_backend: OpenBackend) -> None:
    def some(handler: FakeHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        event = json.dumps({"Actor": {"ID": "abc"}, "Action": "exec_create: cat /secret"}) + "\n"
        for part in (event[:10], event[10:]):
            handler.wfile.write(f"{len(part):x}\r\n{part}\r\n".encode())
        handler.close_connection = True

    fake.answers["/events"] = some
    hints = open_backend(fake.endpoint).events()
    assert next(hints).container_id == ""
    event = next(hints)
    assert (event.container_id, event.action) == ("abc", "exec_create")
    with pytest.raises(UnreachableError):
        next(hints)


def test_importing_the_package_imports_no_sdk() -> None:
    check = (
        "import minikctl_docker, sys; sys.exit(bool({'docker', 'requests', 'urllib3'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
