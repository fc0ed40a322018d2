"""A Deployment asks for four replicas on three nodes: they land 2/1/1, and everything says so."""

from __future__ import annotations

from collections import Counter

import pytest

from e2e.places import everywhere, on_current_engines
from e2e.stage import Stage, deployment
from minikctl.backend import labels

KIND_CONFIG = {
    "kind": "Cluster",
    "apiVersion": "kind.x-k8s.io/v1alpha4",
    "nodes": [
        {"role": "control-plane"},
        {"role": "worker", "labels": {"disk": "fast"}},
        {"role": "worker"},
        {"role": "worker"},
    ],
}


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_four_replicas_on_three_nodes_land_2_1_1(stage: Stage) -> None:
    stage.ok("cluster", "init", "--nodes", "3")
    applied = stage.ok("apply", "-f", stage.write("web.yaml", deployment(replicas=4)))
    assert applied.out == "deployment.apps/web created\n"

    running = stage.running()
    assert sorted(Counter(one.node for one in running).values()) == [1, 1, 2]
    assert {one.node for one in running} == {"node-1", "node-2", "node-3"}
    assert len({one.pod for one in running}) == 4

    rows = [line.split() for line in stage.ok("get", "pods", "-o", "wide").lines]
    assert rows[0][:7] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"]
    assert {(row[0], row[6]) for row in rows[1:]} == {(one.pod, one.node) for one in running}
    assert all(row[1:4] == ["1/1", "Running", "0"] for row in rows[1:])


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_the_replica_set_owns_the_pods_and_the_labels_say_whose_they_are(stage: Stage) -> None:
    stage.ok("apply", "-f", stage.write("web.yaml", deployment(replicas=2)))
    (replica_set,) = stage.get("replicasets")
    (owner,) = replica_set["metadata"]["ownerReferences"]
    (web,) = stage.get("deployments")
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Deployment", web["metadata"]["uid"], True)
    pods = {one["metadata"]["uid"]: one for one in stage.pods()}
    for one in pods.values():
        (owner,) = one["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"]) == ("ReplicaSet", replica_set["metadata"]["uid"])
    for seen in stage.running():
        found = pods[seen.uid]["metadata"]
        assert (seen.pod, seen.labels[labels.POD_NAMESPACE]) == (found["name"], "default")
        assert (seen.container, seen.labels[labels.CLUSTER]) == ("main", stage.cluster_id)
    assert {one.uid for one in stage.running()} == set(pods)


def test_kinds_config_file_makes_the_nodes_that_kind_would(stage: Stage) -> None:
    stage.ok("cluster", "init", "--config", stage.write("kind.yaml", KIND_CONFIG))
    stage.ok("apply", "-f", stage.write("web.yaml", deployment(replicas=4)))
    nodes = Counter(one.node for one in stage.running())
    assert sorted(nodes.values()) == [1, 1, 2]
    assert set(nodes) == {"kind-worker", "kind-worker2", "kind-worker3"}
    rows = [line.split() for line in stage.ok("get", "nodes").lines[1:]]
    assert [row[:3] for row in rows] == [
        ["kind-control-plane", "Ready", "control-plane"],
        *([f"kind-worker{number}", "Ready", "<none>"] for number in ("", "2", "3")),
    ]
