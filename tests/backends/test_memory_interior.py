"""Files, commands and probes of simulated containers, in virtual time."""

from __future__ import annotations

import pytest
from minikctl_memory import MemoryBackend, MemoryEngine
from minikctl_memory.interior import REFUSES, STATUS

from minikctl.backend import (
    ContainerSpec,
    ContainerState,
    ExecCheck,
    GrpcCheck,
    HttpCheck,
    TcpCheck,
    labels,
)
from minikctl.errors import PermanentError

IMAGE = "busybox:1.36"
LABELS = {labels.CLUSTER: "c"}


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
    made = MemoryBackend("c", MemoryEngine(clock=clock))
    made.pull_image(IMAGE)
    return made


def start(backend: MemoryBackend, script: str) -> str:
    spec = ContainerSpec("web", IMAGE, LABELS, command=("sh", "-c", script))
    container_id = backend.create_container(spec)
    backend.start_container(container_id)
    return container_id


def run(backend: MemoryBackend, container_id: str, script: str) -> tuple[int, str]:
    result = backend.exec_container(container_id, ("sh", "-c", script), timeout=10)
    return result.exit_code, result.output.decode()


def test_kubernetes_own_example_of_a_liveness_probe(backend: MemoryBackend, clock: Clock) -> None:
    container_id = start(backend, "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600")
    check = ExecCheck(("cat", "/tmp/healthy"))
    assert backend.probe(container_id, check, timeout=1) == (True, "")
    clock.now += 29
    assert backend.probe(container_id, check, timeout=1).ok
    clock.now += 2
    found = backend.probe(container_id, check, timeout=1)
    assert found == (False, "cat: can't open '/tmp/healthy': No such file or directory\n")


def test_files_are_written_and_read(backend: MemoryBackend) -> None:
    container_id = start(backend, "echo one > /data/log; sleep 600")
    assert run(backend, container_id, "cat /data/log") == (0, "one\n")
    assert run(backend, container_id, "echo two >> /data/log; cat /data/log") == (0, "one\ntwo\n")
    assert run(backend, container_id, "cat /data/log; rm /data/log; cat /data/log")[0] == 1
    assert run(backend, container_id, "[ -f /tmp/x ] || echo none; touch /tmp/x; [ -f /tmp/x ]") == (
        0,
        "none\n",
    )


def test_a_process_sees_what_a_command_did(backend: MemoryBackend, clock: Clock) -> None:
    container_id = start(backend, "until [ -f /tmp/go ]; do sleep 1; done; exit 7")
    clock.now += 100
    container = backend.inspect_container(container_id)
    assert container is not None
    assert container.state is ContainerState.RUNNING
    run(backend, container_id, "touch /tmp/go")
    clock.now += 2
    container = backend.inspect_container(container_id)
    assert container is not None
    assert (container.state, container.exit_code) == (ContainerState.EXITED, 7)


def test_files_outlive_a_restart_of_the_container(backend: MemoryBackend, clock: Clock) -> None:
    container_id = start(backend, "cat /tmp/runs; echo run >> /tmp/runs; sleep 5")
    clock.now += 10
    backend.start_container(container_id)
    assert run(backend, container_id, "cat /tmp/runs") == (0, "run\nrun\n")


def test_a_command_that_does_not_end_has_missed_its_deadline(backend: MemoryBackend) -> None:
    container_id = start(backend, "sleep 600")
    with pytest.raises(PermanentError) as caught:
        backend.exec_container(container_id, ("sleep", "11"), timeout=10)
    assert caught.value.reason == "DeadlineExceeded"


@pytest.mark.parametrize(
    "command",
    [
        ("pg_isready", "-U", "postgres"),
        ("/bin/grpc_health_probe", "-addr=:8080"),
        ("sh", "-c", 'REDISCLI_AUTH="$PASSWORD" redis-cli ping | grep -q PONG'),
        ("/bin/sh", "/scripts/healthy.sh"),
    ],
)
def test_a_command_that_nobody_knows_is_no_server(backend: MemoryBackend, command: tuple[str, ...]) -> None:
    """As the container's own process it would run for good; as a probe it has to come to an end."""
    container_id = start(backend, "exec redis-server")
    assert backend.probe(container_id, ExecCheck(command), timeout=1) == (True, "")
    container = backend.inspect_container(container_id)
    assert container is not None
    assert container.state is ContainerState.RUNNING


@pytest.mark.parametrize("check", [TcpCheck(80), HttpCheck(80), GrpcCheck(80)])
def test_probes_succeed_until_a_file_says_otherwise(
    backend: MemoryBackend, check: TcpCheck | HttpCheck | GrpcCheck
) -> None:
    container_id = start(backend, "sleep 600")
    assert backend.probe(container_id, check, timeout=1) == (True, "")
    run(backend, container_id, f"touch {REFUSES}")
    found = backend.probe(container_id, check, timeout=1)
    assert found.ok is False
    assert found.message.endswith(":80: connect: connection refused")
    run(backend, container_id, f"rm {REFUSES}")
    assert backend.probe(container_id, check, timeout=1).ok


def test_a_status_for_requests(backend: MemoryBackend) -> None:
    container_id = start(backend, f"echo 503 > {STATUS}; sleep 600")
    found = backend.probe(container_id, HttpCheck(80), timeout=1)
    assert found == (False, "HTTP probe failed with statuscode: 503")
    assert backend.probe(container_id, TcpCheck(80), timeout=1).ok
