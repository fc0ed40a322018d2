"""Endpoints: the older form of EndpointSlices, one object for a whole Service.

Nobody stores those of Services that select pods: they are made from the slices when somebody asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from minikctl.model import Object, labels_of, name_of, namespace_of, spec_of

Subset = dict[str, Any]


def endpoints_of(service: Object, slices: Iterable[Object]) -> Object:
    """As the endpoints controller writes them: addresses that are ready or not, by ports."""
    subsets: dict[str, Subset] = {}
    for one in slices:
        ports = [_port(port) for port in one.get("ports") or ()]
        subset = subsets.setdefault(json.dumps(ports, sort_keys=True), {"ports": ports})
        for endpoint in one.get("endpoints") or ():
            is_ready = (endpoint.get("conditions") or {}).get("ready", True)
            field = "addresses" if is_ready else "notReadyAddresses"
            subset.setdefault(field, []).extend(_addresses(endpoint))
    metadata = {
        "name": name_of(service),
        "namespace": namespace_of(service),
        "creationTimestamp": service["metadata"]["creationTimestamp"],
        "labels": labels_of(service),
    }
    found = [one for one in subsets.values() if one.keys() != {"ports"}]
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": found}


def _port(port: dict[str, Any]) -> dict[str, Any]:
    return {field: port[field] for field in ("name", "port", "protocol", "appProtocol") if port.get(field)}


def _addresses(endpoint: dict[str, Any]) -> list[dict[str, Any]]:
    others = {name: endpoint[name] for name in ("hostname", "nodeName", "targetRef") if endpoint.get(name)}
    return [{"ip": address, **others} for address in endpoint.get("addresses") or ()]


def selects_pods(service: Object) -> bool:
    spec = spec_of(service)
    return bool(spec.get("selector")) and spec.get("type") != "ExternalName"


def with_derived(
    stored: Iterable[Object], services: Iterable[Object], slices: Iterable[Object]
) -> list[Object]:
    """Endpoints that people wrote, and those of all Services that select pods, by namespace and name."""
    from minikctl.model.services import SERVICE_NAME

    by_service: dict[tuple[str, str], list[Object]] = {}
    for one in slices:
        by_service.setdefault((namespace_of(one), labels_of(one).get(SERVICE_NAME, "")), []).append(one)
    found = {(namespace_of(one), name_of(one)): one for one in stored}
    for service in services:
        place = namespace_of(service), name_of(service)
        if selects_pods(service):
            found[place] = endpoints_of(service, by_service.get(place, ()))
    return [found[place] for place in sorted(found)]
