"""What a change of an object concerns: which controllers look at which keys because of it.

Rules:
- Concerning somebody decides nothing. Who is looked at in vain costs a look; who is forgotten is never asked.
- What did not change costs nothing: only indices of the view are asked, never all objects.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from enum import IntEnum, unique

from minikctl.controlplane import policies, restarts, traffic
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    controller_of,
    is_deleting,
    key_of,
    labels_of,
    spec_of,
    uid_of,
)
from minikctl.model.pod_terms import depends_on_others
from minikctl.model.pods import is_finished
from minikctl.model.priorities import priority_of
from minikctl.model.references import claims_of

EVERYBODY = ObjectKey("", "", "")


@unique
class Work(IntEnum):
    """The controllers in the order in which they are asked."""

    SCHEDULER = 0
    CLAIM = 1
    VOLUME = 2
    """Before a pod's kubelet looks for what it is to mount."""
    KUBELET = 3
    RESTART = 4
    """Before the workloads' own controllers: they see the template as it should be."""
    REPLICA_SET = 5
    DAEMON_SET = 6
    STATEFUL_SET = 7
    JOB = 8
    CRON_JOB = 9
    DEPLOYMENT = 10
    SERVICE = 11
    INGRESS = 12
    GARBAGE = 13
    NAMESPACE = 14
    WAITING = 15
    """The scheduler again, for pods that fitted nowhere: once, when all that makes room is done."""
    NEIGHBOURS = 16
    """Pods that waited for other pods wait no more: once, when those are where they are."""
    BUDGET = 17
    QUOTA = 18
    """When all is counted that a pass makes and removes."""
    AUTOSCALER = 19


WORK_OF: dict[str, Work] = {
    "CronJob": Work.CRON_JOB,
    "DaemonSet": Work.DAEMON_SET,
    "Deployment": Work.DEPLOYMENT,
    "HorizontalPodAutoscaler": Work.AUTOSCALER,
    "Job": Work.JOB,
    "PersistentVolume": Work.VOLUME,
    "PersistentVolumeClaim": Work.CLAIM,
    "PodDisruptionBudget": Work.BUDGET,
    "ReplicaSet": Work.REPLICA_SET,
    "ReplicationController": Work.REPLICA_SET,
    "ResourceQuota": Work.QUOTA,
    "Service": Work.SERVICE,
    "StatefulSet": Work.STATEFUL_SET,
}
"""By kind, the controller that looks after its objects."""
ADOPTERS: dict[str, tuple[str, ...]] = {
    "PersistentVolumeClaim": ("StatefulSet",),
    "Pod": ("DaemonSet", "Job", "ReplicaSet", "ReplicationController", "StatefulSet"),
    "ReplicaSet": ("Deployment",),
}
"""By kind, the kinds whose objects may adopt one that nobody controls, or want its name."""


class Concerns:
    """The view, and the queue of keys to look at. The half of `Manager` that decides nothing."""

    def __init__(self) -> None:
        self.view = View()
        self.names_serial = 0
        """Another number, other names of Services."""
        self._queue: list[tuple[int, int, int, ObjectKey]] = []
        self._queued: set[tuple[int, ObjectKey]] = set()
        self._serial = 0

    def look_at(self, work: Work, key: ObjectKey) -> None:
        if (work, key) not in self._queued:
            self._queued.add((work, key))
            self._serial += 1
            heapq.heappush(self._queue, (work, self._rank(work, key), self._serial, key))

    def _rank(self, work: Work, key: ObjectKey) -> int:
        """Of pods to be scheduled the highest priority comes first; all else in the order of asking."""
        if work not in (Work.SCHEDULER, Work.WAITING):
            return 0
        pod = self.view.get(key)
        return 0 if pod is None else -priority_of(pod)

    def _replace(self, obj: Object) -> None:
        old = self.view.get(key_of(obj))
        if old is not None and uid_of(old) != uid_of(obj):
            self._drop(key_of(obj))  # removed and made anew between two looks: another object
            old = None
        self.view.put(obj)
        self._concern(obj, old)
        self._concern_traffic(obj, old)
        self._concern_policies(obj, old)
        if old is not None and controller_of(old) != controller_of(obj):
            self._concern_owner(old)

    def _drop(self, key: ObjectKey) -> None:
        old = self.view.get(key)
        self.view.remove(key)
        if old is None:
            return
        self._concern_owner(old)
        self._concern_namespace(key)
        if controller_of(old) is None or key.kind == "PersistentVolumeClaim":
            self._concern_adopters(key)  # its name is free
        self._concern_traffic(None, old)
        self._concern_policies(old, None)
        for dependent in self.view.dependents(uid_of(old)):
            self.look_at(Work.GARBAGE, key_of(dependent))
        if key.kind == "Node":
            for pod in self.view.pods_on(key.name):
                self.look_at(Work.GARBAGE, key_of(pod))
            self._concern_daemon_sets()
        self._concern_storage(key, old)
        if key.kind == "Pod":
            self._concern_unscheduled()
        elif key.kind in ("ConfigMap", "Secret"):
            self._concern_users(key)
        elif key.kind in ("LimitRange", "ResourceQuota"):
            self._concern_refused(key.namespace)
            self._concern_missing_claims(key.namespace)

    def _concern(self, obj: Object, old: Object | None) -> None:
        key = key_of(obj)
        match key.kind:
            case "Pod":
                self._concern_pod(key, obj)
                self._concern_neighbours(obj, old)
                if is_finished(obj) and old is not None and not is_finished(old):
                    self._concern_unscheduled()
            case "Namespace":
                self.look_at(Work.NAMESPACE, key)
                self._concern_makers(obj, old, key.name)
            case "PriorityClass":
                self._concern_makers(obj, old, None)
            case "LimitRange" | "ResourceQuota":
                self._concern_refused(key.namespace)
                self._concern_missing_claims(key.namespace)
            case "ConfigMap" | "Secret" | "PersistentVolumeClaim":
                self._concern_users(key)
            case kind if kind in restarts.KINDS and restarts.is_asked_for(obj):
                self.look_at(Work.RESTART, key)
            case "Node":
                self._concern_unscheduled()
                self._concern_daemon_sets()
        self._concern_controller(key)
        self._concern_storage(key, obj)
        if obj["metadata"].get("ownerReferences") or is_deleting(obj):
            self.look_at(Work.GARBAGE, key)
        else:
            self._concern_adopters(key)
        if is_deleting(obj) and (old is None or not is_deleting(old)):
            for dependent in self.view.dependents(uid_of(obj)):
                self.look_at(Work.GARBAGE, key_of(dependent))
        self._concern_owner(obj)
        self._concern_namespace(key)

    def _concern_makers(self, obj: Object, old: Object | None, namespace: str | None) -> None:
        """Other labels may be another Pod Security level: pods that were refused may now be made. Or their
        PriorityClass is there now."""
        if old is None or labels_of(old) != labels_of(obj):
            self._concern_refused(namespace)
            self._concern_unscheduled(depends_on_others)

    def _concern_refused(self, namespace: str | None) -> None:
        """There may be room for what was not made."""
        for kind in (*ADOPTERS["Pod"], "CronJob", "Deployment"):
            for maker in self.view.list(kind, namespace):
                self._concern_controller(key_of(maker))

    def _concern_missing_claims(self, namespace: str | None) -> None:
        """Those of ephemeral volumes may have been refused."""
        for claim in self.view.missing("PersistentVolumeClaim", namespace):
            self.look_at(Work.CLAIM, claim)

    def _concern_pod(self, key: ObjectKey, pod: Object) -> None:
        if spec_of(pod).get("nodeName"):
            self.look_at(Work.KUBELET, key)
        elif not is_deleting(pod):
            self.look_at(Work.SCHEDULER, key)

    def _concern_neighbours(self, pod: Object, old: Object | None) -> None:
        """Who waits to be beside it, or for an even spread, may fit now."""
        if self.view.unscheduled and spec_of(pod).get("nodeName") and _is_elsewhere(pod, old):
            self.look_at(Work.NEIGHBOURS, EVERYBODY)

    def _concern_daemon_sets(self) -> None:
        for daemon_set in self.view.list("DaemonSet"):
            self.look_at(Work.DAEMON_SET, key_of(daemon_set))

    def _concern_controller(self, key: ObjectKey) -> None:
        """The controller of that object's kind, if there is one, looks at it."""
        if (work := WORK_OF.get(key.kind)) is not None:
            self.look_at(work, key)

    def _concern_users(self, key: ObjectKey) -> None:
        """What a pod's containers are made from, or have before them as files, changed."""
        for pod in self.view.users(key):
            placed = spec_of(pod).get("nodeName")
            self.look_at(Work.KUBELET if placed else Work.WAITING, key_of(pod))
        for kind in restarts.KINDS:
            for workload in self.view.list(kind, key.namespace):
                self.look_at(Work.RESTART, key_of(workload))

    def _concern_storage(self, key: ObjectKey, obj: Object) -> None:
        """Claims that wait for a pod, or for its end; volumes whose claim is gone; claims of classes."""
        match key.kind:
            case "Pod":
                for claim in claims_of(obj):
                    self.look_at(Work.CLAIM, claim)
            case "PersistentVolumeClaim":
                name = spec_of(obj).get("volumeName", "")
                self.look_at(Work.VOLUME, ObjectKey("PersistentVolume", "", name))
            case "PersistentVolume" | "StorageClass" | "Node":
                for waiting in self.view.list("PersistentVolumeClaim"):
                    self.look_at(Work.CLAIM, key_of(waiting))
                self._concern_missing_claims(None)
                self._concern_unscheduled(claims_of)

    def _concern_traffic(self, obj: Object | None, old: Object | None) -> None:
        """Services that lead to it, proxies that forward to it, pods that know its name."""
        found = traffic.concerned(obj, old, self.view)
        for key in found.services:
            self.look_at(Work.SERVICE, key)
        for key in found.ingresses:
            self.look_at(Work.INGRESS, key)
        for key in found.pods:
            self.look_at(Work.KUBELET, key)
        if found.names:
            self.names_serial += 1

    def _concern_policies(self, obj: Object, old: Object | None) -> None:
        """What counts objects counts anew. Most namespaces have no such thing."""
        for key in policies.concerned(obj, old, self.view):
            self._concern_controller(key)

    def _concern_owner(self, obj: Object) -> None:
        owner = controller_of(obj)
        if owner is None:
            return
        key = ObjectKey(owner["kind"], key_of(obj).namespace, owner["name"])
        self._concern_controller(key)
        parent = self.view.by_uid(owner["uid"])
        if parent is not None and is_deleting(parent):
            self.look_at(Work.GARBAGE, key)

    def _concern_adopters(self, key: ObjectKey) -> None:
        for kind in ADOPTERS.get(key.kind, ()):
            for adopter in self.view.list(kind, key.namespace):
                self._concern_controller(key_of(adopter))

    def _concern_namespace(self, key: ObjectKey) -> None:
        place = ObjectKey("Namespace", "", key.namespace)
        home = self.view.get(place)
        if home is not None and is_deleting(home):
            self.look_at(Work.NAMESPACE, place)

    def _concern_unscheduled(self, which: Callable[[Object], object] | None = None) -> None:
        for key in tuple(self.view.unscheduled):
            pod = self.view.get(key)
            if which is None or (pod is not None and which(pod)):
                self.look_at(Work.WAITING, key)


def _is_elsewhere(pod: Object, old: Object | None) -> bool:
    """Whether other pods see it differently now."""
    if old is None or spec_of(old).get("nodeName") != spec_of(pod)["nodeName"]:
        return True
    return labels_of(old) != labels_of(pod) or is_deleting(old) != is_deleting(pod)
