"""An autoscaler goes up under load and down after it, by what real engines say that containers use."""

from __future__ import annotations

import pytest

from e2e.places import on_current_real_engines
from e2e.stage import Stage, deployment, until

LOAD = "(while :; do :; done) & echo $! > /tmp/load"
PATIENCE = 90.0


def autoscaler(name: str) -> dict[str, object]:
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [{"type": "Resource", "resource": metric}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }


def run_in(stage: Stage, pod: str, script: str) -> None:
    place = ("--state-dir", str(stage.state), "--backend", stage.place.backend)
    stage.ok("exec", *place, pod, "--", "sh", "-c", script)


@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_up_under_load_and_down_after_it(stage: Stage) -> None:
    web = deployment("web", replicas=1)
    del web["spec"]["replicas"]
    (container,) = web["spec"]["template"]["spec"]["containers"]
    container["resources"] = {"requests": {"cpu": "100m"}, "limits": {"cpu": "250m"}}
    manifests = stage.write("web.yaml", web, autoscaler("web"))
    stage.ok("apply", "-f", manifests)
    stage.start_agent()
    (pod,) = stage.pod_names()

    def status() -> dict[str, object]:
        found: dict[str, object] = stage.get("hpa")[0].get("status") or {}
        return found

    until("a first figure", lambda: status().get("currentMetrics"), seconds=PATIENCE)
    assert len(stage.pod_names()) == 1
    run_in(stage, pod, LOAD)
    until("three pods", lambda: len(stage.running()) == 3, seconds=PATIENCE)
    until("the status", lambda: status().get("currentReplicas") == 3, seconds=PATIENCE)

    assert "unchanged" in stage.ok("apply", "-f", manifests).out, "a manifest without replicas leaves them"
    assert len(stage.running()) == 3

    run_in(stage, pod, "kill -9 $(cat /tmp/load)")
    until("one pod", lambda: len(stage.pod_names()) == 1, seconds=PATIENCE)
    told = {one["message"] for one in stage.get("events") if one["reason"] == "SuccessfulRescale"}
    assert told >= {
        "New size: 3; reason: cpu resource utilization (percentage of request) above target",
        "New size: 1; reason: All metrics below target",
    }
    assert "cpu: " in stage.ok("get", "hpa").out
