"""Services: names, addresses and ports that lead to whatever pods there are, while these come and go."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engines import rig

from e2e.beside import beside
from e2e.places import everywhere
from e2e.stage import Stage, deployment, pod, until

LOAD = Path(__file__).with_name("load.py")
RATE = 200
EFFECT_SECONDS = 0.2
"""From a pod that is ready to the first connection that it gets."""


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    spec = {"selector": {"app": name}, "ports": ports, **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def web(replicas: int = 2, image: str = "nginx:1.27", **container: Any) -> dict[str, Any]:
    """Pods whose first line names their image."""
    made = deployment(replicas=replicas, image=image)
    spec = made["spec"]["template"]["spec"]
    spec["terminationGracePeriodSeconds"] = 5
    main = spec["containers"][0]
    del main["command"]
    main |= {"ports": [{"name": "http", "containerPort": 80}], **container}
    return made


def naming(replicas: int = 2) -> dict[str, Any]:
    """Pods that answer with their name, on a port that is not the Service's."""
    made = web(replicas, "busybox:1.36")
    serve = "mkdir /w; hostname >/w/index.html; httpd -p 8080 -h /w"
    script = f"{serve}; trap 'exit 0' TERM; while :; do sleep 0.1; done"
    main = made["spec"]["template"]["spec"]["containers"][0]
    main |= {"command": ["sh", "-c", script], "ports": [{"name": "http", "containerPort": 8080}]}
    return made


def address(stage: Stage, name: str = "web") -> str:
    (found,) = (one for one in stage.get("services") if one["metadata"]["name"] == name)
    return str(found["spec"]["clusterIP"])


def proxies(stage: Stage) -> list[dict[str, Any]]:
    return stage.get("pods", "-n", "kube-system")


def load(stage: Stage, host: str, port: int) -> subprocess.Popen[str]:
    """It goes on until `outcome` asks for what came of it."""
    command = [str(rig.ENGINES_SCRIPT), "exec", stage.place.name, sys.executable, str(LOAD)]
    pipe = subprocess.PIPE
    words = [*command, host, str(port), str(RATE)]
    return subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def outcome(running: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def fetch(stage: Stage, url: str, name: str = "client") -> str:
    """What a pod gets from there."""
    command = ["sh", "-c", f"wget -q -T 2 -O - {url}"]
    spec = {
        "restartPolicy": "Never",
        "containers": [{"name": "c", "image": "busybox:1.36", "command": command}],
    }
    stage.ok("apply", "-f", stage.write(f"{name}.yaml", pod(name, spec)), "--wait=false")
    stage.ok("wait", f"pod/{name}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=20s")
    text = stage.ok("logs", name).out
    stage.ok("delete", "pod", name, "--now")
    return text


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_names_and_ports_lead_to_pods(stage: Stage) -> None:
    stage.ok("apply", "-f", stage.write("web.yaml", naming(), service(type="NodePort")))
    (found,) = stage.get("services")
    (port,) = found["spec"]["ports"]
    assert port["nodePort"] in range(30000, 32768)
    (endpoints,) = stage.get("endpointslices")
    assert endpoints["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    assert {one["targetRef"]["name"] for one in endpoints["endpoints"]} == stage.pod_names()
    assert all(one["conditions"]["ready"] for one in endpoints["endpoints"])
    assert stage.ok("get", "svc", "web", "--no-headers").out.split()[:5] == [
        "web",
        "NodePort",
        address(stage),
        "<none>",
        f"80:{port['nodePort']}/TCP",
    ]
    if not stage.place.is_real:
        return
    for name in ("web", "web.default.svc", "web.default.svc.cluster.local"):
        assert fetch(stage, f"http://{name}/").strip() in stage.pod_names()
    answered = {stage.place.http(port["nodePort"]).strip() for _ in range(30)}
    assert answered == stage.pod_names()


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_an_address_stays_while_pods_come_and_go_and_when_state_db_is_lost(stage: Stage) -> None:
    stage.ok("apply", "-f", stage.write("web.yaml", web(), service()))
    before, runs = address(stage), stage.runs()
    (proxy,) = proxies(stage)
    stage.ok("rollout", "restart", "deploy/web")
    stage.ok("rollout", "status", "deploy/web")
    assert address(stage) == before
    assert [one["metadata"]["uid"] for one in proxies(stage)] == [proxy["metadata"]["uid"]]
    runs = stage.runs()
    for path in stage.state.glob("state.db*"):
        path.unlink()
    stage.ok("agent", "run", "--once")
    assert address(stage) == before
    assert stage.runs() == runs
    if stage.place.is_real:
        assert "Welcome" in stage_get(stage, before)
    stage.ok("delete", "service", "web")
    until("the proxy is gone", lambda: not [one for one in stage.running() if one.container == "proxy"])


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_an_address_serves_at_once_whatever_became_of_its_proxy(stage: Stage) -> None:
    """Neighbours know the proxy before by its hardware address."""
    stage.ok("apply", "-f", stage.write("web.yaml", web(1)))
    one = stage.write("service.yaml", service())

    def serves(seconds: float) -> None:
        until("it answers", lambda: answers(stage), seconds=seconds)

    for _ in range(3):
        stage.ok("apply", "-f", one)
        serves(1)
        stage.ok("delete", "service", "web")
    stage.ok("apply", "-f", one)
    before = address(stage)
    serves(1)
    for kind in ("NodePort", "ClusterIP"):
        stage.ok("patch", "svc", "web", "-p", json.dumps({"spec": {"type": kind}}))
        assert address(stage) == before
        serves(1)
    stage.ok("label", "svc", "web", "still=valid")
    stage.start_agent()
    (proxy,) = (one for one in stage.running() if one.container == "proxy")
    rig.client(stage.place.name, "rm", "--force", proxy.id)
    until("another one runs", lambda: [one for one in stage.running() if one.container == "proxy"])
    serves(3)


def stage_get(stage: Stage, host: str) -> str:
    script = f"import urllib.request as r; print(r.urlopen('http://{host}/', timeout=2).read().decode())"
    return rig.run_beside(stage.place.name, sys.executable, "-c", script)


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_only_ready_pods_get_traffic_and_soon(stage: Stage) -> None:
    probe = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1}
    made = naming(1)
    made["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = probe
    stage.ok("apply", "-f", stage.write("web.yaml", made, service()), "--wait=false")
    stage.start_agent()
    until("the pod runs", lambda: [one for one in stage.running() if one.container == "main"])
    until("the proxy runs", lambda: [one for one in stage.running() if one.container == "proxy"])
    (one,) = (one for one in stage.running() if one.container == "main")
    with pytest.raises(RuntimeError, match="refused"):
        stage_get(stage, address(stage))
    rig.client(stage.place.name, "exec", one.id, "touch", "/tmp/ready")
    until("it is ready", lambda: [one for one in stage.pods() if _is_ready(one)], seconds=10)
    time.sleep(EFFECT_SECONDS)
    assert one.pod in stage_get(stage, address(stage))

    runs = stage.runs()
    rig.client(stage.place.name, "exec", one.id, "rm", "/tmp/ready")
    until("nobody is led to it any more", lambda: not answers(stage), seconds=15)
    assert stage.runs() == runs, "it stays, and so does the proxy"
    (found,) = stage.pods()
    assert found["status"]["containerStatuses"][0]["restartCount"] == 0


def answers(stage: Stage) -> bool:
    try:
        stage_get(stage, address(stage))
    except RuntimeError:
        return False
    return True


def _is_ready(one: dict[str, Any]) -> bool:
    found = one["status"].get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in found)


def _roll(stage: Stage) -> None:
    stage.ok("set", "image", "deploy/web", "main=nginx:1.28")
    stage.ok("rollout", "status", "deploy/web", "--timeout=60s")


def _undo(stage: Stage) -> None:
    _roll(stage)
    stage.ok("rollout", "undo", "deploy/web")
    stage.ok("rollout", "status", "deploy/web", "--timeout=60s")


def _scale(stage: Stage) -> None:
    for count in (2, 6, 2):
        stage.ok("scale", "deploy/web", f"--replicas={count}")
        stage.ok("rollout", "status", "deploy/web", "--timeout=60s")


@pytest.mark.parametrize("change", [_roll, _undo, _scale], ids=["update", "undo", "scale"])
@pytest.mark.parametrize("has_agent", [True, False], ids=["agent", "no-agent"])
@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_no_request_fails_during(
    stage: Stage, has_agent: bool, change: Callable[[Stage], None], record_property: Any
) -> None:
    stage.ok("apply", "-f", stage.write("web.yaml", web(3), service()))
    if has_agent:
        stage.start_agent()
    running, began = load(stage, address(stage), 80), time.monotonic()
    time.sleep(0.5)
    change(stage)
    time.sleep(0.5)
    lasted = time.monotonic() - began
    found = outcome(running)
    record_property("requests, slowest in seconds", f"{found['sent']}, {found['slowest']}")
    assert found["failed"] == 0, found
    assert found["sent"] > 0.5 * RATE * lasted, "too few to prove anything"


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_headless_names_udp_affinity_and_load_balancers(stage: Stage) -> None:
    made = naming(2)
    said = "user nginx; daemon off; events {} stream { server { listen 5353 udp; return pong; } }"
    command = ["sh", "-c", f"echo '{said}' >/tmp/conf; exec nginx -c /tmp/conf"]
    echoing = {"name": "echo", "image": "nginx:1.29-alpine", "command": command}
    made["spec"]["template"]["spec"]["containers"].append(echoing)
    headless = service("all", selector={"app": "web"}, clusterIP="None")
    ports = [
        {"name": "http", "port": 8099, "targetPort": "http"},
        {"name": "dns", "port": 53, "targetPort": 5353, "protocol": "UDP"},
    ]
    balanced = service(type="LoadBalancer", ports=ports, sessionAffinity="ClientIP")
    stage.ok("apply", "-f", stage.write("web.yaml", made, headless, balanced))
    names = fetch(stage, "http://all:8080/; cat /etc/hosts").split("\n")
    assert names[0] in stage.pod_names()
    led_to = {line.split("\t")[0] for line in names if line.endswith("all.default.svc.cluster.local")}
    assert led_to == {one["status"]["podIP"] for one in stage.pods()}
    assert stage.ok("get", "svc", "web", "--no-headers").out.split()[3] != "<pending>"
    answered = {stage.place.http(8099).strip() for _ in range(6)}
    assert len(answered) == 1 and answered < stage.pod_names()
    stage.ok("scale", "deploy/web", "--replicas=5")
    assert {stage.place.http(8099).strip() for _ in range(6)} == answered, "others that come change nothing"
    assert "b'pong'" in rig.run_beside(stage.place.name, sys.executable, "-c", DATAGRAM, address(stage))


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_external_names_lead_out_and_to_services(stage: Stage) -> None:
    def other(name: str, target: str) -> dict[str, Any]:
        metadata = {"name": name}
        spec = {"type": "ExternalName", "externalName": target}
        return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}

    inside = other("inside", "web.default.svc.cluster.local")
    documents = [naming(1), service(), inside, other("outside", "localhost"), other("nowhere", "a.invalid")]
    stage.ok("apply", "-f", stage.write("web.yaml", *documents))
    names = fetch(stage, "http://inside/; cat /etc/hosts").split("\n")
    assert names[0] in stage.pod_names()
    assert "127.0.0.1\toutside outside.default outside.default.svc outside.default.svc.cluster.local" in names
    assert "ExternalNameNotResolved" in stage.ok("get", "events").out
    assert stage.ok("get", "svc", "outside", "--no-headers").out.split()[1:4] == [
        "ExternalName",
        "<none>",
        "localhost",
    ]


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_a_load_balancer_whose_port_is_taken_says_so(stage: Stage) -> None:
    first = service(type="LoadBalancer", ports=[{"port": 8098, "targetPort": "http"}])
    second = {**first, "metadata": {"name": "second"}}
    stage.ok("apply", "-f", stage.write("web.yaml", naming(1), first))
    stage.ok("apply", "-f", stage.write("second.yaml", second))
    stage.start_agent()
    until("it is told", lambda: "SyncLoadBalancerFailed" in stage.ok("describe", "svc", "second").out)
    assert stage.ok("get", "svc", "second", "--no-headers").out.split()[3] == "<pending>"


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_a_node_port_that_is_taken_is_a_failure_until_it_is_free(stage: Stage) -> None:
    with beside(stage, HOLDER) as holder:
        port = int(holder.ask())
        published = service(type="NodePort", ports=[{"port": 80, "targetPort": "http", "nodePort": port}])
        path = stage.write("web.yaml", naming(1), published)
        failed = stage.fails("apply", "-f", path, "--timeout=60s")
        assert "the proxy does not serve: " in failed.err and str(port) in failed.err
        assert "FailedToServe" in stage.ok("describe", "svc", "web").out
    stage.ok("apply", "-f", path, "--timeout=60s")
    assert stage.place.http(port)


HOLDER = """
import socket, sys
with socket.create_server(("0.0.0.0", 0)) as held:
    for _ in sys.stdin:
        print(held.getsockname()[1], flush=True)
"""
DATAGRAM = """
import socket, sys
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.settimeout(3)
asking.sendto(b"ping", (sys.argv[1], 53))
print(asking.recv(100))
"""
