"""Probes, hooks and the order of a pod's life, on every engine that is up."""

from __future__ import annotations

import time
from typing import Any

import pytest

from e2e.places import on_current_engines
from e2e.stage import OBEDIENT, Stage, pod, ready_pods, until

on_engines = pytest.mark.parametrize("place", on_current_engines(), indirect=True)

LOOP = "while true; do sleep 0.1; done"
OK_FILE = {"exec": {"command": ["sh", "-c", "cat /ok"]}, "periodSeconds": 1}
"""Fails as long as the container has no such file."""


def script(text: str) -> list[str]:
    return ["sh", "-c", f"trap 'exit 0' TERM; {text}"]


def container(name: str = "main", command: list[str] = OBEDIENT, **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": "busybox:1.36", "command": command, **fields}


def apply(stage: Stage, name: str, *containers: dict[str, Any], inits: Any = (), **spec: Any) -> None:
    """Without waiting for it: some of these never become ready."""
    body = {"terminationGracePeriodSeconds": 5, "containers": list(containers), **spec}
    if inits:
        body["initContainers"] = list(inits)
    stage.ok("apply", "--wait=false", "-f", stage.write(f"{name}.yaml", pod(name, body)))


def statuses(stage: Stage, group: str = "containerStatuses") -> dict[str, dict[str, Any]]:
    (found,) = stage.get("pods")
    return {one["name"]: one for one in found["status"].get(group) or ()}


def told(stage: Stage) -> set[tuple[str, str]]:
    return {(one["reason"], one["message"]) for one in stage.get("events")}


def is_ready(stage: Stage) -> bool:
    return bool(list(ready_pods(stage.pods())))


@on_engines
def test_a_container_that_fails_its_liveness_probe_is_restarted(stage: Stage) -> None:
    stage.start_agent()
    probe = {**OK_FILE, "failureThreshold": 2}
    apply(stage, "p", container(command=script(f"echo > /ok; sleep 2; rm /ok; {LOOP}"), livenessProbe=probe))
    until("it is restarted", lambda: statuses(stage)["main"]["restartCount"], seconds=20)
    happened = told(stage)
    assert ("Killing", "Container main failed liveness probe, will be restarted") in happened
    assert any(
        reason == "Unhealthy" and text.startswith("Liveness probe failed: ") for reason, text in happened
    )
    last = statuses(stage)["main"]["lastState"]["terminated"]
    assert last["exitCode"] == 0, "it was asked to end"


@on_engines
def test_one_that_fails_its_readiness_probe_stays_and_is_not_ready(stage: Stage) -> None:
    stage.start_agent()
    command = script(f"sleep 1; echo > /ok; sleep 3; rm /ok; {LOOP}")
    apply(stage, "p", container(command=command, readinessProbe={**OK_FILE, "failureThreshold": 1}))
    until("it is ready", lambda: is_ready(stage), seconds=10)
    before = stage.runs()
    until("it is not ready any more", lambda: not is_ready(stage), seconds=10)
    assert statuses(stage)["main"]["started"]
    time.sleep(1.5)
    assert stage.runs() == before
    assert statuses(stage)["main"]["restartCount"] == 0


@on_engines
def test_a_new_agent_takes_over_without_a_blink(stage: Stage) -> None:
    """Readiness is known from the status; nothing is restarted, and nothing becomes unready."""
    stage.start_agent()
    probes = dict.fromkeys(("startupProbe", "livenessProbe", "readinessProbe"), OK_FILE)
    hook = {"postStart": {"exec": {"command": ["sh", "-c", "echo once >> /ran"]}}}
    apply(stage, "p", container(command=script(f"echo > /ok; {LOOP}"), lifecycle=hook, **probes))
    until("it is ready", lambda: is_ready(stage), seconds=10)
    (before,), runs = stage.pods(), stage.runs()
    stage.kill_agent()
    stage.start_agent()
    for _ in range(10):
        (now,) = stage.pods()
        assert now["status"] == before["status"]
        time.sleep(0.2)
    assert stage.runs() == runs


@on_engines
def test_the_startup_probe_holds_back_the_others(stage: Stage) -> None:
    stage.start_agent()
    command = script(f"sleep 3; echo > /ok; {LOOP}")
    startup, liveness = {**OK_FILE, "failureThreshold": 20}, {**OK_FILE, "failureThreshold": 1}
    apply(stage, "p", container(command=command, startupProbe=startup, livenessProbe=liveness))
    until("it runs", lambda: stage.running(), seconds=10)
    assert not statuses(stage)["main"]["started"]
    until("it has started", lambda: statuses(stage)["main"]["started"], seconds=15)
    assert statuses(stage)["main"]["restartCount"] == 0
    assert not any(text.startswith("Liveness probe failed") for _, text in told(stage))


@on_engines
def test_what_an_init_container_fails_to_prepare_never_begins(stage: Stage) -> None:
    stage.start_agent()
    init = container("prepare", ["sh", "-c", "exit 3"])
    apply(stage, "p", container(), inits=[init], restartPolicy="Never")
    until("the pod has failed", lambda: stage.get("pods")[0]["status"]["phase"] == "Failed", seconds=15)
    assert "main" not in {one.container for one in stage.containers()}


@on_engines
def test_a_sidecar_gates_what_comes_after_it_and_ends_last(stage: Stage) -> None:
    stage.start_agent()
    sidecar = container(
        "side", script(f"sleep 2; echo > /ok; {LOOP}"), restartPolicy="Always", startupProbe=OK_FILE
    )
    apply(stage, "p", container(command=["sh", "-c", "sleep 3"]), inits=[sidecar], restartPolicy="Never")
    until("the sidecar runs", lambda: {one.container for one in stage.running()} == {"side"}, seconds=10)
    until("both run", lambda: {one.container for one in stage.running()} == {"side", "main"}, seconds=15)
    done = until(
        "the pod is done",
        lambda: [one for one in stage.get("pods") if one["status"]["phase"] == "Succeeded"],
        seconds=20,
    )
    (side,) = done[0]["status"]["initContainerStatuses"]
    (main,) = done[0]["status"]["containerStatuses"]
    ends = [one["state"]["terminated"]["finishedAt"] for one in (main, side)]
    assert ends == sorted(ends)


@on_engines
def test_hooks(stage: Stage) -> None:
    """postStart before anybody counts it as started, preStop before its stop signal."""
    stage.start_agent()
    hooks = {
        "postStart": {"exec": {"command": ["sh", "-c", "echo > /ok"]}},
        "preStop": {"sleep": {"seconds": 2}},
    }
    apply(stage, "p", container(lifecycle=hooks, readinessProbe=OK_FILE))
    until("it is ready", lambda: is_ready(stage), seconds=10)
    began = time.monotonic()
    stage.ok("delete", "pod", "p")
    assert 2.0 < time.monotonic() - began < 5.0
    assert stage.containers() == []


@on_engines
def test_a_post_start_hook_that_fails_ends_its_container(stage: Stage) -> None:
    stage.start_agent()
    hooks = {"postStart": {"exec": {"command": ["sh", "-c", "exit 1"]}}}
    apply(stage, "p", container(lifecycle=hooks))
    until("it is said", lambda: ("FailedPostStartHook", "PostStartHook failed") in told(stage), seconds=10)
    until("it is tried again", lambda: statuses(stage)["main"]["restartCount"], seconds=15)


@on_engines
def test_a_pod_that_is_out_of_time_has_failed(stage: Stage) -> None:
    stage.start_agent()
    apply(stage, "p", container(), activeDeadlineSeconds=2)
    failed = until(
        "it has failed",
        lambda: [one for one in stage.get("pods") if one["status"]["phase"] == "Failed"],
        seconds=15,
    )
    assert failed[0]["status"]["reason"] == "DeadlineExceeded"
    assert stage.running() == []


@on_engines
def test_what_a_container_says_of_its_end(stage: Stage) -> None:
    stage.start_agent()
    wrote = container("wrote", ["sh", "-c", "echo no disk > /dev/termination-log; exit 1"])
    logged = container(
        "logged", ["sh", "-c", "echo so long; exit 2"], terminationMessagePolicy="FallbackToLogsOnError"
    )
    apply(stage, "p", wrote, logged, restartPolicy="Never")
    expected = {"wrote": "no disk\n", "logged": "so long\n"}

    def said() -> dict[str, str]:
        states = {name: one["state"].get("terminated", {}) for name, one in statuses(stage).items()}
        return {name: state.get("message", "") for name, state in states.items()}

    until("both have said it", lambda: said() == expected, seconds=15)
    assert stage.get("pods")[0]["status"]["phase"] == "Failed"


@on_engines
def test_http_and_tcp_are_asked_at_the_pods_address(stage: Stage) -> None:
    page = "mkdir -p /www; echo hello > /www/index.html; exec httpd -f -p 8080 -h /www"
    ports = [{"containerPort": 8080, "name": "web"}]
    probes = {
        "startupProbe": {"tcpSocket": {"port": "web"}, "periodSeconds": 1},
        "readinessProbe": {"httpGet": {"port": "web", "path": "/index.html"}, "periodSeconds": 1},
    }
    spec = {"containers": [container(command=["sh", "-c", page], ports=ports, **probes)]}
    spec["terminationGracePeriodSeconds"] = 1
    stage.ok("apply", "-f", stage.write("p.yaml", pod("p", spec)))
    assert is_ready(stage), "apply ends when it is ready"
