"""The columns of Services, EndpointSlices, Ingresses and their classes, as `kubectl get` prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minikctl.model import Object, spec_of, status_of
from minikctl.model.ingresses import class_of, rules_of, tls_of
from minikctl.model.services import kind_of, ports_of
from minikctl.render.cells import Column, age_cell, name_cell

_NONE = "<none>"
_UNSET = "<unset>"
MOST_SHOWN = 3


def _external(service: Object, _now: float) -> str:
    spec = spec_of(service)
    addresses = [str(one) for one in spec.get("externalIPs") or ()]
    match kind_of(service):
        case "ExternalName":
            return str(spec.get("externalName") or "")
        case "LoadBalancer":
            found = (status_of(service).get("loadBalancer") or {}).get("ingress") or ()
            addresses = [*(str(one.get("ip") or one.get("hostname")) for one in found), *addresses]
            return ",".join(addresses) or "<pending>"
    return ",".join(addresses) or _NONE


def _ports(service: Object, _now: float) -> str:
    return ",".join(map(_port, ports_of(service))) or _NONE


def _port(port: dict[str, Any]) -> str:
    number = f"{port['port']}:{port['nodePort']}" if port.get("nodePort") else str(port["port"])
    return f"{number}/{port.get('protocol', 'TCP')}"


def _selector(service: Object, _now: float) -> str:
    selector = spec_of(service).get("selector") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items())) or _NONE


def _slice_ports(one: Object, _now: float) -> str:
    return shortened(str(port.get("port", "*")) for port in one.get("ports") or ())


def _slice_endpoints(one: Object, _now: float) -> str:
    found = one.get("endpoints") or ()
    return shortened(address for endpoint in found for address in endpoint.get("addresses") or ())


def shortened(words: Iterable[str]) -> str:
    """The first three, and how many more there are."""
    known = list(words)
    more = f" + {len(known) - MOST_SHOWN} more..." if len(known) > MOST_SHOWN else ""
    return ",".join(known[:MOST_SHOWN]) + more or _UNSET


def _endpoints(one: Object, _now: float) -> str:
    found = [
        f"{address['ip']}:{port['port']}" if port else str(address["ip"])
        for subset in one.get("subsets") or ()
        for port in subset.get("ports") or [{}]
        for address in subset.get("addresses") or ()
    ]
    return shortened(found) if found else _NONE


def _hosts(ingress: Object, _now: float) -> str:
    hosts = [str(rule["host"]) for rule in rules_of(ingress) if rule.get("host")]
    more = f" + {len(hosts) - MOST_SHOWN} more..." if len(hosts) > MOST_SHOWN else ""
    return ",".join(hosts[:MOST_SHOWN]) + more or "*"


def _ingress_address(ingress: Object, _now: float) -> str:
    found = (status_of(ingress).get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(str(one.get("ip") or one.get("hostname") or "") for one in found)


def _parameters(ingress_class: Object, _now: float) -> str:
    found = spec_of(ingress_class).get("parameters")
    if not found:
        return _NONE
    kind = f"{found['kind']}.{found['apiGroup']}" if found.get("apiGroup") else found["kind"]
    return f"{kind}/{found['name']}"


SERVICE_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "Service": (
        Column("NAME", name_cell),
        Column("TYPE", lambda obj, _now: kind_of(obj)),
        Column("CLUSTER-IP", lambda obj, _now: str(spec_of(obj).get("clusterIP") or _NONE)),
        Column("EXTERNAL-IP", _external),
        Column("PORT(S)", _ports),
        Column("AGE", age_cell),
        Column("SELECTOR", _selector, wide=True),
    ),
    "EndpointSlice": (
        Column("NAME", name_cell),
        Column("ADDRESSTYPE", lambda obj, _now: str(obj.get("addressType", ""))),
        Column("PORTS", _slice_ports),
        Column("ENDPOINTS", _slice_endpoints),
        Column("AGE", age_cell),
    ),
    "Endpoints": (
        Column("NAME", name_cell),
        Column("ENDPOINTS", _endpoints),
        Column("AGE", age_cell),
    ),
    "Ingress": (
        Column("NAME", name_cell),
        Column("CLASS", lambda obj, _now: class_of(obj) or _NONE),
        Column("HOSTS", _hosts),
        Column("ADDRESS", _ingress_address),
        Column("PORTS", lambda obj, _now: "80, 443" if tls_of(obj) else "80"),
        Column("AGE", age_cell),
    ),
    "IngressClass": (
        Column("NAME", name_cell),
        Column("CONTROLLER", lambda obj, _now: str(spec_of(obj).get("controller", ""))),
        Column("PARAMETERS", _parameters),
        Column("AGE", age_cell),
    ),
}
