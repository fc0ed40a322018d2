"""Node ports and cluster addresses that a Service asks for and another one has: refused, as an API server
refuses them.

What a Service already holds is not asked about again; what nobody wrote is given later, by its controller.
"""

from __future__ import annotations

from minikctl.controlplane.reader import Reader
from minikctl.errors import FieldProblem, Invalid
from minikctl.model import Object, key_of, name_of
from minikctl.model.services import cluster_ip, ports_of


class AlreadyAllocated(Invalid):
    """Another Service has it. That may change without this one changing."""


def check_allocations(obj: Object, reader: Reader, old: Object | None = None) -> None:
    """`old`: what the object was before the change.

    :raises AlreadyAllocated: another Service has the address or a node port of this one.
    """
    if obj["kind"] != "Service" or not (_node_ports(obj) or cluster_ip(obj)):
        return
    others = [one for one in reader.list("Service", None) if key_of(one) != key_of(obj)]
    problems = [*_taken_address(obj, old, others), *_taken_ports(obj, old, others)]
    if problems:
        raise AlreadyAllocated("Service", name_of(obj), problems)


def _taken_address(obj: Object, old: Object | None, others: list[Object]) -> list[FieldProblem]:
    from minikctl.manifests.rules.problems import invalid

    address = cluster_ip(obj)
    if not address or (old is not None and address == cluster_ip(old)):
        return []
    if all(cluster_ip(one) != address for one in others):
        return []
    detail = f"failed to allocate IP {address}: provided IP is already allocated"
    return [invalid("spec.clusterIPs", [address], detail)]


def _taken_ports(obj: Object, old: Object | None, others: list[Object]) -> list[FieldProblem]:
    from minikctl.manifests.rules.problems import invalid

    held = set(_node_ports(old).values()) if old is not None else set()
    taken = {number for one in others for number in _node_ports(one).values()}
    return [
        invalid(f"spec.ports[{index}].nodePort", number, "provided port is already allocated")
        for index, number in _node_ports(obj).items()
        if number in taken and number not in held
    ]


def _node_ports(service: Object) -> dict[int, int]:
    """By the index of their port."""
    return {index: port["nodePort"] for index, port in enumerate(ports_of(service)) if port.get("nodePort")}
