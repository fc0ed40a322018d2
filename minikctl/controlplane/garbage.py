"""Garbage collection: nothing owned survives its owner.

An owner reference counts by uid: an owner of the same name that was made anew is another object.
"""

from __future__ import annotations

import math

from minikctl.controlplane.decision import Decision, with_metadata
from minikctl.controlplane.podcontrol import deleted, ended
from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, controller_of, is_deleting, key_of, spec_of, uid_of
from minikctl.model.timestamps import format_time

FOREGROUND = "foregroundDeletion"


def reconcile(key: ObjectKey, view: View, now: float) -> Decision:
    """One object: goes when its owners are gone; in the foreground it waits for what it owns."""
    decision = Decision()
    obj = view.get(key)
    if obj is None:
        return decision
    if _is_lost_pod(obj, view):
        _bury(obj, view, decision, now)
        return decision
    references = obj["metadata"].get("ownerReferences") or ()
    if references and all(view.by_uid(reference["uid"]) is None for reference in references):
        collect(obj, decision, now)
        return decision
    if is_deleting(obj) and FOREGROUND in (obj["metadata"].get("finalizers") or ()):
        _wait_for_dependents(obj, view, decision, now)
    elif references and any(_goes_in_foreground(view.by_uid(one["uid"])) for one in references):
        _collect_in_foreground(obj, view, decision, now)
    return decision


def _is_lost_pod(obj: Object, view: View) -> bool:
    """A pod that no kubelet will ever end: never bound and on its way out, or on a node that is gone."""
    if obj["kind"] != "Pod":
        return False
    node = spec_of(obj).get("nodeName")
    if not node:
        return is_deleting(obj)
    return view.get(ObjectKey("Node", "", node)) is None


def _bury(pod: Object, view: View, decision: Decision, now: float) -> None:
    """A pod that nobody will end goes now; one that is held goes when who holds it has taken note."""
    owner = controller_of(pod)
    held = ended(pod) if owner is not None and view.by_uid(owner["uid"]) is not None else None
    if held is None:
        decision.remove(key_of(pod))
    else:
        decision.put(held if is_deleting(held) else deleted(held, now, 0))


def _goes_in_foreground(owner: Object | None) -> bool:
    return (
        owner is not None and is_deleting(owner) and FOREGROUND in (owner["metadata"].get("finalizers") or ())
    )


def collect(obj: Object, decision: Decision, now: float) -> None:
    """Pods go gracefully (the kubelet ends them), everything else at once. Whoever held a pod is gone."""
    if obj["kind"] == "PersistentVolumeClaim":
        if not is_deleting(obj):
            decision.put(with_metadata(obj, deletionTimestamp=format_time(math.ceil(now))))
    elif obj["kind"] != "Pod":
        decision.remove(key_of(obj))
    elif not is_deleting(obj):
        decision.put(deleted(with_metadata(obj, finalizers=None), now))
    elif obj["metadata"].get("finalizers"):
        decision.put(with_metadata(obj, finalizers=None))


def _collect_in_foreground(obj: Object, view: View, decision: Decision, now: float) -> None:
    """What owns something itself goes in the foreground too, so that the first owner goes last of all."""
    if not _dependents(obj, view):
        collect(obj, decision, now)
    elif not is_deleting(obj):
        finalizers = [*(obj["metadata"].get("finalizers") or ()), FOREGROUND]
        moment = format_time(math.ceil(now))
        decision.put(with_metadata(obj, finalizers=finalizers, deletionTimestamp=moment))


def _dependents(owner: Object, view: View) -> list[Object]:
    return list(view.dependents(uid_of(owner)))


def _wait_for_dependents(owner: Object, view: View, decision: Decision, now: float) -> None:
    if not _dependents(owner, view):
        finalizers = [one for one in owner["metadata"].get("finalizers") or () if one != FOREGROUND]
        if finalizers:
            decision.put(with_metadata(owner, finalizers=finalizers))
        else:
            decision.remove(key_of(owner))
