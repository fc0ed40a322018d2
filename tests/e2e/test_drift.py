"""`diff` says what differs, in the files and on the engine; `apply` makes it go away."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.places import everywhere, on_current_engines
from e2e.stage import Stage, deployment, pod, pod_spec, until


@pytest.fixture
def web(stage: Stage) -> Stage:
    stage.ok("apply", "-f", manifest(stage))
    return stage


def manifest(stage: Stage) -> str:
    return stage.write("web.yaml", deployment(replicas=2))


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_a_stopped_and_a_removed_container_are_drift_until_apply(web: Stage) -> None:
    path = manifest(web)
    assert web.ok("diff", "-f", path).out == ""
    stopped, removed = web.running()

    web.place.do("stop", stopped.id)
    found = web.fails("diff", "-f", path)
    assert found.out.startswith(f"runtime: pod/{stopped.pod} container main: desired running, is exited (")
    assert found.out.count("\n") == 1

    web.place.do("rm", removed.id)
    lines = web.fails("diff").lines
    assert sorted(line.split()[1] for line in lines) == sorted([f"pod/{stopped.pod}", f"pod/{removed.pod}"])
    data: list[dict[str, Any]] = json.loads(web.fails("diff", "-o", "json").out)
    assert {one["name"] for one in data} == {stopped.pod, removed.pod}

    assert web.ok("apply", "-f", path).out == "deployment.apps/web unchanged\n"
    assert web.ok("diff", "-f", path).out == ""
    assert web.ok("diff").out == ""
    assert {one.uid for one in web.running()} == {stopped.uid, removed.uid}


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_a_manifest_or_a_desired_file_that_changed_is_a_difference(web: Stage) -> None:
    changed = web.write("web.yaml", deployment(replicas=3))
    found = web.fails("diff", "-f", changed)
    assert "-  replicas: 2" in found.lines
    assert "+  replicas: 3" in found.lines
    assert len(web.running()) == 2, "diff changes nothing"
    web.ok("apply", "-f", changed)
    assert web.ok("diff", "-f", changed).out == ""
    assert len(web.running()) == 3

    desired = web.state / "desired/default/deployment.web.yaml"
    desired.write_text(desired.read_text().replace("replicas: 3", "replicas: 1"))
    found = web.fails("diff", "-f", changed)
    assert "-  replicas: 1" in found.lines
    assert "+  replicas: 3" in found.lines
    assert "deployment.apps/web: desired 1 pod, there are 3" in web.fails("diff").out
    web.ok("apply", "-f", changed)
    assert web.ok("diff", "-f", changed).out == ""
    assert len(web.running()) == 3


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_beside_an_agent_a_changed_file_is_a_deployment(web: Stage) -> None:
    web.start_agent()
    desired = web.state / "desired/default/deployment.web.yaml"
    desired.write_text(desired.read_text().replace("replicas: 2", "replicas: 3"))
    web.wait_running(3, seconds=5)
    until("nothing differs any more", lambda: web("diff").code == 0, seconds=5)
    assert web.fails("diff", "-f", manifest(web)).lines.count("-  replicas: 3") == 1

    good = desired.read_text()
    desired.write_text(good.replace("replicas: 3", "replicas: many"))
    warned = web("diff", "-f", manifest(web))
    assert "desired/default/deployment.web.yaml" in warned.err
    assert len(web.running()) == 3, "the last good version stays in force"
    desired.write_text(good)
    web.ok("apply", "-f", manifest(web))
    web.wait_running(2)
    until("the third pod is gone", lambda: web("diff", "-f", manifest(web)).code == 0, seconds=5)

    desired.unlink()
    until("all is gone", lambda: not web.containers(), seconds=10)


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_beside_an_agent_what_can_not_be_mended_is_drift(stage: Stage) -> None:
    """Something that an agent mends is gone before anybody sees it; an image that can't be had stays."""
    stage.start_agent()
    lost = pod("lost", pod_spec("registry.invalid/busybox:1"))
    path = stage.write("lost.yaml", lost)
    stage.ok("apply", "-f", path, "--wait=false")
    until("it is known", lambda: "desired running, is waiting (" in stage("diff", "-f", path).out, seconds=10)
    assert stage.fails("diff", "-f", path).out.startswith("runtime: pod/lost container main: ")
