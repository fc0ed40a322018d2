"""Endpoints and EndpointSlices: where the traffic of a Service goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.networks import (
    PROTOCOLS,
    check_address,
    check_endpoint_address,
    check_port,
    check_protocol,
    check_reachable,
    parse_address,
)
from minikctl.manifests.rules.problems import (
    check_choice,
    check_syntax,
    duplicate,
    invalid,
    label_advice,
    label_value_advice,
    qualified_name_advice,
    required,
    subdomain_advice,
    too_many,
    unsupported,
)
from minikctl.manifests.rules.rule import Fields, Rule, UpdateRule
from minikctl.model import Object

_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_MAX_ENDPOINTS = 1000
_MAX_ADDRESSES = 100
_MAX_PORTS = 20_000
_MAX_HINTS = 8


# --- Endpoints ------------------------------------------------------------------------------------


def subsets(obj: Object) -> Iterator[FieldProblem]:
    for index, subset in enumerate(obj.get("subsets", ())):
        yield from _subset(subset, f"subsets[{index}]")


def _subset(subset: Fields, path: str) -> Iterator[FieldProblem]:
    if not subset.get("addresses") and not subset.get("notReadyAddresses"):
        yield required(path, "must specify `addresses` or `notReadyAddresses`")
    for field in ("addresses", "notReadyAddresses"):
        for index, address in enumerate(subset.get(field, ())):
            yield from _endpoint_address(address, f"{path}.{field}[{index}]")
    ports: list[Fields] = subset.get("ports", [])
    for index, port in enumerate(ports):
        yield from _endpoint_port(port, f"{path}.ports[{index}]", named=len(ports) > 1)


def _endpoint_address(address: Fields, path: str) -> Iterator[FieldProblem]:
    ip, hostname = address.get("ip", ""), address.get("hostname", "")
    yield from check_address(f"{path}.ip", ip)
    if hostname:
        yield from check_syntax(f"{path}.hostname", hostname, label_advice)
    if "nodeName" in address:
        yield from check_syntax(f"{path}.nodeName", address["nodeName"], subdomain_advice)
    yield from check_reachable(f"{path}.ip", ip)


def _endpoint_port(port: Fields, path: str, *, named: bool) -> Iterator[FieldProblem]:
    name = port.get("name", "")
    if name:
        yield from check_syntax(f"{path}.name", name, label_advice)
    elif named:
        yield required(f"{path}.name")
    yield from check_port(f"{path}.port", port.get("port", 0))
    yield from check_protocol(f"{path}.protocol", port.get("protocol", ""))
    if "appProtocol" in port:
        yield from check_syntax(f"{path}.appProtocol", port["appProtocol"], qualified_name_advice)


# --- EndpointSlices -------------------------------------------------------------------------------


def address_type(obj: Object) -> Iterator[FieldProblem]:
    yield from check_choice("addressType", obj.get("addressType", ""), _ADDRESS_TYPES)


def slice_endpoints(obj: Object) -> Iterator[FieldProblem]:
    endpoints: list[Fields] = obj.get("endpoints", [])
    if len(endpoints) > _MAX_ENDPOINTS:
        yield too_many("endpoints", len(endpoints), _MAX_ENDPOINTS)
        return
    for index, endpoint in enumerate(endpoints):
        yield from _slice_endpoint(endpoint, obj.get("addressType", ""), f"endpoints[{index}]")


def _slice_endpoint(endpoint: Fields, kind: str, path: str) -> Iterator[FieldProblem]:
    addresses: list[str] = endpoint.get("addresses", [])
    if not addresses:
        yield required(f"{path}.addresses", "must contain at least 1 address")
    elif len(addresses) > _MAX_ADDRESSES:
        yield too_many(f"{path}.addresses", len(addresses), _MAX_ADDRESSES)
    for index, address in enumerate(addresses):
        yield from _slice_address(address, kind, f"{path}.addresses[{index}]")
    if "nodeName" in endpoint:
        yield from check_syntax(f"{path}.nodeName", endpoint["nodeName"], subdomain_advice)
    if "hostname" in endpoint:
        yield from check_syntax(f"{path}.hostname", endpoint["hostname"], label_advice)
    yield from _hints(endpoint.get("hints", {}), f"{path}.hints")


def _slice_address(address: str, kind: str, path: str) -> Iterator[FieldProblem]:
    if kind == "FQDN":
        yield from _domain(address, path)
    elif kind in ("IPv4", "IPv6"):
        yield from check_endpoint_address(path, address)
        parsed = parse_address(address)
        if parsed is not None and f"IPv{parsed.version}" != kind:
            yield invalid(path, address, f"must be an {kind} address")


def _domain(name: str, path: str) -> Iterator[FieldProblem]:
    """A fully qualified domain name, with or without the dot at its end."""
    if not name:
        yield required(path)
        return
    labels = name.removesuffix(".").split(".")
    if problem := subdomain_advice(name.removesuffix(".")):
        yield invalid(path, name, problem)
    elif len(labels) < 2:
        yield invalid(path, name, "should be a domain with at least two segments separated by dots")
    else:
        yield from check_syntax(path, max(labels, key=len), label_advice)


def _hints(hints: Fields, path: str) -> Iterator[FieldProblem]:
    for field, advice in (("forZones", label_value_advice), ("forNodes", subdomain_advice)):
        entries: list[Fields] = hints.get(field, [])
        if len(entries) > _MAX_HINTS:
            yield too_many(f"{path}.{field}", len(entries), _MAX_HINTS)
            return
        names = [entry.get("name", "") for entry in entries]
        for index, name in enumerate(names):
            place = f"{path}.{field}[{index}].name"
            if name in names[:index]:
                yield duplicate(place, name)
            yield from check_syntax(place, name, advice)


def slice_ports(obj: Object) -> Iterator[FieldProblem]:
    """Their numbers may be missing, and are not looked at."""
    ports: list[Fields] = obj.get("ports", [])
    if len(ports) > _MAX_PORTS:
        yield too_many("ports", len(ports), _MAX_PORTS)
        return
    taken: set[str] = set()
    for index, port in enumerate(ports):
        path, name = f"ports[{index}]", port["name"]
        if name:
            yield from check_syntax(f"{path}.name", name, label_advice)
        if name in taken:
            yield duplicate(f"{path}.name", name)
        taken.add(name)
        if port["protocol"] not in PROTOCOLS:
            yield unsupported(f"{path}.protocol", port["protocol"], PROTOCOLS)
        if "appProtocol" in port:
            yield from check_syntax(f"{path}.appProtocol", port["appProtocol"], qualified_name_advice)


def immutable_address_type(old: Object, new: Object) -> Iterable[FieldProblem]:
    before, after = old.get("addressType", ""), new.get("addressType", "")
    if before != after:
        yield invalid("addressType", after, "field is immutable")


_ENDPOINTS = frozenset(("Endpoints",))
_SLICE = frozenset(("EndpointSlice",))

RULES = (
    Rule(
        "endpoints-subsets",
        "subsets have addresses that can be reached, and valid ports",
        subsets,
        _ENDPOINTS,
    ),
    Rule("endpoint-slice-type", "the type of the addresses is known", address_type, _SLICE),
    Rule("endpoint-slice-endpoints", "endpoints have addresses of the slice's type", slice_endpoints, _SLICE),
    Rule("endpoint-slice-ports", "ports have names of their own and known protocols", slice_ports, _SLICE),
    UpdateRule(
        "endpoint-slice-type-immutable", "the type of the addresses stays", immutable_address_type, _SLICE
    ),
)
