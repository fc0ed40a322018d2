"""`kubectl rollout status` of DaemonSets and StatefulSets."""

from __future__ import annotations

from collections.abc import Iterable

from minikctl.model import Object, annotations_of, name_of, spec_of, status_of
from minikctl.model.controller_revisions import number_of, template_of
from minikctl.model.revisions import REVISION
from minikctl.render.escape import escape


def set_rollout_status(obj: Object) -> tuple[str, bool]:
    """What to tell, and whether the rollout is over.

    :raises ValueError: the pods are only replaced when people delete them: there is no rollout.
    """
    if (spec_of(obj).get("updateStrategy") or {}).get("type") == "OnDelete":
        raise ValueError("rollout status is only available for RollingUpdate strategy type")
    return _daemon_set(obj) if obj["kind"] == "DaemonSet" else _stateful_set(obj)


def is_observed(obj: Object) -> bool:
    """Whether the status speaks of the newest spec."""
    observed: int = status_of(obj).get("observedGeneration") or 0
    return bool(observed >= obj["metadata"].get("generation", 1))


def _daemon_set(obj: Object) -> tuple[str, bool]:
    if not is_observed(obj):
        return "Waiting for daemon set spec update to be observed...", False
    name = escape(name_of(obj))
    if missing := daemon_set_waits_for(obj):
        return f'Waiting for daemon set "{name}" rollout to finish: {missing}...', False
    return f'daemon set "{name}" successfully rolled out', True


def daemon_set_waits_for(obj: Object) -> str:
    """What is still to come; "" when nothing is."""
    status = status_of(obj)
    desired = status.get("desiredNumberScheduled") or 0
    updated, available = status.get("updatedNumberScheduled") or 0, status.get("numberAvailable") or 0
    on_delete = (spec_of(obj).get("updateStrategy") or {}).get("type") == "OnDelete"
    if updated < desired and not on_delete:
        return f"{updated} out of {desired} new pods have been updated"
    if available < desired:
        return f"{available} of {desired} updated pods are available"
    return ""


def _stateful_set(obj: Object) -> tuple[str, bool]:
    if not is_observed(obj):
        return "Waiting for statefulset spec update to be observed...", False
    status = status_of(obj)
    if missing := stateful_set_waits_for(obj):
        return f"{missing}...", False
    updated = status.get("updatedReplicas") or 0
    if _partition(obj) is not None:
        return f"partitioned roll out complete: {updated} new pods have been updated...", True
    current, revision = status.get("currentReplicas") or 0, status.get("currentRevision", "")
    return f"statefulset rolling update complete {current} pods at revision {revision}...", True


def stateful_set_waits_for(obj: Object) -> str:
    """What is still to come; "" when nothing is."""
    spec, status = spec_of(obj), status_of(obj)
    wanted, ready = spec.get("replicas", 1), status.get("readyReplicas") or 0
    updated, partition = status.get("updatedReplicas") or 0, _partition(obj)
    if ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready"
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return ""
    if partition is not None:
        if updated < wanted - partition:
            return (
                f"Waiting for partitioned roll out to finish: {updated} out of {wanted - partition}"
                " new pods have been updated"
            )
        return ""
    if status.get("updateRevision") != status.get("currentRevision"):
        revision = status.get("updateRevision", "")
        return f"waiting for statefulset rolling update to complete {updated} pods at revision {revision}"
    return ""


def _partition(obj: Object) -> int | None:
    rolling = (spec_of(obj).get("updateStrategy") or {}).get("rollingUpdate") or {}
    partition: int | None = rolling.get("partition")
    return partition


def set_history(obj: Object, revisions: Iterable[Object], revision: int = 0) -> str:
    """The table of revisions of a DaemonSet or StatefulSet, or the pod template of one.

    :raises RolloutError: there is no such revision.
    """
    from minikctl.render.rollout import rollout_history

    return rollout_history(obj, [_as_replica_set(one) for one in revisions], revision)


def _as_replica_set(revision: Object) -> Object:
    """What a ReplicaSet shows of a Deployment's revision, this one shows in other places."""
    annotations = {**annotations_of(revision), REVISION: str(number_of(revision))}
    return {"metadata": {"annotations": annotations}, "spec": {"template": template_of(revision)}}
