"""oom_score_adj, by quality of service."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import NOW
from test_kubelet_sync import CLUSTER, KEY, bound

from minikctl.controlplane.kubelet import ImageBook, NodeFacts, PodMemo, RunContainer, sync_pod
from minikctl.controlplane.kubelet.oom import oom_score_adj

MACHINE = 4 * 1024**3


def resources(**asked: str) -> dict[str, Any]:
    return {"requests": asked}


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, 1000),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, -997),
        (resources(memory="1Gi"), 750),
        (resources(cpu="1"), 999),
        (resources(memory="100Ki"), 999),
        (resources(memory="4Gi"), 3),
        ({"limits": {"memory": "2Gi"}}, 500),
    ],
)
def test_scores(own: dict[str, Any], expected: int) -> None:
    pod = bound()
    container = pod["spec"]["containers"][0]
    container["resources"] = own
    assert oom_score_adj(pod, container, MACHINE) == expected


def test_a_sidecar_is_not_killed_before_the_containers_that_need_it() -> None:
    pod = bound()
    pod["spec"]["containers"][0]["resources"] = resources(memory="2Gi")
    sidecar = {"name": "side", "restartPolicy": "Always", "resources": resources(memory="1Mi")}
    pod["spec"]["initContainers"] = [sidecar]
    assert oom_score_adj(pod, sidecar, MACHINE) == 500


def test_what_is_critical_to_the_node_is_spared() -> None:
    pod = bound()
    pod["spec"]["priorityClassName"] = "system-node-critical"
    assert oom_score_adj(pod, pod["spec"]["containers"][0], MACHINE) == -997


@pytest.mark.parametrize(("rootless", "expected"), [(False, -997), (True, None)])
def test_a_rootless_engine_can_spare_nobody(rootless: bool, expected: int | None) -> None:
    pod = bound()
    pod["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1", "memory": "1Gi"}}
    node = NodeFacts("memory", "10.0.0.1", memory_bytes=MACHINE, rootless=rootless)
    sync = sync_pod(pod, (), PodMemo(), ImageBook(), node, NOW, cluster_id=CLUSTER, seal_key=KEY)
    (run,) = sync.actions
    assert isinstance(run, RunContainer)
    assert run.spec.oom_score_adj == expected
