"""Container ports: ranges, names, and host ports that are asked for twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.networks import check_address, check_port, check_port_name, check_protocol
from minikctl.manifests.rules.pod.containers import Fields, each_container
from minikctl.manifests.rules.problems import duplicate, invalid, required
from minikctl.manifests.rules.rule import PodRule


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
        yield from check_port_name(f"{path}.name", name)
        if name in names:
            yield duplicate(f"{path}.name", name)
        names.add(name)
    number = port.get("containerPort") or 0
    if number == 0:
        yield required(f"{path}.containerPort")
    else:
        yield from check_port(f"{path}.containerPort", number)
    yield from check_protocol(f"{path}.protocol", port.get("protocol", ""))


def _host_port(
    port: Fields, path: str, taken: set[tuple[Any, ...]], host_network: bool
) -> Iterator[FieldProblem]:
    number = port.get("hostPort", 0)
    if address := port.get("hostIP"):
        yield from check_address(f"{path}.hostIP", address)
    if number == 0:
        return
    out_of_range = list(check_port(f"{path}.hostPort", number))
    yield from out_of_range
    if not out_of_range and host_network and number != port.get("containerPort"):
        yield invalid(f"{path}.hostPort", number, "must match `containerPort` when `hostNetwork` is true")
    claim = (number, port.get("hostIP", ""), port.get("protocol"))
    if claim in taken:
        yield duplicate(f"{path}.hostPort", f"{claim[2]}/{claim[1]}/{number}")
    taken.add(claim)


RULES = (PodRule("container-ports", "ports are in range, with unique names and host ports", ports),)
