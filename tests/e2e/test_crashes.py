"""The agent is killed at any moment, or loses its database: what runs is not disturbed, and known again."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from e2e.places import everywhere, on_current_engines
from e2e.stage import Run, Stage, deployment, pod, pod_spec, until

ADOPT_SECONDS = 2.0
STRATEGY = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}


@pytest.fixture
def web(stage: Stage) -> Stage:
    """Four pods on three nodes, and an agent."""
    stage.ok("cluster", "init", "--nodes", "3")
    stage.ok("apply", "-f", stage.write("web.yaml", deployment(replicas=4, strategy=STRATEGY)))
    stage.start_agent()
    return stage


def identities(stage: Stage) -> set[tuple[str, str, str]]:
    return {
        (one["metadata"]["name"], one["metadata"]["uid"], one["spec"]["nodeName"]) for one in stage.pods()
    }


def restarts(stage: Stage) -> list[int]:
    return [one["restartCount"] for pod in stage.pods() for one in pod["status"]["containerStatuses"]]


def lose_database(stage: Stage, pattern: str = "state.db*") -> None:
    for path in stage.state.glob(pattern):
        path.unlink()


def check_nothing_doubled(stage: Stage, count: int) -> None:
    pods = Counter(one.pod for one in stage.running())
    assert sorted(pods.values()) == [1] * count, pods
    assert set(pods) == stage.pod_names()


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_a_killed_agent_leaves_what_runs_and_the_next_adopts_it(
    web: Stage, record_property: Callable[[str, object], None]
) -> None:
    known, before = identities(web), web.runs()
    web.kill_agent()
    victim = web.running()[0]
    web.place.do("kill", victim.id)
    healthy = {run for run in before if run.container != victim.id}
    until("only the victim has ended", lambda: web.runs() == healthy, seconds=5)

    began = time.monotonic()
    web.start("agent", "run")
    until(
        "the new agent mends what the dead one could not",
        lambda: victim.uid in {one.uid for one in web.running()},
        seconds=10,
    )
    took = time.monotonic() - began
    record_property("start_to_mended_seconds", round(took, 2))
    assert took < ADOPT_SECONDS
    assert healthy < web.runs()
    until("1 restart in all", lambda: sorted(restarts(web)) == [0, 0, 0, 1], seconds=5)
    assert identities(web) == known
    check_nothing_doubled(web, 4)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_an_agent_killed_again_and_again_during_a_rollout(web: Stage, seed: int) -> None:
    moments = random.Random(seed)
    old = {one.uid for one in web.running()}
    seen: set[Run] = web.runs()
    web.ok("set", "image", "deploy/web", "main=busybox:1.37")
    for _ in range(3):
        pause = time.monotonic() + moments.uniform(0.0, 0.7)
        until("the moment has come", lambda moment=pause: time.monotonic() > moment)
        web.kill_agent()
        seen |= web.runs()
        web.start_agent()
    status = web.ok("rollout", "status", "deploy/web", "--timeout=40s")
    assert 'deployment "web" successfully rolled out' in status.out
    web.wait_running(4)
    assert not old & {one.uid for one in web.running()}
    until("only the new pods are known", lambda: len(web.pods()) == 4, seconds=10)
    assert restarts(web) == [0, 0, 0, 0]
    starts = Counter(run.container for run in seen | web.runs())
    assert set(starts.values()) == {1}, "a container was started twice"
    check_nothing_doubled(web, 4)
    until("nothing is left", lambda: len(web.containers()) == 4, seconds=10)


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_a_lost_database_is_made_again_from_what_runs(
    web: Stage, record_property: Callable[[str, object], None]
) -> None:
    known, before = identities(web), web.runs()
    web.kill_agent()
    lose_database(web)
    began = time.monotonic()
    web.start_agent()
    until("the pods are known again", lambda: identities(web) == known, seconds=10)
    record_property("database_lost_to_known_seconds", round(time.monotonic() - began, 2))
    web.ok("rollout", "status", "deploy/web", "--timeout=10s")
    assert web.runs() == before
    assert restarts(web) == [0, 0, 0, 0]
    web.ok("scale", "deploy/web", "--replicas=3")
    web.wait_running(3)
    assert web.runs() < before


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_a_database_lost_under_a_running_agent(web: Stage) -> None:
    known, before = identities(web), web.runs()
    lose_database(web, "state.db")  # what SQLite keeps beside it stays, and is of no database any more
    until("the pods are known again", lambda: identities(web) == known, seconds=10)
    assert web.runs() == before
    web.ok("scale", "deploy/web", "--replicas=6")
    web.wait_running(6)
    assert before < web.runs()
    victim = web.running()[0]
    web.place.do("kill", victim.id)
    web.wait_running(6)
    check_nothing_doubled(web, 6)
    web.ok("delete", "deployment", "web")
    until("nothing is left", lambda: not web.containers(), seconds=10)


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_a_database_lost_during_a_rollout(web: Stage) -> None:
    web.ok("set", "image", "deploy/web", "main=busybox:1.37")
    until("a new pod runs", lambda: any("1.37" in one.image for one in web.running()))
    web.kill_agent()
    lose_database(web)
    seen = web.runs()
    web.start_agent()
    web.ok("rollout", "status", "deploy/web", "--timeout=40s")
    running = web.wait_running(4)
    assert all("1.37" in one.image for one in running)
    starts = Counter(run.container for run in seen | web.runs())
    assert set(starts.values()) == {1}, "a container was started twice"
    until("only the new pods are known", lambda: len(web.pods()) == 4, seconds=10)
    web.wait_running(4)  # an old pod whose end was forgotten with the database may have begun once more
    check_nothing_doubled(web, 4)
    until("nothing is left", lambda: len(web.containers()) == 4, seconds=10)


def test_a_pull_that_failed_is_tried_no_sooner_for_a_new_agent(stage: Stage) -> None:
    def tries() -> int:
        events = stage.get("events")
        return sum(one["count"] for one in events if one["message"].startswith("Failed to pull image"))

    stage.start_agent()
    stage.ok(
        "apply",
        "-f",
        stage.write("pod.yaml", pod("lost", pod_spec("busybox:does-not-exist"))),
        "--wait=false",
    )
    began = time.monotonic()
    until("the first try has failed", tries, seconds=5)
    stage.kill_agent()
    stage.start_agent()
    until("it backs off", lambda: "ImagePullBackOff" in stage.ok("get", "pods").out, seconds=5)
    while time.monotonic() - began < 8:
        assert tries() == 1
        time.sleep(0.5)
    until("the second try", lambda: tries() == 2, seconds=10)
