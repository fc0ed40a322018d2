"""Proxies: the pods that hold Services' addresses, and what they are told to do (kube-proxy's place).

Rules:
- Each Service with a virtual address has one proxy Pod, which adds the address to its interface; the kernel
  forwards what comes there (`forwarding`). Node ports are its host ports. A LoadBalancer's own ports, which
  somebody else on the host may have, are those of a second one: that it can't start takes nothing from the
  first.
- They are ordinary Pods owned by the Service: the kubelet restarts them, their labels bring them back, and
  they go with their Service.
- What a proxy forwards is not part of its Pod. It is a program, and the kubelet tells it to the container
  that runs; a Pod is only made anew when its address or its host ports change.
- A proxy is ready when its container runs and has been told; that is a readiness gate of its Pod.
"""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

from msgspec import Struct

from minikctl.controlplane.decision import Decision, Ids, with_status
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    annotations_of,
    conditions,
    controller_reference,
    key_of,
    spec_of,
    status_of,
)
from minikctl.model.defaults import set_defaults
from minikctl.model.hashing import spec_hash
from minikctl.model.networks import prefix_length
from minikctl.model.pods import is_ready, start_error
from minikctl.model.services import cluster_ip, kind_of, ports_of, publishes
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
PROGRAMMED = "minikctl.io/Programmed"
"""A condition of proxy pods: whether they do what they were told last."""
_MISLED = "FailedToTell"
CRITICAL = "system-cluster-critical"
"""Nobody's pod is worth a Service."""
CONTAINER = "proxy"
WORKPLACE = "/tmp"
_START = """
set -e
for address in "$@"; do
    ip addr add "$address" dev eth0 2>/dev/null || ip addr show dev eth0 | grep -qF "$address"
    arping -U -c 2 -I eth0 "${address%/*}" >/dev/null 2>&1 &
done
trap 'exit 0' TERM
while :; do sleep 3600 & wait $!; done
"""
"""Takes the addresses that it adds to its own, with their prefix. Neighbours are told that these are here:
who remembers the proxy before would go on to ask it for half a minute."""
_SYSCTLS = {"net.ipv4.ip_early_demux": "0", "net.ipv4.ip_forward": "1"}
"""It forwards, and has no connections of its own to look for first."""
_GRACE_SECONDS = 1
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
    """What a proxy forwards, and how it is told."""

    text: str
    addresses: frozenset[str]
    """The pods that it leads to."""
    files: tuple[tuple[str, str], ...] = ()
    """Names in `WORKPLACE` and texts of what is put there before: secrets, which no command line may show."""
    script: str = ""
    """For a shell in the container: takes the text, in pieces, and ends when new connections follow it."""
    settle: float = 0.0
    """Seconds for which a connection may still come to where the program before led."""

    @property
    def command(self) -> tuple[str, ...]:
        """What is run in the proxy's container to make it so."""
        words = [self.text[at : at + _LONGEST_WORD] for at in range(0, len(self.text), _LONGEST_WORD)]
        return ("sh", "-c", self.script, "tell", *words)


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
    command = ["sh", "-c", _START, "proxy", *_held(service, role, network)]
    spec = pod_spec(image, command, _host_ports(service, role))
    spec["containers"][0]["securityContext"] = {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}
    sysctls = [{"name": name, "value": value} for name, value in _SYSCTLS.items()]
    return {**spec, "securityContext": {"sysctls": sysctls}}


def pod_spec(image: str, command: list[str], ports: list[dict[str, Any]]) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
    }
    if ports:
        container["ports"] = ports
    return {
        "containers": [container],
        "enableServiceLinks": False,
        "readinessGates": [{"conditionType": PROGRAMMED}],
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


def programmed(pod: Object, container_id: str, is_told: bool, trouble: str, now: float) -> Object | None:
    """The proxy pod with what is known of its container; None where its status says so already.

    The condition names the container, so that it is of no use to the next one, whoever made that.

    :param is_told: whether this process told the container something; else what another one noted stays.
    :param trouble: why it does not do what it was told; "": it does.
    """
    known = list(status_of(pod).get("conditions") or ())
    found = conditions.find(status_of(pod), PROGRAMMED)
    if not (is_told or trouble) and (found is None or found.get("message") == container_id):
        return None
    facts = ("True", "Told", container_id) if is_told else ("False", "NotToldYet", "")
    if trouble:
        facts = ("False", _MISLED, trouble)
    new = dict(zip(("status", "reason", "message"), facts, strict=True))
    changed = conditions.put(known, {"type": PROGRAMMED, "lastTransitionTime": format_time(now), **new})
    return with_status(pod, {**status_of(pod), "conditions": changed})


def has_useless_image(pod: Object, image: str) -> bool:
    """Whether it does not serve, and another image is to be used by now."""
    return not is_ready(pod) and spec_of(pod)["containers"][0]["image"] != image


def is_misled(pod: Object) -> bool:
    """Whether it runs and can't do what it was told."""
    found = conditions.find(status_of(pod), PROGRAMMED)
    return found is not None and found.get("reason") == _MISLED


def trouble_of(pod: Object) -> str:
    """Why it does not serve, in its status' words; "" where nothing says so (any more)."""
    for one in status_of(pod).get("containerStatuses") or ():
        waiting = (one.get("state") or {}).get("waiting") or {}
        if why := start_error(one) or waiting.get("message"):
            return str(why)
    kind = PROGRAMMED if is_misled(pod) else "PodScheduled"
    found = conditions.find(status_of(pod), kind)
    return str(found.get("message", "")) if found is not None and found["status"] == "False" else ""
