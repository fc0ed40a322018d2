"""NetworkPolicies: who may talk to the pods, and whom they may talk to."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.networks import (
    PROTOCOLS,
    check_network,
    check_port,
    check_port_name,
    parse_network,
)
from minikctl.manifests.rules.problems import forbidden, invalid, required, unsupported
from minikctl.manifests.rules.rule import Fields, Rule
from minikctl.manifests.rules.selectors import check_selector
from minikctl.model import Object

_POLICY_TYPES = ("Egress", "Ingress")


def pod_selector(obj: Object) -> Iterator[FieldProblem]:
    yield from check_selector(obj["spec"]["podSelector"], "spec.podSelector")


def rules(obj: Object) -> Iterator[FieldProblem]:
    spec = obj["spec"]
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction, ())):
            path = f"spec.{direction}[{index}]"
            for position, port in enumerate(rule.get("ports", ())):
                yield from _port(port, f"{path}.ports[{position}]")
            for position, peer in enumerate(rule.get(side, ())):
                yield from _peer(peer, f"{path}.{side}[{position}]")


def policy_types(obj: Object) -> Iterator[FieldProblem]:
    types: list[str] = obj["spec"]["policyTypes"]
    if len(types) > len(_POLICY_TYPES):
        yield invalid("spec.policyTypes", types, "may not specify more than two policyTypes")
        return
    for index, name in enumerate(types):
        if name not in _POLICY_TYPES:
            yield unsupported(f"spec.policyTypes[{index}]", name, _POLICY_TYPES)


def _port(entry: Fields, path: str) -> Iterator[FieldProblem]:
    protocol, port, last = entry["protocol"], entry.get("port"), entry.get("endPort")
    if protocol not in PROTOCOLS:
        yield unsupported(f"{path}.protocol", protocol, PROTOCOLS)
    if isinstance(port, int):
        yield from check_port(f"{path}.port", port)
    elif port is not None:
        yield from check_port_name(f"{path}.port", port)
    if last is None:
        return
    if port is None:
        yield invalid(f"{path}.endPort", last, "may not be specified when `port` is not specified")
    elif isinstance(port, str):
        yield invalid(f"{path}.endPort", last, "may not be specified when `port` is non-numeric")
    else:
        if last < port:
            yield invalid(f"{path}.endPort", last, "must be greater than or equal to `port`")
        yield from check_port(f"{path}.endPort", last)


def _peer(peer: Fields, path: str) -> Iterator[FieldProblem]:
    for field in ("podSelector", "namespaceSelector"):
        if field in peer:
            yield from check_selector(peer[field], f"{path}.{field}")
    if "ipBlock" in peer:
        yield from _block(peer["ipBlock"], f"{path}.ipBlock")
        if len(peer) > 1:
            yield forbidden(path, "may not specify both ipBlock and another peer")
    if not peer:
        yield required(path, "must specify a peer")


def _block(block: Fields, path: str) -> Iterator[FieldProblem]:
    cidr = block.get("cidr", "")
    if not cidr:
        yield required(f"{path}.cidr")
        return
    yield from check_network(f"{path}.cidr", cidr)
    network = parse_network(cidr)
    if network is None:
        return
    for index, value in enumerate(block.get("except", ())):
        place = f"{path}.except[{index}]"
        yield from check_network(place, value)
        hole = parse_network(value)
        if hole is None:
            continue
        if (
            hole.version != network.version
            or hole.network_address not in network
            or (network.prefixlen >= hole.prefixlen)
        ):
            yield invalid(place, value, "must be a strict subset of `cidr`")


_NETWORK_POLICY = frozenset(("NetworkPolicy",))

RULES = (
    Rule("network-policy-pods", "the selector of pods is well formed", pod_selector, _NETWORK_POLICY),
    Rule("network-policy-rules", "every rule has valid ports, and peers of one sort", rules, _NETWORK_POLICY),
    Rule("network-policy-types", "the directions are known", policy_types, _NETWORK_POLICY),
)
