"""What an agent mends: containers that are killed or removed, pods that are deleted, engines that go."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import pytest
from engines import rig

from e2e.places import Seen, everywhere, on_current_real_engines
from e2e.stage import Stage, deployment, until

HEAL_SECONDS = 2.0
RETURN_SECONDS = 15.0


@pytest.fixture
def web(stage: Stage) -> Stage:
    """Four pods and an agent."""
    stage.ok("apply", "-f", stage.write("web.yaml", deployment(replicas=4)))
    stage.start_agent()
    return stage


def successor(stage: Stage, victim: Seen, known: set[str]) -> Seen | None:
    """The container that runs in the victim's place: another start, the same pod."""
    for one in stage.running():
        if one.uid == victim.uid and one.container == victim.container and one.id not in known:
            return one
    return None


def restarts_of(stage: Stage, pod: str) -> str:
    row = stage.ok("get", "pod", pod, "--no-headers").out.split()
    return row[3] if row[2] == "Running" else row[2]


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_a_killed_container_runs_again_in_the_same_pod(
    web: Stage, record_property: Callable[[str, object], None]
) -> None:
    before = web.running()
    victim = before[0]
    others = {run for run in web.runs() if run.container != victim.id}

    web.place.do("kill", victim.id)
    killed = time.monotonic()
    known = {one.id for one in before}
    healed = until("the killed container's successor runs", lambda: successor(web, victim, known), seconds=10)
    took = time.monotonic() - killed
    record_property("kill_to_running_seconds", round(took, 2))

    assert took < HEAL_SECONDS
    assert healed.pod == victim.pod
    until("RESTARTS 1", lambda: restarts_of(web, victim.pod) == "1", seconds=5)
    assert {one["metadata"]["uid"] for one in web.pods()} == {one.uid for one in before}
    assert others < web.runs()
    assert len(web.running()) == 4


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_a_removed_container_is_replaced(web: Stage) -> None:
    before = web.running()
    victim = before[1]
    others = {run for run in web.runs() if run.container != victim.id}

    web.place.do("rm", victim.id)
    removed = time.monotonic()
    known = {one.id for one in before}
    until("the removed container's successor runs", lambda: successor(web, victim, known), seconds=10)
    assert time.monotonic() - removed < HEAL_SECONDS

    until("RESTARTS 1", lambda: restarts_of(web, victim.pod) == "1", seconds=5)
    assert others < web.runs()
    assert len(web.running()) == 4


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_a_deleted_pod_is_replaced_by_a_new_one(web: Stage) -> None:
    before = web.pod_names()
    victim = sorted(before)[0]
    deleted = web.ok("delete", "pod", victim)
    assert deleted.out == f'pod "{victim}" deleted from default namespace\n'
    running = web.wait_running(4, seconds=10)
    assert victim not in {one.pod for one in running}
    assert len({one.pod for one in running} - before) == 1
    until("4 pods are known", lambda: web.pod_names() == {one.pod for one in running}, seconds=5)
    assert victim not in {one.pod for one in web.containers()}


@pytest.mark.parametrize("going", ["stop", "kill"])
@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_an_engine_goes_and_comes_back(
    web: Stage, going: str, record_property: Callable[[str, object], None]
) -> None:
    pods = web.pod_names()
    {"stop": rig.stop, "kill": rig.kill}[going](web.place.name)
    try:
        until("the node is not ready", lambda: "NotReady" in web.ok("get", "nodes").out, seconds=10)
        assert web.pod_names() == pods
        assert "is shown as last known" in web.ok("get", "pods").err
    finally:
        rig.start(web.place.name)
    back = time.monotonic()
    running = web.wait_running(4, seconds=RETURN_SECONDS)
    record_property("return_to_running_seconds", round(time.monotonic() - back, 2))

    assert {one.pod for one in running} == pods
    ready = web.ok("rollout", "status", "deploy/web", "--timeout=10s")
    assert "successfully rolled out" in ready.out
    until("the node is ready", lambda: "NotReady" not in web.ok("get", "nodes").out, seconds=5)
    assert web.pod_names() == pods
    doubled = {pod: n for pod, n in Counter(one.pod for one in web.running()).items() if n > 1}
    assert not doubled
