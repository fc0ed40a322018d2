"""The names of Services: lines of pods' hosts files, and environment variables.

Rules:
- There is no name server. Each pod has a hosts file of its own, as every kubelet gives one, and what
  cluster DNS would resolve stands there: short names of Services of the pod's namespace, full ones of all.
- A headless Service's name stands before the address of each of its ready endpoints.
- An ExternalName's stands before what its name stands for: for the agent, where that is outside.
- What stands there changes while the pod runs; the file stays the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from minikctl.controlplane.endpoints import slices_of
from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, name_of, namespace_of, spec_of, status_of
from minikctl.model.services import cluster_ip, external_name, is_headless, ports_of

DOMAIN = "cluster.local"
INSIDE = f".svc.{DOMAIN}"
Resolved: TypeAlias = Mapping[str, tuple[str, ...]]
"""The addresses of names outside of the cluster."""
NOTHING: Resolved = MappingProxyType({})
_OF_HOST = "# Kubernetes-managed hosts file (host network)."
_LOCAL = (
    "# Kubernetes-managed hosts file.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
)


def hosts_file(pod: Object, hostname: str, services: str, of_machine: str = "") -> str:
    """The whole file; `services` is what `service_lines` says for the pod's namespace, `of_machine` what the
    machine's own says, whose network the pod is on."""
    address = status_of(pod).get("podIP") or "127.0.0.1"  # its engine gives it one when it starts
    lines = [*_LOCAL, f"{address}\t{_own_names(pod, hostname)}"]
    if spec_of(pod).get("hostNetwork"):
        lines = [_OF_HOST, *of_machine.splitlines()]
    if aliases := spec_of(pod).get("hostAliases"):
        lines += ["", "# Entries added by HostAliases."]
        lines += ["\t".join((one["ip"], *(one.get("hostnames") or ()))) for one in aliases]
    return "\n".join(lines) + "\n" + services


def _own_names(pod: Object, hostname: str) -> str:
    subdomain = spec_of(pod).get("subdomain")
    if not subdomain:
        return hostname
    return f"{hostname}.{subdomain}.{namespace_of(pod)}.svc.{DOMAIN}\t{hostname}"


def service_lines(view: View, namespace: str, resolved: Resolved = NOTHING) -> str:
    """The lines for all Services, as a pod of that namespace knows them."""
    lines = [
        f"{address}\t{' '.join(names)}"
        for service in sorted(view.list("Service"), key=lambda one: (namespace_of(one), name_of(one)))
        for address, names in _entries(service, view, resolved, is_near=namespace_of(service) == namespace)
    ]
    return "\n".join(["", "# Services.", *lines, ""]) if lines else ""


def _entries(
    service: Object, view: View, resolved: Resolved, *, is_near: bool
) -> Iterator[tuple[str, list[str]]]:
    """Addresses and their names."""
    names = list(_forms(name_of(service), namespace_of(service), is_near))
    if address := cluster_ip(service):
        yield address, names
    elif is_headless(service):
        for endpoint in _ready(slices_of(service, view)):
            for address in endpoint.get("addresses") or ():
                yield address, [*_host_forms(endpoint, service, is_near), *names]
    elif other := external_name(service):
        for address in _meant(other, view, resolved):
            yield address, names


def _meant(name: str, view: View, resolved: Resolved) -> Iterable[str]:
    """The addresses of another name: of a Service of this cluster, or of something outside."""
    seen = set()
    while name and name not in seen:
        seen.add(name)
        service = _service_of(name, view)
        if service is None:
            return resolved.get(name, ())
        if address := cluster_ip(service):
            return (address,)
        if is_headless(service):
            ready = _ready(slices_of(service, view))
            return [address for endpoint in ready for address in endpoint.get("addresses") or ()]
        name = external_name(service)
    return ()


def _service_of(name: str, view: View) -> Object | None:
    if not name.endswith(INSIDE) or name.count(".") != INSIDE.count(".") + 1:
        return None
    own, _, namespace = name.removesuffix(INSIDE).partition(".")
    return view.get(ObjectKey("Service", namespace, own))


def outer_names(view: View) -> set[str]:
    """The names that Services stand for and that are none of this cluster."""
    found = {external_name(service) for service in view.list("Service")}
    return {name for name in found if name and not name.endswith(INSIDE)}


def _forms(name: str, namespace: str, is_near: bool) -> Iterator[str]:
    """As a pod could write it: what its search path makes of each leads to the last."""
    if is_near:
        yield name
    yield f"{name}.{namespace}"
    yield f"{name}.{namespace}.svc"
    yield f"{name}.{namespace}.svc.{DOMAIN}"


def _host_forms(endpoint: dict[str, Any], service: Object, is_near: bool) -> Iterable[str]:
    if "hostname" not in endpoint:
        return ()
    return _forms(f"{endpoint['hostname']}.{name_of(service)}", namespace_of(service), is_near)


def _ready(slices: Iterable[Object]) -> Iterator[dict[str, Any]]:
    for one in slices:
        for endpoint in one.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready", True):
                yield endpoint


# --- environment -----------------------------------------------------------------------------------


def service_environment(view: View, namespace: str) -> dict[str, str]:
    """What a container finds of the Services that its namespace has when it starts (enableServiceLinks)."""
    values: dict[str, str] = {}
    for service in sorted(view.list("Service", namespace), key=name_of):
        address, ports = cluster_ip(service), ports_of(service)
        if not address or not ports:
            continue
        prefix = _variable(name_of(service))
        values[f"{prefix}_SERVICE_HOST"] = address
        values[f"{prefix}_SERVICE_PORT"] = str(ports[0]["port"])
        for port in ports:
            if port.get("name"):
                values[f"{prefix}_SERVICE_PORT_{_variable(port['name'])}"] = str(port["port"])
        values |= _link_variables(prefix, address, ports)
    return values


def _link_variables(prefix: str, address: str, ports: list[dict[str, Any]]) -> dict[str, str]:
    """As Docker's old links had them."""
    values: dict[str, str] = {}
    for number, port in enumerate(ports):
        protocol = port.get("protocol", "TCP")
        url = f"{protocol.lower()}://{address}:{port['port']}"
        if not number:
            values[f"{prefix}_PORT"] = url
        one = f"{prefix}_PORT_{port['port']}_{protocol}"
        values |= {
            one: url,
            f"{one}_PROTO": protocol.lower(),
            f"{one}_PORT": str(port["port"]),
            f"{one}_ADDR": address,
        }
    return values


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")
