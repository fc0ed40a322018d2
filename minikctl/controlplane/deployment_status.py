"""A Deployment's status and conditions, as upstream's controller writes them."""

from __future__ import annotations

from typing import Any, Protocol

from minikctl.controlplane.decision import Decision
from minikctl.controlplane.rollout import surge_and_unavailable
from minikctl.model import Object, conditions, name_of, spec_of, status_of
from minikctl.model.timestamps import format_time, parse_time

NO_DEADLINE = 2**31 - 1
"""`progressDeadlineSeconds` of MaxInt32 means none, as upstream."""
_COMPLETE = "NewReplicaSetAvailable"
_TIMED_OUT = "ProgressDeadlineExceeded"
_FAILURE = "ReplicaFailure"


class Rollout(Protocol):
    """What this module needs to know of one look at one Deployment."""

    deployment: Object
    now: float
    decision: Decision


def counts(deployment: Object, replica_sets: list[Object], new: Object | None) -> dict[str, Any]:
    """The numbers of the status, summed over ReplicaSets. Zero counts are left out, as `omitempty` does."""
    statuses = [status_of(one) for one in replica_sets]

    def total(field: str) -> int:
        return sum(status.get(field, 0) for status in statuses)

    available = total("availableReplicas")
    numbers = {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        "replicas": total("replicas"),
        "updatedReplicas": status_of(new).get("replicas", 0) if new else 0,
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, sum(spec_of(one)["replicas"] for one in replica_sets) - available),
        "terminatingReplicas": total("terminatingReplicas"),
        "collisionCount": status_of(deployment).get("collisionCount", 0),
    }
    return {name: value for name, value in numbers.items() if value or name in ("terminatingReplicas",)}


def is_complete(deployment: Object, status: dict[str, Any]) -> bool:
    wanted = spec_of(deployment)["replicas"]
    return bool(
        status.get("updatedReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
        and status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 1)
    )


def synced(rollout: Rollout, replica_sets: list[Object], new: Object | None) -> dict[str, Any]:
    """The whole status now. Also tells the decision when to look at the deadline again."""
    deployment = rollout.deployment
    status = counts(deployment, replica_sets, new)
    found = [_availability(deployment, status, rollout.now)]
    progress = _progress(rollout, status, new)
    if progress is not None:
        found.append(progress)
    failure = _failure(deployment, replica_sets, new)
    if failure is not None:
        found.append(failure)
    gone = {name for name, one in (("Progressing", progress), (_FAILURE, failure)) if one is None}
    known = list(status_of(deployment).get("conditions") or ())
    kept = [one for one in known if one["type"] not in gone]
    for condition in found:
        kept = _put(kept, condition)
    status["conditions"] = kept
    return status


def _put(known: list[conditions.Condition], new: conditions.Condition) -> list[conditions.Condition]:
    """As upstream's SetDeploymentCondition: a changed condition moves to the end."""
    old = next((one for one in known if one["type"] == new["type"]), None)
    if old == new:
        return known
    return [one for one in known if one["type"] != new["type"]] + [new]


def _availability(deployment: Object, status: dict[str, Any], now: float) -> conditions.Condition:
    minimum = spec_of(deployment)["replicas"] - surge_and_unavailable(spec_of(deployment))[1]
    if status.get("availableReplicas", 0) >= minimum:
        facts = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        facts = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    old = conditions.find(status_of(deployment), "Available")
    if old is not None and (old["status"], old["reason"]) == facts[:2]:
        return old
    return _condition("Available", *facts, now, old)


def _failure(
    deployment: Object, replica_sets: list[Object], new: Object | None
) -> conditions.Condition | None:
    """Why pods can't be made: the new ReplicaSet's word, else that of any other."""
    for replica_set in ([new] if new is not None else []) + replica_sets:
        told = conditions.find(status_of(replica_set), _FAILURE)
        if told is not None:
            old = conditions.find(status_of(deployment), _FAILURE)
            if old is not None and (old["status"], old["reason"]) == (told["status"], told["reason"]):
                return old
            return {**told, "lastUpdateTime": told["lastTransitionTime"]}
    return None


def _condition(
    kind: str, status: str, reason: str, message: str, now: float, old: conditions.Condition | None
) -> conditions.Condition:
    moment = format_time(now)
    kept = old["lastTransitionTime"] if old is not None and old["status"] == status else moment
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastUpdateTime": moment,
        "lastTransitionTime": kept,
    }


def _progressing(rollout: Rollout, status: str, reason: str, message: str) -> conditions.Condition:
    old = conditions.find(status_of(rollout.deployment), "Progressing")
    if old is not None and old["status"] == status and old["reason"] == reason and reason == _COMPLETE:
        return old
    return _condition("Progressing", status, reason, message, rollout.now, old)


def _deadline(deployment: Object) -> int | None:
    seconds = spec_of(deployment).get("progressDeadlineSeconds")
    return None if seconds is None or seconds >= NO_DEADLINE else int(seconds)


def _progress(rollout: Rollout, status: dict[str, Any], new: Object | None) -> conditions.Condition | None:
    deployment = rollout.deployment
    deadline = _deadline(deployment)
    old = conditions.find(status_of(deployment), "Progressing")
    if deadline is None:
        return None
    whole = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if old is not None and old["reason"] == _COMPLETE and whole:
        return old
    subject = f'ReplicaSet "{name_of(new)}"' if new else f'Deployment "{name_of(deployment)}"'
    if is_complete(deployment, status):
        return _progressing(rollout, "True", _COMPLETE, f"{subject} has successfully progressed.")
    if _has_progressed(status_of(deployment), status):
        return _progressing(rollout, "True", "ReplicaSetUpdated", f"{subject} is progressing.")
    return _watched(rollout, old, deadline, subject)


def _watched(
    rollout: Rollout, old: conditions.Condition | None, deadline: int, subject: str
) -> conditions.Condition | None:
    """Nothing moved: the old condition stays until its deadline, which is then looked at again."""
    if old is None or old["reason"] in (_TIMED_OUT, _COMPLETE, "DeploymentPaused"):
        return old
    expires = parse_time(old["lastUpdateTime"]) + deadline
    if rollout.now > expires:
        return _progressing(rollout, "False", _TIMED_OUT, f"{subject} has timed out progressing.")
    rollout.decision.look_at(expires + 1)
    return old


def _has_progressed(before: dict[str, Any], after: dict[str, Any]) -> bool:
    def old_pods(status: dict[str, Any]) -> int:
        total: int = status.get("replicas", 0) - status.get("updatedReplicas", 0)
        return total

    return (
        after.get("updatedReplicas", 0) > before.get("updatedReplicas", 0)
        or old_pods(after) < old_pods(before)
        or after.get("readyReplicas", 0) > before.get("readyReplicas", 0)
        or after.get("availableReplicas", 0) > before.get("availableReplicas", 0)
    )


def note_created(rollout: Rollout, replica_set: str) -> None:
    _note(rollout, "True", "NewReplicaSetCreated", f'Created new replica set "{replica_set}"')


def note_found(rollout: Rollout, replica_set: str) -> None:
    """An existing ReplicaSet became the newest one: only worth a condition where there is none."""
    if conditions.find(status_of(rollout.deployment), "Progressing") is None:
        _note(rollout, "True", "FoundNewReplicaSet", f'Found new replica set "{replica_set}"')


def note_paused(rollout: Rollout, paused: bool) -> None:
    old = conditions.find(status_of(rollout.deployment), "Progressing")
    was_paused = old is not None and old["reason"] == "DeploymentPaused"
    if old is not None and old["reason"] == _TIMED_OUT:
        return
    if paused and not was_paused:
        _note(rollout, "Unknown", "DeploymentPaused", "Deployment is paused")
    elif not paused and was_paused:
        _note(rollout, "Unknown", "DeploymentResumed", "Deployment is resumed")


def _note(rollout: Rollout, status: str, reason: str, message: str) -> None:
    if _deadline(rollout.deployment) is None:
        return
    old_status = status_of(rollout.deployment)
    old = conditions.find(old_status, "Progressing")
    new = _condition("Progressing", status, reason, message, rollout.now, old)
    known = list(old_status.get("conditions") or ())
    rollout.deployment = {
        **rollout.deployment,
        "status": {**old_status, "conditions": _put(known, new)},
    }
