"""Pods on the machine's network, pods with name servers of their own, pods that want their whole name."""

from __future__ import annotations

import socket
from functools import partial
from typing import Any

import pytest

from e2e.places import everywhere
from e2e.stage import Stage, pod, until


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("", 0))
        port: int = listener.getsockname()[1]
        return port


def serving(port: int, **spec: Any) -> dict[str, Any]:
    """A pod on the machine's network that answers its own name there, ready when it does."""
    serve = f"mkdir /w; echo $NAME at $IP >/w/index.html; httpd -p {port} -h /w"
    script = f"{serve}; trap 'exit 0' TERM; while :; do sleep 0.1; done"
    fields = {"NAME": "metadata.name", "IP": "status.podIP"}
    env = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()]
    container = {
        "name": "main",
        "image": "busybox:1.36",
        "command": ["sh", "-c", script],
        "ports": [{"name": "http", "containerPort": port}],
        "env": env,
        "readinessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 1},
    }
    made = pod("onhost", {"hostNetwork": True, "terminationGracePeriodSeconds": 2, **spec})
    made["metadata"]["labels"] = {"app": "onhost"}
    made["spec"]["containers"] = [container]
    return made


def service(port: int) -> dict[str, Any]:
    ports = [{"port": 80, "targetPort": "http"}]
    spec = {"selector": {"app": "onhost"}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "onhost"}, "spec": spec}


def idle(name: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "busybox:1.36", "command": ["sleep", "3600"]}
    return pod(name, {"terminationGracePeriodSeconds": 0, "containers": [container], **spec})


def said(stage: Stage, name: str, *command: str) -> str:
    place = ("--state-dir", str(stage.state), "--backend", stage.place.backend)
    return stage.ok("exec", *place, name, "--", *command).out


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_a_pod_on_the_machines_network_is_probed_and_served(stage: Stage) -> None:
    port = free_port()
    spec = {"dnsPolicy": "ClusterFirstWithHostNet"}
    stage.ok("apply", "-f", stage.write("pods.yaml", serving(port, **spec), service(port), idle("other")))
    (found,) = (one for one in stage.pods() if one["metadata"]["name"] == "onhost")
    assert found["status"]["podIP"] == found["status"]["hostIP"]
    assert found["spec"]["containers"][0]["ports"][0]["hostPort"] == port
    answer = "onhost at " + found["status"]["podIP"]
    assert stage.place.http(port).strip() == answer, "it is on the machine's own network"
    address = stage.get("services")[0]["spec"]["clusterIP"]
    for url in (f"http://{address}/", "http://onhost/", f"http://{found['status']['hostIP']}:{port}/"):
        reached = until(url, partial(said, stage, "other", "wget", "-qO-", "-T2", url)).strip()
        assert reached == answer
    assert said(stage, "onhost", "wget", "-qO-", "-T2", "http://onhost.default.svc/").strip() == answer
    assert said(stage, "onhost", "cat", "/etc/hosts").startswith("# Kubernetes-managed hosts file (host")
    (other,) = (one for one in stage.get("pods") if one["metadata"]["name"] == "other")
    assert other["status"]["podIP"] != found["status"]["podIP"]


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_who_is_asked_for_names(stage: Stage) -> None:
    own = {
        "nameservers": ["192.0.2.1"],
        "searches": ["a.example"],
        "options": [{"name": "ndots", "value": "3"}],
    }
    alone = idle("alone", dnsPolicy="None", dnsConfig=own)
    besides = idle("besides", dnsConfig=own)
    onhost = idle("onhost", hostNetwork=True, dnsPolicy="None", dnsConfig=own)
    whole = idle("whole", subdomain="sub", setHostnameAsFQDN=True)
    both = idle("both", subdomain="sub", setHostnameAsFQDN=True)
    both["spec"]["containers"].append({**both["spec"]["containers"][0], "name": "side"})
    stage.ok("apply", "-f", stage.write("pods.yaml", alone, besides, onhost, whole, both))
    for name in ("alone", "onhost"):
        assert resolver(stage, name) == (["192.0.2.1"], ["a.example"], ["ndots:3"]), name
    servers, searches, options = resolver(stage, "besides")
    assert servers[-1] == "192.0.2.1"
    assert "a.example" in searches
    assert "ndots:3" in options
    assert said(stage, "whole", "hostname") == "whole.sub.default.svc.cluster.local\n"
    assert said(stage, "both", "hostname") == "both.sub.default.svc.cluster.local\n"


def resolver(stage: Stage, name: str) -> tuple[list[str], list[str], list[str]]:
    text = said(stage, name, "cat", "/etc/resolv.conf")
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    found = {word: [value for first, *rest in lines if first == word for value in rest] for word in WORDS}
    return found["nameserver"], found["search"], found["options"]


WORDS = ("nameserver", "search", "options")


def test_a_name_that_is_too_long_is_told(stage: Stage) -> None:
    long = idle("p", subdomain="s" * 50, setHostnameAsFQDN=True)
    stage.ok("apply", "-f", stage.write("pod.yaml", long), "--wait=false")
    stage.start_agent()
    until("it is told", lambda: "FailedCreatePodSandBox" in stage.ok("get", "events").out)
    assert stage.ok("get", "pods", "--no-headers").out.split()[1:3] == ["0/1", "ContainerCreating"]
