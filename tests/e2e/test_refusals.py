"""What can't be done is said in one clear line, with its exit code, and nothing has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.places import MemoryPlace, on_current_engines
from e2e.stage import Stage, deployment, until

GOOD = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: busybox:1.36}
"""

BAD = {
    "broken YAML": (GOOD.replace("replicas: 2", "replicas: [2"), "bad.yaml:6:"),
    "wrong type": (GOOD.replace("replicas: 2", "replicas: two"), "spec.replicas"),
    "unknown field": (GOOD.replace("replicas:", "replica:"), 'spec.replica: unknown field "replica"'),
    "unhandled field": (
        GOOD.replace("      containers:", "      hostUsers: false\n      containers:"),
        "spec.template.spec.hostUsers",
    ),
    "unknown kind": (GOOD.replace("kind: Deployment", "kind: Gadget"), "Gadget"),
    "a rule that is broken": (GOOD.replace("labels: {app: web}", "labels: {app: other}"), "selector"),
    "a duplicate key": (GOOD.replace("replicas: 2", "replicas: 2\n  replicas: 3"), "replicas"),
    "a bad document after a good one": (f"{GOOD}---\n{GOOD.replace('name: web', 'name: Web!')}", "Web!"),
    "an empty file": ("", "no objects passed to "),
}


def snapshot(stage: Stage) -> dict[str, str]:
    """The desired files and the pods."""
    desired = {str(one): one.read_text() for one in (stage.state / "desired").rglob("*.yaml")}
    return desired | {one.id: one.pod for one in stage.containers()}


def clear_line(err: str) -> str:
    """The only line that is not a note or a warning; of several problems' lines the one there is."""
    lines = [line for line in err.splitlines() if not line.startswith(("note: ", "Warning: "))]
    if lines[-1].startswith("error: 1 problem found"):
        lines.pop()
    assert len(lines) == 1, err
    return lines[0]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_manifest_is_one_line_and_changes_nothing(stage: Stage, name: str) -> None:
    stage.ok("apply", "-f", stage.write("side.yaml", deployment("side", replicas=1)))
    before = snapshot(stage)
    text, expected = BAD[name]
    path = stage.folder / "bad.yaml"
    path.write_text(text)
    for argv in (("apply", "-f", str(path)), ("apply", "-f", str(path), "--dry-run=server")):
        failed = stage.fails(*argv)
        assert failed.out == ""
        assert expected in clear_line(failed.err)
    if text:
        assert expected in clear_line(stage.fails("diff", "-f", str(path), code=2).err)
    assert snapshot(stage) == before


def test_a_good_manifest_is_the_measure_of_the_bad_ones(stage: Stage) -> None:
    path = stage.folder / "good.yaml"
    path.write_text(GOOD)
    assert stage.ok("apply", "-f", str(path), "--dry-run=server").out == (
        "deployment.apps/web created (server dry run)\n"
    )


def test_a_file_that_is_missing(stage: Stage) -> None:
    expected = 'the path "/nowhere/web.yaml" does not exist'
    assert expected in clear_line(stage.fails("apply", "-f", "/nowhere/web.yaml").err)
    assert expected in clear_line(stage.fails("delete", "-f", "/nowhere/web.yaml").err)
    assert expected in clear_line(stage.fails("diff", "-f", "/nowhere/web.yaml", code=2).err)


class Nowhere(MemoryPlace):
    """An engine that is not there."""

    def environment(self) -> dict[str, str]:
        return dict.fromkeys(("DOCKER_HOST", "CONTAINER_HOST"), "unix:///nowhere/engine.sock")


@pytest.mark.parametrize("backend", ["docker", "podman"])
def test_an_engine_that_is_not_there(tmp_path: Path, backend: str) -> None:
    stage = Stage(Nowhere(backend=backend), tmp_path)
    path = stage.write("web.yaml", deployment())
    for argv in (("apply", "-f", path), ("agent", "run"), ("agent", "start")):
        line = clear_line(stage.fails(*argv).err)
        assert "unix:///nowhere/engine.sock" in line
        assert backend in line.lower()
    assert not list((stage.state / "desired").rglob("*.yaml"))
    assert not stage.holder()


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_another_backend_than_the_one_that_runs_the_pods(stage: Stage) -> None:
    stage.ok("apply", "-f", stage.write("web.yaml", deployment(replicas=1)))
    before = snapshot(stage)
    other = "docker" if stage.place.backend == "memory" else "memory"
    failed = stage.fails("scale", "deploy/web", "--replicas=2", "--backend", other)
    line = clear_line(failed.err)
    assert f"runs its pods on {stage.place.backend}, not on {other}" in line
    assert snapshot(stage) == before


def test_a_backend_that_nobody_made(stage: Stage) -> None:
    line = clear_line(stage.fails("get", "pods", "--backend", "lxd").err)
    assert "lxd" in line
    assert all(name in line for name in ("docker", "memory", "podman"))


def test_a_state_directory_that_cannot_be_made(stage: Stage) -> None:
    path = stage.write("web.yaml", deployment())
    for argv in (
        ("apply", "-f", path),
        ("get", "pods"),
        ("agent", "start"),
        ("cluster", "init", "--nodes=2"),
    ):
        line = clear_line(stage.fails(*argv, "--state-dir", "/proc/minikctl").err)
        assert line.startswith("error: cannot use the state directory /proc/minikctl: ")


def test_a_state_directory_that_is_a_file(stage: Stage) -> None:
    stage.state.write_text("")
    line = clear_line(stage.fails("get", "pods").err)
    assert line.startswith(f"error: cannot use the state directory {stage.state}: ")


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_a_second_agent_is_refused_and_the_first_goes_on(stage: Stage) -> None:
    stage.ok("apply", "-f", stage.write("web.yaml", deployment(replicas=1)))
    pid = stage.start_agent()
    for argv in (("agent", "run"), ("agent", "start")):
        failed = stage.fails(*argv)
        assert str(pid) in clear_line(failed.err)
    assert stage.agent_pid() == pid
    stage.ok("scale", "deploy/web", "--replicas=2")
    stage.wait_running(2)
    stage.stop_agent()
    assert len(stage.running()) == 2
    stage.fails("agent", "status")


def test_a_reader_that_is_no_terminal_gets_no_traceback_when_interrupted(stage: Stage) -> None:
    child = stage.start("agent", "run")
    until("the agent acts", lambda: stage.holder().get("role") == "agent")
    child.send_signal(2)
    result = stage.finish(child)
    assert (result.code, result.out) == (0, "")
    assert "Traceback" not in result.err
    assert not stage.holder()
