"""What a Service's proxy is told: nftables rules by which the kernel forwards, as with kube-proxy's own.

Rules:
- They stand in the proxy's own network namespace. No rule of the host's firewall is ours, so it works as well
  where the engine runs without root or in a virtual machine.
- One transaction replaces all rules: who connects meets the old ones or the new ones. What is open stays with
  its pod, also while the port has no endpoint, and who sends datagrams stays with it as long as it is one.
- A port without an endpoint has no rule: who connects is refused, as by kube-proxy.
- Only what small kernels have is used: LinuxKit's, and so Docker Desktop's, has neither `numgen` nor `fib`. A
  hash of the client's address and port picks the endpoint, so that many connections spread evenly.
- Pods see the proxy's address, as their answers have to come back through it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, collapse_addresses, ip_network
from typing import Any

from msgspec import Struct, field

from minikctl.controlplane.proxies import Program, Role
from minikctl.model import Object, spec_of
from minikctl.model.services import Target, cluster_ip, ports_of, publishes, targets

SETTLE_SECONDS = 0.05
"""How long the first packet of a connection may be on its way to an endpoint."""
SENDER_SECONDS = 120
"""After its last datagram a sender is forgotten: conntrack's own timeout for streams of them."""
_TELL = "printf '%s' \"$@\" | nft -f -"
_TABLE = "ip minikctl"
_MOST_REMEMBERED = 65536
"""Clients of one port; others go where the hash leads them."""
_MOST_ZONES = 65535
_EVERYBODY = IPv4Network("0.0.0.0/0")


class Rules(Struct):
    maps: list[str] = field(default_factory=list)
    """Whom it remembers."""
    raw: list[str] = field(default_factory=list)
    """For each datagram, before conntrack has seen it."""
    first: list[str] = field(default_factory=list)
    """For the first packet of a connection."""


def program(service: Object, role: Role, slices: Iterable[Object]) -> Program:
    """For the Service's proxy of that role. `slices` are the Service's EndpointSlices."""
    known = list(slices)
    rules = Rules()
    addresses: set[str] = set()
    for number, port in enumerate(ports_of(service)):
        protocol = port.get("protocol", "TCP").lower()
        found = targets(port, known) if protocol in ("tcp", "udp") else []
        if found:
            addresses.update(one.address for one in found)
            _forward(rules, service, role, number, port, found)
    return Program(_text(rules), frozenset(addresses), script=_TELL, settle=SETTLE_SECONDS)


def _forward(
    rules: Rules, service: Object, role: Role, number: int, port: dict[str, Any], found: list[Target]
) -> None:
    protocol = port.get("protocol", "TCP").lower()
    memory = _memory(service, number, protocol)
    hashed = f"jhash ip saddr . {protocol} sport mod {len(found)} map"
    choosing = rules.raw if protocol == "udp" else rules.first
    if memory is not None:
        rules.maps.append(_map(memory))
    for match in _matches(service, port, role, protocol):
        choosing += _refusals(service, role, match)
        if memory is None:
            places = _elements(enumerate(map(_place, found)))
            rules.first.append(f"{match} dnat to {hashed} {places}")
            continue
        choosing += _choice(match, memory, found, f"{hashed} {_elements(enumerate(map(_mark, found)))}")
        if protocol == "udp":
            zones = _elements((_mark(one), _zone(one)) for one in found)
            rules.raw.append(f"{match} ct original zone set meta mark map {zones}")
        places = _elements({_mark(one): _place(one) for one in found}.items())
        rules.first.append(f"{match} dnat to meta mark map {places}")


def _place(one: Target) -> str:
    return f"{one.address} . {one.port}"


def _mark(one: Target) -> str:
    """An endpoint's, never 0."""
    return hex(zlib.crc32(_place(one).encode()) or 1)


def _zone(one: Target) -> int:
    """An endpoint's, never 0.

    For each endpoint a sender has a conntrack entry of its own: else its datagrams would go to a dead one for
    as long as it sends them.
    """
    return 1 + int(_mark(one), 16) % _MOST_ZONES


def _elements(pairs: Iterable[tuple[object, object]]) -> str:
    return f"{{ {', '.join(f'{key} : {value}' for key, value in pairs)} }}"


# --- who stays with an endpoint --------------------------------------------------------------------


class Memory(Struct, frozen=True):
    """Of one port: which endpoint a client has."""

    name: str
    client: str
    """By what of its packets it is known."""
    key: str
    """The type of that."""
    seconds: int


def _memory(service: Object, number: int, protocol: str) -> Memory | None:
    """A map's types and its timeout are for its life, so its name has them."""
    if seconds := _affinity_seconds(service):
        return Memory(f"clients{number}_{seconds}", "ip saddr", "ipv4_addr", seconds)
    if protocol == "udp":
        key = "ipv4_addr . inet_service"
        return Memory(f"senders{number}", "ip saddr . udp sport", key, SENDER_SECONDS)
    return None


def _affinity_seconds(service: Object) -> int:
    """How long a client is remembered after its last connection; 0: not at all."""
    if spec_of(service).get("sessionAffinity") != "ClientIP":
        return 0
    seconds: int = spec_of(service)["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"]
    return seconds


def _choice(match: str, memory: Memory, found: list[Target], hashed: str) -> Iterator[str]:
    """Marks the packet with its endpoint: the one that is remembered while it is one, else another.

    A full map breaks the rule that remembers, and no other.
    """
    gone = f"{match} meta mark != {{ {', '.join(dict.fromkeys(map(_mark, found)))} }}"
    entry = f"{{ {memory.client} : meta mark }}"
    yield f"{match} meta mark set 0x0"
    yield f"{match} meta mark set {memory.client} map @{memory.name}"
    yield f"{gone} delete @{memory.name} {entry}"
    yield f"{gone} meta mark set {hashed}"
    yield f"{match} update @{memory.name} {entry}"


# --- what is for a port ----------------------------------------------------------------------------


def _matches(service: Object, port: dict[str, Any], role: Role, protocol: str) -> list[str]:
    """The packets that are for it."""
    if role is Role.BALANCER:
        return [f"{protocol} dport {port['port']}"]
    held = cluster_ip(service)
    found = [f"ip daddr {held} {protocol} dport {port['port']}"]
    if publishes(service) and "nodePort" in port:
        found.append(f"ip daddr != {held} {protocol} dport {port['nodePort']}")
    return found


def _refusals(service: Object, role: Role, match: str) -> list[str]:
    """Ranges of IPv6 are of no use: nobody comes with such an address."""
    said = spec_of(service).get("loadBalancerSourceRanges") if role is Role.BALANCER else None
    if not said:
        return []
    found = [ip_network(one.strip(), strict=False) for one in said]
    ranges = list(collapse_addresses(one for one in found if isinstance(one, IPv4Network)))
    if _EVERYBODY in ranges:
        return []
    others = f" ip saddr != {{ {', '.join(map(str, ranges))} }}" if ranges else ""
    return [f"{match}{others} drop"]


# --- the text --------------------------------------------------------------------------------------


def _text(rules: Rules) -> str:
    """`flush` leaves the maps, and whom they remember.

    Two chains are always there: where nothing asks for conntrack the kernel ends it, and all that is open.
    """
    chains = [
        _chain("postrouting", "nat hook postrouting priority 100", ["ct status dnat masquerade"]),
        # The kernel would answer to such a packet itself, and end a connection that it only does not follow.
        _chain("input", "filter hook input priority 0", ["ct state invalid drop"]),
    ]
    if rules.raw:
        chains.append(_chain("raw", "filter hook prerouting priority -300", rules.raw))
    if rules.first:
        chains.append(_chain("prerouting", "nat hook prerouting priority -100", rules.first))
    emptied = f"table {_TABLE} {{}}\nflush table {_TABLE}\n"
    return f"{emptied}table {_TABLE} {{\n{''.join((*rules.maps, *chains))}}}\n"


def _chain(name: str, hook: str, rules: list[str]) -> str:
    lines = "".join(f"        {rule}\n" for rule in rules)
    return f"    chain {name} {{\n        type {hook};\n{lines}    }}\n"


def _map(memory: Memory) -> str:
    lines = (
        f"type {memory.key} : mark",
        f"size {_MOST_REMEMBERED}",
        "flags dynamic,timeout",
        f"timeout {memory.seconds}s",
    )
    body = "".join(f"        {one};\n" for one in lines)
    return f"    map {memory.name} {{\n{body}    }}\n"
