"""A simulated engine in a state directory: several processes, and people who interfere by hand."""

from __future__ import annotations

import multiprocessing
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from minikctl_memory import MemoryBackend
from minikctl_memory.__main__ import main

from minikctl.backend import ContainerSpec, ContainerState, PortMapping, ResourceLimits, Settings, labels
from minikctl.errors import UnreachableError

CLUSTER = "c"
LABELS = {labels.CLUSTER: CLUSTER, "text": "grün\n\"'"}
IMAGE = "busybox:1.36"
SPEC = ContainerSpec(
    "web",
    IMAGE,
    LABELS,
    command=("sh", "-c", "trap 'echo bye; exit 3' TERM; echo $NAME; sleep infinity & wait"),
    env=(("NAME", "grün"),),
    ports=(PortMapping(80, 8080),),
    resources=ResourceLimits(memory_limit_bytes=1),
)


def connect(state_dir: Path, endpoint: str = "") -> MemoryBackend:
    return MemoryBackend.open(Settings(endpoint, CLUSTER, state_dir))


@pytest.fixture
def backend(tmp_path: Path) -> MemoryBackend:
    backend = connect(tmp_path)
    backend.pull_image(IMAGE)
    return backend


def test_it_outlives_a_process(tmp_path: Path, backend: MemoryBackend) -> None:
    container_id = backend.create_container(SPEC)
    running = backend.start_container(container_id)
    backend.close()
    again = connect(tmp_path)
    assert again.list_containers() == [running]
    assert again.image_id(IMAGE) == running.image_id
    assert again.create_container(SPEC) == container_id
    again.signal_container(container_id, kill=False)
    assert backend.inspect_container(container_id).exit_code == 3, "a closed one connects again"


def test_modes_and_neighbours(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    backend = connect(state_dir)
    backend.pull_image(IMAGE)
    assert {path.name.removeprefix("memory.db") for path in state_dir.iterdir()} <= {"", "-wal", "-shm"}
    for path in state_dir.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(state_dir.stat().st_mode) == 0o700


def test_engines_in_one_file_are_apart(tmp_path: Path) -> None:
    first, second = connect(tmp_path, "memory://a"), connect(tmp_path, "memory://b")
    first.pull_image(IMAGE)
    assert second.image_id(IMAGE) is None
    second.pull_image(IMAGE)
    ids = [one.create_container(SPEC) for one in (first, second)]
    for one, container_id in zip((first, second), ids, strict=True):
        assert one.start_container(container_id).state is ContainerState.RUNNING, "a host port each"
        assert [container.id for container in one.list_containers()] == [container_id]
    assert ids[0] != ids[1]
    first.engine.kill_all()
    assert first.list_containers()[0].exit_code == 137
    assert second.list_containers()[0].state is ContainerState.RUNNING


def test_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "memory.db").write_bytes(b"not a database" * 100)
    with pytest.raises(UnreachableError, match=r"memory\.db: file is not a database"):
        connect(tmp_path).list_containers()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "memory.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnreachableError):
        connect(tmp_path).list_containers()
    assert not (tmp_path / "elsewhere").exists()


def test_a_failed_change_leaves_nothing(tmp_path: Path, backend: MemoryBackend) -> None:
    with pytest.raises(RuntimeError), backend.engine._changing("test", None) as now:
        backend.engine._records.clear()
        raise RuntimeError(str(now))
    container_id = backend.create_container(SPEC)
    with pytest.raises(RuntimeError), backend.engine._changing("test", None) as now:
        backend.engine._start(backend.engine._records[container_id], now)
        raise RuntimeError
    for one in (backend, connect(tmp_path)):
        assert one.list_containers()[0].state is ContainerState.CREATED


def _make_some(state_dir: Path, first: int) -> None:
    backend = connect(state_dir)
    for number in range(first, first + 10):
        spec = ContainerSpec(f"c{number}", IMAGE, LABELS, command=("nginx",))
        backend.start_container(backend.create_container(spec))


def test_processes_at_once(tmp_path: Path, backend: MemoryBackend) -> None:
    spawn = multiprocessing.get_context("fork")
    processes = [spawn.Process(target=_make_some, args=(tmp_path, first)) for first in (0, 5, 10)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    containers = backend.list_containers()
    assert sorted(container.name for container in containers) == sorted(f"c{number}" for number in range(20))
    assert len({container.ip for container in containers}) == 20


def test_hints_from_another_process(tmp_path: Path, backend: MemoryBackend) -> None:
    heard: list[tuple[str, str]] = []
    ready = threading.Event()

    def listen() -> None:
        listener = connect(tmp_path)
        for event in listener.events():
            heard.append((event.container_id, event.action))
            ready.set()
            if event.action == "destroy":
                return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert ready.wait(10)
    container_id = backend.create_container(SPEC)
    backend.start_container(container_id)
    subprocess.run([sys.executable, "-m", "minikctl_memory", tmp_path, "kill", "web"], check=True, timeout=20)
    subprocess.run([sys.executable, "-m", "minikctl_memory", tmp_path, "rm", "web"], check=True, timeout=20)
    thread.join(10)
    assert not thread.is_alive(), heard
    assert heard[0] == ("", "")
    assert heard[-1] == (container_id, "destroy")
    assert (container_id, "create") in heard
    assert {each for each, _ in heard[1:]} == {container_id}


# --- by hand ---


def by_hand(state_dir: Path, *arguments: str) -> int:
    return main([str(state_dir), *arguments])


def test_ps(tmp_path: Path, backend: MemoryBackend, capsys: pytest.CaptureFixture[str]) -> None:
    container_id = backend.create_container(SPEC)
    backend.start_container(container_id)
    backend.create_container(ContainerSpec("other", IMAGE, LABELS))
    assert by_hand(tmp_path, "ps") == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split("   ")[0].strip() == "CONTAINER ID"
    by_name = {row.split()[-1]: row for row in rows}
    assert by_name["web"].startswith(container_id[:12])
    assert "Up 0 s" in by_name["web"]
    assert "Created" in by_name["other"]


def test_stop_kill_and_rm(tmp_path: Path, backend: MemoryBackend) -> None:
    container_id = backend.start_container(backend.create_container(SPEC)).id
    deaf = backend.create_container(ContainerSpec("deaf", IMAGE, LABELS, command=("sleep", "1000")))
    backend.start_container(deaf)
    assert by_hand(tmp_path, "stop", "web") == 0
    assert backend.inspect_container(container_id).exit_code == 3
    assert by_hand(tmp_path, "stop", "-t", "0.1", deaf[:10]) == 0
    assert backend.inspect_container(deaf).exit_code == 137
    backend.start_container(deaf)
    assert by_hand(tmp_path, "kill", deaf) == 0
    assert backend.inspect_container(deaf).exit_code == 137
    assert by_hand(tmp_path, "rm", "deaf") == 0
    assert backend.inspect_container(deaf) is None


def test_one_line_errors(tmp_path: Path, backend: MemoryBackend, capsys: pytest.CaptureFixture[str]) -> None:
    backend.create_container(SPEC)
    for arguments, text in (
        ([str(tmp_path), "kill", "nobody"], "error: no such container: nobody\n"),
        ([str(tmp_path), "kill", "web"], "error: container web is not running\n"),
        (
            [str(tmp_path / "x"), "ps"],
            f"error: nothing is simulated in {tmp_path / 'x'}: it has no memory.db\n",
        ),
    ):
        assert main(arguments) == 1
        assert capsys.readouterr().err == text
    assert not (tmp_path / "x").exists()
