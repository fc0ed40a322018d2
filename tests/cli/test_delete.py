"""delete: kubectl's lines, and the end only when all that was owned is gone."""

from __future__ import annotations

from typing import Any

import pytest
from cli_rig import Cli, deployment

from minikctl.api import Api
from minikctl.model import Object, ObjectKey


def test_a_deployment_goes_with_its_containers(cli: Cli, web: str) -> None:
    result = cli.ok("delete", "-f", web, "--timeout=20s")
    assert result.out == 'deployment.apps "web" deleted from default namespace\n'
    assert cli.containers("web") == []
    assert cli.ok("get", "all").err == "No resources found in default namespace.\n"
    assert cli.desired() == []


def test_what_is_not_there(cli: Cli) -> None:
    result = cli("delete", "deploy", "web")
    assert (result.code, result.err) == (
        1,
        'Error from server (NotFound): deployments.apps "web" not found\n',
    )
    assert cli.ok("delete", "deploy", "web", "--ignore-not-found").out == ""
    assert cli.ok("delete", "pods", "--all").out == "No resources found\n"


def test_a_pod_of_a_deployment_comes_back(cli: Cli, web: str) -> None:
    (name, _) = (line.removeprefix("pod/") for line in cli.ok("get", "po", "-o", "name").lines)
    assert (
        cli.ok("delete", "pod", name, "--timeout=20s").out == f'pod "{name}" deleted from default namespace\n'
    )
    cli.ok("rollout", "status", "deploy/web", "--timeout=20s")
    names = cli.ok("get", "po", "-o", "name").out
    assert name not in names and len(names.splitlines()) == 2


def test_dry_runs_names_and_cascades(cli: Cli, web: str) -> None:
    dry = cli.ok("delete", "deploy/web", "--dry-run=server")
    assert dry.out == 'deployment.apps "web" deleted from default namespace (server dry run)\n'
    assert (
        cli.ok("delete", "deploy", "-l", "app=web", "--dry-run=client", "-o", "name").out
        == "deployment.apps/web\n"
    )
    assert len(cli.containers("web")) == 2
    cli.ok("delete", "deploy/web", "--cascade=orphan", "--timeout=20s")
    assert cli.ok("get", "deploy,rs", "-o", "name").out.startswith("replicaset.apps/web-")
    cli.ok("delete", "rs", "--all", "--cascade=foreground", "--timeout=20s")
    assert cli.containers("web") == []
    assert cli("delete", "rs", "x", "--cascade=sideways").code == 1


def test_a_namespace_goes_with_all_that_is_in_it(cli: Cli) -> None:
    cli.ok("create", "namespace", "shop")
    cli.ok("apply", "-n", "shop", "-f", cli.write("web.yaml", deployment()), "--timeout=20s")
    assert cli.ok("delete", "ns", "shop", "--timeout=20s").out == 'namespace "shop" deleted\n'
    assert cli.containers("web") == []
    forbidden = cli("delete", "ns", "default")
    assert forbidden.code == 1
    assert forbidden.err.startswith('Error from server (Forbidden): namespaces "default" is forbidden')


def test_by_force(cli: Cli) -> None:
    cli.ok("run", "web", "--image=nginx", "--timeout=20s")
    result = cli.ok("delete", "pod", "web", "--force", "--timeout=20s")
    assert result.out == 'pod "web" force deleted from default namespace\n'
    assert result.err.startswith("Warning: Immediate deletion does not wait for confirmation")
    assert cli.containers("web") == []


def test_without_waiting_it_is_only_recorded(cli: Cli, web: str) -> None:
    cli.ok("delete", "deploy/web", "--wait=false")
    assert cli.desired() == []
    assert len(cli.containers("web")) == 2
    cli.ok("agent", "run", "--once")
    assert cli.containers("web") == []


def test_a_file_with_a_namespace_and_what_is_in_it(cli: Cli) -> None:
    inside = deployment().replace("name: web\n", "name: web\n  namespace: shop\n", 1)
    text = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop}}\n---\n{inside}"
    path = cli.write("shop.yaml", text)
    cli.ok("apply", "-f", path, "--wait=false")
    result = cli.ok("delete", "-f", path, "--timeout=20s")
    assert result.out == ('namespace "shop" deleted\ndeployment.apps "web" deleted from shop namespace\n')
    assert result.err == ""
    assert "NotFound" in cli("delete", "-f", path).err


_CONFIGURED = (
    """apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: b}
---
"""
    + deployment(replicas=3).rstrip()
    + """
        volumeMounts: [{name: settings, mountPath: /settings}]
      volumes:
      - {name: settings, configMap: {name: settings}}
"""
)


def test_pods_that_are_to_go_miss_nothing(cli: Cli) -> None:
    path = cli.write("app.yaml", _CONFIGURED)
    cli.ok("apply", "-f", path, "--timeout=20s")
    cli.ok("delete", "-f", path)
    assert "Warning" not in cli.ok("events").out


def test_what_pods_use_is_asked_to_go_after_them(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cli.write("app.yaml", _CONFIGURED)
    cli.ok("apply", "-f", path, "--timeout=20s")
    asked: list[str] = []
    really = Api.delete

    def noted(api: Api, key: ObjectKey, **manner: Any) -> Object:
        asked.append(key.kind)
        return really(api, key, **manner)

    monkeypatch.setattr(Api, "delete", noted)
    done = cli.ok("delete", "-f", path)
    assert done.lines == [
        'configmap "settings" deleted from default namespace',
        'deployment.apps "web" deleted from default namespace',
    ]
    assert asked == ["Deployment", "ConfigMap"]
