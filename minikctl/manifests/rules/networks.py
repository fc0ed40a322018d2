"""Ports, protocols, addresses and address ranges: checks that many kinds share.

Rules:
- An address or range has one form: no leading zeros, no IPv4 mapped into IPv6, no bits beyond the prefix.
- `canonical` fields, which came to Kubernetes late, also want the shortest writing.
- Nothing here knows a cluster: which addresses and node ports it hands out is its own configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import (
    check_choice,
    check_range,
    check_syntax,
    invalid,
)

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    Address = IPv4Address | IPv6Address
    Network = IPv4Network | IPv6Network

PROTOCOLS = ("SCTP", "TCP", "UDP")

_MAX_PORT = 65535
_PORT_NAME = re.compile(r"[-a-z0-9]+\Z", re.ASCII)
_ZEROS = re.compile(
    r"(^|:)0*(0|[1-9][0-9]*)\.0*(0|[1-9][0-9]*)\.0*(0|[1-9][0-9]*)\.0*(0|[1-9][0-9]*)((/)0*(0|[1-9][0-9]*))?\Z",
    re.ASCII,
)
_PREFIX = re.compile(r"(0|[1-9][0-9]*)\Z", re.ASCII)
_ADDRESS_ADVICE = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_NETWORK_ADVICE = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


# --- ports ----------------------------------------------------------------------------------------


def check_port(path: str, port: int) -> Iterator[FieldProblem]:
    yield from check_range(path, port, 1, _MAX_PORT)


def check_port_name(path: str, name: str) -> Iterator[FieldProblem]:
    """The name of a container's port, which a Service may point at (RFC 6335)."""
    for problem in _port_name_advice(name):
        yield invalid(path, name, problem)


def check_port_or_name(path: str, port: Any) -> Iterator[FieldProblem]:
    yield from check_port_name(path, port) if isinstance(port, str) else check_port(path, port)


def check_protocol(path: str, protocol: str) -> Iterator[FieldProblem]:
    yield from check_choice(path, protocol, PROTOCOLS)


def _port_name_advice(name: str) -> Iterator[str]:
    if len(name) > 15:
        yield "must be no more than 15 characters long"
    if not _PORT_NAME.match(name):
        yield "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if not any("a" <= letter <= "z" for letter in name):
        yield "must contain at least one letter (a-z)"
    if "--" in name:
        yield "must not contain consecutive hyphens"
    if name.startswith("-") or name.endswith("-"):
        yield "must not begin or end with a hyphen"


# --- addresses ------------------------------------------------------------------------------------


def check_address(path: str, value: str) -> Iterator[FieldProblem]:
    yield from check_syntax(path, value, _address_advice)


def check_endpoint_address(path: str, value: str) -> Iterator[FieldProblem]:
    """An address that traffic is sent to: one that others than its own machine can reach."""
    problems = list(check_address(path, value))
    yield from problems or check_reachable(path, value)


def check_reachable(path: str, value: str) -> Iterator[FieldProblem]:
    address = parse_address(value)
    if address is None:
        return
    if address.is_unspecified:
        yield invalid(path, value, f"may not be unspecified ({value})")
    if address.is_loopback:
        yield invalid(path, value, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if address.is_link_local:
        yield invalid(path, value, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    if _is_link_local_multicast(address):
        yield invalid(path, value, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")


def canonical_address_advice(value: str) -> str | None:
    """What is wrong with an address that has to be written in the shortest form, or None."""
    address = parse_address(value)
    if address is None or str(address) == value:
        return _address_advice(value)
    return _address_advice(value) or f'must be in canonical form ("{address}")'


def parse_address(value: str) -> Address | None:
    """None for what is no address, or one with leading zeros."""
    from ipaddress import ip_address

    try:
        return None if "%" in value else ip_address(value)
    except ValueError:
        return None


def parse_sloppy_address(value: str) -> Address | None:
    """As `parse_address`, also with leading zeros."""
    return parse_address(_without_zeros(value))


def _address_advice(value: str) -> str | None:
    address = parse_address(value)
    if address is None:
        return _ADDRESS_ADVICE if parse_sloppy_address(value) is None else "must not have leading 0s"
    if address.version == 6 and address.ipv4_mapped:
        return "must not be an IPv4-mapped IPv6 address"
    return None


def _is_link_local_multicast(address: Address) -> bool:
    if address.version == 4:
        return address.packed[:3] == b"\xe0\0\0"
    return address.packed[0] == 0xFF and address.packed[1] & 0x0F == 2


# --- ranges ---------------------------------------------------------------------------------------


def check_network(path: str, value: str) -> Iterator[FieldProblem]:
    """A range of addresses, `ADDRESS/BITS`."""
    yield from check_syntax(path, value, _network_advice)


def check_canonical_network(path: str, value: str) -> Iterator[FieldProblem]:
    """A range that has to be written in the shortest form."""
    problems = list(check_network(path, value))
    yield from problems
    network = parse_network(value)
    if not problems and network is not None and str(network) != value:
        yield invalid(path, value, f'must be in canonical form ("{network}")')


def parse_network(value: str) -> Network | None:
    """The range that `value` means, also with leading zeros or bits too many; None for what is none."""
    from ipaddress import ip_network

    value = _without_zeros(value)
    address, slash, bits = value.partition("/")
    if not slash or not _PREFIX.match(bits) or "%" in address:
        return None
    try:
        return ip_network(value, strict=False)
    except ValueError:
        return None


def _network_advice(value: str) -> str | None:
    network = parse_network(value)
    if network is None:
        return _NETWORK_ADVICE
    address = parse_address(value.partition("/")[0])
    if address is None or not _PREFIX.match(value.partition("/")[2]):
        return "must not have leading 0s in IP or prefix length"
    if address.version == 6 and address.ipv4_mapped:
        return "must not have an IPv4-mapped IPv6 address"
    if address != network.network_address:
        return "must not have bits set beyond the prefix length"
    return None


def _without_zeros(value: str) -> str:
    return _ZEROS.sub(r"\1\2.\3.\4.\5\7\8", value)
