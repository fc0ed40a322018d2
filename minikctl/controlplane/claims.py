"""Claims are bound to volumes of an engine, and released when nobody needs them any more.

Rules:
- Every claim gets a volume of its own on one engine: at once, or (`WaitForFirstConsumer`, as the class
  `standard` has it) on the engine of the first pod that uses it. Later pods go where it is.
- A claim that is being deleted waits for the pods that use it. Then its volume is deleted, or kept where the
  class says `Retain`: the PersistentVolume stands in the store until the engine's volume is gone, so that a
  new claim of the same name never finds what an old one left.
"""

from __future__ import annotations

from typing import Any

from minikctl.controlplane.decision import Decision, Ids, with_metadata, with_status
from minikctl.controlplane.node import ENGINE_LABEL
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    is_deleting,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.claims import DEFAULT_CLASS, class_name, is_bound, volume_name
from minikctl.model.pods import is_finished
from minikctl.model.references import claims_of
from minikctl.model.timestamps import format_time

COMPONENT = "persistentvolume-controller"
DRIVER = "engine.minikctl.io"
_STANDARD: dict[str, Any] = {"reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer"}


def reconcile(key: ObjectKey, view: View, now: float, ids: Ids) -> Decision:
    """One claim."""
    decision = Decision()
    claim = view.get(key)
    if claim is None:
        return decision
    if is_deleting(claim):
        if not list(_users(claim, view)):
            decision.remove(key)
    elif not is_bound(claim):
        _bind(claim, view, decision, now, ids)
    return decision


def reconcile_volume(key: ObjectKey, view: View, now: float, ids: Ids) -> Decision:
    """One PersistentVolume: its claim may be gone. Who acts removes the engine's volume, and then this."""
    decision = Decision()
    volume = view.get(key)
    if volume is None or is_deleting(volume) or view.by_uid(spec_of(volume)["claimRef"]["uid"]) is not None:
        return decision
    released = {**volume, "status": {"phase": "Released"}}
    if spec_of(volume).get("persistentVolumeReclaimPolicy") == "Delete":
        decision.put(with_metadata(released, deletionTimestamp=format_time(now)))
    elif status_of(volume).get("phase") != "Released":
        decision.put(released)
    return decision


def _users(claim: Object, view: View) -> list[Object]:
    return [pod for pod in view.users(key_of(claim)) if not is_finished(pod)]


# --- binding --------------------------------------------------------------------------------------------


def _bind(claim: Object, view: View, decision: Decision, now: float, ids: Ids) -> None:
    pending = with_status(claim, {"phase": "Pending"})
    if pending is not None:
        decision.put(pending)
    storage_class = _class_of(claim, view)
    if storage_class is None:
        if pending is not None:
            _say_why(claim, decision)
        return
    engine = _engine_for(claim, storage_class, view)
    if engine is None:
        if pending is not None:
            text = "waiting for first consumer to be created before binding"
            decision.tell(claim, "WaitForFirstConsumer", text, COMPONENT)
        return
    name = f"pvc-{uid_of(claim)}"
    if spec_of(claim).get("volumeName") or _is_still_released(claim, view):
        return  # the volume of an earlier claim of that name goes first; a volume by name is nobody's
    volume = _volume(claim, name, engine, storage_class, now, ids)
    decision.put(volume)
    amount = spec_of(volume)["capacity"]
    status = {"phase": "Bound", "accessModes": spec_of(claim)["accessModes"], "capacity": amount}
    spec = {"storageClassName": class_name(claim), **spec_of(claim), "volumeName": name}
    decision.put({**claim, "spec": spec, "status": status})
    decision.tell(claim, "ProvisioningSucceeded", f"Successfully provisioned volume {name}", COMPONENT)


def _class_of(claim: Object, view: View) -> Object | None:
    name = class_name(claim)
    found = view.get(ObjectKey("StorageClass", "", name))
    return _STANDARD if found is None and name == DEFAULT_CLASS else found


def _say_why(claim: Object, decision: Decision) -> None:
    name = class_name(claim)
    if name:
        text = f'storageclass.storage.k8s.io "{name}" not found'
        decision.tell(claim, "ProvisioningFailed", text, COMPONENT, "Warning")
    else:
        text = "no persistent volumes available for this claim and no storage class is set"
        decision.tell(claim, "FailedBinding", text, COMPONENT)


def _engine_for(claim: Object, storage_class: Object, view: View) -> str | None:
    """Where the volume will be; None while nobody can know."""
    nodes: list[Object | None] = [*sorted(view.list("Node"), key=name_of)]
    if storage_class.get("volumeBindingMode") == "WaitForFirstConsumer":
        places = (spec_of(pod).get("nodeName") for pod in _users(claim, view))
        nodes = [view.get(ObjectKey("Node", "", place)) for place in places if place]
    return next((engine_of(node) for node in nodes if node is not None), None)


def engine_of(node: Object) -> str:
    return labels_of(node).get(ENGINE_LABEL, name_of(node))


def _is_still_released(claim: Object, view: View) -> bool:
    handle = (namespace_of(claim), name_of(claim))
    for volume in view.list("PersistentVolume"):
        reference = spec_of(volume)["claimRef"]
        if (reference["namespace"], reference["name"]) == handle:
            return True
    return False


def _volume(claim: Object, name: str, engine: str, storage_class: Object, now: float, ids: Ids) -> Object:
    place = {"key": ENGINE_LABEL, "operator": "In", "values": [engine]}
    handle = volume_name(ids.site.cluster_id, namespace_of(claim), name_of(claim))
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "uid": ids.uid(), "creationTimestamp": format_time(now)},
        "spec": {
            "accessModes": spec_of(claim)["accessModes"],
            "capacity": {"storage": spec_of(claim)["resources"]["requests"]["storage"]},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "name": name_of(claim),
                "namespace": namespace_of(claim),
                "uid": uid_of(claim),
            },
            "csi": {"driver": DRIVER, "volumeHandle": handle},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [place]}]}},
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": class_name(claim),
            "volumeMode": "Filesystem",
        },
        "status": {"phase": "Bound"},
    }


def place_of(volume: Object) -> str:
    """The engine that has it."""
    (term,) = spec_of(volume)["nodeAffinity"]["required"]["nodeSelectorTerms"]
    engine: str = term["matchExpressions"][0]["values"][0]
    return engine


# --- what the scheduler asks ----------------------------------------------------------------------------


def obstacle(pod: Object, view: View) -> str | None:
    """Why a pod can't go anywhere yet, in kube-scheduler's words."""
    for claim_key in claims_of(pod):
        claim = view.get(claim_key)
        if claim is None:
            return f'persistentvolumeclaim "{claim_key.name}" not found'
        if is_deleting(claim):
            return f'persistentvolumeclaim "{claim_key.name}" is being deleted'
        storage_class = _class_of(claim, view)
        waits = storage_class is not None and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"
        if not is_bound(claim) and not waits:
            return "pod has unbound immediate PersistentVolumeClaims"
    return None


def engines_of(pod: Object, view: View) -> set[str]:
    """The engines that have its volumes: the pod must go to all of them, so at most to one."""
    found = set()
    for key in claims_of(pod):
        volume = view.get(
            ObjectKey("PersistentVolume", "", spec_of(view.get(key) or {}).get("volumeName", ""))
        )
        if volume is not None:
            found.add(place_of(volume))
    return found
