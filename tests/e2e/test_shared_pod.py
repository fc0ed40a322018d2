"""A pod of several containers: they share an address, and each has a life of its own."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.places import everywhere
from e2e.stage import OBEDIENT, Stage, pod, until

PAGE = "mkdir -p /tmp/www; echo hello from the neighbour > /tmp/www/index.html"
SERVE = ["sh", "-c", f"{PAGE}; exec httpd -f -p 8080 -h /tmp/www"]
FETCH = [
    "sh",
    "-c",
    "while true; do wget -q -O - http://127.0.0.1:8080/ && break; sleep 0.2; done; sleep 3600",
]


def pair(first: list[str], second: list[str]) -> dict[str, Any]:
    containers = [
        {"name": name, "image": "busybox:1.36", "command": command}
        for name, command in (("server", first), ("client", second))
    ]
    return pod("pair", {"terminationGracePeriodSeconds": 1, "containers": containers})


def restart_counts(stage: Stage) -> dict[str, int]:
    (found,) = stage.pods()
    return {one["name"]: one["restartCount"] for one in found["status"]["containerStatuses"]}


def started(stage: Stage) -> dict[str, str]:
    """When each container of the pod was started, by name."""
    return {one.container: stage.place.started_at(one.id) for one in stage.running()}


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_containers_share_localhost_and_one_that_crashes_restarts_alone(stage: Stage) -> None:
    stage.ok("apply", "-f", stage.write("pair.yaml", pair(SERVE, FETCH)))
    assert stage.ok("get", "pod", "pair", "--no-headers").out.split()[1:3] == ["2/2", "Running"]
    if stage.place.is_real:
        until(
            "the neighbour answers on localhost",
            lambda: "hello from the neighbour" in stage.ok("logs", "pair", "-c", "client").out,
            seconds=10,
        )
    stage.start_agent()
    before = started(stage)
    (victim,) = (one for one in stage.running() if one.container == "client")
    stage.place.do("kill", victim.id)
    until("client runs anew", lambda: started(stage).get("client", before["client"]) != before["client"])
    assert started(stage)["server"] == before["server"]
    until("one restart", lambda: restart_counts(stage) == {"server": 0, "client": 1}, seconds=5)
    (sandbox,) = (one for one in stage.containers() if one.is_sandbox)
    assert sandbox.running


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_when_the_sandbox_dies_the_pod_is_made_anew_in_another(stage: Stage) -> None:
    stage.ok("apply", "-f", stage.write("pair.yaml", pair(OBEDIENT, OBEDIENT)))
    stage.start_agent()
    (known,) = stage.pods()
    (sandbox,) = (one for one in stage.containers() if one.is_sandbox)
    before = {one.id for one in stage.running()}
    stage.place.do("kill", sandbox.id)

    def anew() -> bool:
        fresh = [one for one in stage.containers() if one.is_sandbox and one.running and one.id != sandbox.id]
        return len(fresh) == 1 and len([one for one in stage.running() if one.id not in before]) == 2

    until("both containers run in another sandbox", anew, seconds=10)
    until("2/2", lambda: stage.ok("get", "pod", "pair", "--no-headers").out.split()[1] == "2/2", seconds=5)
    (now,) = stage.pods()
    assert now["metadata"]["uid"] == known["metadata"]["uid"]
    assert not before & {one.id for one in stage.running()}
    stage.ok("delete", "pod", "pair")
    assert stage.containers() == []
