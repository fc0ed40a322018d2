"""The ReplicaSet controller: as many active pods as `spec.replicas`, no more, no less.

Upstream creates in slow starts (1, 2, 4 …) to spare an API server that may refuse; here a whole batch is one
commit that happens or does not, so all missing pods are made at once. What an API server would refuse is
asked before: pods that their namespace's Pod Security level forbids are not made; the ReplicaSet says why.
"""

from __future__ import annotations

import math
from typing import Any

from minikctl.controlplane.decision import Decision, Ids, earliest, with_metadata, with_status
from minikctl.controlplane.owned import claim
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    annotations_of,
    conditions,
    controller_of,
    controller_reference,
    copy,
    is_deleting,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.defaults import set_defaults
from minikctl.model.pod_security import refusal
from minikctl.model.pods import is_active, is_available, is_ready, phase, ready_since, restarts
from minikctl.model.timestamps import format_time

COMPONENT = "replicaset-controller"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
FAILURE = "ReplicaFailure"


def reconcile(key: ObjectKey, view: View, now: float, ids: Ids) -> Decision:
    decision = Decision()
    replica_set = view.get(key)
    if replica_set is None:
        return decision
    pods = claim(replica_set, "Pod", view, decision)
    active = [pod for pod in pods if is_active(pod)]
    refused = None
    if not is_deleting(replica_set):
        missing = spec_of(replica_set)["replicas"] - len(active)
        if missing > 0:
            prototype = new_pod(replica_set, now)
            refused = _refused(prototype, view)
            if refused is None:
                _create(replica_set, prototype, missing, decision, ids)
        elif missing < 0:
            _delete(replica_set, active, -missing, view, decision, now)
    _tell_refused(replica_set, refused, decision)
    _update_status(replica_set, pods, active, refused, decision, now)
    return decision


def _refused(pod: Object, view: View) -> str | None:
    """What an API server would answer who wants to create that pod, where it would refuse it."""
    home = view.get(ObjectKey("Namespace", "", namespace_of(pod)))
    why = refusal(labels_of(home) if home is not None else None, pod)
    return None if why is None else f'pods "{pod["metadata"]["generateName"]}" is forbidden: {why}'


def _tell_refused(replica_set: Object, refused: str | None, decision: Decision) -> None:
    known = conditions.find(status_of(replica_set), FAILURE)
    if refused is not None and (known is None or known.get("message") != refused):
        decision.tell(replica_set, "FailedCreate", f"Error creating: {refused}", COMPONENT, "Warning")


def _create(replica_set: Object, prototype: Object, count: int, decision: Decision, ids: Ids) -> None:
    for _ in range(count):
        pod = copy(prototype)
        pod["metadata"] |= {"name": f"{name_of(replica_set)}-{ids.suffix()}", "uid": ids.uid()}
        decision.put(pod)
        decision.tell(replica_set, "SuccessfulCreate", f"Created pod: {name_of(pod)}", COMPONENT)


def new_pod(replica_set: Object, now: float) -> Object:
    """A pod from the template, owned by the ReplicaSet, as the API server would store it; name and uid are
    still to be given."""
    template = spec_of(replica_set)["template"]
    metadata: dict[str, Any] = {
        "name": "",
        "generateName": f"{name_of(replica_set)}-",
        "namespace": namespace_of(replica_set),
        "uid": "",
        "creationTimestamp": format_time(now),
        "generation": 1,
        "labels": copy(labels_of(template)),
        "ownerReferences": [controller_reference(replica_set)],
    }
    if annotations := annotations_of(template):
        metadata["annotations"] = copy(annotations)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": copy(template["spec"])}
    return {**set_defaults(pod), "status": {"phase": "Pending"}}


def _delete(
    replica_set: Object, active: list[Object], count: int, view: View, decision: Decision, now: float
) -> None:
    for pod in sorted(active, key=_deletion_rank(_related(replica_set, active, view), now))[:count]:
        decision.put(deleted(pod, now))
        decision.tell(replica_set, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}", COMPONENT)


def deleted(pod: Object, now: float, grace_seconds: int | None = None) -> Object:
    """The pod, asked to go: `deletionTimestamp` lies one grace period ahead, as Kubernetes writes it."""
    grace = spec_of(pod).get("terminationGracePeriodSeconds", 30) if grace_seconds is None else grace_seconds
    return with_metadata(
        pod, deletionTimestamp=format_time(math.ceil(now + grace)), deletionGracePeriodSeconds=grace
    )


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


def _deletion_rank(related: list[Object], now: float) -> Any:
    """Which pod goes first (upstream's ActivePodsWithRanks): the one with the smallest rank."""
    per_node: dict[str, int] = {}
    for pod in related:
        node = spec_of(pod).get("nodeName", "")
        per_node[node] = per_node.get(node, 0) + 1

    def rank(pod: Object) -> tuple[Any, ...]:
        node = spec_of(pod).get("nodeName", "")
        since = ready_since(pod)
        return (
            bool(node),
            ("Pending", "Unknown", "Running").index(phase(pod)),
            is_ready(pod),
            _deletion_cost(pod),
            -per_node[node],
            -(since if since is not None else now),
            -restarts(pod),
            _descending(pod["metadata"]["creationTimestamp"]),
            name_of(pod),
        )

    return rank


def _deletion_cost(pod: Object) -> int:
    """What is not a number counts as 0, as upstream."""
    try:
        return int(annotations_of(pod).get(DELETION_COST, "0"))
    except ValueError:
        return 0


def _descending(text: str) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in text)


def _conditions(replica_set: Object, refused: str | None, now: float) -> list[conditions.Condition]:
    found: list[conditions.Condition] = status_of(replica_set).get("conditions") or []
    if refused is None:
        return [condition for condition in found if condition["type"] != FAILURE]
    failure = {
        "type": FAILURE,
        "status": "True",
        "reason": "FailedCreate",
        "message": refused,
        "lastTransitionTime": format_time(now),
    }
    return conditions.put(found, failure)


def _update_status(
    replica_set: Object,
    pods: list[Object],
    active: list[Object],
    refused: str | None,
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
        "terminatingReplicas": sum(1 for pod in pods if is_deleting(pod)),
        "observedGeneration": replica_set["metadata"].get("generation", 1),
    }
    # Zero counts are left out of the JSON, as upstream's `omitempty` does; `replicas` always stands.
    status = {name: value for name, value in status.items() if value or name in ("replicas",)}
    if found := _conditions(replica_set, refused, now):
        status["conditions"] = found
    if new := with_status(replica_set, status):
        decision.put(new)
    if minimum:
        waits = [since + minimum for pod in ready if (since := ready_since(pod)) is not None]
        decision.look_at(earliest(moment for moment in waits if moment > now))
