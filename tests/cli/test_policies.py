"""Budgets, quotas, limit ranges, priorities and autoscalers on the command line."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cli_rig import Cli

from minikctl.cli import evictions

GOLDEN: list[Any] = [
    (
        ["create", "pdb", "web", "--selector=app=web", "--min-available=50%"],
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: web\nspec:\n"
        "  minAvailable: 50%\n  selector:\n    matchLabels:\n      app: web\nstatus:\n"
        "  currentHealthy: 0\n  desiredHealthy: 0\n  disruptionsAllowed: 0\n  expectedPods: 0\n",
    ),
    (
        ["create", "quota", "q", "--hard=pods=2,requests.cpu=1000m", "--scopes=BestEffort"],
        "apiVersion: v1\nkind: ResourceQuota\nmetadata:\n  name: q\nspec:\n  hard:\n    pods: '2'\n"
        "    requests.cpu: '1'\n  scopes:\n  - BestEffort\nstatus: {}\n",
    ),
    (
        ["create", "priorityclass", "high", "--value=1000", "--description=for people"],
        "apiVersion: scheduling.k8s.io/v1\ndescription: for people\nkind: PriorityClass\nmetadata:\n"
        "  name: high\npreemptionPolicy: PreemptLowerPriority\nvalue: 1000\n",
    ),
]


@pytest.mark.parametrize(("command", "manifest"), GOLDEN)
def test_create_as_kubectl_builds_it(cli: Cli, command: list[str], manifest: str) -> None:
    assert cli.ok(*command, "--dry-run=client", "-o", "yaml").out.replace('"', "'") == manifest


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (["create", "pdb", "a", "--min-available=1"], "error: a selector must be specified"),
        (
            ["create", "pdb", "a", "--selector=a=b"],
            "error: one of min-available or max-unavailable must be specified",
        ),
        (
            ["create", "pdb", "a", "--selector=a=b", "--min-available=1", "--max-unavailable=1"],
            "error: min-available and max-unavailable cannot be both specified",
        ),
        (
            ["create", "quota", "a", "--hard=pods"],
            "error: Invalid argument syntax pods, expected <resource>=<value>",
        ),
        (["autoscale", "deploy/a"], "error: --max=MAXPODS is required and must be at least 1, max: -1"),
        (
            ["autoscale", "deploy/a", "--min=3", "--max=2"],
            "error: --max=MAXPODS must be larger or equal to --min=MINPODS, max: 2, min: 3",
        ),
    ],
)
def test_flags_that_do_not_go(cli: Cli, command: list[str], error: str) -> None:
    refused = cli(*command)
    assert (refused.code, refused.err.splitlines()[0]) == (1, error)


WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: nginx, resources: {requests: {cpu: 100m}}}]
"""


def test_drain_asks_a_budget_again_and_again(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evictions, "RETRY_SECONDS", 1.0)
    cli.ok("cluster", "init", "--nodes", "1")
    cli.ok("apply", "-f", cli.write("web.yaml", WEB), "--timeout=20s")
    cli.ok("create", "pdb", "web", "--selector=app=web", "--max-unavailable=0")
    refused = cli("drain", "node-1", "--timeout=3s")
    assert refused.code == 1
    assert len([line for line in refused.lines if line.startswith("evicting pod default/web-")]) >= 4
    told = re.findall(
        r'error when evicting pods/"web-\w+-\w+" -n "default" \(will retry after 1s\):'
        r" Cannot evict pod as it would violate the pod's disruption budget.",
        refused.err,
    )
    assert len(told) >= 4
    assert cli.ok("get", "pdb", "--no-headers").out.split()[:4] == ["web", "N/A", "0", "0"]
    cli.ok("delete", "pdb", "web")
    cli.ok("uncordon", "node-1")
    cli.ok("apply", "-f", cli.write("web.yaml", WEB), "--timeout=20s")


def test_by_force_a_drain_asks_nobody(cli: Cli) -> None:
    cli.ok("cluster", "init", "--nodes", "2")
    cli.ok("apply", "-f", cli.write("web.yaml", WEB), "--timeout=20s")
    cli.ok("create", "pdb", "web", "--selector=app=web", "--max-unavailable=0")
    drained = cli.ok("drain", "node-1", "--disable-eviction", "--timeout=20s")
    assert drained.lines[-1] == "node/node-1 drained"


QUOTA = """
apiVersion: v1
kind: LimitRange
metadata: {name: small}
spec:
  limits:
  - {type: Container, default: {cpu: 200m}, max: {cpu: 500m}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: q}
spec: {hard: {pods: "1", limits.cpu: "1", count/deployments.apps: "1"}}
"""


def test_a_quota_at_the_door_and_in_the_tables(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("q.yaml", QUOTA))
    cli.ok("run", "a", "--image=nginx", "--timeout=20s")
    refused = cli("run", "b", "--image=nginx")
    assert refused.err == (
        'Error from server (Forbidden): pods "b" is forbidden: exceeded quota: q,'
        " requested: pods=1, used: pods=1, limited: pods=1\n"
    )
    cli.ok("create", "deployment", "one", "--image=nginx", "--wait=false")
    again = cli("create", "deployment", "two", "--image=nginx")
    assert 'deployments.apps "two" is forbidden: exceeded quota: q, requested: count/dep' in again.err
    table = cli.ok("get", "quota").lines
    assert table[0].split() == ["NAME", "REQUEST", "LIMIT", "AGE"]
    assert "count/deployments.apps: 1/1, pods: 1/1" in table[1]
    assert "limits.cpu: 200m/1" in table[1]
    assert cli.ok("describe", "quota", "q").lines[2:] == [
        "Resource                Used  Hard",
        "--------                ----  ----",
        "count/deployments.apps  1     1",
        "limits.cpu              200m  1",
        "pods                    1     1",
    ]
    assert cli.ok("describe", "limits", "small").lines[2:] == [
        "Type        Resource  Min  Max   Default Request  Default Limit  Max Limit/Request Ratio",
        "----        --------  ---  ---   ---------------  -------------  -----------------------",
        "Container   cpu       -    500m  200m             200m           -",
    ]
    namespace = cli.ok("describe", "ns", "default").out
    assert "Resource Quotas\n  Name:                   q\n" in namespace
    assert " Container  cpu       -    500m" in namespace
    desired = (cli.state / "desired/default/pod.a.yaml").read_text()
    assert "limits" not in desired, "what a namespace gives is not what somebody wants"


def test_a_limit_at_the_door(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("q.yaml", QUOTA.partition("---")[0]))
    wanted = '{"spec":{"containers":[{"name":"a","image":"nginx","resources":{"limits":{"cpu":"2"}}}]}}'
    refused = cli("run", "a", "--image=nginx", "--overrides", wanted)
    assert refused.err == (
        'Error from server (Forbidden): pods "a" is forbidden:'
        " maximum cpu usage per Container is 500m, but limit is 2\n"
    )


def test_a_more_important_pod_takes_the_place_of_another(cli: Cli) -> None:
    cli.ok("cluster", "init", "--nodes", "1")
    cli.ok("create", "priorityclass", "high", "--value=10")
    resources = {"requests": {"cpu": "20"}}
    for name, fields in (("low", {}), ("high", {"priorityClassName": "high"})):
        spec = {**fields, "containers": [{"name": name, "image": "nginx", "resources": resources}]}
        cli.ok("run", name, "--image=nginx", "--timeout=20s", "--overrides", json.dumps({"spec": spec}))
    assert [line.split()[0] for line in cli.ok("get", "po", "--no-headers").lines] == ["high"]
    (told,) = [line for line in cli.ok("get", "events").lines if "Preempted" in line]
    assert re.search(r"Normal +Preempted +pod/low +Preempted by pod [0-9a-f-]{36} on node node-1", told)


def test_autoscale(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("web.yaml", WEB), "--timeout=20s")
    done = cli.ok("autoscale", "deploy", "web", "--min=3", "--max=5", "--cpu-percent=80")
    assert done.out == "horizontalpodautoscaler.autoscaling/web autoscaled\n"
    assert done.err.startswith("Flag --cpu-percent has been deprecated")
    cli.ok("agent", "run", "--once")
    table = cli.ok("get", "hpa").lines
    assert table[0].split() == ["NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE"]
    assert re.match(r"web +Deployment/web +cpu: <unknown>/80% +3 +5 +", table[1])
    assert cli.ok("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}").out == "3"
    text = cli.ok("describe", "hpa", "web").out
    assert "resource cpu on pods  (as a percentage of request):  <unknown> / 80%" in text
    assert "New size: 3; reason: Current number of replicas below Spec.MinReplicas" in text


AMOUNTS = [
    ("--cpu=70%", "cpu", {"averageUtilization": 70, "type": "Utilization"}),
    ("--cpu=500", "cpu", {"averageValue": "500m", "type": "AverageValue"}),
    ("--memory=200", "memory", {"averageValue": "200Mi", "type": "AverageValue"}),
    ("--memory=1Gi", "memory", {"averageValue": "1Gi", "type": "AverageValue"}),
]


@pytest.mark.parametrize(("flag", "resource", "target"), AMOUNTS)
def test_the_forms_of_a_target(cli: Cli, flag: str, resource: str, target: dict[str, Any]) -> None:
    cli.ok("apply", "-f", cli.write("web.yaml", WEB), "--wait=false")
    made = cli.ok("autoscale", "deploy/web", "--max=3", flag, "--dry-run=client", "-o", "json").out
    (metric,) = json.loads(made)["spec"]["metrics"]
    assert metric == {"type": "Resource", "resource": {"name": resource, "target": target}}


def test_metrics_that_nobody_gathers_are_refused(cli: Cli) -> None:
    manifest = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 3
  metrics:
  - type: Pods
    pods: {metric: {name: rps}, target: {type: AverageValue, averageValue: "1"}}
"""
    refused = cli("apply", "-f", cli.write("hpa.yaml", manifest))
    assert refused.code == 1
    assert "spec.metrics[0].type" in refused.err


OLD = """
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 5
  targetCPUUtilizationPercentage: 70
"""


def test_an_autoscaler_of_the_older_version_is_stored_in_the_newer_one(cli: Cli) -> None:
    path = cli.write("old.yaml", OLD)
    assert cli.ok("validate", path).code == 0
    assert cli.ok("apply", "-f", path).lines == ["horizontalpodautoscaler.autoscaling/web created"]
    assert cli.ok("apply", "-f", path).lines == ["horizontalpodautoscaler.autoscaling/web unchanged"]
    assert cli.ok("diff", "-f", path).out == ""
    wanted = '{"averageUtilization":70,"type":"Utilization"}'
    assert cli.ok("get", "hpa", "-o", "jsonpath={.items[0].spec.metrics[0].resource.target}").out == wanted
    # Somebody writes the older version into the desired file.
    file = cli.state / "desired/default/horizontalpodautoscaler.web.yaml"
    file.write_text(
        OLD.replace("70", "60").replace("{name: web}\nspec", "{name: web, namespace: default}\nspec")
    )
    assert cli.ok("get", "hpa", "--no-headers").out.split()[3] == "<unknown>/60%"
    bad = cli("apply", "-f", cli.write("bad.yaml", OLD.replace("70", "0")))
    assert "averageUtilization: invalid value 0: must be greater than 0" in bad.err
