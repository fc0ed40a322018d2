"""The EndpointSlice controller: where a Service's selector leads, as upstream writes it.

Rules:
- Every pod with an address that has not finished is an endpoint; whether it is ready, still serves or is on
  its way out stands in its conditions.
- Pods whose named ports have different numbers stand in different slices; a slice has at most 100 endpoints.
- A pod stays in the slice that it is in, so that a change of one pod is a change of one slice.
- Slices that somebody else wrote (a Service without a selector) are never touched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from minikctl.controlplane.decision import Decision, Ids
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    controller_reference,
    is_deleting,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.pods import is_finished, is_ready, is_sidecar
from minikctl.model.services import (
    MANAGED_BY,
    SERVICE_NAME,
    SLICE_CONTROLLER,
    external_name,
    is_headless,
    ports_of,
    selects,
)
from minikctl.model.timestamps import format_time

MOST_ENDPOINTS = 100
HEADLESS_LABEL = "service.kubernetes.io/headless"
TRIGGERED = "endpoints.kubernetes.io/last-change-trigger-time"

Ports = list[dict[str, Any]]


def write_slices(service: Object, view: View, decision: Decision, now: float, ids: Ids) -> list[Object]:
    """Makes the Service's slices say what its pods are; returns those that stay."""
    existing = managed_slices(service, view)
    if not spec_of(service).get("selector") or external_name(service):
        for one in existing:
            decision.remove(key_of(one))
        return []
    kept: list[Object] = []
    groups = _grouped(service, view) or {"[]": ([], [])}
    for ports, endpoints in groups.values():
        mine = [one for one in existing if (one.get("ports") or []) == ports and one not in kept]
        for chunk, old in _shared_out(endpoints, mine):
            content = _content(service, ports, chunk)
            kept.append(_written(service, old, content, decision, now, ids))
            if old is not None:
                existing.remove(old)
    for one in existing:
        decision.remove(key_of(one))
    return kept


def managed_slices(service: Object, view: View) -> list[Object]:
    found = view.controlled(uid_of(service), "EndpointSlice")
    return [one for one in found if labels_of(one).get(MANAGED_BY) == SLICE_CONTROLLER]


def slices_of(service: Object, view: View) -> list[Object]:
    """All that speak of the Service, whoever wrote them."""
    found = view.list("EndpointSlice", namespace_of(service))
    return [one for one in found if labels_of(one).get(SERVICE_NAME) == name_of(service)]


def _grouped(service: Object, view: View) -> dict[str, tuple[Ports, list[dict[str, Any]]]]:
    """Endpoints by the numbers that the Service's ports have in their pods."""
    groups: dict[str, tuple[Ports, list[dict[str, Any]]]] = {}
    for pod in view.list("Pod", namespace_of(service)):
        if selects(service, pod) and status_of(pod).get("podIP") and not is_finished(pod):
            ports = _ports(service, pod)
            group = groups.setdefault(json.dumps(ports, sort_keys=True), (ports, []))
            group[1].append(_endpoint(service, pod))
    return groups


def _ports(service: Object, pod: Object) -> Ports:
    result: Ports = []
    for port in ports_of(service):
        number = _number(port, pod)
        if number is not None:
            one = {"name": port.get("name", ""), "protocol": port.get("protocol", "TCP"), "port": number}
            if "appProtocol" in port:
                one["appProtocol"] = port["appProtocol"]
            result.append(one)
    return result


def _number(port: dict[str, Any], pod: Object) -> int | None:
    """The target port's number; None where it is a name that the pod does not give to any port."""
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    for container in _serving_containers(pod):
        for offered in container.get("ports") or ():
            same_protocol = offered.get("protocol", "TCP") == port.get("protocol", "TCP")
            if offered.get("name") == target and same_protocol:
                number: int = offered["containerPort"]
                return number
    return None


def _serving_containers(pod: Object) -> Iterator[dict[str, Any]]:
    yield from spec_of(pod).get("containers") or ()
    yield from (one for one in spec_of(pod).get("initContainers") or () if is_sidecar(one))


def _endpoint(service: Object, pod: Object) -> dict[str, Any]:
    serving, terminating = is_ready(pod), is_deleting(pod)
    publish = bool(spec_of(service).get("publishNotReadyAddresses"))
    endpoint: dict[str, Any] = {
        "addresses": [status_of(pod)["podIP"]],
        "conditions": {
            "ready": publish or (serving and not terminating),
            "serving": publish or serving,
            "terminating": terminating,
        },
        "nodeName": spec_of(pod).get("nodeName", ""),
        "targetRef": {
            "kind": "Pod",
            "name": name_of(pod),
            "namespace": namespace_of(pod),
            "uid": uid_of(pod),
        },
    }
    spec = spec_of(pod)
    if spec.get("hostname") and spec.get("subdomain") == name_of(service):
        endpoint["hostname"] = spec["hostname"]
    return endpoint


def _shared_out(
    endpoints: list[dict[str, Any]], slices: list[Object]
) -> Iterator[tuple[list[dict[str, Any]], Object | None]]:
    """Endpoints and the slice that they go to: first those that are there already, then where there is room,
    then new slices (None)."""
    left = {one["targetRef"]["uid"]: one for one in endpoints}
    chunks: list[tuple[list[dict[str, Any]], Object | None]] = []
    for one in slices:
        uids = [(was.get("targetRef") or {}).get("uid", "") for was in one.get("endpoints") or ()]
        chunks.append(([left.pop(uid) for uid in uids if uid in left], one))
    for chunk, _ in chunks:
        while left and len(chunk) < MOST_ENDPOINTS:
            chunk.append(left.pop(next(iter(left))))
    rest = list(left.values())
    chunks.extend(
        (rest[start : start + MOST_ENDPOINTS], None) for start in range(0, len(rest), MOST_ENDPOINTS)
    )
    filled = [one for one in chunks if one[0]]
    return iter(filled or chunks[:1] or [([], None)])


def _content(service: Object, ports: Ports, endpoints: list[dict[str, Any]]) -> dict[str, Any]:
    labels = {**labels_of(service), MANAGED_BY: SLICE_CONTROLLER, SERVICE_NAME: name_of(service)}
    if is_headless(service):
        labels[HEADLESS_LABEL] = ""
    return {"labels": labels, "addressType": "IPv4", "endpoints": endpoints, "ports": ports}


def _written(
    service: Object, old: Object | None, content: dict[str, Any], decision: Decision, now: float, ids: Ids
) -> Object:
    labels = content.pop("labels")
    if old is not None:
        if labels_of(old) == labels and all(old.get(name) == value for name, value in content.items()):
            return old
        annotations = {**(old["metadata"].get("annotations") or {}), TRIGGERED: format_time(now)}
        generation = old["metadata"].get("generation", 1) + 1
        metadata = {**old["metadata"], "labels": labels, "annotations": annotations, "generation": generation}
        return decision.put({**old, "metadata": metadata, **content})
    metadata = {
        "name": f"{name_of(service)}-{ids.suffix()}",
        "generateName": f"{name_of(service)}-",
        "namespace": namespace_of(service),
        "uid": ids.uid(),
        "creationTimestamp": format_time(now),
        "generation": 1,
        "labels": labels,
        "annotations": {TRIGGERED: format_time(now)},
        "ownerReferences": [controller_reference(service)],
    }
    kind = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}
    return decision.put({**kind, "metadata": metadata, **content})
