"""After a lost state.db: claims that stand in no file are known again from the engine's volumes."""

from __future__ import annotations

import json

import pytest
from cli_rig import Cli
from minikctl_memory.engine import MemoryEngine

_DATABASE = """apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 3
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: db, image: "redis:8-alpine", volumeMounts: [{name: data, mountPath: /data}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
_CLAIMS = ["data-db-0", "data-db-1", "data-db-2"]


@pytest.fixture
def lost(cli: Cli) -> str:
    """The manifest of a StatefulSet that was scaled down before state.db was lost."""
    path = cli.write("db.yaml", _DATABASE)
    cli.ok("apply", "-f", path, "--timeout=20s")
    cli.ok("scale", "sts", "db", "--replicas=1", "--timeout=20s")
    for file in cli.state.glob("state.db*"):
        file.unlink()
    return path


def _claims(cli: Cli) -> list[str]:
    columns = "custom-columns=NAME:.metadata.name,PHASE:.status.phase,SIZE:.status.capacity.storage"
    return cli.ok("get", "pvc", "-o", columns, "--no-headers").lines


def _volumes(cli: Cli) -> list[str]:
    identity = (cli.state / "identity.json").read_text()
    engine = MemoryEngine(state_dir=cli.state)
    return sorted(one.name for one in engine.volumes(json.loads(identity)["cluster"]))


def test_claims_of_pods_that_were_scaled_away(cli: Cli, lost: str) -> None:
    assert [line.split() for line in _claims(cli)] == [[name, "Bound", "1Gi"] for name in _CLAIMS]
    cli.ok("agent", "run", "--once")
    assert [line.split() for line in _claims(cli)] == [[name, "Bound", "1Gi"] for name in _CLAIMS]
    cli.ok("scale", "sts", "db", "--replicas=2", "--timeout=20s")
    assert cli.ok("get", "pods", "--no-headers").out.count("Running") == 2


def test_their_volumes_go_with_them(cli: Cli, lost: str) -> None:
    assert len(_volumes(cli)) == 3
    cli.ok("delete", "-f", lost, "--timeout=20s")
    cli.ok("delete", "pvc", "--all", "--timeout=20s")
    cli.ok("agent", "run", "--once")
    assert _volumes(cli) == []
