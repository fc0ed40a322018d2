"""What proxies are told: the kernel takes it and does what people count on; what it can't take is said."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from engines import rig

from e2e.beside import beside
from e2e.places import everywhere
from e2e.stage import Stage, until
from e2e.test_services import address, answers, naming, service, stage_get, web
from minikctl.controlplane.forwarding import program
from minikctl.controlplane.proxies import OF_SERVICES
from minikctl.controlplane.site import PROXY_IMAGE
from minikctl.model import Object

SEEDS = 25


class RandomService:
    """A Service as people may write it, with its endpoints."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.ports = [self._port(number) for number in range(self.random.randint(1, 5))]
        self.role = self.random.choice(OF_SERVICES)

    def _port(self, number: int) -> dict[str, Any]:
        protocol = self.random.choice(("TCP", "TCP", "UDP"))
        port = {"name": f"p{number}", "protocol": protocol, "port": self.random.randint(1, 65535)}
        return {**port, "nodePort": 30000 + number} if self.random.random() < 0.5 else port

    def service(self) -> Object:
        spec: dict[str, Any] = {"clusterIP": "172.17.240.1", "type": "LoadBalancer", "ports": self.ports}
        if self.random.random() < 0.5:
            timeout = self.random.choice((1, 10800, 86400))
            config = {"clientIP": {"timeoutSeconds": timeout}}
            spec |= {"sessionAffinity": "ClientIP", "sessionAffinityConfig": config}
        if self.random.random() < 0.5:
            spec["loadBalancerSourceRanges"] = ["10.0.0.0/8", "192.0.2.7/32", "10.1.0.0/16", "2001:db8::/32"]
        metadata = {"name": "web", "namespace": "default", "uid": "u"}
        return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}

    def slice(self) -> Object:
        ready = {"ready": True}
        numbers = range(2, 2 + self.random.choice((0, 1, 2, 7, 300)))
        addresses = [f"172.17.{number // 250}.{number % 250 + 2}" for number in numbers]
        return {
            "addressType": "IPv4",
            "ports": [
                {"name": one["name"], "protocol": one["protocol"], "port": self.random.randint(1, 65535)}
                for one in self.ports
            ],
            "endpoints": [{"addresses": [one], "conditions": ready} for one in addresses],
        }


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_the_kernel_takes_whatever_is_told(stage: Stage) -> None:
    """One program after the other in the same namespace, as when a Service and its endpoints change."""
    found = [RandomService(seed) for seed in range(SEEDS)]
    programs = [program(one.service(), one.role, [one.slice()]) for one in found]
    texts = [one.text for one in programs]
    assert any("senders" in text for text in texts) and any("map clients" in text for text in texts)
    assert max(map(len, texts)) > 128 * 1024, "longer than one argument may be"
    options = ("--detach", "--rm", "--cap-add", "NET_ADMIN")
    name = stage.place.name
    proxy = rig.client(name, "run", *options, PROXY_IMAGE, "sleep", "60").strip()
    try:
        for one in programs:
            rig.client(name, "exec", proxy, *one.command)
            told = rig.client(name, "exec", proxy, "nft", "list", "ruleset").replace("dnat ip to", "dnat to")
            assert told.count(" dnat to ") == one.text.count(" dnat to "), one.text
    finally:
        rig.client(name, "rm", "--force", proxy)


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_a_proxy_that_cannot_be_told_is_a_failure(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stage.write("web.yaml", naming(1), service())
    monkeypatch.setenv("MINIKCTL_PROXY_IMAGE", "busybox:1.36")
    failed = stage.fails("apply", "-f", path, "--timeout=60s")
    assert "error: service/web: the proxy does not serve: exit code 127: " in failed.err
    assert "nft: not found" in stage.ok("describe", "svc", "web").out


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_what_is_open_stays_while_no_pod_is_ready(stage: Stage) -> None:
    probe = {"exec": {"command": ["test", "-e", "/usr/share/nginx/html/index.html"]}, "periodSeconds": 1}
    stage.ok(
        "apply",
        "-f",
        stage.write("web.yaml", web(1, readinessProbe={**probe, "failureThreshold": 1}), service()),
    )
    stage.start_agent()
    (pod,) = stage.pod_names()
    with beside(stage, KEPT, address(stage)) as kept:
        assert kept.ask() == "200"
        inside(stage, pod, "mv", "/usr/share/nginx/html/index.html", "/tmp")
        until("nobody is let in", lambda: not answers(stage), seconds=15)
        assert kept.ask() == "403"
        inside(stage, pod, "mv", "/tmp/index.html", "/usr/share/nginx/html")
        until("somebody is let in", lambda: answers(stage), seconds=15)
        assert kept.ask() == "200"


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_a_client_moves_once(stage: Stage) -> None:
    """It stays with the pod that it was moved to, also when its first one is ready again."""
    made = naming(2)
    probe = {"exec": {"command": ["test", "!", "-e", "/tmp/ill"]}, "periodSeconds": 1, "failureThreshold": 1}
    made["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = probe
    stage.ok("apply", "-f", stage.write("web.yaml", made, service(sessionAffinity="ClientIP")))
    stage.start_agent()

    def answering(times: int = 5) -> set[str]:
        return {stage_get(stage, address(stage)).strip() for _ in range(times)}

    (first,) = answering()
    (second,) = stage.pod_names() - {first}
    inside(stage, first, "touch", "/tmp/ill")
    until("it is moved", lambda: answering(1) == {second}, seconds=15)
    inside(stage, first, "rm", "/tmp/ill")
    stage.ok("wait", "pod", first, "--for=condition=Ready", "--timeout=15s")
    time.sleep(0.3)
    assert answering() == {second}


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_datagrams_from_one_port_follow_their_endpoint(stage: Stage) -> None:
    """Who sends from the same port for ever is not left with a dead pod, nor moved from one that lives."""
    said = "user nginx; daemon off; events {} stream { server { listen 5353 udp; return $hostname; } }"
    command = ["sh", "-c", f"echo '{said}' >/tmp/conf; exec nginx -c /tmp/conf"]
    made = web(1, "nginx:1.29-alpine", command=command)
    made["spec"]["template"]["spec"]["containers"][0]["ports"] = [
        {"name": "dns", "containerPort": 5353, "protocol": "UDP"}
    ]
    ports = [{"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"}]
    stage.ok("apply", "-f", stage.write("web.yaml", made, service(ports=ports)))
    with beside(stage, DATAGRAMS, address(stage)) as sender:
        (before,) = stage.pod_names()
        assert sender.ask() == before
        stage.ok("delete", "pod", before)
        stage.ok("rollout", "status", "deploy/web", "--timeout=30s")
        (after,) = stage.pod_names()
        assert after != before and sender.ask() == after
        stage.ok("scale", "deploy/web", "--replicas=5")
        assert sender.ask() == after


def inside(stage: Stage, pod: str, *command: str) -> None:
    (one,) = (one for one in stage.running() if one.pod == pod and one.container == "main")
    rig.client(stage.place.name, "exec", one.id, *command)


KEPT = """
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], timeout=3)
connection.connect()
connection.auto_open = False
for _ in sys.stdin:
    connection.request("GET", "/")
    answer = connection.getresponse()
    answer.read()
    print(answer.status, flush=True)
"""
DATAGRAMS = """
import socket, sys
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.settimeout(3)
for _ in sys.stdin:
    asking.sendto(b"who", (sys.argv[1], 53))
    print(asking.recv(100).decode(), flush=True)
"""
