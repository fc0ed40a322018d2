"""Workloads that asked for it roll when a ConfigMap or Secret that their pods use changes.

Who annotates a workload with `minikctl.io/restart-on-change: "true"` gets the hash of all that its template
refers to as an annotation of the template: other content, another template, a rollout as any other. The hash
is made from content alone, so that what is read anew from files rolls nothing.
"""

from __future__ import annotations

from typing import Any

from minikctl.controlplane.decision import Decision
from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, annotations_of, is_deleting, namespace_of, spec_of
from minikctl.model.hashing import spec_hash
from minikctl.model.references import template_references

RESTART_ON_CHANGE = "minikctl.io/restart-on-change"
CONFIGURATION_HASH = "minikctl.io/configuration-hash"
KINDS = ("DaemonSet", "Deployment", "StatefulSet")


def reconcile(workload: Object, view: View) -> Decision:
    """The workload with the hash that its template should have."""
    decision = Decision()
    template: dict[str, Any] = spec_of(workload).get("template") or {}
    notes = annotations_of(template)
    wanted = None if is_deleting(workload) else _hash(workload, template, view)
    if wanted is None or notes.get(CONFIGURATION_HASH) == wanted:
        return decision
    metadata = {**(template.get("metadata") or {}), "annotations": {**notes, CONFIGURATION_HASH: wanted}}
    spec = {**spec_of(workload), "template": {**template, "metadata": metadata}}
    generation = workload["metadata"].get("generation", 1) + 1
    decision.put({**workload, "metadata": {**workload["metadata"], "generation": generation}, "spec": spec})
    return decision


def is_asked_for(workload: Object) -> bool:
    return annotations_of(workload).get(RESTART_ON_CHANGE) == "true"


def _hash(workload: Object, template: dict[str, Any], view: View) -> str | None:
    """None where nobody asked, or nothing is referred to."""
    if not is_asked_for(workload):
        return None
    found = template_references(template)
    return spec_hash([_content(one.kind, one.name, workload, view) for one in found]) if found else None


def _content(kind: str, name: str, workload: Object, view: View) -> list[Any]:
    source = view.get(ObjectKey(kind, namespace_of(workload), name)) or {}
    return [kind, name, source.get("data") or {}, source.get("binaryData") or {}]
