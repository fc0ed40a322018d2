"""Commands wait until what they changed is so, an agent or not; Services until they are served."""

from __future__ import annotations

import pytest
from cli_rig import Cli

from minikctl.cli import goals
from minikctl.cli.traffic_states import serving_of
from minikctl.cli.workload_states import state_of
from minikctl.controlplane.proxies import Role, make_pod
from minikctl.model import Object, ObjectKey, key_of

NETWORK = "10.244.0.0/16"

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
    assert "error: service/web: the proxy does not serve: " in failed.err
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
    assert "Warning: service/web: the proxy does not serve: 0/1 nodes are available" in done.err
    cli.ok("delete", "-f", balanced)
    done = cli.ok("apply", "-f", cli.write("site.yaml", INGRESS), "--timeout=20s")
    assert "Warning: ingress.networking.k8s.io/site: the proxy does not serve: 0/1 nodes" in done.err


def test_a_proxy_that_goes_is_named_after_its_service(cli: Cli) -> None:
    path = cli.write("web.yaml", _service(ports="[{port: 80}]"))
    cli.ok("apply", "-f", path, "--timeout=20s")
    assert cli.ok("delete", "-f", path).err == "waiting for the proxy of service/web to be gone\n"


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


def test_a_changed_pod_is_not_ready_by_what_it_was() -> None:
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    pod = {"kind": "Pod", "metadata": {"name": "one", "generation": 2}, "spec": {"containers": []}}
    assert not state_of({**pod, "status": {**ready, "observedGeneration": 1}}).done
    assert state_of({**pod, "status": {**ready, "observedGeneration": 2}}).done


def test_a_change_that_nobody_waits_for_ends_at_once(cli: Cli, web: str) -> None:
    cli.ok("agent", "start")
    try:
        before = cli.ok("create", "cm", "settings", "--from-literal=a=b")
        assert before.err == ""
    finally:
        cli.ok("agent", "stop")


class _Reader:
    """A node with a network, and pods."""

    def __init__(self, *pods: Object) -> None:
        self._known = {key_of(pod): pod for pod in pods}

    def get(self, key: ObjectKey) -> Object | None:
        return self._known.get(key)

    def list(self, kind: str, namespace: str | None = None) -> list[Object]:
        return [{"metadata": {"name": "n"}, "spec": {"podCIDR": NETWORK}}] if kind == "Node" else []


def _waits_for(service: Object, owner: str, **changes: str) -> list[str]:
    """What a Service waits for whose proxy, which is ready, was made for one of that uid and spec."""
    earlier = {**service, "metadata": {**service["metadata"], "uid": owner}}
    earlier["spec"] = {**service["spec"], **changes}
    pod = make_pod(earlier, Role.CLUSTER, NETWORK, "nginx", "uid-of-the-pod", 0.0)
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return [one.waits_for for one in serving_of(service, _Reader({**pod, "status": ready}))]


def test_the_proxy_of_an_earlier_service_serves_nobody() -> None:
    metadata = {"name": "web", "namespace": "default", "uid": "uid-2"}
    spec = {"clusterIP": "10.244.240.1", "ports": [{"port": 80}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    assert _waits_for(service, "uid-2") == []
    assert _waits_for(service, "uid-1") == ["its proxy"]
    assert _waits_for(service, "uid-2", clusterIP="10.244.240.2") == ["its proxy"]
