"""Where Ingresses lead: all of our class, merged into virtual hosts.

Rules:
- Several Ingresses may speak of one host. Of two that say the same, the older one counts.
- The longest path that fits counts, of two equally long ones the exact one. A Prefix fits whole elements.
- Rules without a host are for every host, after its own ones. What fits nowhere goes to the default backend
  of an Ingress that names the host, else to any other's.
- A certificate counts where its Secret is of type kubernetes.io/tls and holds PEM. A host without one is not
  served over TLS.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from minikctl.controlplane.endpoints import slices_of
from minikctl.controlplane.reader import Reader
from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, is_deleting, name_of, namespace_of, spec_of
from minikctl.model.ingresses import (
    CONTROLLER,
    OWN_CLASS,
    backends_of,
    class_of,
    is_host_of,
    paths_of,
    rules_of,
    secret_names,
    tls_of,
)
from minikctl.model.services import Target, kind_of, ports_of, targets

MOST_PATH_BYTES = 900
"""nginx takes words of 4 KiB, and a byte of a path may need four."""
_CERTIFICATES = re.compile(r"-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
_KEY = re.compile(r"-----BEGIN ((?:RSA |EC )?PRIVATE KEY)-----\s[A-Za-z0-9+/=\s]+-----END \1-----")

Targets = tuple[Target, ...]
"""Where one backend leads; nobody is ready there when it is empty."""


class Route(Struct, frozen=True):
    path: str
    is_exact: bool
    targets: Targets


class VirtualHost(Struct, frozen=True):
    host: str
    """A name, a wildcard (`*.example.com`), or "" for all others."""
    routes: tuple[Route, ...]
    """The first that fits counts."""
    otherwise: Targets | None
    """None: nothing is there, which is another answer than that nobody is ready."""
    certificate: str = ""
    """PEM, with the private key; "" where the host is not served over TLS."""


def is_ours(ingress: Object, view: Reader) -> bool:
    name = class_of(ingress)
    if name in ("", OWN_CLASS):
        return True
    found = view.get(ObjectKey("IngressClass", "", name))
    return found is not None and spec_of(found).get("controller") == CONTROLLER


def served(view: View) -> list[Object]:
    """The Ingresses of our class that stay, the oldest first."""
    found = [one for one in view.list("Ingress") if is_ours(one, view) and not is_deleting(one)]
    return sorted(
        found, key=lambda one: (one["metadata"]["creationTimestamp"], namespace_of(one), name_of(one))
    )


def virtual_hosts(view: View) -> list[VirtualHost]:
    """All of them; the one for all other hosts comes first."""
    ingresses = served(view)
    hosts = dict.fromkeys([""])
    for ingress in ingresses:
        hosts.update(dict.fromkeys(rule.get("host", "") for rule in rules_of(ingress)))
        hosts.update(dict.fromkeys(host for entry in tls_of(ingress) for host in entry.get("hosts") or ()))
    return [_virtual_host(host, ingresses, view) for host in hosts]


def _virtual_host(host: str, ingresses: list[Object], view: View) -> VirtualHost:
    routes = _routes(host, ingresses, view)
    if host:
        routes += _routes("", ingresses, view)
    naming = [one for one in ingresses if any(rule.get("host", "") == host for rule in rules_of(one))]
    defaults = (spec_of(one).get("defaultBackend") and one for one in (*naming, *ingresses))
    found = next((one for one in defaults if one), None)
    otherwise = _targets(found, spec_of(found)["defaultBackend"], view) if found else None
    return VirtualHost(host, tuple(routes), otherwise, _certificate_for(host, ingresses, view))


def _routes(host: str, ingresses: list[Object], view: View) -> list[Route]:
    found = [
        Route(path, entry.get("pathType") == "Exact", _targets(ingress, entry.get("backend") or {}, view))
        for ingress in ingresses
        for rule in rules_of(ingress)
        if rule.get("host", "") == host
        for entry in paths_of(rule)
        if len((path := entry.get("path") or "/").encode()) <= MOST_PATH_BYTES
    ]
    return sorted(found, key=lambda one: (-len(one.path), not one.is_exact))


def _targets(ingress: Object, backend: dict[str, Any], view: View) -> Targets:
    service, port = _service_port(ingress, backend, view)
    return tuple(targets(port, slices_of(service, view))) if service and port else ()


def _service_port(
    ingress: Object, backend: dict[str, Any], view: View
) -> tuple[Object | None, dict[str, Any] | None]:
    wanted = backend.get("service") or {}
    service = view.get(ObjectKey("Service", namespace_of(ingress), wanted.get("name", "")))
    if service is None:
        return None, None
    port = wanted.get("port") or {}
    for one in ports_of(service):
        by_number = "number" in port and one["port"] == port["number"]
        if by_number or (port.get("name") and one.get("name") == port["name"]):
            return service, one
    return service, None


# --- certificates ----------------------------------------------------------------------------------


def _certificate_for(host: str, ingresses: list[Object], view: View) -> str:
    for ingress in ingresses:
        for entry in tls_of(ingress):
            patterns = entry.get("hosts") or [rule.get("host", "") for rule in rules_of(ingress)] or [""]
            is_named = any(is_host_of(host, pattern) for pattern in patterns)
            name = entry.get("secretName", "") if is_named else ""
            if name and (found := certificate(view, namespace_of(ingress), name)):
                return found
    return ""


def certificate(view: View, namespace: str, name: str) -> str:
    """The certificates and the key of a Secret, as PEM; "" where it has none."""
    secret = view.get(ObjectKey("Secret", namespace, name))
    if secret is None or secret.get("type") != "kubernetes.io/tls":
        return ""
    try:
        texts = [b64decode(secret["data"][key]).decode() for key in ("tls.crt", "tls.key")]
    except (KeyError, TypeError, ValueError, binascii.Error):
        return ""
    blocks = [one.group() for one in _CERTIFICATES.finditer(texts[0])]
    key = _KEY.search(texts[1])
    return "\n".join([*blocks, key.group(), ""]) if blocks and key else ""


# --- what people should be told of -----------------------------------------------------------------


def problems(ingress: Object, view: View) -> Iterator[tuple[str, str]]:
    """Reasons and messages of all that an Ingress names and that is not there."""
    if not is_ours(ingress, view):
        text = f"nothing here serves the class {class_of(ingress)!r}: leave it out, or use {OWN_CLASS!r}"
        yield "IngressClassNotServed", text
        return
    namespace = namespace_of(ingress)
    for name in sorted(secret_names(ingress)):
        if not certificate(view, namespace, name):
            text = f"Secret {namespace}/{name} holds no certificate: its hosts are not served over TLS"
            yield "MissingCertificate", text
    for entry in tls_of(ingress):
        if not entry.get("secretName"):
            yield "MissingCertificate", "tls without a secretName: there is no default certificate"
    for text in dict.fromkeys(
        filter(None, (_backend_problem(ingress, one, view) for one in backends_of(ingress)))
    ):
        yield "BackendNotFound", text
    for rule in rules_of(ingress):
        for entry in paths_of(rule):
            if len((entry.get("path") or "").encode()) > MOST_PATH_BYTES:
                yield "PathTooLong", f"a path of more than {MOST_PATH_BYTES} bytes is not served"


def _backend_problem(ingress: Object, backend: dict[str, Any], view: View) -> str:
    wanted = backend.get("service")
    if not wanted:
        return ""
    service, port = _service_port(ingress, backend, view)
    name = f"{namespace_of(ingress)}/{wanted['name']}"
    if service is None:
        return f"Service {name} does not exist"
    if kind_of(service) == "ExternalName":
        return f"Service {name} is an ExternalName, which no Ingress leads to here"
    if port is None:
        said = wanted.get("port") or {}
        return f"Service {name} has no port {said.get('name') or said.get('number')}"
    return ""
