"""expose, and what get and describe show of Services."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cli_rig import Cli


@pytest.fixture
def shop(cli: Cli) -> Cli:
    cli.ok("create", "deployment", "web", "--image=nginx", "--port=8080", "--timeout=20s")
    return cli


def spec_of(cli: Cli, *argv: str) -> dict[str, Any]:
    made = cli.ok("expose", *argv, "--dry-run=client", "-o", "json").out
    found: dict[str, Any] = json.loads(made)["spec"]
    return found


def test_a_deployment(shop: Cli) -> None:
    assert shop.ok("expose", "deployment", "web", "--port=80", "--target-port=8080").out == (
        "service/web exposed\n"
    )
    row = shop.ok("get", "svc", "web", "--no-headers").out.split()
    assert (row[0], row[1], row[3], row[4]) == ("web", "ClusterIP", "<none>", "80/TCP")
    assert row[2].startswith("10.244.2")
    assert shop.ok("get", "services", "web", "-o", "wide", "--no-headers").out.split()[-1] == "app=web"
    file = (shop.state / "desired" / "default" / "service.web.yaml").read_text()
    assert "clusterIP" not in file and "ipFamilies" not in file


def test_ports_come_from_the_containers(shop: Cli) -> None:
    assert spec_of(shop, "deploy/web") == {
        "ports": [{"protocol": "TCP", "port": 8080, "targetPort": 8080}],
        "selector": {"app": "web"},
    }


def test_flags(shop: Cli) -> None:
    flags = ("--port=80,443", "--protocol=UDP", "--type=NodePort", "--selector=a=b", "--cluster-ip=None")
    assert spec_of(shop, "deploy/web", *flags) == {
        "ports": [
            {"name": "port-1", "protocol": "UDP", "port": 80, "targetPort": 80},
            {"name": "port-2", "protocol": "UDP", "port": 443, "targetPort": 443},
        ],
        "selector": {"a": "b"},
        "type": "NodePort",
        "clusterIP": "None",
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("deploy/nope", "--port=80"), 'Error from server (NotFound): deployments.apps "nope" not found'),
        (("node/x", "--port=80"), "cannot expose a node"),
        (("deploy/web", "--port=x"), "invalid port: x"),
        (("deploy/web", "--type=x"), '"x" is not a type of Service'),
        (("pod", "--port=80"), "expose needs one resource by its name"),
    ],
)
def test_refusals(shop: Cli, words: tuple[str, ...], message: str) -> None:
    refused = shop("expose", *words)
    assert refused.code == 1 and message in refused.err


def test_describe_names_the_endpoints(shop: Cli) -> None:
    shop.ok("expose", "deploy/web", "--port=80", "--target-port=8080")
    text = shop.ok("describe", "svc", "web").out
    lines = dict(line.split(":", 1) for line in text.split("\n") if ":" in line)
    assert lines["TargetPort"].strip() == "8080/TCP"
    assert lines["Port"].split() == ["<unset>", "80/TCP"]
    assert lines["Endpoints"].strip().endswith(":8080")
    (name,) = shop.ok("get", "endpointslices", "-o", "name").out.split()
    assert name.startswith("endpointslice.discovery.k8s.io/web-")
    assert "AddressType:" in shop.ok("describe", name).out


def test_what_is_refused_is_named(shop: Cli) -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"ports": [{"port": 80}], "externalIPs": ["192.0.2.1"]},
    }
    refused = shop("apply", "-f", shop.write("service.yaml", json.dumps(manifest)))
    assert refused.code == 1 and "spec.externalIPs" in refused.err
