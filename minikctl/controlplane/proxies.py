"""Proxies: the pods that hold Services' addresses, and what they are told to do (kube-proxy's place).

Rules:
- Each Service with a virtual address has one proxy Pod, an nginx that adds the address to its interface and
  listens there; node ports are its host ports. A LoadBalancer's own ports, which somebody else on the host
  may have, are those of a second one: that it can't start takes nothing from the first.
- They are ordinary Pods owned by the Service: the kubelet restarts them, their labels bring them back, and
  they go with their Service.
- What a proxy forwards is not part of its Pod. It is a program (`program`), and the kubelet tells it to the
  container that runs; a Pod is only made anew when its address or its host ports change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import Enum
from typing import Any

from msgspec import Struct

from minikctl.controlplane.decision import Decision, Ids
from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, annotations_of, controller_reference, key_of, spec_of, status_of
from minikctl.model.defaults import set_defaults
from minikctl.model.hashing import spec_hash
from minikctl.model.networks import prefix_length
from minikctl.model.pods import start_error
from minikctl.model.services import Target, cluster_ip, kind_of, ports_of, publishes, targets
from minikctl.model.timestamps import format_time

SYSTEM_NAMESPACE = "kube-system"
INGRESS_PROXY = ObjectKey("Pod", SYSTEM_NAMESPACE, "ingress")
"""The one proxy of all Ingresses."""
ROLE = "minikctl.io/proxy"
"""A label of proxy pods: which of a Service's proxies it is."""
SERVICE = "minikctl.io/service"
"""An annotation of proxy pods: NAMESPACE/NAME."""
ALLOCATED = "minikctl.io/allocated"
"""An annotation of proxy pods: the Service's addresses and node ports, for when state.db is lost."""
MADE_FROM = "minikctl.io/proxy-hash"
"""An annotation: of what the Pod was made from. Another image alone does not make it anew."""
CRITICAL = "system-cluster-critical"
"""Nobody's pod is worth a Service."""
CONTAINER = "nginx"
WORKPLACE = "/tmp"
CONFIGURATION = f"{WORKPLACE}/minikctl-proxy.conf"
PROCESS_ID = f"{WORKPLACE}/minikctl-proxy.pid"
_GRACE_SECONDS = 1
_TCP_IDLE = "24h"
_UDP_IDLE = "60s"

HEAD = f"""user nginx;
daemon off;
pid {PROCESS_ID};
worker_processes 1;
error_log /dev/stderr warn;
events {{ worker_connections 4096; }}
"""
_START = f"""
set -e
for address in "$@"; do
    ip addr add "$address" dev eth0 2>/dev/null || ip addr show dev eth0 | grep -qF "$address"
done
cat >{CONFIGURATION} <<'END'
{HEAD}END
exec nginx -c {CONFIGURATION}
"""
_TELL = f"""
set -e
until [ -s {PROCESS_ID} ]; do sleep 0.02; done
printf '%s' "$@" >{CONFIGURATION}.new
[ "$0" = tell ] || nginx -t -q -c {CONFIGURATION}.new
mv {CONFIGURATION}.new {CONFIGURATION}
workers=/proc/1/task/1/children
before=$(cat $workers 2>/dev/null || true)
kill -HUP 1
for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ "$(cat $workers 2>/dev/null)" = "$before" ] || exit 0
    sleep 0.02
done
"""
"""Waits until nginx runs (it must be able to hear the signal), then until its new worker does."""
_LONGEST_WORD = 100_000
"""Bytes of one argument; Linux takes 128 KiB."""


class Role(Enum):
    CLUSTER = "cluster"
    """Holds the Service's address, and its node ports."""
    BALANCER = "balancer"
    """Publishes a LoadBalancer's ports on the host."""
    INGRESS = "ingress"
    """Of no Service: leads where the Ingresses do (`ingress`)."""


OF_SERVICES = (Role.CLUSTER, Role.BALANCER)


class Program(Struct, frozen=True):
    """What a proxy forwards: its configuration, and the pods' addresses in it."""

    text: str
    addresses: frozenset[str]
    files: tuple[tuple[str, str], ...] = ()
    """Names in `WORKPLACE` and texts of what is put there before: secrets, which no command line may show."""
    is_tested: bool = False
    """Whether nginx is asked first what it thinks of it."""

    @property
    def command(self) -> tuple[str, ...]:
        """What is run in the proxy's container to make it so. Returns when new connections follow it."""
        words = [self.text[at : at + _LONGEST_WORD] for at in range(0, len(self.text), _LONGEST_WORD)]
        return ("sh", "-c", _TELL, "test" if self.is_tested else "tell", *words)


# --- their pods ------------------------------------------------------------------------------------


def is_proxy(pod: Object) -> bool:
    metadata = pod["metadata"]
    role = (metadata.get("labels") or {}).get(ROLE)
    if role is None or metadata.get("namespace") != SYSTEM_NAMESPACE:
        return False
    return SERVICE in annotations_of(pod) or role == Role.INGRESS.value


def is_ingress_proxy(pod: Object) -> bool:
    return is_proxy(pod) and role_of(pod) is Role.INGRESS


def service_of(pod: Object) -> ObjectKey:
    """The Service that a proxy pod works for, where it is one of a Service."""
    namespace, _, name = annotations_of(pod)[SERVICE].partition("/")
    return ObjectKey("Service", namespace, name)


def role_of(pod: Object) -> Role:
    return Role(pod["metadata"]["labels"][ROLE])


def pod_key(service: ObjectKey, role: Role) -> ObjectKey:
    """One name for life: the next one is made when the one before is gone, as both have the same address."""
    return ObjectKey("Pod", SYSTEM_NAMESPACE, f"{service.name}.{service.namespace}.{role.value}")


def pod_keys(service: ObjectKey) -> list[ObjectKey]:
    return [pod_key(service, role) for role in OF_SERVICES]


def roles(service: Object) -> list[Role]:
    """The proxies that the Service needs now."""
    if not cluster_ip(service) or not ports_of(service):
        return []
    return [Role.CLUSTER, Role.BALANCER] if kind_of(service) == "LoadBalancer" else [Role.CLUSTER]


def make_pod(service: Object, role: Role, network: str, image: str, uid: str, now: float) -> Object:
    """The Pod, with all defaults."""
    annotations = {
        SERVICE: f"{key_of(service).namespace}/{key_of(service).name}",
        ALLOCATED: json.dumps(allocated(service), sort_keys=True),
        MADE_FROM: made_from(service, role, network),
    }
    spec = _spec(service, role, network, image)
    return new_pod(pod_key(key_of(service), role), role, annotations, service, spec, uid, now)


def new_pod(
    key: ObjectKey,
    role: Role,
    annotations: dict[str, str],
    owner: Object,
    spec: dict[str, Any],
    uid: str,
    now: float,
) -> Object:
    metadata: dict[str, Any] = {
        "name": key.name,
        "namespace": key.namespace,
        "uid": uid,
        "creationTimestamp": format_time(now),
        "generation": 1,
        "labels": {ROLE: role.value, "app.kubernetes.io/managed-by": "minikctl"},
        "annotations": annotations,
        "ownerReferences": [controller_reference(owner)],
    }
    important = {**spec, "priorityClassName": CRITICAL}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": important}
    return {**set_defaults(pod), "status": {"phase": "Pending"}}


def made_from(service: Object, role: Role, network: str) -> str:
    return spec_hash(_spec(service, role, network, ""))


def allocated(service: Object) -> dict[str, Any]:
    ports = {port_name(port): port["nodePort"] for port in ports_of(service) if "nodePort" in port}
    return {"clusterIP": cluster_ip(service), "nodePorts": ports}


def port_name(port: dict[str, Any]) -> str:
    return f"{port['port']}/{port.get('protocol', 'TCP')}"


def _spec(service: Object, role: Role, network: str, image: str) -> dict[str, Any]:
    spec = pod_spec(image, _held(service, role, network), _host_ports(service, role))
    spec["containers"][0]["securityContext"] = {"capabilities": {"add": ["NET_ADMIN"]}}
    return spec


def pod_spec(image: str, held: list[str], ports: list[dict[str, Any]]) -> dict[str, Any]:
    """`held` are the addresses that it adds to its own, with their prefix."""
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", _START, "proxy", *held],
    }
    if ports:
        container["ports"] = ports
    return {
        "containers": [container],
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "tolerations": [{"operator": "Exists"}],
    }


def _held(service: Object, role: Role, network: str) -> list[str]:
    if role is Role.BALANCER:
        return []
    return [f"{cluster_ip(service)}/{prefix_length(network)}"]


def _host_ports(service: Object, role: Role) -> list[dict[str, Any]]:
    if role is Role.CLUSTER and not publishes(service):
        return []
    field = "nodePort" if role is Role.CLUSTER else "port"
    return [
        {
            "containerPort": port[field],
            "hostPort": port[field],
            "protocol": port.get("protocol", "TCP"),
        }
        for port in ports_of(service)
        if field in port
    ]


def keep_namespace(view: View, decision: Decision, now: float, ids: Ids) -> None:
    """The namespace of proxies is there."""
    if view.get(ObjectKey("Namespace", "", SYSTEM_NAMESPACE)) is None:
        metadata = {
            "name": SYSTEM_NAMESPACE,
            "uid": ids.uid(),
            "creationTimestamp": format_time(now),
            "generation": 1,
            "labels": {"kubernetes.io/metadata.name": SYSTEM_NAMESPACE},
        }
        decision.put(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": metadata,
                "spec": {"finalizers": ["kubernetes"]},
                "status": {"phase": "Active"},
            }
        )


def trouble_of(pod: Object) -> str:
    """Why it does not run, in its status' words; "" where nothing says so (any more)."""
    for one in status_of(pod).get("containerStatuses") or ():
        waiting = (one.get("state") or {}).get("waiting") or {}
        if why := start_error(one) or waiting.get("message"):
            return str(why)
    for condition in status_of(pod).get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message", ""))
    return ""


# --- their programs --------------------------------------------------------------------------------


def program(service: Object, role: Role, slices: Iterable[Object]) -> Program:
    """A port without an endpoint is not listened on: who connects is refused, as by kube-proxy."""
    known = list(slices)
    blocks: list[str] = []
    addresses: set[str] = set()
    for number, port in enumerate(ports_of(service)):
        found = targets(port, known)
        listens = _listens(service, port, role)
        if found and listens and port.get("protocol", "TCP") in ("TCP", "UDP"):
            blocks.append(_upstream(f"port{number}", service, found))
            blocks.append(_server(f"port{number}", service, port, role, listens))
            addresses.update(one.address for one in found)
    text = HEAD + (f"stream {{\n{''.join(blocks)}}}\n" if blocks else "")
    return Program(text, frozenset(addresses))


def _listens(service: Object, port: dict[str, Any], role: Role) -> list[str]:
    if role is Role.BALANCER:
        return [str(port["port"])]
    listens = [f"{cluster_ip(service)}:{port['port']}"]
    if publishes(service) and "nodePort" in port:
        listens.append(str(port["nodePort"]))
    return listens


def _upstream(name: str, service: Object, found: list[Target]) -> str:
    affinity = spec_of(service).get("sessionAffinity") == "ClientIP"
    lines = ["        hash $remote_addr consistent;\n"] if affinity else []
    lines += [f"        server {one.address}:{one.port} max_fails=1 fail_timeout=1s;\n" for one in found]
    return f"    upstream {name} {{\n{''.join(lines)}    }}\n"


def _server(name: str, service: Object, port: dict[str, Any], role: Role, listens: list[str]) -> str:
    udp = port.get("protocol", "TCP") == "UDP"
    options = " udp" if udp else " so_keepalive=on backlog=4096"
    lines = [f"        listen {listen}{options};\n" for listen in listens]
    if role is Role.BALANCER and (ranges := spec_of(service).get("loadBalancerSourceRanges")):
        lines += [f"        allow {one.strip()};\n" for one in ranges]
        lines.append("        deny all;\n")
    lines.append(f"        proxy_pass {name};\n        proxy_connect_timeout 1s;\n")
    lines.append(f"        proxy_timeout {_UDP_IDLE if udp else _TCP_IDLE};\n")
    if not udp:
        lines.append("        proxy_half_close on;\n        proxy_buffer_size 128k;\n")
    return f"    server {{\n{''.join(lines)}    }}\n"
