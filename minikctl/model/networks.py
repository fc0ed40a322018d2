"""Addresses of Services: where in a pod network they lie, and which one a name gets.

Rules:
- A network is written as a CIDR (`172.17.0.0/16`). Engines give addresses to containers from its bottom, so
  the top sixteenth is kept for Services.
- A name's address and port are where its hash points, or the next free one: the same names come to the same
  numbers again, whatever was forgotten in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container
from functools import lru_cache
from ipaddress import IPv4Network

NODE_PORTS = range(30000, 32768)
_KEPT_BITS = 4
"""The part of a network that is for Services: one of 2 ** 4."""
_SMALLEST_PREFIX = 26
"""A smaller network than this has no part to spare."""


@lru_cache(maxsize=64)
def service_network(pod_network: str) -> IPv4Network | None:
    """The top of the pods' network; None where that is none of IPv4, or too small to share."""
    try:
        network = IPv4Network(pod_network, strict=False)
    except ValueError:
        return None
    if network.prefixlen > _SMALLEST_PREFIX:
        return None
    first = int(network.broadcast_address) + 1 - (network.num_addresses >> _KEPT_BITS)
    return IPv4Network((first, network.prefixlen + _KEPT_BITS))


def prefix_length(pod_network: str) -> int:
    return IPv4Network(pod_network, strict=False).prefixlen


def service_address(pod_network: str, name: str, taken: Container[str]) -> str | None:
    """The address of that name; None when all are taken or the network has none for Services."""
    network = service_network(pod_network)
    if network is None:
        return None
    usable = network.num_addresses - 2  # the last is the broadcast address, the first looks like a network
    start = _number(name) % usable
    for step in range(usable):
        address = str(network[1 + (start + step) % usable])
        if address not in taken:
            return address
    return None


def node_port(name: str, taken: Container[int]) -> int | None:
    """The node port of that name; None when all are taken."""
    start = _number(name) % len(NODE_PORTS)
    for step in range(len(NODE_PORTS)):
        port = NODE_PORTS[(start + step) % len(NODE_PORTS)]
        if port not in taken:
            return port
    return None


def gateway(pod_network: str) -> str:
    """The address that the machine itself has on it: the first one, as every engine does it. "" without a
    network."""
    try:
        return str(next(IPv4Network(pod_network, strict=False).hosts(), ""))
    except ValueError:
        return ""


def contains(network: str, address: str) -> bool:
    """Whether the address lies in the network. False for what is no address."""
    try:
        return IPv4Network(f"{address}/32").subnet_of(IPv4Network(network, strict=False))
    except ValueError:
        return False


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
