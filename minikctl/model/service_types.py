"""What the type of a Service needs (the API server's dropTypeDependentFields). Specs have their defaults."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]


def needs_node_ports(spec: Spec) -> bool:
    return spec["type"] in ("LoadBalancer", "NodePort")


def needs_health_check(spec: Spec) -> bool:
    return spec["type"] == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def drop_useless(before: Spec, after: Spec) -> None:
    """Drops from `after` what the old type needed and the new one has no use for, where nobody changed it."""
    if before["type"] != "ExternalName" and after["type"] == "ExternalName":
        _drop_unchanged(before, after, "clusterIP", "clusterIPs")
        _drop_unchanged(before, after, "ipFamilies")
        _drop_unchanged(before, after, "ipFamilyPolicy")
    if needs_node_ports(before) and not needs_node_ports(after):
        _drop_node_ports(before, after)
        _drop_unchanged(before, after, "externalTrafficPolicy")
    if needs_health_check(before) and not needs_health_check(after):
        _drop_unchanged(before, after, "healthCheckNodePort")
    if before["type"] == "LoadBalancer" != after["type"]:
        _drop_unchanged(before, after, "allocateLoadBalancerNodePorts")
        _drop_unchanged(before, after, "loadBalancerClass")


def _drop_node_ports(before: Spec, after: Spec) -> None:
    known = {port.get("nodePort") for port in before.get("ports", ())}
    ports: list[Spec] = after.get("ports", [])
    if known.issuperset(port["nodePort"] for port in ports if "nodePort" in port):
        for port in ports:
            port.pop("nodePort", None)


def _drop_unchanged(before: Spec, after: Spec, *fields: str) -> None:
    if all(before.get(field) == after.get(field) for field in fields):
        for field in fields:
            after.pop(field, None)
