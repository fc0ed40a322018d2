"""Container ports: ranges, names, and host ports that are asked for twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.pod.containers import Fields, each_container
from minikctl.manifests.rules.problems import duplicate, invalid, required, unsupported
from minikctl.manifests.rules.rule import PodRule

PROTOCOLS = ("SCTP", "TCP", "UDP")
PORT_RANGE = "must be between 1 and 65535, inclusive"
_CHARACTERS = re.compile(r"[-a-z0-9]+\Z", re.ASCII)


def ports(spec: Fields, path: str) -> Iterator[FieldProblem]:
    host_network = spec.get("hostNetwork", False)
    taken: set[tuple[Any, ...]] = set()
    for place, container in each_container(spec, path):
        names: set[str] = set()
        for index, port in enumerate(container.get("ports") or ()):
            where = f"{place}.ports[{index}]"
            yield from _port(port, where, names)
            # Init containers run one after the other: their host ports may repeat.
            if ".initContainers[" not in where:
                yield from _host_port(port, where, taken, host_network)


def _port(port: Fields, path: str, names: set[str]) -> Iterator[FieldProblem]:
    if name := port.get("name", ""):
        for problem in name_advice(name):
            yield invalid(f"{path}.name", name, problem)
        if name in names:
            yield duplicate(f"{path}.name", name)
        names.add(name)
    number = port.get("containerPort") or 0
    if number == 0:
        yield required(f"{path}.containerPort")
    elif not 1 <= number <= 65535:
        yield invalid(f"{path}.containerPort", number, PORT_RANGE)
    protocol = port.get("protocol", "")
    if not protocol:
        yield required(f"{path}.protocol")
    elif protocol not in PROTOCOLS:
        yield unsupported(f"{path}.protocol", protocol, PROTOCOLS)


def _host_port(
    port: Fields, path: str, taken: set[tuple[Any, ...]], host_network: bool
) -> Iterator[FieldProblem]:
    number = port.get("hostPort", 0)
    if address := port.get("hostIP"):
        yield from _address(address, f"{path}.hostIP")
    if number == 0:
        return
    if not 1 <= number <= 65535:
        yield invalid(f"{path}.hostPort", number, PORT_RANGE)
    elif host_network and number != port.get("containerPort"):
        yield invalid(f"{path}.hostPort", number, "must match `containerPort` when `hostNetwork` is true")
    claim = (number, port.get("hostIP", ""), port.get("protocol"))
    if claim in taken:
        yield duplicate(f"{path}.hostPort", f"{claim[2]}/{claim[1]}/{number}")
    taken.add(claim)


def _address(address: str, path: str) -> Iterator[FieldProblem]:
    from ipaddress import ip_address

    try:
        ip_address(address)
    except ValueError:
        yield invalid(path, address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")


def name_advice(name: str) -> Iterator[str]:
    """What is wrong with a port's name (RFC 6335)."""
    if len(name) > 15:
        yield "must be no more than 15 characters long"
    if not _CHARACTERS.match(name):
        yield "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if not any("a" <= letter <= "z" for letter in name):
        yield "must contain at least one letter (a-z)"
    if "--" in name:
        yield "must not contain consecutive hyphens"
    if name[0] == "-" or name[-1] == "-":
        yield "must not begin or end with a hyphen"


RULES = (PodRule("container-ports", "ports are in range, with unique names and host ports", ports),)
