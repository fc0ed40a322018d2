"""What a container leaves in a volume leads no other container out of it, on the engines themselves."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.places import on_current_real_engines
from e2e.stage import Stage, pod, until

MACHINES_OWN = "the machine's own words"


def volume(kind: str) -> dict[str, Any]:
    if kind == "emptyDir":
        return {"name": "shared", "emptyDir": {}}
    return {"name": "shared", "persistentVolumeClaim": {"claimName": "shared"}}


def claim() -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    metadata = {"name": "shared"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def attack(kind: str, link: str, sub_path: str) -> dict[str, Any]:
    """An init container leaves a link, and the next container mounts what the link leads to."""
    script = f"mkdir -p /v/inside; echo honest >/v/inside/words; ln -s {link} /v/link"
    init = {
        "name": "leaves-a-link",
        "image": "busybox:1.36",
        "command": ["sh", "-c", script],
        "volumeMounts": [{"name": "shared", "mountPath": "/v"}],
    }
    main = {
        "name": "main",
        "image": "busybox:1.36",
        "command": ["sh", "-c", "cat /m/words; trap 'exit 0' TERM; while :; do sleep 0.1; done"],
        "volumeMounts": [{"name": "shared", "mountPath": "/m", "subPath": sub_path}],
    }
    spec = {"initContainers": [init], "containers": [main], "volumes": [volume(kind)]}
    return pod("app", {**spec, "terminationGracePeriodSeconds": 1})


def _waiting(stage: Stage) -> str:
    (found,) = stage.get("pods")
    (status,) = found["status"].get("containerStatuses") or [{}]
    return str((status.get("state", {}).get("waiting") or {}).get("reason", ""))


@pytest.mark.parametrize("kind", ["emptyDir", "claim"])
@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_no_sub_path_follows_a_link_out_of_its_volume(stage: Stage, kind: str) -> None:
    """CVE-2017-1002101: below the link lies a file of this machine, which the engine could reach. Podman
    takes a link in a volume of its own for one that begins there: then nothing lies below it."""
    secret = stage.folder / "outside"
    secret.mkdir()
    (secret / "words").write_text(f"{MACHINES_OWN}\n")
    stage.start_agent()
    manifests = [attack(kind, str(stage.folder), "link/outside")]
    documents = [claim(), *manifests] if kind == "claim" else manifests
    stage.ok("apply", "--wait=false", "-f", stage.write("pod.yaml", *documents))
    if kind == "claim" and stage.place.backend == "podman":
        until("nothing lies there", lambda: "can't open" in stage("logs", "app", "-c", "main").out)
    else:
        until("it is refused", lambda: _waiting(stage) == "CreateContainerConfigError", seconds=15)
        assert "failed to prepare subPath" in stage.ok("describe", "pod", "app").out
        assert "main" not in {one.container for one in stage.running()}
    assert MACHINES_OWN not in stage("logs", "app", "-c", "main").out
    stage.ok("delete", "-f", str(stage.folder / "pod.yaml"))


@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_a_link_that_stays_inside_is_followed(stage: Stage) -> None:
    stage.ok("apply", "-f", stage.write("pod.yaml", attack("emptyDir", "inside", "link")))
    until("what it leads to", lambda: stage.ok("logs", "app", "-c", "main").out == "honest\n", seconds=10)
