"""`kubectl describe deployment` and `replicaset`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

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
from minikctl.model.revisions import new_and_old, owned_by
from minikctl.model.selectors import format_selector, from_object, matches
from minikctl.render.describe.containers import pod_template
from minikctl.render.describe.events import describe_events
from minikctl.render.describe.writer import NONE, Page
from minikctl.render.durations import rfc1123


def describe_deployment(
    deployment: Object, replica_sets: Iterable[Object], events: Sequence[Object] | None, now: float
) -> str:
    page = Page()
    spec, status = spec_of(deployment), status_of(deployment)
    page.row(0, "Name:", name_of(deployment))
    page.row(0, "Namespace:", namespace_of(deployment))
    page.row(0, "CreationTimestamp:", rfc1123(deployment["metadata"].get("creationTimestamp")))
    page.labels(0, "Labels", labels_of(deployment))
    page.annotations(0, "Annotations", annotations_of(deployment))
    page.row(0, "Selector:", format_selector(spec.get("selector")))
    counts = {
        "desired": spec.get("replicas", 1),
        "updated": status.get("updatedReplicas") or 0,
        "total": status.get("replicas") or 0,
        "available": status.get("availableReplicas") or 0,
        "unavailable": status.get("unavailableReplicas") or 0,
    }
    page.row(0, "Replicas:", " | ".join(f"{count} {word}" for word, count in counts.items()))
    _strategy(page, deployment)
    pod_template(page, spec.get("template") or {})
    _conditions(page, deployment)
    _replica_sets(page, deployment, replica_sets)
    describe_events(page, events, now)
    return page.aligned()


def _strategy(page: Page, deployment: Object) -> None:
    spec = spec_of(deployment)
    strategy = spec.get("strategy") or {}
    page.row(0, "StrategyType:", strategy.get("type", ""))
    page.row(0, "MinReadySeconds:", spec.get("minReadySeconds", 0))
    rolling = strategy.get("rollingUpdate")
    if rolling:
        text = f"{rolling.get('maxUnavailable')} max unavailable, {rolling.get('maxSurge')} max surge"
        page.row(0, "RollingUpdateStrategy:", text)


def _conditions(page: Page, obj: Object) -> None:
    conditions = status_of(obj).get("conditions")
    if conditions:
        page.row(0, "Conditions:")
        page.row(1, "Type", "Status", "Reason")
        page.row(1, "----", "------", "------")
        for condition in conditions:
            page.row(1, f"{condition['type']} ", condition["status"], condition.get("reason", ""))


def _replica_sets(page: Page, deployment: Object, replica_sets: Iterable[Object]) -> None:
    new, old = new_and_old(deployment, owned_by(deployment, replica_sets))
    if new or old:
        page.row(0, "OldReplicaSets:", ", ".join(map(_replica_set_word, old)) or NONE)
        page.row(0, "NewReplicaSet:", _replica_set_word(new) if new else NONE)


def _replica_set_word(replica_set: Object) -> str:
    created = status_of(replica_set).get("replicas") or 0
    return f"{name_of(replica_set)} ({created}/{spec_of(replica_set).get('replicas', 1)} replicas created)"


def describe_replica_set(
    replica_set: Object, pods: Iterable[Object], events: Sequence[Object] | None, now: float
) -> str:
    page = Page()
    spec, status = spec_of(replica_set), status_of(replica_set)
    page.row(0, "Name:", name_of(replica_set))
    page.row(0, "Namespace:", namespace_of(replica_set))
    page.row(0, "Selector:", format_selector(spec.get("selector")))
    page.labels(0, "Labels", labels_of(replica_set))
    page.annotations(0, "Annotations", annotations_of(replica_set))
    owner = controller_of(replica_set)
    if owner:
        page.row(0, "Controlled By:", f"{owner['kind']}/{owner['name']}")
    page.row(0, "Replicas:", f"{status.get('replicas') or 0} current / {spec.get('replicas', 1)} desired")
    page.row(0, "Pods Status:", _pod_phases(replica_set, pods))
    pod_template(page, spec.get("template") or {})
    _conditions(page, replica_set)
    describe_events(page, events, now)
    return page.aligned()


def _pod_phases(replica_set: Object, pods: Iterable[Object]) -> str:
    selector = from_object(spec_of(replica_set).get("selector"))
    phases: Counter[str] = Counter(
        status_of(pod).get("phase", "")
        for pod in pods
        if matches(selector, labels_of(pod)) and (controller_of(pod) or {}).get("uid") == uid_of(replica_set)
    )
    words = (("Running", "Running"), ("Pending", "Waiting"), ("Succeeded", "Succeeded"), ("Failed", "Failed"))
    return " / ".join(f"{phases[phase]} {word}" for phase, word in words)
