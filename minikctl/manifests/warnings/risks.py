"""What a pod could do to the machine that it runs on, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.pod.walk import Fields, visit_containers
from minikctl.manifests.rules.problems import show
from minikctl.model.pod_security.sockets import holds_a_socket

_ADVICE = "the namespace has no Pod Security level (label pod-security.kubernetes.io/enforce)"
_NAMESPACES = {"hostNetwork": "network", "hostPID": "processes", "hostIPC": "shared memory"}


def warnings(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for field, shared in _NAMESPACES.items():
        if spec.get(field):
            yield _risk(f"{path}.{field}", f"the pod shares the machine's {shared}")
    for index, volume in enumerate(spec.get("volumes") or ()):
        if (source := volume.get("hostPath")) is not None:
            yield _host_path(source.get("path", ""), f"{path}.volumes[{index}].hostPath.path")
    for place, container in visit_containers(spec, path):
        yield from _container(container, place)


def _container(container: Fields, path: str) -> Iterator[FieldProblem]:
    context: Fields = container.get("securityContext") or {}
    if context.get("privileged"):
        yield _risk(f"{path}.securityContext.privileged", "a privileged container is root on the machine")
    added: list[Any] = (context.get("capabilities") or {}).get("add") or []
    for index, capability in enumerate(added):
        place = f"{path}.securityContext.capabilities.add[{index}]"
        yield _risk(place, f"the container gets the capability {show(capability)}")
    for index, port in enumerate(container.get("ports") or ()):
        if number := port.get("hostPort", 0):
            yield _risk(f"{path}.ports[{index}].hostPort", f"port {number} of the machine leads to it")


def _host_path(where: str, path: str) -> FieldProblem:
    if holds_a_socket(where):
        return _risk(
            path, f"{show(where)} is or holds an engine's socket: who can use it is root on the machine"
        )
    return _risk(path, f"{show(where)} of the machine is in the pod")


def _risk(path: str, what: str) -> FieldProblem:
    return FieldProblem(path, "Warning", f"{what}; {_ADVICE}")
