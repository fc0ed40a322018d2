"""The EndpointSliceMirroring controller: Endpoints that people wrote for a Service without a selector.

Proxies and hosts files read slices only. Each subset becomes a slice, owned by the Endpoints; who does not
want that says so by the label of upstream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from minikctl.controlplane.decision import Decision, Ids
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    controller_reference,
    is_deleting,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from minikctl.model.endpoints import selects_pods
from minikctl.model.services import MANAGED_BY, SERVICE_NAME, external_name
from minikctl.model.timestamps import format_time

CONTROLLER = "endpointslicemirroring-controller.k8s.io"
_CONTENT = ("addressType", "endpoints", "ports")
SKIP = "endpointslice.kubernetes.io/skip-mirror"


def mirror(service: Object, view: View, decision: Decision, now: float, ids: Ids) -> None:
    written = view.get(ObjectKey("Endpoints", namespace_of(service), name_of(service)))
    if written is None:
        return  # what it owned goes with it
    existing = [
        one
        for one in view.controlled(uid_of(written), "EndpointSlice")
        if labels_of(one).get(MANAGED_BY) == CONTROLLER
    ]
    wanted = list(_contents(written)) if _is_mirrored(service, written) else []
    for content in [one for one in wanted if _find(one, existing) is None]:
        kept = next((one for one in existing if _find(one, wanted) is None), None)
        if kept is not None:
            existing.remove(kept)
        decision.put({**(kept or _new(written, now, ids)), **content})
    for one in existing:
        if _find(one, wanted) is None:
            decision.remove(key_of(one))


def _find(content: dict[str, Any], others: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """Who says the same."""
    said = [content.get(name) for name in _CONTENT]
    return next((one for one in others if [one.get(name) for name in _CONTENT] == said), None)


def _is_mirrored(service: Object, written: Object) -> bool:
    asked = labels_of(written).get(SKIP) != "true"
    return asked and not (is_deleting(written) or selects_pods(service) or external_name(service))


def _contents(written: Object) -> Iterator[dict[str, Any]]:
    """One slice for each family of addresses of a subset."""
    for subset in written.get("subsets") or ():
        found: dict[str, list[dict[str, Any]]] = {"IPv4": [], "IPv6": []}
        for field, ready in (("addresses", True), ("notReadyAddresses", False)):
            for one in subset.get(field) or ():
                family = "IPv6" if ":" in one["ip"] else "IPv4"
                found[family].append({**_endpoint(one), "conditions": {"ready": ready}})
        ports = [
            {"name": "", "protocol": "TCP", **{name: port[name] for name in port}}
            for port in subset.get("ports") or ()
        ]
        for family, endpoints in found.items():
            if endpoints:
                yield {"addressType": family, "endpoints": endpoints, "ports": ports}


def _endpoint(address: dict[str, Any]) -> dict[str, Any]:
    kept = ("hostname", "nodeName", "targetRef")
    return {"addresses": [address["ip"]], **{name: one for name, one in address.items() if name in kept}}


def _new(written: Object, now: float, ids: Ids) -> Object:
    labels = {**labels_of(written), MANAGED_BY: CONTROLLER, SERVICE_NAME: name_of(written)}
    metadata = {
        "name": f"{name_of(written)}-{ids.suffix()}",
        "generateName": f"{name_of(written)}-",
        "namespace": namespace_of(written),
        "uid": ids.uid(),
        "creationTimestamp": format_time(now),
        "generation": 1,
        "labels": labels,
        "ownerReferences": [controller_reference(written)],
    }
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata}
