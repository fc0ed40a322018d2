"""Who goes for whom on real engines: a drain that a budget holds up, and a pod that takes another's place."""

from __future__ import annotations

import re
from typing import Any

import pytest

from e2e.places import on_current_engines
from e2e.stage import Stage, deployment, pod_spec, until

BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "web"},
    "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
}


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_a_drain_takes_as_many_at_a_time_as_the_budget_allows(stage: Stage) -> None:
    stage.ok("cluster", "init", "--nodes", "2")
    stage.ok("agent", "run", "--once")
    stage.ok("cordon", "node-2")
    stage.ok("apply", "-f", stage.write("web.yaml", deployment("web", replicas=2), BUDGET))
    before = stage.pod_names()
    held = stage("drain", "node-1", "--timeout=3s")
    assert held.code == 1
    told = "Cannot evict pod as it would violate the pod's disruption budget."
    assert held.err.count(f"(will retry after 5s): {told}") == 2
    assert stage.pod_names() == before

    stage.ok("uncordon", "node-2")
    stage.ok("scale", "deployment/web", "--replicas", "3")
    drained = stage.ok("drain", "node-1", "--timeout=60s")
    assert drained.lines[-1] == "node/node-1 drained"
    assert [one.node for one in stage.running()] == ["node-2"] * 3


def asking(name: str, cpu: str, priority: str = "") -> dict[str, Any]:
    spec: dict[str, Any] = pod_spec()
    spec["containers"][0]["resources"] = {"requests": {"cpu": cpu}}
    if priority:
        spec["priorityClassName"] = priority
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_a_more_important_pod_takes_the_place_of_another(stage: Stage) -> None:
    high = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "high"},
        "value": 1000,
    }
    stage.ok("apply", "-f", stage.write("small.yaml", high, asking("small", "10m")))
    (node,) = stage.get("nodes")
    amount = node["status"]["allocatable"]["cpu"]
    cores = int(amount[:-1]) if amount.endswith("m") else int(amount) * 1000
    most = f"{cores * 6 // 10}m"
    stage.ok("apply", "-f", stage.write("low.yaml", asking("low", most)))
    stage.ok("apply", "-f", stage.write("high.yaml", asking("high", most, "high")), "--timeout=60s")
    until("the other is gone", lambda: {one.pod for one in stage.running()} == {"small", "high"})
    (told,) = [one for one in stage.get("events") if one["reason"] == "Preempted"]
    assert told["involvedObject"]["name"] == "low"
    assert re.fullmatch(r"Preempted by pod [0-9a-f-]{36} on node \S+", told["message"])
