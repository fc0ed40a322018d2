"""Scaling, rolling over, failing to, and going back: watched at every moment from outside."""

from __future__ import annotations

import os
from typing import Any

import pytest

from e2e.places import on_current_engines
from e2e.sampler import Sampler
from e2e.stage import Stage, deployment, until
from minikctl.backend import labels

STRATEGY = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}


@pytest.fixture
def web(stage: Stage) -> Stage:
    stage.ok("apply", "-f", stage.write("web.yaml", deployment(replicas=4, strategy=STRATEGY)))
    return stage


def images(stage: Stage) -> list[str]:
    """Of the running containers, without a registry's name."""
    return sorted(one.image.removeprefix("docker.io/library/") for one in stage.running())


def revision(stage: Stage) -> str:
    (found,) = stage.get("deployments")
    return str(found["metadata"]["annotations"]["deployment.kubernetes.io/revision"])


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_scale_up_and_down(web: Stage) -> None:
    old = web.runs()
    assert web.ok("scale", "deploy/web", "--replicas=6").out == "deployment.apps/web scaled\n"
    assert len(web.running()) == 6
    assert old < web.runs()
    six = web.runs()
    web.ok("scale", "deploy/web", "--replicas=2")
    assert len(web.running()) == 2
    assert web.runs() < six
    assert {one.pod for one in web.containers()} == web.pod_names()
    assert web.ok("get", "deploy", "web", "--no-headers").out.split()[:4] == ["web", "2/2", "2", "2"]


@pytest.mark.parametrize("has_agent", [True, False], ids=["agent", "no-agent"])
@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_set_image_and_undo_stay_within_surge_and_unavailability(web: Stage, has_agent: bool) -> None:
    if has_agent:
        web.start_agent()
    first = web.running()
    with Sampler(web, most=5, least=3) as sampler:
        assert web.ok("set", "image", "deploy/web", "main=busybox:1.37").lines[0] == (
            "deployment.apps/web image updated"
        )
        status = web.ok("rollout", "status", "deploy/web", "--timeout=60s")
        web.wait_running(4)
    sampler.check()
    assert status.lines[-1] == 'deployment "web" successfully rolled out'
    assert images(web) == ["busybox:1.37"] * 4
    assert not {one.uid for one in first} & {one.uid for one in web.running()}
    assert sampler.busiest >= 4

    with Sampler(web, most=5, least=3) as sampler:
        assert web.ok("rollout", "undo", "deploy/web").lines[0] == "deployment.apps/web rolled back"
        web.ok("rollout", "status", "deploy/web", "--timeout=60s")
        web.wait_running(4)
    sampler.check()
    assert images(web) == ["busybox:1.36"] * 4
    assert revision(web) == "3"
    assert [line.split()[0] for line in web.ok("rollout", "history", "deploy/web").lines[2:] if line] == [
        "2",
        "3",
    ]


def wrong_image(stage: Stage, kind: str) -> str:
    """An image that can't be had: nobody knows the registry, or the registry does not know the tag."""
    registry = os.environ.get("MINIKCTL_TEST_REGISTRY", "")
    if kind == "no such host":
        return "registry.invalid/busybox:1.37"
    return f"{registry}/library/busybox:does-not-exist" if registry else "busybox:does-not-exist"


@pytest.mark.parametrize("kind", ["no such host", "manifest unknown"])
@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_an_image_that_cannot_be_had_fails_the_rollout_and_the_old_pods_go_on(web: Stage, kind: str) -> None:
    before = web.runs()
    web.start_agent()
    image = wrong_image(web, kind)
    with Sampler(web, most=5, least=3) as sampler:
        web.ok("set", "image", "deploy/web", f"main={image}", "--wait=false")
        until("ImagePullBackOff", lambda: "ImagePullBackOff" in web.ok("get", "pods").out, seconds=15)
        failed = web.fails("rollout", "status", "deploy/web", "--timeout=2s")
    sampler.check()
    assert "timed out waiting for the condition" in failed.err
    assert len(web.runs() & before) >= 3
    assert images(web) == ["busybox:1.36"] * len(web.running())
    events = web.ok("events").out
    assert image in events
    assert "Failed to pull image" in events

    web.ok("rollout", "undo", "deploy/web")
    web.ok("rollout", "status", "deploy/web", "--timeout=30s")
    web.wait_running(4)
    assert len(web.runs() & before) >= 3
    until("no pod waits for the image", lambda: len(web.pods()) == 4, seconds=10)


def test_apply_of_an_image_that_cannot_be_had_says_why_and_ends(web: Stage) -> None:
    wrong = deployment(replicas=4, strategy=STRATEGY, image="registry.invalid/busybox:1.37")
    failed = web.fails("apply", "-f", web.write("web.yaml", wrong))
    assert failed.out == "deployment.apps/web configured\n"
    assert "no such host" in failed.err
    assert "rollout undo" in failed.err


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_a_deadline_that_passes_is_what_rollout_status_says(stage: Stage) -> None:
    doomed: dict[str, Any] = deployment(
        replicas=1, image="registry.invalid/busybox:1", progressDeadlineSeconds=2
    )
    stage.fails("apply", "-f", stage.write("web.yaml", doomed), "--timeout=20s")
    failed = stage.fails("rollout", "status", "deploy/web", "--timeout=20s")
    assert failed.err.splitlines()[-1] == 'error: deployment "web" exceeded its progress deadline'


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_history_pause_resume_and_restart(web: Stage) -> None:
    first = web.runs()
    assert web.ok("rollout", "pause", "deploy/web").out == "deployment.apps/web paused\n"
    web.ok("set", "image", "deploy/web", "main=busybox:1.37")
    web.ok("scale", "deploy/web", "--replicas=2")
    assert len(web.running()) == 2
    assert web.runs() < first
    assert images(web) == ["busybox:1.36"] * 2
    assert web.ok("rollout", "resume", "deploy/web").out == "deployment.apps/web resumed\n"
    assert images(web) == ["busybox:1.37"] * 2

    before = {one.uid for one in web.running()}
    with Sampler(web, most=3, least=1) as sampler:
        assert web.ok("rollout", "restart", "deploy/web").out == "deployment.apps/web restarted\n"
    sampler.check()
    assert not before & {one.uid for one in web.running()}
    assert images(web) == ["busybox:1.37"] * 2
    history = web.ok("rollout", "history", "deploy/web").lines
    assert [line.split()[0] for line in history if line] == ["deployment.apps/web", "REVISION", "1", "2", "3"]
    assert "busybox:1.36" in web.ok("rollout", "history", "deploy/web", "--revision=1").out
    web.ok("rollout", "undo", "deploy/web", "--to-revision=1")
    assert images(web) == ["busybox:1.36"] * 2
    hashes = {one.labels[labels.POD_NAME].split("-")[1] for one in web.running()}
    assert len(hashes) == 1
