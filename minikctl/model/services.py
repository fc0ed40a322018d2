"""Typed views of Services and EndpointSlices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from minikctl.model import Object, labels_of, spec_of

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SLICE_CONTROLLER = "endpointslice-controller.k8s.io"
HEADLESS = "None"
_LAST_PORT = 65535


class Target(Struct, frozen=True, order=True):
    """One endpoint of a port: where a connection may go."""

    address: str
    port: int


def kind_of(service: Object) -> str:
    kind: str = spec_of(service).get("type", "ClusterIP")
    return kind


def cluster_ip(service: Object) -> str:
    """Its virtual address; "" where it has none (yet, or because it is headless or an ExternalName)."""
    address: str = spec_of(service).get("clusterIP", "")
    return "" if address == HEADLESS or kind_of(service) == "ExternalName" else address


def is_headless(service: Object) -> bool:
    return kind_of(service) != "ExternalName" and spec_of(service).get("clusterIP") == HEADLESS


def wants_address(service: Object) -> bool:
    """A virtual address is due to it, whether it has it yet or not."""
    return kind_of(service) != "ExternalName" and not is_headless(service)


def external_name(service: Object) -> str:
    """The name that it stands for; "" where it is no ExternalName."""
    name: str = spec_of(service).get("externalName", "") if kind_of(service) == "ExternalName" else ""
    return name.rstrip(".").lower()


def ports_of(service: Object) -> list[dict[str, Any]]:
    return spec_of(service).get("ports") or []


def publishes(service: Object) -> bool:
    """Whether its ports are also those of the nodes."""
    if kind_of(service) == "LoadBalancer":
        return bool(spec_of(service).get("allocateLoadBalancerNodePorts", True))
    return kind_of(service) == "NodePort"


def selects(service: Object, pod: Object) -> bool:
    """Whether its selector names the pod's labels; without a selector it selects nothing."""
    selector: dict[str, str] = spec_of(service).get("selector") or {}
    return bool(selector) and selector.items() <= labels_of(pod).items()


def targets(port: dict[str, Any], slices: Iterable[Object]) -> list[Target]:
    """Where connections to one port of a Service go: ready endpoints; if there are none, those that end but
    still serve, as kube-proxy falls back to them."""
    ready: list[Target] = []
    ending: list[Target] = []
    for number, endpoint in _endpoints(port, slices):
        conditions = endpoint.get("conditions") or {}
        place = None
        if conditions.get("ready", True):
            place = ready
        elif conditions.get("serving", True) and conditions.get("terminating"):
            place = ending
        if place is not None:
            place.extend(Target(address, number) for address in endpoint["addresses"][:1])
    return sorted(set(ready or ending))


def _endpoints(port: dict[str, Any], slices: Iterable[Object]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The endpoints of all slices that have this port, with the number it has there."""
    wanted = (port.get("name", ""), port.get("protocol", "TCP"))
    for one in slices:
        if one.get("addressType", "IPv4") != "IPv4":
            continue
        for offered in one.get("ports") or ():
            is_it = (offered.get("name", ""), offered.get("protocol", "TCP")) == wanted
            if is_it and 0 < (offered.get("port") or 0) <= _LAST_PORT:  # the API server lets others pass, too
                for endpoint in one.get("endpoints") or ():
                    yield offered["port"], endpoint


_ALLOCATED = ("clusterIP", "clusterIPs", "healthCheckNodePort", "ipFamilies", "ipFamilyPolicy")


def without_allocations(spec: dict[str, Any], said: list[dict[str, Any]]) -> dict[str, Any]:
    """The spec without what it was given, except what people said of it themselves."""
    kept = {
        name: value
        for name, value in spec.items()
        if name not in _ALLOCATED or any(name in one for one in said)
    }
    chosen = {port.get("nodePort") for one in said for port in one.get("ports") or ()}
    if "ports" in kept:
        kept["ports"] = [
            {name: value for name, value in port.items() if name != "nodePort" or value in chosen}
            for port in kept["ports"]
        ]
    return kept
