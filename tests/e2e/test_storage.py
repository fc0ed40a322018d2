"""Storage: volumes that people wrote, parts of claims' volumes, groups of files, claims that pods bring."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.places import everywhere, on_current_engines
from e2e.stage import Stage, pod, until


def claim(name: str = "data", **spec: Any) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def volume(name: str, path: str, **spec: Any) -> dict[str, Any]:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "5Mi"},
        "storageClassName": "manual",
        "hostPath": {"path": path, "type": "DirectoryOrCreate"},
        **spec,
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def user(script: str, *mounts: dict[str, Any], name: str = "app", **spec: Any) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": "busybox:1.36",
        "command": ["sh", "-c", f"{script}; sleep 3600"],
        "volumeMounts": list(mounts),
    }
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    return pod(
        name, {"terminationGracePeriodSeconds": 0, "containers": [container], "volumes": volumes, **spec}
    )


def said(stage: Stage, name: str = "app") -> str:
    return stage.ok("logs", name).out


def phase(stage: Stage, kind: str, name: str) -> str:
    return next(one["status"]["phase"] for one in stage.get(kind) if one["metadata"]["name"] == name)


MOUNT = {"name": "data", "mountPath": "/data"}


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_a_volume_that_somebody_wrote(stage: Stage) -> None:
    folder = stage.folder / "disk"
    documents = [volume("disk", str(folder)), claim(storageClassName="manual")]
    files = stage.write("all.yaml", *documents, user("echo kept >> /data/x", MOUNT))
    stage.ok("apply", "-f", files)
    assert (phase(stage, "pv", "disk"), phase(stage, "pvc", "data")) == ("Bound", "Bound")
    if stage.place.is_real:
        until("it wrote", lambda: (folder / "x").exists() and (folder / "x").read_text() == "kept\n")

    runs = stage.runs()
    (stage.state / "state.db").unlink()
    stage.ok("agent", "run", "--once")
    assert stage.runs() == runs
    until("it is bound again", lambda: phase(stage, "pvc", "data") == "Bound")
    (found,) = stage.get("pv")
    assert found["spec"]["claimRef"]["name"] == "data"

    stage.ok("delete", "pod", "app")
    stage.ok("delete", "pvc", "data")
    stage.ok("agent", "run", "--once")
    assert phase(stage, "pv", "disk") == "Released"
    stage.ok("delete", "pv", "disk")
    assert stage.get("pv") == []
    if stage.place.is_real:
        assert (folder / "x").read_text() == "kept\n", "nobody deletes files of the machine"


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_parts_of_a_volume_and_the_group_of_its_files(stage: Stage) -> None:
    before = stage.place.possessions()
    script = (
        "echo one > /data/file; stat -c '%a %g' /data; ls -ln /data/file | tr -s ' ' | cut -d' ' -f4; id -G"
    )
    mounts = ({**MOUNT, "subPath": "deep/er"}, {"name": "data", "mountPath": "/whole"})
    security = {"fsGroup": 4321, "runAsUser": 1000}
    both = user(f"{script}; find /whole | sort", *mounts, securityContext=security)
    files = stage.write("all.yaml", claim(), both)
    stage.ok("apply", "-f", files)
    lines = until("it has written", lambda: said(stage).splitlines() if "file" in said(stage) else None)
    assert lines[0] == "2775 4321"
    assert lines[1] == "4321"
    assert "4321" in lines[2].split()
    assert lines[3:] == ["/whole", "/whole/deep", "/whole/deep/er", "/whole/deep/er/file"]

    one = user("cat /one", {**MOUNT, "mountPath": "/one", "subPath": "deep/er/file"}, name="reader")
    stage.ok("apply", "-f", stage.write("reader.yaml", one))
    until("it reads one file", lambda: said(stage, "reader") == "one\n")
    stage.ok("delete", "pod", "reader")
    stage.ok("delete", "-f", files)
    assert stage.place.possessions() <= before
    assert stage.containers() == []


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_a_claim_that_a_pod_brings_goes_with_it(stage: Stage) -> None:
    template = {"metadata": {"labels": {"of": "app"}}, "spec": claim()["spec"]}
    volumes = [{"name": "data", "ephemeral": {"volumeClaimTemplate": template}}]
    before = stage.place.possessions()
    stage.ok(
        "apply", "-f", stage.write("pod.yaml", user("echo x > /data/x; cat /data/x", MOUNT, volumes=volumes))
    )
    (found,) = stage.get("pvc", "-l", "of=app")
    assert (found["metadata"]["name"], found["status"]["phase"]) == ("app-data", "Bound")
    if stage.place.is_real:
        until("it writes", lambda: said(stage) == "x\n")
    stage.ok("delete", "pod", "app")
    stage.ok("agent", "run", "--once")
    assert stage.get("pvc") == []
    assert stage.get("pv") == []
    assert stage.place.possessions() <= before


def stateful_set(script: str, storage_class: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": user(script, MOUNT, volumes=[])["spec"]}
    spec = {
        "serviceName": "web",
        "selector": {"matchLabels": {"app": "web"}},
        "template": template,
        "volumeClaimTemplates": [
            {"metadata": {"name": "data"}, "spec": claim(storageClassName=storage_class)["spec"]}
        ],
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}, "spec": spec}


def handle(stage: Stage) -> str:
    """The engine's volume that the one claim has."""
    (claimed,) = until(
        "it is bound", lambda: [one for one in stage.get("pvc") if "volumeName" in one["spec"]]
    )
    by_name = {one["metadata"]["name"]: one["spec"]["csi"]["volumeHandle"] for one in stage.get("pv")}
    return str(by_name[claimed["spec"]["volumeName"]])


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_a_new_claim_beside_what_an_earlier_one_left(stage: Stage) -> None:
    kept = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "kept"},
        "provisioner": "engine",
        "reclaimPolicy": "Retain",
    }
    web = stateful_set("echo new >> /data/x; cat /data/x", "kept")
    files = stage.write("all.yaml", kept, web)
    before = stage.place.possessions()
    stage.ok("apply", "-f", files)
    first = handle(stage)
    stage.ok("delete", "statefulset", "web")
    stage.ok("delete", "pvc", "data-web-0")
    stage.ok("apply", "-f", files)
    second = handle(stage)
    assert second != first
    if stage.place.is_real:
        until("it found nothing", lambda: said(stage, "web-0").split() == ["new"])

    runs = stage.runs()
    (stage.state / "state.db").unlink()
    stage.ok("agent", "run", "--once")
    assert (handle(stage), stage.runs()) == (second, runs)
    stage.ok("delete", "pod", "web-0")
    stage.ok("agent", "run", "--once")
    if stage.place.is_real:
        until("it found its own", lambda: said(stage, "web-0").split() == ["new", "new"])

    stage.ok("delete", "-f", files)
    stage.ok("delete", "pvc", "data-web-0")
    to_go = '{"spec": {"persistentVolumeReclaimPolicy": "Delete"}}'
    for one in stage.get("pv"):
        stage.ok("patch", "pv", one["metadata"]["name"], "-p", to_go, "--wait=false")
    stage.ok("agent", "run", "--once")
    assert stage.get("pv") == []
    assert stage.place.possessions() - before <= {f"volume {first}"}, "what was kept before state.db was lost"
