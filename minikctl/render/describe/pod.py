"""`kubectl describe pod`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikctl.model import (
    Object,
    annotations_of,
    controller_of,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from minikctl.model.conditions import find
from minikctl.model.pods import qos_class
from minikctl.render.describe.containers import (
    containers,
    field_reader,
    tolerations,
    topology_spread,
)
from minikctl.render.describe.events import describe_events
from minikctl.render.describe.pod_volumes import volumes
from minikctl.render.describe.writer import NONE, Page
from minikctl.render.durations import rfc1123, since


def describe_pod(pod: Object, events: Sequence[Object] | None, now: float) -> str:
    page = Page()
    spec, status = spec_of(pod), status_of(pod)
    _identity(page, pod)
    _state(page, pod, now)
    _network(page, pod)
    _all_containers(page, pod)
    _conditions(page, spec, status)
    volumes(page, spec.get("volumes") or ())
    page.row(0, "QoS Class:", status.get("qosClass") or qos_class(spec))
    page.labels(0, "Node-Selectors", spec.get("nodeSelector"))
    tolerations(page, 0, spec)
    topology_spread(page, 0, spec)
    describe_events(page, events, now)
    return page.aligned()


def _identity(page: Page, pod: Object) -> None:
    spec, status = spec_of(pod), status_of(pod)
    page.row(0, "Name:", name_of(pod))
    page.row(0, "Namespace:", namespace_of(pod))
    if spec.get("priority") is not None:
        page.row(0, "Priority:", spec["priority"])
    for field, title in (
        ("priorityClassName", "Priority Class Name"),
        ("runtimeClassName", "Runtime Class Name"),
        ("serviceAccountName", "Service Account"),
    ):
        if spec.get(field):
            page.row(0, f"{title}:", spec[field])
    node = f"{spec['nodeName']}/{status.get('hostIP', '')}" if spec.get("nodeName") else NONE
    page.row(0, "Node:", node)
    if status.get("startTime"):
        page.row(0, "Start Time:", rfc1123(status["startTime"]))
    page.labels(0, "Labels", labels_of(pod))
    page.annotations(0, "Annotations", annotations_of(pod))


def _state(page: Page, pod: Object, now: float) -> None:
    spec, status, metadata = spec_of(pod), status_of(pod), pod["metadata"]
    if is_deleting(pod) and status.get("phase") not in ("Failed", "Succeeded"):
        page.row(0, "Status:", f"Terminating (lasts {since(metadata['deletionTimestamp'], now)})")
        page.row(0, "Termination Grace Period:", f"{metadata.get('deletionGracePeriodSeconds', 0)}s")
    else:
        page.row(0, "Status:", status.get("phase", ""))
    for field in ("reason", "message"):
        if status.get(field):
            page.row(0, f"{field.capitalize()}:", status[field])
    profile = (spec.get("securityContext") or {}).get("seccompProfile")
    if profile:
        page.row(0, "SeccompProfile:", profile.get("type", ""))
        if profile.get("type") == "Localhost":
            page.row(0, "LocalhostProfile:", profile.get("localhostProfile", ""))


def _network(page: Page, pod: Object) -> None:
    status = status_of(pod)
    page.row(0, "IP:", status.get("podIP", ""))
    addresses = status.get("podIPs") or ()
    page.row(0, "IPs:", *(() if addresses else (NONE,)))
    for address in addresses:
        page.row(1, "IP:", address.get("ip", ""))
    owner = controller_of(pod)
    if owner:
        page.row(0, "Controlled By:", f"{owner['kind']}/{owner['name']}")
    if status.get("nominatedNodeName"):
        page.row(0, "NominatedNodeName:", status["nominatedNodeName"])


def _all_containers(page: Page, pod: Object) -> None:
    spec, status, read = spec_of(pod), status_of(pod), field_reader(pod)
    if spec.get("initContainers"):
        statuses = status.get("initContainerStatuses") or ()
        containers(page, "Init Containers", spec["initContainers"], statuses=statuses, read_field=read)
    statuses = status.get("containerStatuses") or ()
    containers(page, "Containers", spec.get("containers") or (), statuses=statuses, read_field=read)


def _conditions(page: Page, spec: dict[str, Any], status: dict[str, Any]) -> None:
    if spec.get("readinessGates"):
        page.row(0, "Readiness Gates:")
        page.row(1, "Type", "Status")
        for gate in spec["readinessGates"]:
            condition = find(status, gate["conditionType"])
            page.row(1, f"{gate['conditionType']} ", f"{condition['status'] if condition else NONE} ")
    if status.get("conditions"):
        page.row(0, "Conditions:")
        page.row(1, "Type", "Status")
        for condition in status["conditions"]:
            page.row(1, f"{condition['type']} ", f"{condition['status']} ")
