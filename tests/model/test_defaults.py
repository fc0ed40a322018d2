"""Defaults are those that a real API server returned."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from minikctl.model.defaults import pull_policy, set_defaults
from minikctl.model.quantity import canonical_quantity


def pod(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


def test_pod_is_as_the_server_returns_it() -> None:
    found = set_defaults(pod(containers=[{"name": "a", "image": "nginx"}]))
    assert found["spec"] == {
        "containers": [
            {
                "image": "nginx",
                "imagePullPolicy": "Always",
                "name": "a",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "serviceAccount": "default",
        "serviceAccountName": "default",
        "terminationGracePeriodSeconds": 30,
        "tolerations": [
            {"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300}
            for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        ],
    }


def test_requests_from_limits_in_pods_only() -> None:
    limits = {"cpu": 1, "memory": "1024Mi"}
    container = {"name": "a", "image": "a:1", "resources": {"limits": limits, "requests": {"cpu": "0.5"}}}
    found = set_defaults(pod(containers=[container]))
    assert found["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "500m", "memory": "1Gi"},
    }
    template = {"spec": {"containers": [{"name": "a", "image": "a:1", "resources": {"limits": limits}}]}}
    workload = set_defaults({"kind": "ReplicaSet", "spec": {"template": template}})
    assert "requests" not in workload["spec"]["template"]["spec"]["containers"][0]["resources"]


def test_zero_values_vanish_unless_they_say_something() -> None:
    found = set_defaults(
        {
            "kind": "Deployment",
            "metadata": {"name": "d", "labels": {}, "annotations": {"a": "", "b": None}},
            "spec": {
                "replicas": 0,
                "minReadySeconds": 0,
                "paused": False,
                "strategy": {"type": ""},
                "selector": {"matchLabels": {}},
                "template": {"spec": {"restartPolicy": "", "nodeSelector": None, "containers": []}},
            },
        }
    )
    assert found["metadata"] == {"name": "d", "annotations": {"a": "", "b": ""}}
    spec = found["spec"]
    assert spec["replicas"] == 0
    assert "minReadySeconds" not in spec and "paused" not in spec
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    assert spec["selector"] == {}
    assert spec["template"]["spec"]["restartPolicy"] == "Always"
    assert "nodeSelector" not in spec["template"]["spec"]


def test_host_network_ports_and_probes() -> None:
    container = {
        "name": "a",
        "image": "a:1",
        "ports": [{"containerPort": 80}],
        "livenessProbe": {"httpGet": {"port": 80}},
        "env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    }
    found = set_defaults(pod(hostNetwork=True, containers=[container]))["spec"]["containers"][0]
    assert found["ports"] == [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]
    assert found["livenessProbe"] == {
        "failureThreshold": 3,
        "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
        "periodSeconds": 10,
        "successThreshold": 1,
        "timeoutSeconds": 1,
    }
    assert found["env"][0]["valueFrom"]["fieldRef"] == {"apiVersion": "v1", "fieldPath": "metadata.name"}


def test_tolerations_that_exist_are_kept() -> None:
    everything = {"operator": "Exists"}
    assert set_defaults(pod(tolerations=[everything]))["spec"]["tolerations"] == [everything]
    other = {"key": "a", "operator": "Exists", "effect": "NoExecute"}
    assert set_defaults(pod(tolerations=[other]))["spec"]["tolerations"][0] == other
    assert len(set_defaults(pod(tolerations=[other]))["spec"]["tolerations"]) == 3


def test_namespace() -> None:
    found = set_defaults({"kind": "Namespace", "metadata": {"name": "n"}})
    assert found["metadata"]["labels"] == {"kubernetes.io/metadata.name": "n"}
    assert found["spec"] == {"finalizers": ["kubernetes"]}
    gone = set_defaults({"kind": "Namespace", "metadata": {"name": "n", "deletionTimestamp": "x"}})
    assert "spec" not in gone


def test_the_argument_is_not_touched() -> None:
    obj = pod(containers=[{"name": "a", "image": "a", "ports": [{"containerPort": 1}]}], tolerations=[])
    before = json.dumps(obj)
    found = set_defaults(obj)
    found["spec"]["containers"][0]["ports"][0]["containerPort"] = 2
    assert json.dumps(obj) == before


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1", "IfNotPresent"),
        ("localhost:5000/nginx", "Always"),
        ("localhost:5000/a/nginx:1.2", "IfNotPresent"),
        ("nginx@sha256:" + "a" * 64, "IfNotPresent"),
        ("nginx:latest@sha256:" + "a" * 64, "Always"),
        ("a:b:c", "IfNotPresent"),
        ("UPPER!", "IfNotPresent"),
        ("", "IfNotPresent"),
    ],
)
def test_pull_policy(image: str, policy: str) -> None:
    assert pull_policy(image) == policy


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        (0.5, "500m"),
        (1, "1"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("1e3", "1e3"),
        ("1500", "1500"),
        ("1000", "1k"),
        ("128974848", "128974848"),
        ("0", "0"),
        ("1e-12", "1e-9"),
        ("1E", "1E"),
        ("x", "x"),
    ],
)
def test_canonical_quantity(written: str | float, canonical: str) -> None:
    assert canonical_quantity(written) == canonical


def _stories(name: str) -> list[dict[str, Any]]:
    folder = os.environ.get("MINIKCTL_CORPUS")
    if folder and (Path(folder) / "merge" / name).is_file():
        return [json.loads(line) for line in (Path(folder) / "merge" / name).read_text().splitlines()]
    message = f"MINIKCTL_CORPUS does not name a corpus folder with merge/{name}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def test_creates_what_the_api_server_created() -> None:
    compared = 0
    for story in _stories("ssa.jsonl"):
        first = story["steps"][0]
        if story["kind"] in ("Deployment", "ReplicaSet", "ConfigMap"):
            assert set_defaults(first["apply"]) == first["result"], story["id"]
            compared += 1
    assert compared > 20


def test_adds_nothing_to_what_the_api_server_returned() -> None:
    results = [story["result"]["object"] for story in _stories("cases.jsonl") if "object" in story["result"]]
    assert len(results) > 100
    for result in results:
        assert set_defaults(result) == result


def test_null_in_a_list() -> None:
    found = set_defaults(pod(containers=[{"name": "a", "args": [None], "ports": [None]}, None]))["spec"]
    assert found["containers"][0]["args"] == [""]
    assert found["containers"][0]["ports"] == [{"protocol": "TCP"}]
    assert found["containers"][1]["imagePullPolicy"] == "IfNotPresent"


def test_a_deployment_costs_less_than_50_microseconds() -> None:
    containers = [
        {"name": "a", "image": "a:1", "ports": [{"containerPort": 80}], "livenessProbe": {"httpGet": {}}}
    ]
    deployment = {"kind": "Deployment", "spec": {"template": {"spec": {"containers": containers}}}}

    def once() -> float:
        begin = time.perf_counter()
        for _ in range(100):
            set_defaults(deployment)
        return (time.perf_counter() - begin) / 100

    assert min(once() for _ in range(5)) < 50e-6
