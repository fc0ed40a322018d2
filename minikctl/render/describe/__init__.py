"""Descriptions, as `kubectl describe` prints them: one object with all that belongs to it.

`describe` is the door. What an object's description needs of others comes through a `Lookup`; a describer
never decides where objects come from. Several descriptions are printed with two empty lines between them,
and without events, as in kubectl (`describe_all`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from minikctl.errors import UsageError
from minikctl.model import Object, annotations_of, labels_of, name_of, namespace_of, status_of
from minikctl.render.describe.batch import describe_cron_job, describe_job
from minikctl.render.describe.configuration import (
    describe_config_map,
    describe_secret,
    describe_service_account,
)
from minikctl.render.describe.events import describe_events, events_of
from minikctl.render.describe.node import describe_node
from minikctl.render.describe.pod import describe_pod
from minikctl.render.describe.sets import (
    describe_daemon_set,
    describe_replication_controller,
    describe_stateful_set,
)
from minikctl.render.describe.workloads import describe_deployment, describe_replica_set
from minikctl.render.describe.writer import Page
from minikctl.render.durations import rfc1123

__all__ = ["Lookup", "describe", "describe_all", "events_of"]


class Lookup(Protocol):
    """The other objects."""

    def list(self, kind: str, namespace: str) -> Iterable[Object]:
        """All objects of a kind (`Pod`, …) in a namespace, in all where it is ""."""


def describe(obj: Object, related: Lookup, events: Iterable[Object] | None, now: float) -> str:
    """The description of one object; every line is ended.

    :param events: may hold events of other objects too; None leaves the block out.
    :raises UsageError: objects of this kind have no description.
    """
    namespace, mine = namespace_of(obj), None if events is None else events_of(obj, events)
    match obj["kind"]:
        case "Pod":
            return describe_pod(obj, mine, now)
        case "Deployment":
            return describe_deployment(obj, related.list("ReplicaSet", namespace), mine, now)
        case "ReplicaSet":
            return describe_replica_set(obj, related.list("Pod", namespace), mine, now)
        case "Job":
            return describe_job(obj, mine, now)
        case "CronJob":
            return describe_cron_job(obj, mine, now)
        case "DaemonSet":
            return describe_daemon_set(obj, related.list("Pod", namespace), mine, now)
        case "StatefulSet":
            return describe_stateful_set(obj, related.list("Pod", namespace), mine, now)
        case "ReplicationController":
            return describe_replication_controller(obj, related.list("Pod", namespace), mine, now)
        case "Node":
            return describe_node(obj, related.list("Pod", ""), mine, now)
        case "Namespace":
            return _describe_namespace(obj, mine, now)
        case "ConfigMap":
            return describe_config_map(obj, mine, now)
        case "Secret":
            return describe_secret(obj)
        case "ServiceAccount":
            return describe_service_account(obj, mine, now)
    raise UsageError(f"no description has been implemented for {obj['kind']}")


def describe_all(objects: Sequence[Object], related: Lookup, events: Iterable[Object], now: float) -> str:
    """Several objects. Events are shown where there is only one object, as in kubectl."""
    shown = events if len(objects) == 1 else None
    return "\n\n".join(describe(obj, related, shown, now) for obj in objects)


def _describe_namespace(namespace: Object, events: Sequence[Object] | None, now: float) -> str:
    page = Page()
    page.row(0, "Name:", name_of(namespace))
    page.labels(0, "Labels", labels_of(namespace))
    page.annotations(0, "Annotations", annotations_of(namespace))
    page.row(0, "Status:", status_of(namespace).get("phase", ""))
    conditions = status_of(namespace).get("conditions")
    if conditions:
        page.row(0, "Conditions:")
        page.row(1, "Type", "Status", "LastTransitionTime", "Reason", "Message")
        page.row(1, "----", "------", "------------------", "------", "-------")
        for one in conditions:
            time = rfc1123(one.get("lastTransitionTime"))
            page.row(1, one["type"], one["status"], time, one.get("reason", ""), one.get("message", ""))
    for text in ("", "No resource quota.", "", "No LimitRange resource."):
        page.row(0, text)
    if events:
        describe_events(page, events, now)
    return page.aligned()
