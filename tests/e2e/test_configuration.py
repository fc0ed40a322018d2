"""Configuration and storage of pods: waited for, found, changed while they run, gone at the end."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest

from e2e.places import everywhere, on_current_real_engines
from e2e.stage import Stage, deployment, pod, until

LIVE_SECONDS = 3.0
WATCH = (
    "trap 'exit 0' TERM; while true; do echo \"now $(cat /config/mode) once $(cat /once)\"; sleep 0.2; done"
)
SECRET = "hunter2-is-never-seen"


def config_map(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": data}


def secret() -> dict[str, Any]:
    metadata = {"name": "db"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": SECRET}}


def user(script: str, **spec: Any) -> dict[str, Any]:
    """A pod that uses everything, as somebody who is not root."""
    container = {
        "name": "main",
        "image": "busybox:1.36",
        "command": ["sh", "-c", script],
        "env": [
            {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "web", "key": "mode"}}},
            {"name": "SAID", "value": "$(MODE)-$(DB_password)"},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        ],
        "envFrom": [{"secretRef": {"name": "db"}, "prefix": "DB_"}],
        "volumeMounts": [
            {"name": "config", "mountPath": "/config"},
            {"name": "config", "mountPath": "/once", "subPath": "mode"},
            {"name": "keys", "mountPath": "/keys"},
            {"name": "scratch", "mountPath": "/scratch"},
            {"name": "scratch", "mountPath": "/part", "subPath": "some/part"},
            {"name": "memory", "mountPath": "/memory"},
        ],
    }
    volumes = [
        {"name": "config", "configMap": {"name": "web"}},
        {
            "name": "keys",
            "projected": {
                "sources": [
                    {"secret": {"name": "db", "items": [{"key": "password", "path": "a/b", "mode": 0o400}]}},
                    {
                        "downwardAPI": {
                            "items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]
                        }
                    },
                ]
            },
        },
        {"name": "scratch", "emptyDir": {}},
        {"name": "memory", "emptyDir": {"medium": "Memory"}},
    ]
    security = {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 2000}
    return {
        "terminationGracePeriodSeconds": 2,
        "securityContext": security,
        "containers": [container],
        "volumes": volumes,
        **spec,
    }


def waiting(stage: Stage, name: str = "app") -> str:
    (one,) = (found for found in stage.get("pods") if found["metadata"]["name"] == name)
    (status,) = one["status"].get("containerStatuses") or [{}]
    return str((status.get("state", {}).get("waiting") or {}).get("message", ""))


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_what_is_missing_is_waited_for_and_heals_at_once(stage: Stage) -> None:
    stage.start_agent()
    spec = user("echo done; sleep 60")
    spec["volumes"], spec["containers"][0]["volumeMounts"] = [], []
    stage.ok("create", "--wait=false", "-f", stage.write("pod.yaml", pod("app", spec)))
    until("it waits for the Secret", lambda: waiting(stage) == 'secret "db" not found')
    assert "CreateContainerConfigError" in stage.ok("get", "pods").out
    assert 'Error: secret "db" not found' in stage.ok("describe", "pod", "app").out
    stage.ok("create", "-f", stage.write("secret.yaml", secret()))
    until("it waits for the ConfigMap", lambda: waiting(stage) == 'configmap "web" not found', seconds=3)
    stage.ok("create", "cm", "web", "--from-literal=other=x")
    missing = "couldn't find key mode in ConfigMap default/web"
    until("it waits for the key", lambda: waiting(stage) == missing, seconds=3)
    stage.ok("apply", "-f", stage.write("web.yaml", config_map(mode="fast")))
    stage.wait_running(1, seconds=5)


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_a_volume_that_misses_something_is_waited_for(stage: Stage) -> None:
    stage.start_agent()
    spec = user("sleep 60")
    spec["containers"][0] |= {"env": [], "envFrom": []}
    stage.ok("create", "--wait=false", "-f", stage.write("pod.yaml", pod("app", spec)))
    text = 'MountVolume.SetUp failed for volume "config" : configmap "web" not found'
    until("the event", lambda: text in stage.ok("describe", "pod", "app").out)
    assert "ContainerCreating" in stage.ok("get", "pods").out
    stage.ok("create", "-f", stage.write("all.yaml", config_map(mode="fast"), secret()))
    stage.wait_running(1, seconds=5)


def said(stage: Stage, name: str = "app") -> str:
    return stage.ok("logs", name).out


@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_what_a_container_finds(stage: Stage) -> None:
    script = (
        'echo "$SAID $IP"; cat /keys/a/b /keys/name; echo; id -G; cat /config/mode; echo;'
        " touch /scratch/x /part/y /memory/z && ls /scratch/some/part;"
        " touch /config/x 2>&1; stat -c %T -f /memory; sleep 60"
    )
    files = stage.write("all.yaml", config_map(mode="fast"), secret(), pod("app", user(script)))
    stage.ok("apply", "-f", files)
    until("it said all", lambda: "tmpfs" in said(stage))
    first, *rest = said(stage).splitlines()
    assert first.startswith(f"fast-{SECRET} ")
    assert first.split()[1] == stage.pods()[0]["status"]["podIP"]
    assert rest[:4] == [f"{SECRET}app", "1000 2000", "fast", "y"]
    assert "Read-only file system" in rest[4]

    stage.ok("delete", "-f", files)
    assert not (stage.state / "pods").exists()
    assert stage.containers() == []


@pytest.mark.parametrize("acting", ["agent", "command"])
@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_a_change_reaches_the_files_and_restarts_nothing(stage: Stage, acting: str) -> None:
    stage.ok(
        "apply", "-f", stage.write("all.yaml", config_map(mode="one"), secret(), pod("app", user(WATCH)))
    )
    if acting == "agent":
        stage.start_agent()
    until("it reads", lambda: "now one once one" in said(stage))
    runs = stage.runs()
    changed = time.monotonic()
    stage.ok("apply", "-f", stage.write("web.yaml", config_map(mode="two")))
    until("it reads anew", lambda: "now two once one" in said(stage), seconds=LIVE_SECONDS)
    assert time.monotonic() - changed < LIVE_SECONDS
    assert stage.runs() == runs, "nothing was restarted; a subPath keeps what it was"
    stage.ok("delete", "cm", "web")
    time.sleep(0.5)
    assert said(stage).splitlines()[-1] == "now two once one"
    assert stage.runs() == runs


@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_scratch_space_outlives_a_container_and_not_the_pod(stage: Stage) -> None:
    script = "cat /scratch/x /memory/x; echo kept > /scratch/x; echo too > /memory/x; sleep 1000"
    files = stage.write("all.yaml", config_map(mode="one"), secret(), pod("app", user(script)))
    stage.ok("apply", "-f", files)
    stage.start_agent()
    (victim,) = stage.wait_running(1)
    until("it wrote", lambda: list((stage.state / "pods").glob("*/volumes/scratch/x")))
    stage.place.do("kill", victim.id)
    until("what the first one wrote", lambda: "kept\ntoo" in said(stage))
    (uid,) = (one.name for one in (stage.state / "pods").iterdir())
    stage.ok("delete", "pod", "app")
    until("its files are gone", lambda: not (stage.state / "pods" / uid).exists(), seconds=5)


@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_files_of_pods_that_a_crash_left_behind_are_cleared(stage: Stage) -> None:
    files = stage.write("all.yaml", config_map(mode="one"), secret(), pod("app", user("sleep 1000")))
    stage.ok("apply", "-f", files)
    (folder,) = (stage.state / "pods").iterdir()
    stage.ok("delete", "pod", "app", "--force", "--grace-period=0")  # from the store only
    stage.ok("agent", "run", "--once")
    until("its files are gone", lambda: not folder.exists(), seconds=5)


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_a_secret_is_seen_nowhere(stage: Stage, tmp_path: Path) -> None:
    files = stage.write("all.yaml", config_map(mode="one"), secret(), pod("app", user("sleep 1000")))
    outputs = [stage.ok("apply", "-f", files)]
    changed = {**secret(), "stringData": {"password": f"{SECRET}-2", "more": SECRET}}
    second = stage.write("changed.yaml", changed)
    outputs += [stage.fails("diff", "-f", second), stage.fails("diff", "-f", second, "-o", "json")]
    outputs += [stage.ok("describe", kind, name) for kind, name in (("secret", "db"), ("pod", "app"))]
    outputs += [stage.ok("get", "secret,pods,events", "-o", "wide"), stage.ok("events")]
    for result in outputs:
        assert SECRET not in result.out + result.err
    for one in stage.containers():
        assert SECRET not in str(one.labels)
    for path in stage.state.rglob("*"):
        if path.is_file() and path.name in ("agent.log", "engine.json"):
            assert SECRET not in path.read_text()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            assert SECRET.encode() not in path.read_bytes(), path
    (file,) = (stage.state / "desired" / "default").glob("secret.*")
    assert file.stat().st_mode & 0o777 == 0o600
    assert (stage.state / "state.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_the_engines_socket_is_out_of_reach(stage: Stage, tmp_path: Path) -> None:
    """Through a link, so that no name gives it away."""
    address = next(iter(stage.place.environment().values())).removeprefix("unix://")
    link = tmp_path / "innocent"
    link.symlink_to(Path(address).parent)
    mount = [{"name": "host", "mountPath": "/host"}]
    container = {"name": "main", "image": "busybox:1.36", "command": ["sleep", "60"], "volumeMounts": mount}
    spec = {"containers": [container], "volumes": [{"name": "host", "hostPath": {"path": str(link)}}]}
    stage("apply", "--timeout=3s", "-f", stage.write("pod.yaml", pod("app", spec)))
    assert "is or holds an engine's socket" in stage.ok("describe", "pod", "app").out
    assert stage.running() == []


# --- claims ---------------------------------------------------------------------------------------------


def claim() -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec}


def keeper() -> dict[str, Any]:
    mount = [{"name": "data", "mountPath": "/data"}]
    script = "echo once more >> /data/x; cat /data/x; sleep 1000"
    container = {
        "name": "main",
        "image": "busybox:1.36",
        "command": ["sh", "-c", script],
        "volumeMounts": mount,
    }
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container], "volumes": [volume]}
    return pod("app", spec)


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_a_claims_data_outlives_its_pods_and_goes_with_the_claim(stage: Stage) -> None:
    stage.start_agent()
    before = stage.place.possessions()
    stage.ok("create", "--wait=false", "-f", stage.write("pod.yaml", keeper()))
    text = '0/1 nodes are available: persistentvolumeclaim "data" not found.'
    until("it waits for the claim", lambda: text in stage.ok("describe", "pod", "app").out)
    stage.ok("apply", "-f", stage.write("claim.yaml", claim()))
    stage.wait_running(1)
    assert stage.ok("get", "pvc", "--no-headers").out.split()[1] == "Bound"
    if stage.place.is_real:
        until("the first pod wrote", lambda: said(stage) == "once more\n")
    stage.ok("delete", "pod", "app")
    stage.ok("apply", "-f", stage.write("pod.yaml", keeper()))
    if stage.place.is_real:
        until("the second pod reads it", lambda: said(stage) == "once more\n" * 2)

    stage.ok("delete", "pvc", "data", "--wait=false")
    assert stage.ok("get", "pvc", "--no-headers").out.split()[1] == "Terminating"
    stage.wait_running(1)
    stage.ok("delete", "pod", "app")
    until("the claim is gone", lambda: not stage.get("pvc"))
    until("its volume is gone", lambda: not stage.get("pv") and stage.place.possessions() <= before)


@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_a_claims_data_outlives_a_lost_database(stage: Stage) -> None:
    before = stage.place.possessions()
    files = stage.write("all.yaml", claim(), keeper())
    stage.ok("apply", "-f", files)
    until("it wrote", lambda: said(stage) == "once more\n")
    runs = stage.runs()
    (stage.state / "state.db").unlink()
    stage.ok("agent", "run", "--once")
    assert stage.runs() == runs
    until("it is bound again", lambda: stage.ok("get", "pvc", "--no-headers").out.split()[1] == "Bound")
    stage.ok("delete", "pod", "app")
    stage.ok("apply", "-f", files)
    until("the next pod reads it", lambda: said(stage) == "once more\n" * 2)
    stage.ok("delete", "-f", files)
    assert stage.place.possessions() <= before


# --- rollouts by configuration --------------------------------------------------------------------------


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_a_change_rolls_who_asked_for_it_and_a_lost_database_does_not(stage: Stage) -> None:
    web = deployment(replicas=2)
    web["metadata"]["annotations"] = {"minikctl.io/restart-on-change": "true"}
    web["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "web"}}]
    stage.ok("apply", "-f", stage.write("all.yaml", config_map(mode="one"), web))
    first = stage.pod_names()
    stage.ok("apply", "-f", stage.write("all.yaml", config_map(mode="two"), web))
    stage.ok("agent", "run", "--once")
    second = stage.pod_names()
    assert len(second) == 2
    assert not first & second
    assert "configuration-hash" not in (stage.state / "desired/default/deployment.web.yaml").read_text()
    runs = stage.runs()
    (stage.state / "state.db").unlink()
    stage.ok("agent", "run", "--once")
    assert (stage.pod_names(), stage.runs()) == (second, runs)
