"""The namespace controller: a namespace that is being deleted goes when nothing lives in it any more."""

from __future__ import annotations

from minikctl.controlplane.decision import Decision
from minikctl.controlplane.garbage import collect
from minikctl.controlplane.view import View
from minikctl.model import ObjectKey, is_deleting, name_of


def reconcile(key: ObjectKey, view: View, now: float) -> Decision:
    decision = Decision()
    namespace = view.get(key)
    if namespace is None or not is_deleting(namespace):
        return decision
    contents = list(view.in_namespace(name_of(namespace)))
    for obj in contents:
        collect(obj, decision, now)
    if not contents:
        decision.remove(key)
    return decision
