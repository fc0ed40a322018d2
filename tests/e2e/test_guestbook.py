"""`examples/guestbook`, as people run it: a page, an API and Redis on a claim, and what they must survive."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from engines import rig

from e2e.places import on_current_real_engines
from e2e.stage import REPOSITORY, Stage, until

GUESTBOOK = REPOSITORY / "examples" / "guestbook"
PODS = {"api": 2, "redis": 1, "web": 2}
APPS = {"api", "redis", "front"}
"""The containers, which the Services' proxies are not."""
ASK = """
import sys, urllib.request
address, *said = sys.argv[1:]
data = said[0].encode() if said else None
print(urllib.request.urlopen(address, data, timeout=5).read().decode())
"""


def free_node_port(backend: str) -> int:
    """The example's port is one, and the tests of two engines run at the same time."""
    first = {"podman": 31800}.get(backend, 31000)
    for port in range(first, first + 800):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("no node port is free")


@pytest.fixture
def port(stage: Stage) -> int:
    """The example is applied, as it stands but for its node port; which one that is."""
    folder = stage.folder / "guestbook"
    folder.mkdir()
    chosen = free_node_port(stage.place.backend)
    for path in sorted(GUESTBOOK.iterdir()):
        (folder / path.name).write_text(path.read_text().replace("nodePort: 30080", f"nodePort: {chosen}"))
    stage.ok("apply", "-f", str(folder))
    return chosen


def ask(stage: Stage, port: int, path: str, *said: str) -> str:
    address = f"http://127.0.0.1:{port}{path}"
    return rig.run_beside(stage.place.name, sys.executable, "-c", ASK, address, *said)


def sign(stage: Stage, port: int, message: str) -> None:
    assert "result" in json.loads(ask(stage, port, "/api/messages", message))


def messages(stage: Stage, port: int) -> Any:
    return json.loads(ask(stage, port, "/api/messages"))["result"]


def tiers(stage: Stage) -> dict[str, int]:
    """How many pods of each Deployment are ready."""
    found = stage.get("deployments")
    return {one["metadata"]["name"]: one["status"].get("readyReplicas", 0) for one in found}


def test_one_command_runs_it_and_one_removes_it(stage: Stage, port: int) -> None:
    """On the simulation; on engines the story below begins and ends so."""
    assert tiers(stage) == PODS, "apply ends when everything is ready"
    folder = str(stage.folder / "guestbook")
    again = stage.ok("apply", "-f", folder).out.splitlines()
    assert [line for line in again if not line.endswith(" unchanged")] == []
    assert stage("diff", "-f", folder).code == 0
    stage.ok("delete", "-f", folder)
    assert stage.containers() == []


@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_what_was_written_is_kept_whatever_happens(
    stage: Stage, port: int, record_property: Callable[[str, object], None]
) -> None:
    assert tiers(stage) == PODS, "apply ends when everything is ready"
    assert "<title>Guestbook</title>" in ask(stage, port, "/")
    sign(stage, port, "first")

    (store,) = (one.pod for one in stage.running() if one.container == "redis")
    stage.ok("delete", "pod", store)
    stage.ok("rollout", "status", "deploy/redis", "--timeout=30s")
    assert store not in stage.pod_names()
    until("the API finds the store again", lambda: messages(stage, port) == ["first"])

    sign(stage, port, "second")
    before = {one.id for one in stage.running() if one.container in APPS}
    stage.ok("rollout", "restart", "deploy")
    assert tiers(stage) == PODS, "restart ends when everything is ready"
    after = {one.id for one in stage.running() if one.container in APPS}
    assert len(after) == sum(PODS.values())
    assert not after & before
    assert messages(stage, port) == ["first", "second"]

    stage.start_agent()
    rig.stop(stage.place.name)
    try:
        until("the node is not ready", lambda: "NotReady" in stage.ok("get", "nodes").out, seconds=10)
    finally:
        rig.start(stage.place.name)
    back = time.monotonic()
    found = until("it answers again", lambda: _answer(stage, port), seconds=30)
    record_property("return_to_answer_seconds", round(time.monotonic() - back, 2))
    assert found == ["first", "second"]
    until("all tiers are ready", lambda: tiers(stage) == PODS)

    stage.ok("delete", "-f", str(stage.folder / "guestbook"))
    until("nothing runs any more", lambda: not stage.containers())
    until("the claim is gone, and its volume", lambda: not stage.place.volumes_of(stage.cluster_id))


def _answer(stage: Stage, port: int) -> Any:
    try:
        return messages(stage, port)
    except RuntimeError:
        return None
