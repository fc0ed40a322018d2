"""What deleting an object writes: the object's own part now, its dependents' by the garbage collector."""

from __future__ import annotations

import math

from minikctl.api.intent import intent
from minikctl.controlplane.decision import with_metadata
from minikctl.controlplane.garbage import FOREGROUND
from minikctl.controlplane.podcontrol import deleted
from minikctl.errors import Forbidden
from minikctl.model import Object, ObjectKey, controller_of, is_deleting, key_of, spec_of, uid_of
from minikctl.model.timestamps import format_time
from minikctl.model.writes import DROP, Put, Remove, Write

PROTECTED = ("default", "kube-system")


def writes(
    obj: Object,
    everything: list[Object],
    now: float,
    *,
    grace_seconds: int | None,
    propagation: str,
    force: bool,
) -> list[Write]:
    """`everything` is only looked at to orphan dependents."""
    match obj["kind"]:
        case "Pod":
            return _pod(obj, now, grace_seconds, force)
        case "Namespace":
            return _namespace(obj, now)
        case "PersistentVolume" | "PersistentVolumeClaim":
            if is_deleting(obj):
                return []
            return [Put(with_metadata(obj, deletionTimestamp=format_time(math.ceil(now))), DROP)]
        case "Node":
            raise Forbidden(f'nodes "{key_of(obj).name}" is forbidden: change the nodes in cluster.yaml')
    if propagation == "foreground":
        return _foreground(obj, now)
    orphans = [_orphan(one, obj) for one in everything if _is_controlled(one, obj)]
    return [*orphans, Remove(key_of(obj), obj["metadata"]["resourceVersion"])]


def is_protected(key: ObjectKey) -> bool:
    """What every cluster has; it can't be deleted, whether somebody declared it or not."""
    return key.kind == "Namespace" and key.name in PROTECTED


def _pod(pod: Object, now: float, grace_seconds: int | None, force: bool) -> list[Write]:
    unstarted = not spec_of(pod).get("nodeName")
    if unstarted or (force and grace_seconds == 0):
        if not pod["metadata"].get("finalizers"):
            return [Remove(key_of(pod), pod["metadata"]["resourceVersion"])]
        grace_seconds = 0  # it goes when who holds it (a Job that counts it) has taken note
    going = deleted(pod, now, grace_seconds)
    if is_deleting(pod):  # only ever sooner
        before, after = (one["metadata"]["deletionTimestamp"] for one in (pod, going))
        if after >= before:
            return []
    return [Put(going, DROP)]


def _namespace(namespace: Object, now: float) -> list[Write]:
    name = key_of(namespace).name
    if is_protected(key_of(namespace)):
        raise Forbidden(f'namespaces "{name}" is forbidden: this namespace may not be deleted')
    if is_deleting(namespace):
        return []
    going = with_metadata(namespace, deletionTimestamp=format_time(math.ceil(now)))
    return [Put({**going, "status": {"phase": "Terminating"}}, DROP)]


def _foreground(obj: Object, now: float) -> list[Write]:
    finalizers = [*(obj["metadata"].get("finalizers") or ()), FOREGROUND]
    going = with_metadata(
        obj, finalizers=list(dict.fromkeys(finalizers)), deletionTimestamp=format_time(math.ceil(now))
    )
    return [Put(going, DROP)]


def _is_controlled(obj: Object, owner: Object) -> bool:
    reference = controller_of(obj)
    return reference is not None and reference["uid"] == uid_of(owner)


def _orphan(obj: Object, owner: Object) -> Write:
    """What nobody owns any more is declared from now on: otherwise nothing would hold it."""
    references = [one for one in obj["metadata"]["ownerReferences"] if one["uid"] != uid_of(owner)]
    free = with_metadata(obj, ownerReferences=references or None)
    return Put(free, intent(free, []))
