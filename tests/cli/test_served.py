"""Commands wait until what they changed is so, an agent or not; Services until they are served."""

from __future__ import annotations

import pytest
from cli_rig import Cli

from minikctl.cli import goals

INGRESS = """apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: site}
spec:
  defaultBackend: {service: {name: web, port: {number: 80}}}
"""


def _service(name: str = "web", **spec: object) -> str:
    fields = "".join(f"  {field}: {value}\n" for field, value in spec.items())
    head = f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n"
    return f"{head}spec:\n  selector: {{app: web}}\n{fields}"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goals, "STUCK_SECONDS", 0.0)


def test_apply_waits_until_the_proxy_serves(cli: Cli) -> None:
    path = cli.write("web.yaml", _service(type="NodePort", ports="[{port: 80}]"))
    cli.ok("apply", "-f", path, "--timeout=20s")
    pods = cli.ok("get", "pods", "-n", "kube-system", "--no-headers").out
    assert pods.split()[:3] == ["web.default.cluster", "1/1", "Running"]


def test_a_service_whose_proxy_cannot_start_is_a_failure(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIKCTL_PROXY_IMAGE", "nginx:does-not-exist")
    path = cli.write("web.yaml", _service(type="NodePort", ports="[{port: 80, nodePort: 31390}]"))
    failed = cli("apply", "-f", path, "--timeout=20s")
    assert failed.code == 1
    assert "error: service/web: the proxy does not run: " in failed.err
    assert "look: minikctl describe service/web" in failed.err
    described = cli.ok("describe", "service", "web").out
    assert "FailedToServe" in described and "Warning" in described
    assert cli.ok("apply", "-f", path, "--wait=false").code == 0


def test_ports_that_others_have_for_good_are_a_warning(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIKCTL_INGRESS_HTTP_PORT", "31390")
    holder = _service("holder", type="NodePort", ports="[{port: 80, nodePort: 31390}]")
    cli.ok("apply", "-f", cli.write("holder.yaml", holder), "--timeout=20s")
    balanced = cli.write("web.yaml", _service(type="LoadBalancer", ports="[{port: 31390}]"))
    done = cli.ok("apply", "-f", balanced, "--timeout=20s")
    assert "Warning: service/web: the proxy does not run: 0/1 nodes are available" in done.err
    cli.ok("delete", "-f", balanced)
    done = cli.ok("apply", "-f", cli.write("site.yaml", INGRESS), "--timeout=20s")
    assert "Warning: ingress.networking.k8s.io/site: the proxy does not run: 0/1 nodes" in done.err


@pytest.mark.parametrize(
    "spec", [{"clusterIP": "None"}, {"type": "ExternalName", "externalName": "a.example"}]
)
def test_what_has_no_address_is_not_waited_for(cli: Cli, spec: dict[str, str]) -> None:
    path = cli.write("web.yaml", _service(**spec, ports="[{port: 80}]"))
    assert cli.ok("apply", "-f", path, "--timeout=5s").err == ""


def test_a_change_is_watched_where_an_agent_makes_it(cli: Cli, web: str) -> None:
    cli.ok("agent", "start")
    try:
        cli.ok("scale", "deploy/web", "--replicas=4", "--timeout=20s")
        assert cli.ok("get", "deploy", "web", "--no-headers").out.split()[1] == "4/4"
        bad = ("set", "image", "deploy/web", "web=nginx:does-not-exist")
        failed = cli(*bad, "--timeout=20s")
        assert (failed.code, failed.out) == (1, "deployment.apps/web image updated\n")
        assert "deployment.apps/web can't become ready" in failed.err
        cli.ok("rollout", "undo", "deploy/web", "--timeout=20s")
        assert "successfully rolled out" in cli.ok("rollout", "status", "deploy/web").out
        assert cli.ok(*bad, "--wait=false").err == ""
        cli.ok("label", "deploy/web", "a=b", "--wait=false")
    finally:
        cli.ok("agent", "stop")
    assert cli.ok("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}").out == (
        "nginx:does-not-exist"
    )


def test_a_change_that_nobody_waits_for_ends_at_once(cli: Cli, web: str) -> None:
    cli.ok("agent", "start")
    try:
        before = cli.ok("create", "cm", "settings", "--from-literal=a=b")
        assert before.err == ""
    finally:
        cli.ok("agent", "stop")
