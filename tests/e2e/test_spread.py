"""A Deployment asks for four replicas on three nodes: they land 2/1/1, and everything says so."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from e2e.places import everywhere, on_current_engines
from e2e.stage import Stage, deployment, pod, pod_spec, until
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


# --- affinity, spreading, priorities ---------------------------------------------------------------------

HOST = "kubernetes.io/hostname"
WEB = {"matchLabels": {"app": "web"}}
APART = {"labelSelector": WEB, "topologyKey": HOST}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def web(**spec: Any) -> dict[str, Any]:
    """Four replicas whose pods ask for more."""
    found = deployment(replicas=4)
    found["spec"]["template"]["spec"] |= spec
    return found


def test_four_replicas_that_must_be_apart_are_three_on_three_nodes(stage: Stage) -> None:
    stage.ok("cluster", "init", "--nodes", "3")
    affinity = {"podAntiAffinity": {REQUIRED: [APART]}}
    applied = stage("apply", "-f", stage.write("web.yaml", web(affinity=affinity)), "--timeout", "3s")
    assert applied.code == 1
    assert sorted(one.node for one in stage.running()) == ["node-1", "node-2", "node-3"]
    (told,) = [one for one in stage.get("events") if one["reason"] == "FailedScheduling"]
    text = "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules."
    victims = "0/3 nodes are available: 3 No preemption victims found for incoming pod."
    assert told["message"] == f"{text} preemption: {victims}"
    assert told["involvedObject"]["name"] in stage.pod_names() - {one.pod for one in stage.running()}

    stage.ok("scale", "deployment/web", "--replicas", "3")
    assert len(stage.pod_names()) == 3


def test_a_spread_holds_where_a_node_is_closed(stage: Stage) -> None:
    stage.ok("cluster", "init", "--nodes", "3")
    stage.ok("agent", "run", "--once")
    stage.ok("cordon", "node-3")
    evenly = {"maxSkew": 1, "topologyKey": HOST, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": WEB}
    asked = web(topologySpreadConstraints=[evenly])
    assert stage("apply", "-f", stage.write("web.yaml", asked), "--timeout", "3s").code == 1
    assert sorted(one.node for one in stage.running()) == ["node-1", "node-2"]
    stage.ok("uncordon", "node-3")
    stage.ok("rollout", "status", "deployment/web")
    assert sorted(Counter(one.node for one in stage.running()).values()) == [1, 1, 2]


def test_a_pod_has_the_priority_of_its_class_and_keeps_it_when_the_state_is_lost(stage: Stage) -> None:
    high = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "high"},
        "value": 1000,
    }
    one = pod("one", pod_spec() | {"priorityClassName": "high"})
    file = stage.write("both.yaml", one, high)
    stage.ok("apply", "-f", file)
    assert stage.get("pods")[0]["spec"]["priority"] == 1000
    header, row = (line.split() for line in stage.ok("get", "pc").lines)
    assert header == ["NAME", "VALUE", "GLOBAL-DEFAULT", "AGE", "PREEMPTIONPOLICY"]
    assert [row[0], row[1], row[2], row[4]] == ["high", "1000", "false", "PreemptLowerPriority"]
    assert "unchanged" in stage.ok("apply", "-f", file).lines[1]
    before = stage.runs()
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        (stage.state / name).unlink(missing_ok=True)
    stage.ok("agent", "run", "--once")
    assert (stage.runs(), stage.get("pods")[0]["spec"]["priority"]) == (before, 1000)

    missing = pod("two", pod_spec() | {"priorityClassName": "none"})
    refused = stage.fails("apply", "-f", stage.write("two.yaml", missing))
    assert 'pods "two" is forbidden: no PriorityClass with name none was found' in refused.err


def test_a_gated_pod_waits_until_its_gates_are_taken_away(stage: Stage) -> None:
    gated = pod("one", pod_spec() | {"schedulingGates": [{"name": "example.com/quota"}]})
    stage.start_agent()
    stage.ok("apply", "--wait=false", "-f", stage.write("one.yaml", gated))
    until("it is held back", lambda: "SchedulingGated" in stage.ok("get", "pods").out or None)
    stage.ok("patch", "pod", "one", "--type=json", "-p", '[{"op":"remove","path":"/spec/schedulingGates"}]')
    until("it runs", lambda: stage.running() or None)
