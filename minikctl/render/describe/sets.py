"""`kubectl describe daemonset`, `statefulset` and `replicationcontroller`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from minikctl.model import (
    Object,
    annotations_of,
    controller_of,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.selectors import format_selector
from minikctl.render.describe.containers import pod_template
from minikctl.render.describe.events import describe_events
from minikctl.render.describe.writer import NONE, Page
from minikctl.render.durations import rfc1123
from minikctl.render.workload_columns import labels_text


def describe_daemon_set(
    daemon_set: Object, pods: Iterable[Object], events: Sequence[Object] | None, now: float
) -> str:
    page = Page()
    spec, status = spec_of(daemon_set), status_of(daemon_set)
    template = spec.get("template") or {}
    page.row(0, "Name:", name_of(daemon_set))
    page.row(0, "Namespace:", namespace_of(daemon_set))
    page.row(0, "Selector:", format_selector(spec.get("selector")))
    page.row(0, "Node-Selector:", labels_text((template.get("spec") or {}).get("nodeSelector")))
    page.labels(0, "Labels", labels_of(daemon_set))
    page.annotations(0, "Annotations", annotations_of(daemon_set))
    for title, field in (
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ):
        page.row(0, f"{title}: {status.get(field) or 0}")
    page.row(0, "Pods Status:", pod_phases(daemon_set, pods))
    pod_template(page, template)
    describe_events(page, events, now)
    return page.aligned()


def describe_stateful_set(
    stateful_set: Object, pods: Iterable[Object], events: Sequence[Object] | None, now: float
) -> str:
    page = Page()
    spec, status = spec_of(stateful_set), status_of(stateful_set)
    page.row(0, "Name:", name_of(stateful_set))
    page.row(0, "Namespace:", namespace_of(stateful_set))
    page.row(0, "CreationTimestamp:", rfc1123(stateful_set["metadata"].get("creationTimestamp")))
    page.row(0, "Selector:", format_selector(spec.get("selector")))
    page.labels(0, "Labels", labels_of(stateful_set))
    page.annotations(0, "Annotations", annotations_of(stateful_set))
    page.row(0, "Replicas:", f"{spec.get('replicas', 1)} desired | {status.get('replicas') or 0} total")
    strategy = spec.get("updateStrategy") or {}
    page.row(0, "Update Strategy:", strategy.get("type", ""))
    rolling = strategy.get("rollingUpdate") or {}
    if "partition" in rolling:
        page.row(1, "Partition:", rolling["partition"])
        if "maxUnavailable" in rolling:
            page.row(1, "MaxUnavailable:", rolling["maxUnavailable"])
    page.row(0, "Pods Status:", pod_phases(stateful_set, pods))
    pod_template(page, spec.get("template") or {})
    _claims(page, spec.get("volumeClaimTemplates") or ())
    describe_events(page, events, now)
    return page.aligned()


def _claims(page: Page, templates: Sequence[dict[str, Any]]) -> None:
    if not templates:
        page.row(0, "Volume Claims:", NONE)
        return
    page.row(0, "Volume Claims:")
    for claim in templates:
        spec = claim.get("spec") or {}
        page.row(1, "Name:", name_of(claim))
        page.row(1, "StorageClass:", spec.get("storageClassName", ""))
        page.labels(1, "Labels", labels_of(claim))
        page.labels(1, "Annotations", annotations_of(claim))
        requests = (spec.get("resources") or {}).get("requests") or {}
        page.row(1, "Capacity:", requests.get("storage", "<default>"))
        page.row(1, "Access Modes:", f"[{' '.join(spec.get('accessModes') or ())}]")


def describe_replication_controller(
    controller: Object, pods: Iterable[Object], events: Sequence[Object] | None, now: float
) -> str:
    page = Page()
    spec, status = spec_of(controller), status_of(controller)
    page.row(0, "Name:", name_of(controller))
    page.row(0, "Namespace:", namespace_of(controller))
    page.row(0, "Selector:", labels_text(spec.get("selector")))
    page.labels(0, "Labels", labels_of(controller))
    page.annotations(0, "Annotations", annotations_of(controller))
    page.row(0, "Replicas:", f"{status.get('replicas') or 0} current / {spec.get('replicas', 1)} desired")
    page.row(0, "Pods Status:", pod_phases(controller, pods))
    pod_template(page, spec.get("template") or {})
    if conditions := status.get("conditions"):
        page.row(0, "Conditions:")
        page.row(1, "Type", "Status", "Reason")
        page.row(1, "----", "------", "------")
        for one in conditions:
            page.row(1, f"{one['type']} ", one["status"], one.get("reason", ""))
    describe_events(page, events, now)
    return page.aligned()


def pod_phases(owner: Object, pods: Iterable[Object]) -> str:
    """How many of the pods that it controls are in which phase."""
    phases: Counter[str] = Counter(
        status_of(pod).get("phase", "")
        for pod in pods
        if (controller_of(pod) or {}).get("uid") == uid_of(owner)
    )
    words = (("Running", "Running"), ("Pending", "Waiting"), ("Succeeded", "Succeeded"), ("Failed", "Failed"))
    return " / ".join(f"{phases[phase]} {word}" for phase, word in words)
