"""Descriptions, as `kubectl describe` prints them: one object with all that belongs to it.

`describe` is the door. What an object's description needs of others comes through a `Lookup`; a describer
never decides where objects come from. Several descriptions are printed with two empty lines between them,
and without events, as in kubectl (`describe_all`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeAlias

from minikctl.model import Object, name_of, namespace_of
from minikctl.render.describe.autoscalers import describe_autoscaler
from minikctl.render.describe.batch import describe_cron_job, describe_job
from minikctl.render.describe.configuration import (
    describe_config_map,
    describe_secret,
    describe_service_account,
)
from minikctl.render.describe.events import events_of
from minikctl.render.describe.ingresses import describe_ingress, describe_ingress_class
from minikctl.render.describe.namespace import describe_namespace
from minikctl.render.describe.node import describe_node
from minikctl.render.describe.pod import describe_pod
from minikctl.render.describe.policies import describe_budget, describe_limit_range, describe_quota
from minikctl.render.describe.priority import describe_priority_class
from minikctl.render.describe.services import describe_endpoint_slice, describe_endpoints, describe_service
from minikctl.render.describe.sets import (
    describe_daemon_set,
    describe_replication_controller,
    describe_stateful_set,
)
from minikctl.render.describe.storage import describe_claim, describe_class, describe_volume
from minikctl.render.describe.workloads import describe_deployment, describe_replica_set

__all__ = ["Lookup", "describe", "describe_all", "events_of"]


class Lookup(Protocol):
    """The other objects."""

    def list(self, kind: str, namespace: str) -> Iterable[Object]:
        """All objects of a kind (`Pod`, …) in a namespace, in all where it is ""."""


def describe(obj: Object, related: Lookup, events: Iterable[Object] | None, now: float) -> str:
    """The description of one object; every line is ended.

    :param events: may hold events of other objects too; None leaves the block out.
    """
    namespace, mine = namespace_of(obj), None if events is None else events_of(obj, events)
    kind = obj["kind"]
    if (alone := _ALONE.get(kind)) is not None:
        return alone(obj, mine, now)
    if (with_pods := _WITH_PODS.get(kind)) is not None:
        return with_pods(obj, related.list("Pod", namespace), mine, now)
    match kind:
        case "Deployment":
            return describe_deployment(obj, related.list("ReplicaSet", namespace), mine, now)
        case "Namespace":
            name = name_of(obj)
            quotas, ranges = related.list("ResourceQuota", name), related.list("LimitRange", name)
            return describe_namespace(obj, quotas, ranges, mine, now)
        case "Secret":
            return describe_secret(obj)
        case "Service":
            return describe_service(obj, related.list("EndpointSlice", namespace), mine, now)
        case "Ingress":
            slices = related.list("EndpointSlice", namespace)
            return describe_ingress(obj, related.list("Service", namespace), slices, mine, now)
    return _rarely(obj, mine, now)


def _rarely(obj: Object, events: Sequence[Object] | None, now: float) -> str:
    """Kinds that few clusters' users look at, each by a module of its own."""
    match obj["kind"]:
        case "ClusterRole" | "Role":
            from minikctl.render.describe.permissions import describe_role

            return describe_role(obj, events, now)
        case "ClusterRoleBinding" | "RoleBinding":
            from minikctl.render.describe.permissions import describe_binding

            return describe_binding(obj, events, now)
    from minikctl.render.describe.generic import describe_generic

    return describe_generic(obj, events, now)


def describe_all(objects: Sequence[Object], related: Lookup, events: Iterable[Object], now: float) -> str:
    """Several objects. Events are shown where there is only one object, as in kubectl."""
    shown = events if len(objects) == 1 else None
    return "\n\n".join(describe(obj, related, shown, now) for obj in objects)


_Describer: TypeAlias = Callable[[Object, Sequence[Object] | None, float], str]
_DescriberWithPods: TypeAlias = Callable[[Object, Iterable[Object], Sequence[Object] | None, float], str]

_ALONE: dict[str, _Describer] = {
    "ConfigMap": describe_config_map,
    "CronJob": describe_cron_job,
    "EndpointSlice": describe_endpoint_slice,
    "Endpoints": describe_endpoints,
    "HorizontalPodAutoscaler": describe_autoscaler,
    "IngressClass": describe_ingress_class,
    "Job": describe_job,
    "LimitRange": describe_limit_range,
    "PersistentVolume": describe_volume,
    "Pod": describe_pod,
    "PodDisruptionBudget": describe_budget,
    "ServiceAccount": describe_service_account,
    "PriorityClass": describe_priority_class,
    "ResourceQuota": describe_quota,
    "StorageClass": describe_class,
}
_WITH_PODS: dict[str, _DescriberWithPods] = {
    "DaemonSet": describe_daemon_set,
    "Node": describe_node,
    "PersistentVolumeClaim": describe_claim,
    "ReplicaSet": describe_replica_set,
    "ReplicationController": describe_replication_controller,
    "StatefulSet": describe_stateful_set,
}
"""Those whose description tells of the pods of their namespace (of a Node: of all)."""
