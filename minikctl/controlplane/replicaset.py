"""The ReplicaSet controller, and the ReplicationController's: as many active pods as `spec.replicas`.

Upstream creates in slow starts (1, 2, 4 …) to spare an API server that may refuse; here a whole batch is one
commit that happens or does not, so all missing pods are made at once. What an API server would refuse is
asked before: pods that their namespace forbids, or has no quota for, are not made; the ReplicaSet says why.
"""

from __future__ import annotations

from typing import Any

from minikctl.controlplane.decision import Decision, Ids, earliest, with_status
from minikctl.controlplane.owned import claim
from minikctl.controlplane.podcontrol import deleted, deletion_rank, pod_from, room_for
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    conditions,
    controller_of,
    copy,
    is_deleting,
    key_of,
    labels_of,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.pods import is_active, is_available, is_ready, ready_since
from minikctl.model.timestamps import format_time

COMPONENT = "replicaset-controller"
_COMPONENTS = {"ReplicaSet": COMPONENT, "ReplicationController": "replication-controller"}
FAILURE = "ReplicaFailure"


def reconcile(key: ObjectKey, view: View, now: float, ids: Ids) -> Decision:
    decision = Decision()
    replica_set = view.get(key)
    if replica_set is None:
        return decision
    pods = claim(replica_set, "Pod", view, decision)
    active = [pod for pod in pods if is_active(pod)]
    why = None
    if not is_deleting(replica_set):
        missing = spec_of(replica_set)["replicas"] - len(active)
        if missing > 0:
            prototype = new_pod(replica_set, now)
            count, why = room_for(prototype, missing, view)
            _create(replica_set, prototype, count, decision, ids)
        elif missing < 0:
            _delete(replica_set, active, -missing, view, decision, now)
    _tell_refused(replica_set, why, decision)
    _update_status(replica_set, pods, active, why, decision, now)
    return decision


def _tell_refused(replica_set: Object, why: str | None, decision: Decision) -> None:
    known = conditions.find(status_of(replica_set), FAILURE)
    if why is not None and (known is None or known.get("message") != why):
        _tell(replica_set, "FailedCreate", f"Error creating: {why}", decision, "Warning")


def _tell(replica_set: Object, reason: str, text: str, decision: Decision, kind: str = "Normal") -> None:
    decision.tell(replica_set, reason, text, _COMPONENTS[replica_set["kind"]], kind)


def _create(replica_set: Object, prototype: Object, count: int, decision: Decision, ids: Ids) -> None:
    for _ in range(count):
        pod = copy(prototype)
        pod["metadata"] |= {"name": f"{name_of(replica_set)}-{ids.suffix()}", "uid": ids.uid()}
        decision.put(pod)
        _tell(replica_set, "SuccessfulCreate", f"Created pod: {name_of(pod)}", decision)


def new_pod(replica_set: Object, now: float) -> Object:
    """A pod from the template, owned by the ReplicaSet; name and uid are still to be given."""
    return pod_from(replica_set, spec_of(replica_set)["template"], now)


def _delete(
    replica_set: Object, active: list[Object], count: int, view: View, decision: Decision, now: float
) -> None:
    for pod in sorted(active, key=deletion_rank(_related(replica_set, active, view), now))[:count]:
        decision.put(deleted(pod, now))
        _tell(replica_set, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}", decision)


def _related(replica_set: Object, active: list[Object], view: View) -> list[Object]:
    """Active pods of all ReplicaSets of the same owner: in a rollout the spread is that of all of them."""
    owner = controller_of(replica_set)
    if owner is None:
        return active
    others = [
        one for one in view.controlled(owner["uid"], "ReplicaSet") if key_of(one) != key_of(replica_set)
    ]
    pods = (pod for one in others for pod in view.controlled(uid_of(one), "Pod"))
    return [*active, *(pod for pod in pods if is_active(pod))]


def _conditions(replica_set: Object, why: str | None, now: float) -> list[conditions.Condition]:
    found: list[conditions.Condition] = status_of(replica_set).get("conditions") or []
    if why is None:
        return [condition for condition in found if condition["type"] != FAILURE]
    failure = {
        "type": FAILURE,
        "status": "True",
        "reason": "FailedCreate",
        "message": why,
        "lastTransitionTime": format_time(now),
    }
    return conditions.put(found, failure)


def _update_status(
    replica_set: Object,
    pods: list[Object],
    active: list[Object],
    why: str | None,
    decision: Decision,
    now: float,
) -> None:
    spec = spec_of(replica_set)
    minimum = spec.get("minReadySeconds", 0)
    wanted_labels = labels_of(spec["template"])
    ready = [pod for pod in active if is_ready(pod)]
    status: dict[str, Any] = {
        "replicas": len(active),
        "fullyLabeledReplicas": sum(1 for pod in active if wanted_labels.items() <= labels_of(pod).items()),
        "readyReplicas": len(ready),
        "availableReplicas": sum(1 for pod in ready if is_available(pod, minimum, now)),
        "observedGeneration": replica_set["metadata"].get("generation", 1),
    }
    if replica_set["kind"] == "ReplicaSet":  # a ReplicationController has no such field
        status["terminatingReplicas"] = sum(1 for pod in pods if is_deleting(pod))
    # Zero counts are left out of the JSON, as upstream's `omitempty` does; `replicas` always stands.
    status = {name: value for name, value in status.items() if value or name in ("replicas",)}
    if found := _conditions(replica_set, why, now):
        status["conditions"] = found
    if new := with_status(replica_set, status):
        decision.put(new)
    if minimum:
        waits = [since + minimum for pod in ready if (since := ready_since(pod)) is not None]
        decision.look_at(earliest(moment for moment in waits if moment > now))
