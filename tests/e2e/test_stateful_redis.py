"""A StatefulSet of three Redis with a claim each: data, names and updates follow the ordinal."""

from __future__ import annotations

from typing import Any

import pytest
from engines import rig

from e2e.places import Seen, on_current_real_engines
from e2e.stage import Stage, until

IMAGE = "redis:7.0-alpine"


def headless() -> dict[str, Any]:
    ports = [{"name": "redis", "port": 6379}]
    spec = {"clusterIP": "None", "selector": {"app": "db"}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"}, "spec": spec}


def redis(**spec: Any) -> dict[str, Any]:
    serve = "exec redis-server --dir /data --appendonly yes --appendfsync always --protected-mode no"
    container = {
        "name": "redis",
        "image": IMAGE,
        "command": ["sh", "-c", serve],
        "ports": [{"name": "redis", "containerPort": 6379}],
        "readinessProbe": {"exec": {"command": ["redis-cli", "ping"]}, "periodSeconds": 1},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Mi"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "serviceName": "db",
            "replicas": 3,
            "selector": {"matchLabels": {"app": "db"}},
            "template": {
                "metadata": {"labels": {"app": "db"}},
                "spec": {"terminationGracePeriodSeconds": 5, "containers": [container]},
            },
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
            **spec,
        },
    }


def container_of(stage: Stage, pod: str) -> Seen:
    (found,) = (one for one in stage.running() if one.pod == pod)
    return found


def cli(stage: Stage, pod: str, *words: str) -> str:
    """What `redis-cli` in that pod says."""
    return rig.client(stage.place.name, "exec", container_of(stage, pod).id, "redis-cli", *words).strip()


def kept(stage: Stage) -> dict[str, str]:
    """What each pod that runs has under `owner`."""
    return {one.pod: cli(stage, one.pod, "get", "owner") for one in stage.running()}


@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_data_names_and_updates_follow_the_ordinal(stage: Stage) -> None:
    before = stage.place.possessions()
    stage.ok("apply", "-f", stage.write("db.yaml", headless(), redis()))
    names = {"db-0", "db-1", "db-2"}
    own = {name: name for name in names}
    for name in sorted(names):
        cli(stage, name, "set", "owner", name)
    assert kept(stage) == own

    # Each by its own name, from each other.
    for name in sorted(names):
        assert cli(stage, "db-2", "-h", f"{name}.db", "get", "owner") == name
    assert cli(stage, "db-0", "-h", "db-1.db.default.svc.cluster.local", "get", "owner") == "db-1"

    victim = container_of(stage, "db-1")
    stage.ok("delete", "pod", "db-1")
    stage.ok("rollout", "status", "sts/db", "--timeout=30s")
    assert container_of(stage, "db-1").uid != victim.uid
    assert kept(stage) == own
    # Its address is another one: who has been running follows.
    until(
        "the name leads to the new pod",
        lambda: cli(stage, "db-2", "-h", "db-1.db", "get", "owner") == "db-1",
        seconds=5,
    )

    stage.ok("scale", "sts/db", "--replicas=1")
    assert kept(stage) == {"db-0": "db-0"}
    assert len(stage.get("pvc")) == 3, "claims outlive their pods"
    stage.ok("scale", "sts/db", "--replicas=3")
    assert kept(stage) == own

    runs = {one.pod: one.id for one in stage.running()}
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    changed = redis(updateStrategy=strategy)
    changed["spec"]["template"]["metadata"]["annotations"] = {"version": "2"}
    stage.ok("apply", "-f", stage.write("db.yaml", headless(), changed))
    after = {one.pod: one.id for one in stage.running()}
    assert {name for name in names if runs[name] != after[name]} == {"db-2"}
    assert kept(stage) == own
    strategy["rollingUpdate"]["partition"] = 0
    stage.ok("apply", "-f", stage.write("db.yaml", headless(), changed))
    last = {one.pod: one.id for one in stage.running()}
    assert {name for name in names if after[name] != last[name]} == {"db-0", "db-1"}
    assert kept(stage) == own

    stage.ok("delete", "-f", stage.write("db.yaml", headless(), changed))
    assert len(stage.get("pvc")) == 3
    stage.ok("delete", "pvc", "--all")
    until("nothing is left of it", lambda: stage.place.possessions() <= before)
