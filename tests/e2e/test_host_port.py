"""A host port that somebody else has: said in one event, tried again, and had as soon as it is free."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from e2e.places import on_current_real_engines
from e2e.stage import Stage, pod, until

TAKEN = ("address already in use", "port is already allocated", "failed to bind", "bind: ")


def web(name: str, port: int) -> dict[str, Any]:
    serve = "mkdir /w; hostname >/w/index.html; httpd -p 80 -h /w"
    script = f"{serve}; trap 'exit 0' TERM; while :; do sleep 0.1; done"
    container = {
        "name": "main",
        "image": "busybox:1.36",
        "command": ["sh", "-c", script],
        "ports": [{"containerPort": 80, "hostPort": port}],
    }
    return pod(name, {"terminationGracePeriodSeconds": 1, "containers": [container]})


@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_a_host_port_that_another_process_has(stage: Stage) -> None:
    stage.start_agent()
    with socket.create_server(("0.0.0.0", 0)) as other:
        port = other.getsockname()[1]
        stage.ok("apply", "--wait=false", "-f", stage.write("web.yaml", web("web", port)))
        described = until("it is told", lambda: _told(stage), seconds=20)
        assert str(port) in described
        assert not list(stage.running())
    until("it is tried again, and has it", lambda: stage.running(), seconds=30)
    until("it answers", lambda: _answer(stage, port) == "web")


def _told(stage: Stage) -> str:
    """The warnings that `describe` shows, where one is about the port."""
    lines = stage.ok("describe", "pod", "web").out.splitlines()
    found = [line for line in lines if "Warning" in line and any(words in line for words in TAKEN)]
    return "\n".join(found)


def _answer(stage: Stage, port: int) -> str:
    try:
        return stage.place.http(port).strip()
    except RuntimeError:
        return ""


@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_a_host_port_that_another_pod_has(stage: Stage) -> None:
    """The scheduler knows: it waits for the other to go."""
    stage.start_agent()
    with socket.create_server(("0.0.0.0", 0)) as free:
        port = free.getsockname()[1]
    stage.ok("apply", "-f", stage.write("first.yaml", web("first", port)))
    stage.ok("apply", "--wait=false", "-f", stage.write("second.yaml", web("second", port)))
    text = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
    until("it is told", lambda: text in stage.ok("describe", "pod", "second").out)
    stage.ok("delete", "pod", "first")
    until("the second has it", lambda: _answer(stage, port) == "second", seconds=15)
