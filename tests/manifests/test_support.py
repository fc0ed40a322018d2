"""No field is silently ignored: each is classified, and refused where nobody acts on it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import minikctl_schemas
import pytest

from minikctl.manifests import unhandled
from minikctl.manifests.structure import resolve_reference
from minikctl.manifests.support import TABLES, Support, Table
from minikctl.model.defaults import set_defaults
from minikctl.model.kinds import KINDS


def test_every_kind_that_people_write_has_a_table() -> None:
    assert sorted(TABLES) == sorted(kind.name for kind in KINDS.values() if kind.declarable)


@pytest.mark.parametrize("kind", TABLES)
def test_every_field_is_classified(kind: str) -> None:
    schema = minikctl_schemas.load(KINDS[kind].api_version, kind)
    assert list(_differences(schema, schema, TABLES[kind], kind)) == []


def test_the_page_is_current() -> None:
    script = Path(__file__).parents[2] / "scripts" / "generate_support_page.py"
    command = [sys.executable, str(script), "--check"]
    assert subprocess.run(command, check=False, timeout=60).returncode == 0, f"run {script}"


def _differences(root: dict[str, Any], schema: dict[str, Any], table: Table, path: str) -> Iterator[str]:
    schema = resolve_reference(root, schema)
    schema = resolve_reference(root, schema["items"]) if "items" in schema else schema
    if "properties" not in schema:
        return
    yield from (f"{path}.{name} is not classified" for name in schema["properties"].keys() - table.keys())
    yield from (f"{path}.{name} does not exist" for name in table.keys() - schema["properties"].keys())
    for name, member in schema["properties"].items():
        support = table.get(name)
        if support is not None and not isinstance(support, Support):
            yield from _differences(root, member, support, f"{path}.{name}")


def pod(**spec: Any) -> dict[str, Any]:
    container = {"name": "a", "image": "a", **spec.pop("container", {})}
    spec = {"containers": [container], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


def env(**source: Any) -> dict[str, Any]:
    return {"container": {"env": [{"name": "A", "valueFrom": source}]}}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"hostUsers": False}, "spec.hostUsers"),
        ({"hostnameOverride": "x"}, "spec.hostnameOverride"),
        ({"schedulerName": "mine"}, "spec.schedulerName"),
        ({"volumes": [{"name": "x", "nfs": {"path": "/"}}]}, "spec.volumes[0].nfs"),
        ({"volumes": [{"emptyDir": {"medium": "HugePages"}}]}, "spec.volumes[0].emptyDir.medium"),
        ({"initContainers": [{"restartPolicy": "Never"}]}, "spec.initContainers[0].restartPolicy"),
        ({"tolerations": [{"operator": "Gt"}]}, "spec.tolerations[0].operator"),
        (
            {"container": {"volumeMounts": [{"recursiveReadOnly": "Enabled"}]}},
            "spec.containers[0].volumeMounts[0].recursiveReadOnly",
        ),
        (
            {"container": {"resources": {"limits": {"nvidia.com/gpu": "1"}}}},
            "spec.containers[0].resources.limits[nvidia.com/gpu]",
        ),
        (
            env(fieldRef={"fieldPath": "status.phase"}),
            "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath",
        ),
        (env(fileKeyRef={"path": "x", "key": "y"}), "spec.containers[0].env[0].valueFrom.fileKeyRef"),
    ],
)
def test_refused_with_its_path(spec: dict[str, Any], path: str) -> None:
    (problem,) = unhandled(pod(**spec))
    assert (problem.path, problem.reason) == (path, "NotHandled")
    assert "yet" in problem.message


@pytest.mark.parametrize(
    "spec",
    [
        {"hostNetwork": False, "volumes": [], "affinity": {}, "hostUsers": True, "imagePullSecrets": None},
        {
            "dnsPolicy": "Default",
            "priority": 0,
            "schedulerName": "default-scheduler",
            "serviceAccountName": "x",
        },
        {"container": {"volumeMounts": [], "stdin": True, "tty": True, "workingDir": "/x"}},
        {"container": {"resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}},
        {"securityContext": {"runAsUser": 0, "seccompProfile": {"type": "RuntimeDefault"}}},
        env(fieldRef={"apiVersion": "v1", "fieldPath": "metadata.labels['a']"}),
        env(fieldRef={"fieldPath": "spec.nodeName"}),
    ],
)
def test_what_asks_for_nothing_is_taken(spec: dict[str, Any]) -> None:
    assert unhandled(pod(**spec)) == []


def test_what_the_server_writes_is_taken() -> None:
    server_side = {
        "uid": "u",
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "generation": 1,
    }
    obj = set_defaults(pod())
    obj["metadata"].update(server_side)
    obj["status"] = {"phase": "Running"}
    assert unhandled(obj) == []
    assert unhandled(set_defaults({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})) == []


def test_templates_are_looked_into() -> None:
    spec = {"template": {"metadata": {"finalizers": ["x"]}, "spec": pod(hostUsers=False)["spec"]}}
    for kind in ("Deployment", "ReplicaSet"):
        found = unhandled({"apiVersion": "apps/v1", "kind": kind, "metadata": {}, "spec": spec})
        assert [problem.path for problem in found] == [
            "spec.template.metadata.finalizers",
            "spec.template.spec.hostUsers",
        ]
