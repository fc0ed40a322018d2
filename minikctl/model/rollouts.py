"""Whether a workload is as declared, by its status alone."""

from __future__ import annotations

from minikctl.model import Object, conditions, spec_of, status_of
from minikctl.model.jobs import finished_condition

WORKLOADS = ("DaemonSet", "Job", "ReplicaSet", "ReplicationController", "StatefulSet")


def is_as_declared(obj: Object) -> bool:
    """Of one of WORKLOADS: all its pods are there and ready, or (a Job's) have done their work."""
    status = status_of(obj)
    if obj["kind"] == "Job":
        return finished_condition(obj) is not None or conditions.is_true(status, "Suspended")
    if status.get("observedGeneration", 0) < obj["metadata"].get("generation", 1):
        return False
    if obj["kind"] == "DaemonSet":
        desired = status.get("desiredNumberScheduled", 0)
        return bool(status.get("numberReady", 0) == desired and not status.get("numberMisscheduled"))
    wanted = spec_of(obj)["replicas"]
    return bool(status.get("readyReplicas", 0) == wanted and status.get("replicas", 0) == wanted)
