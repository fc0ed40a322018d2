"""The Service controller: addresses and node ports, EndpointSlices, proxy pods, and the status.

Rules:
- Addresses come from the network of the engine that runs the pods, so they are given here, where that is
  known, and not by the API. A Service keeps what it has got for its life.
- They follow from the cluster's and the Service's names, and from what a running proxy says that it holds:
  after a lost state.db they come out the same.
- An address that people chose must lie in the pods' network and be free; otherwise an event says so, and
  nothing serves it.
"""

from __future__ import annotations

import json
from typing import Any

from minikctl.controlplane.decision import Decision, Ids, with_status
from minikctl.controlplane.endpoints import write_slices
from minikctl.controlplane.mirroring import mirror
from minikctl.controlplane.podcontrol import deleted
from minikctl.controlplane.proxies import (
    ALLOCATED,
    MADE_FROM,
    OF_SERVICES,
    Role,
    has_useless_image,
    keep_namespace,
    made_from,
    make_pod,
    pod_key,
    port_name,
    roles,
    trouble_of,
)
from minikctl.controlplane.reader import Reader
from minikctl.controlplane.site import Site
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    annotations_of,
    conditions,
    is_deleting,
    key_of,
    namespace_of,
    spec_of,
    status_of,
)
from minikctl.model.networks import contains, node_port, service_address
from minikctl.model.pods import is_ready
from minikctl.model.services import HEADLESS, cluster_ip, kind_of, ports_of, publishes
from minikctl.model.timestamps import format_time

COMPONENT = "service-controller"
SERVED, NO_NETWORK = "minikctl.io/Served", "NoPodNetwork"


def reconcile(key: ObjectKey, view: View, now: float, ids: Ids) -> Decision:
    decision = Decision()
    service = view.get(key)
    if service is None or is_deleting(service):
        return decision
    network = pod_network(view)
    service = _with_allocations(service, view, network, ids.site, decision)
    write_slices(service, view, decision, now, ids)
    mirror(service, view, decision, now, ids)
    _keep_proxies(service, view, network, decision, now, ids)
    _write_status(service, view, network, decision, now)
    return decision


def pod_network(view: Reader) -> str:
    """The pods' network as CIDR: of the first node that has one. "": no engine said so yet."""
    found = ((node["metadata"]["name"], spec_of(node).get("podCIDR", "")) for node in view.list("Node"))
    return next((network for _, network in sorted(found) if network), "")


# --- what is given to it ---------------------------------------------------------------------------


def _with_allocations(service: Object, view: View, network: str, site: Site, decision: Decision) -> Object:
    spec = _allocated(service, view, network, site)
    if spec == spec_of(service):
        _tell_out_of_range(service, network, decision)
        return service
    return decision.put({**service, "spec": spec})


def _allocated(service: Object, view: View, network: str, site: Site) -> dict[str, Any]:
    spec = dict(spec_of(service))
    if kind_of(service) == "ExternalName":
        for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            spec.pop(field, None)
        return {**spec, "ports": _without_node_ports(service)} if ports_of(service) else spec
    name = f"{site.cluster_id}/{namespace_of(service)}/{key_of(service).name}"
    held = _held(service, view)
    if not spec.get("clusterIP") and network:
        taken = {cluster_ip(other) for other in view.list("Service") if other is not service}
        wish = held.get("clusterIP", "")
        free = wish not in taken and contains(network, wish)
        spec["clusterIP"] = wish if free else service_address(network, name, taken)
        if spec["clusterIP"] is None:
            del spec["clusterIP"]
    if spec.get("clusterIP"):
        spec["clusterIPs"] = [spec["clusterIP"]]
        if spec["clusterIP"] != HEADLESS or spec.get("selector"):
            spec.setdefault("ipFamilies", ["IPv4"])
            spec.setdefault("ipFamilyPolicy", "SingleStack")
    if ports_of(service):
        wanted = publishes(service)
        spec["ports"] = _node_ports(service, view, held, name) if wanted else _without_node_ports(service)
    return spec


def _without_node_ports(service: Object) -> list[dict[str, Any]]:
    if kind_of(service) == "LoadBalancer":  # allocateLoadBalancerNodePorts: false keeps what people chose
        return ports_of(service)
    return [{name: value for name, value in port.items() if name != "nodePort"} for port in ports_of(service)]


def _node_ports(service: Object, view: View, held: dict[str, Any], name: str) -> list[dict[str, Any]]:
    taken = {
        port["nodePort"]
        for other in view.list("Service")
        for port in ports_of(other)
        if "nodePort" in port and other is not service
    }
    taken.update(port["nodePort"] for port in ports_of(service) if "nodePort" in port)
    result = []
    for port in ports_of(service):
        if "nodePort" not in port:
            wish = (held.get("nodePorts") or {}).get(port_name(port))
            number = wish if wish and wish not in taken else node_port(f"{name}/{port_name(port)}", taken)
            if number is not None:
                port = {**port, "nodePort": number}
                taken.add(number)
        result.append(port)
    return result


def _held(service: Object, view: View) -> dict[str, Any]:
    """What its running proxy says that it was given."""
    pod = view.get(pod_key(key_of(service), Role.CLUSTER))
    try:
        found = json.loads(annotations_of(pod or {}).get(ALLOCATED, "{}"))
        return found if isinstance(found, dict) else {}
    except ValueError:
        return {}


def _tell_out_of_range(service: Object, network: str, decision: Decision) -> None:
    address = cluster_ip(service)
    if address and network and not contains(network, address):
        text = f"Cluster IP {address} is not within the pods' network {network}: nothing serves it"
        decision.tell(service, "ClusterIPOutOfRange", text, COMPONENT, "Warning")


# --- its proxies -----------------------------------------------------------------------------------


def _keep_proxies(
    service: Object, view: View, network: str, decision: Decision, now: float, ids: Ids
) -> None:
    if not network:
        return
    in_range = contains(network, cluster_ip(service))
    wanted = roles(service) if in_range else []
    if wanted:
        keep_namespace(view, decision, now, ids)
    for role in OF_SERVICES:
        pod = view.get(pod_key(key_of(service), role))
        if pod is None and role in wanted:
            if role is Role.BALANCER:
                decision.tell(service, "EnsuringLoadBalancer", "Ensuring load balancer", COMPONENT)
            decision.put(make_pod(service, role, network, ids.site.proxy_image, ids.uid(), now))
        elif pod is not None and not is_deleting(pod):
            fits = annotations_of(pod).get(MADE_FROM) == made_from(service, role, network)
            if role not in wanted or not fits or has_useless_image(pod, ids.site.proxy_image):
                decision.put(deleted(pod, now))


def _write_status(service: Object, view: View, network: str, decision: Decision, now: float) -> None:
    balancer = view.get(pod_key(key_of(service), Role.BALANCER))
    status: dict[str, Any] = {**status_of(service), "loadBalancer": {}}
    is_balanced = kind_of(service) == "LoadBalancer" and balancer is not None
    if balancer is not None and is_balanced and is_ready(balancer) and not is_deleting(balancer):
        ports = [
            {"port": port["port"], "protocol": port.get("protocol", "TCP")} for port in ports_of(service)
        ]
        address = status_of(balancer).get("hostIP", "127.0.0.1")
        status["loadBalancer"] = {"ingress": [{"ip": address, "ipMode": "Proxy", "ports": ports}]}
        if not (status_of(service).get("loadBalancer") or {}).get("ingress"):
            decision.tell(service, "EnsuredLoadBalancer", "Ensured load balancer", COMPONENT)
    elif balancer is not None and is_balanced and (trouble := trouble_of(balancer)):
        text = f"Error syncing load balancer: {trouble}"
        decision.tell(service, "SyncLoadBalancerFailed", text, COMPONENT, "Warning")
    proxy = view.get(pod_key(key_of(service), Role.CLUSTER))
    if proxy is not None and not is_deleting(proxy) and not is_ready(proxy) and (why := trouble_of(proxy)):
        decision.tell(service, "FailedToServe", f"The proxy does not serve: {why}", COMPONENT, "Warning")
    status.pop("conditions", None)
    if found := _conditions(service, view, network, decision, now):
        status["conditions"] = found
    if changed := with_status(service, status):
        decision.put(changed)


def _conditions(
    service: Object, view: View, network: str, decision: Decision, now: float
) -> list[conditions.Condition]:
    """Says, once, that an engine whose containers share no network serves no address."""
    known = list(status_of(service).get("conditions") or ())
    others = [one for one in known if one["type"] != SERVED]
    wants_address = kind_of(service) != "ExternalName" and spec_of(service).get("clusterIP") != HEADLESS
    answers = any(conditions.is_true(status_of(node), "Ready") for node in view.list("Node"))
    if network or not wants_address or not answers:
        return others
    unserved = {
        "type": SERVED,
        "status": "False",
        "reason": NO_NETWORK,
        "message": "the engine's containers share no network, as with rootless Podman: no address is served",
        "lastTransitionTime": format_time(now),
        "observedGeneration": service["metadata"].get("generation", 1),
    }
    if len(others) == len(known):
        decision.tell(service, NO_NETWORK, unserved["message"], COMPONENT, "Warning")
    return conditions.put(known, unserved)
