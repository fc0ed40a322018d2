"""An image that only those may pull who say a name and a password."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from e2e.places import RealPlace, on_current_real_engines
from e2e.private_registry import PASSWORD, USER, private_registry
from e2e.stage import Stage, pod, pod_spec, until


@pytest.fixture
def image(stage: Stage) -> Iterator[str]:
    """In the registry, and not on the engine."""
    assert isinstance(stage.place, RealPlace)
    api = stage.place.api
    with private_registry(stage.place.name, stage.folder / "registry") as address:
        repository = f"{address}/team/app"
        api.tag("busybox:1.36", repository, "1")
        try:
            told = api.push(repository, "1", auth_config={"username": USER, "password": PASSWORD})
        finally:
            api.remove_image(f"{repository}:1")
        assert '"error"' not in told, told
        yield f"{repository}:1"
        with contextlib.suppress(docker.errors.NotFound):
            api.remove_image(f"{repository}:1", force=True)


def waiting(stage: Stage) -> dict[str, Any]:
    (found,) = stage.get("pods")
    (status,) = found["status"].get("containerStatuses") or [{}]
    return dict(status.get("state", {}).get("waiting") or {})


def secret(stage: Stage, image: str, password: str) -> None:
    words = [f"--docker-server={image.partition('/')[0]}", f"--docker-username={USER}"]
    stage.ok("create", "secret", "docker-registry", "pull", *words, f"--docker-password={password}")


def refusal(stage: Stage) -> str:
    """What is said of the image once it is waited for."""

    def text() -> str:
        found = waiting(stage)
        message = str(found.get("message", ""))
        return message if found.get("reason") == "ImagePullBackOff" else ""

    return until("it backs off", text)


@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_an_image_is_pulled_with_the_pods_secret_and_not_without(stage: Stage, image: str) -> None:
    stage.start_agent()
    spec = {**pod_spec(image), "imagePullSecrets": [{"name": "pull"}]}
    stage.ok("apply", "--wait=false", "-f", stage.write("pod.yaml", pod("app", spec)))
    said = refusal(stage)
    assert said.startswith(f'Back-off pulling image "{image}": ErrImagePull: ')
    assert any(words in said for words in ("no basic auth credentials", "authentication required")), said
    assert "ImagePullBackOff" in stage.ok("get", "pods").out
    described = stage.ok("describe", "pod", "app").out
    assert "FailedToRetrieveImagePullSecret" in described
    assert "Failed to pull image" in described

    secret(stage, image, "wrong")
    words = ("unauthorized", "authentication required")
    until("the registry refuses that, too", lambda: tried(stage) >= 2)
    assert any(word in refusal(stage) for word in words)
    stage.ok("delete", "secret", "pull")

    secret(stage, image, PASSWORD)
    (one,) = stage.wait_running(1)
    assert one.image == image
    for text in (stage.ok("get", "events").out, stage.ok("describe", "pod", "app").out):
        assert PASSWORD not in text
    assert PASSWORD not in (stage.state / "agent.log").read_text()


def tried(stage: Stage) -> int:
    """How often it was pulled in vain."""
    failures = (one for one in stage.get("events") if one["message"].startswith("Failed to pull image"))
    return sum(int(one.get("count") or 1) for one in failures)
