"""Container ports: ranges, names, and host ports that are asked for twice."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.networks import check_port, check_port_name, check_protocol
from minikctl.manifests.rules.pod.walk import Fields, each_container
from minikctl.manifests.rules.problems import duplicate, invalid, required
from minikctl.manifests.rules.rule import PodRule


def ports(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for place, container in each_container(spec, path):
        names: set[str] = set()
        for index, port in enumerate(container.get("ports") or ()):
            yield from _port(port, f"{place}.ports[{index}]", names)


def _port(port: Fields, path: str, names: set[str]) -> Iterator[FieldProblem]:
    if name := port.get("name", ""):
        problems = list(check_port_name(f"{path}.name", name))
        yield from problems
        if not problems and name in names:
            yield duplicate(f"{path}.name", name)
        names.add(name)
    if number := port.get("containerPort", 0):
        yield from check_port(f"{path}.containerPort", number)
    else:
        yield required(f"{path}.containerPort")
    if number := port.get("hostPort", 0):
        yield from check_port(f"{path}.hostPort", number)
    yield from check_protocol(f"{path}.protocol", port.get("protocol", ""))


def host_ports(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """One machine has each port once, for each protocol and address."""
    taken: set[str] = set()
    for index, container in enumerate(spec.get("containers") or ()):
        yield from _taken_twice(container, f"{path}.containers[{index}]", taken)
    for container in spec.get("initContainers") or ():
        # These run one after the other, so each is alone; the server always calls it the first one.
        yield from _taken_twice(container, f"{path}.initContainers[0]", set())


def _taken_twice(container: Fields, path: str, taken: set[str]) -> Iterator[FieldProblem]:
    for index, port in enumerate(container.get("ports") or ()):
        number = port.get("hostPort", 0)
        if number == 0:
            continue
        claim = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{number}"
        if claim in taken:
            yield duplicate(f"{path}.ports[{index}].hostPort", claim)
        taken.add(claim)


def host_network(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """In the node's own network a port is the same inside and outside."""
    if not spec.get("hostNetwork"):
        return
    for place, container in each_container({"containers": spec.get("containers")}, path):
        for index, port in enumerate(container.get("ports") or ()):
            inside, outside = port.get("containerPort", 0), port.get("hostPort", 0)
            # A template may leave it to its pods' defaults.
            if inside != outside and (path == "spec" or outside != 0):
                detail = "must match `containerPort` when `hostNetwork` is true"
                yield invalid(f"{place}.ports[{index}].hostPort", outside, detail)


RULES = (
    PodRule("container-ports", "ports are in their range, with names that differ", ports),
    PodRule("container-host-ports", "no two containers ask for one port of the node", host_ports),
    PodRule("pod-host-network", "in the node's network host ports are the containers'", host_network),
)
