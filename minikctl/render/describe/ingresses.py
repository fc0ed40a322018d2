"""`kubectl describe ingress` and `ingressclass`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minikctl.model import Object, annotations_of, labels_of, name_of, namespace_of, spec_of, status_of
from minikctl.model.ingresses import class_of, paths_of, rules_of, tls_of
from minikctl.model.services import SERVICE_NAME, ports_of, targets
from minikctl.render.describe.events import describe_events
from minikctl.render.describe.writer import NONE, Page
from minikctl.render.service_columns import MOST_SHOWN

NO_DEFAULT = "<default>"


def describe_ingress(
    ingress: Object,
    services: Iterable[Object],
    slices: Iterable[Object],
    events: Sequence[Object] | None,
    now: float,
) -> str:
    page = Page()
    found = (status_of(ingress).get("loadBalancer") or {}).get("ingress") or ()
    by_name = {name_of(one): one for one in services}
    known = list(slices)
    page.row(0, "Name:", name_of(ingress))
    page.labels(0, "Labels", labels_of(ingress))
    page.row(0, "Namespace:", namespace_of(ingress))
    page.row(0, "Address:", ",".join(str(one.get("ip") or one.get("hostname") or "") for one in found))
    page.row(0, "Ingress Class:", class_of(ingress) or NONE)
    default = spec_of(ingress).get("defaultBackend")
    page.row(0, "Default backend:", _backend(default, by_name, known) if default else NO_DEFAULT)
    if tls_of(ingress):
        page.row(0, "TLS:")
        for entry in tls_of(ingress):
            hosts = ",".join(entry.get("hosts") or ())
            secret = entry.get("secretName")
            page.row(1, f"{secret} terminates {hosts}" if secret else f"SNI routes {hosts}")
    page.row(0, "Rules:")
    page.row(1, "Host", "Path", "Backends")
    page.row(1, "----", "----", "--------")
    for rule in rules_of(ingress):
        page.row(1, rule.get("host") or "*", "")
        for entry in paths_of(rule):
            page.row(2, "", entry.get("path", ""), _backend(entry.get("backend") or {}, by_name, known))
    if not rules_of(ingress):
        page.row(1, "*", "*", _backend(default or {}, by_name, known))
    page.annotations(0, "Annotations", annotations_of(ingress))
    describe_events(page, events, now)
    return page.aligned()


def _backend(backend: dict[str, Any], services: dict[str, Object], slices: list[Object]) -> str:
    """`web:80 (172.17.0.2:8080,…)`."""
    if resource := backend.get("resource"):
        return f"APIGroup: {resource.get('apiGroup', '')}, Kind: {resource['kind']}, Name: {resource['name']}"
    wanted = backend.get("service") or {}
    name, port = wanted.get("name", ""), wanted.get("port") or {}
    said = port.get("name") or port.get("number", "")
    service = services.get(name)
    if service is None:
        return f'{name}:{said} (<error: services "{name}" not found>)'
    mine = [one for one in slices if labels_of(one).get(SERVICE_NAME) == name]
    leads = [
        f"{target.address}:{target.port}"
        for one in ports_of(service)
        if said in (one.get("name"), one["port"])
        for target in targets(one, mine)
    ]
    more = f" + {len(leads) - MOST_SHOWN} more..." if len(leads) > MOST_SHOWN else ""
    return f"{name}:{said} ({','.join(leads[:MOST_SHOWN])}{more})"


def describe_ingress_class(one: Object, events: Sequence[Object] | None, now: float) -> str:
    page = Page()
    page.row(0, "Name:", name_of(one))
    page.labels(0, "Labels", labels_of(one))
    page.annotations(0, "Annotations", annotations_of(one))
    page.row(0, "Controller:", spec_of(one).get("controller", ""))
    describe_events(page, events, now)
    return page.aligned()
