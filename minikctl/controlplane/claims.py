"""Claims are bound to volumes, and released when nobody needs them any more.

Rules:
- A claim gets a volume that somebody wrote and that fits (`volumes`), else one of its own on one engine: at
  once, or (`WaitForFirstConsumer`, as the class `standard` has it) where the first pod is that uses it. Later
  pods go where it is.
- A pod's generic ephemeral volumes have claims that are made here, owned by the pod, and go with it. A claim
  of that name that is not the pod's keeps the pod waiting, and so does a quota without room for it.
- A claim that is being deleted waits for the pods that use it. Then its volume is deleted, or kept where the
  class says `Retain`: the PersistentVolume stands in the store until the engine's volume is gone, so that a
  new claim of the same name never finds what an old one left. It waits for what is to go; beside what is kept
  it gets a volume of another name, by a mark that stays in its file. Who deletes a PersistentVolume that is
  kept leaves its data to the next claim of that name.
"""

from __future__ import annotations

from typing import Any

from minikctl.controlplane import volumes
from minikctl.controlplane.decision import Decision, Ids, with_metadata, with_status
from minikctl.controlplane.node import ENGINE_LABEL
from minikctl.controlplane.podcontrol import beyond_quota
from minikctl.controlplane.view import View
from minikctl.controlplane.volumes import COMPONENT, engine_of
from minikctl.model import (
    Object,
    ObjectKey,
    annotations_of,
    controller_of,
    controller_reference,
    copy,
    is_deleting,
    key_of,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.claims import (
    CLAIM_PROTECTION,
    DEFAULT_CLASS,
    DRIVER,
    VOLUME_MARK,
    VOLUME_PROTECTION,
    claim_reference,
    class_name,
    default_class,
    ephemeral_template,
    is_bound,
    is_kept_for,
    is_provisioned,
    mark_in,
    provisions,
    volume_name,
    waits_for_consumer,
    with_claim,
    with_default_class,
    with_mark,
)
from minikctl.model.defaults import set_defaults
from minikctl.model.pods import is_active, is_finished
from minikctl.model.quantity import whole
from minikctl.model.timestamps import format_time
from minikctl.model.writes import Put

_STANDARD: dict[str, Any] = {"reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer"}


def reconcile(key: ObjectKey, view: View, now: float, ids: Ids) -> Decision:
    """One claim."""
    decision = Decision()
    claim = view.get(key)
    if claim is None:
        _make_for_pod(key, view, decision, now, ids)
    elif is_deleting(claim):
        is_held = CLAIM_PROTECTION in (claim["metadata"].get("finalizers") or ())
        if not (is_held and _users(claim, view)):
            decision.remove(key)
    elif is_bound(claim):
        _grow(_as_its_volume_is_named(claim, view, decision, ids), view, decision)
    else:
        _bind(_prepared(claim, view), claim, view, decision, now, ids)
    return decision


def _users(claim: Object, view: View) -> list[Object]:
    return [pod for pod in view.users(key_of(claim)) if not is_finished(pod)]


def _prepared(claim: Object, view: View) -> Object:
    """Pending, protected, and of the default class where it names none."""
    held = [*dict.fromkeys((*(claim["metadata"].get("finalizers") or ()), CLAIM_PROTECTION))]
    prepared = with_metadata(claim, finalizers=held)
    prepared = with_status(prepared, {"phase": "Pending"}) or prepared
    return with_default_class(prepared, view.list("StorageClass"))


def _grow(claim: Object, view: View, decision: Decision) -> None:
    """Engines don't limit volumes: who asks for more of one of its own has it."""
    volume = view.get(ObjectKey("PersistentVolume", "", spec_of(claim).get("volumeName", "")))
    asked = spec_of(claim)["resources"]["requests"]["storage"]
    if volume is None or not is_provisioned(volume):
        return
    if whole(asked) > whole(spec_of(volume)["capacity"]["storage"]):
        capacity = {"storage": asked}
        decision.put({**volume, "spec": {**spec_of(volume), "capacity": capacity}})
        decision.put({**claim, "status": {**status_of(claim), "capacity": capacity}})
        text = f"volume {name_of(volume)} is resized to {asked}"
        decision.tell(claim, "VolumeResizeSuccessful", text, "volume_expand")


# --- claims of ephemeral volumes ------------------------------------------------------------------------


def _make_for_pod(key: ObjectKey, view: View, decision: Decision, now: float, ids: Ids) -> None:
    for pod in view.users(key):
        template = ephemeral_template(pod, key.name)
        if template is None or not is_active(pod):
            continue
        made = _ephemeral(pod, template, key, now, ids)
        if (why := beyond_quota(made, view)) is None:
            decision.put(made)
        else:
            text = f"ephemeral volume {_volume_of(pod, key.name)}: create PVC {key.name}: {why}"
            decision.tell(pod, "FailedBinding", text, "ephemeral_volume", "Warning")
        return


def _volume_of(pod: Object, claim: str) -> str:
    """What the pod calls it."""
    return claim.removeprefix(f"{name_of(pod)}-")


def _ephemeral(pod: Object, template: dict[str, Any], key: ObjectKey, now: float, ids: Ids) -> Object:
    asked = template.get("metadata") or {}
    taken_over = {name: copy(asked[name]) for name in ("labels", "annotations") if asked.get(name)}
    metadata = {
        "name": key.name,
        "namespace": key.namespace,
        "uid": ids.uid(),
        "creationTimestamp": format_time(now),
        "generation": 1,
        "ownerReferences": [controller_reference(pod)],
        **taken_over,
    }
    made = {"apiVersion": "v1", "kind": key.kind, "metadata": metadata, "spec": copy(template["spec"])}
    return {**set_defaults(made), "status": {"phase": "Pending"}}


# --- binding --------------------------------------------------------------------------------------------


def _bind(claim: Object, known: Object, view: View, decision: Decision, now: float, ids: Ids) -> None:
    """`known`: the claim as it was; what has been said of it is not said again."""
    is_news = claim != known
    if is_news:
        decision.put(claim)
    if spec_of(claim).get("volumeName"):
        _bind_named(claim, view, decision, is_news)
        return
    name = class_name(claim) or ""
    storage_class = class_of(claim, view)
    node = consumer(claim, view) if waits_for_consumer(storage_class) else None
    waits = waits_for_consumer(storage_class) and node is None
    volume = volumes.chosen(claim, name, view, node, only_kept=waits)
    if volume is not None:
        _tie(claim, volume, decision)
    elif waits:
        text = "waiting for first consumer to be created before binding"
        _say(claim, decision, is_news, "WaitForFirstConsumer", text)
    elif (why := _why_not_provisioned(claim, name, storage_class)) is not None:
        _say(claim, decision, is_news, *why)
    else:
        assert storage_class is not None
        _provision(claim, storage_class, node, view, decision, now, ids)


def _bind_named(claim: Object, view: View, decision: Decision, is_news: bool) -> None:
    """To the volume that it asks for, or to none."""
    name = spec_of(claim)["volumeName"]
    volume = view.get(ObjectKey("PersistentVolume", "", name))
    if volume is None or is_deleting(volume):
        return
    if claim_reference(volume) and not is_kept_for(volume, claim):
        text = f'volume "{name}" already bound to a different claim.'
        _say(claim, decision, is_news, "FailedBinding", text, "Warning")
        return
    why = volumes.mismatch(claim, class_name(claim) or "", volume)
    if why is None or claim_reference(volume):
        _tie(claim, volume, decision)
    else:
        text = f'Cannot bind to requested volume "{name}": {why}'
        _say(claim, decision, is_news, "VolumeMismatch", text, "Warning")


def _say(
    claim: Object, decision: Decision, is_news: bool, reason: str, text: str, kind: str = "Normal"
) -> None:
    if is_news:
        decision.tell(claim, reason, text, COMPONENT, kind)


def class_name_of(claim: Object, view: View) -> str:
    """That of a claim which is to get the default class too."""
    name = class_name(claim)
    return default_class(view.list("StorageClass")) if name is None else name


def class_of(claim: Object, view: View) -> Object | None:
    name = class_name_of(claim, view)
    found = view.get(ObjectKey("StorageClass", "", name))
    return _STANDARD if found is None and name == DEFAULT_CLASS else found


def _why_not_provisioned(
    claim: Object, name: str, storage_class: Object | None
) -> tuple[str, str, str] | None:
    """A reason, a text and the kind of the event."""
    if not name:
        text = "no persistent volumes available for this claim and no storage class is set"
        return "FailedBinding", text, "Normal"
    failed = ("ProvisioningFailed", "Warning")
    if storage_class is None:
        return failed[0], f'storageclass.storage.k8s.io "{name}" not found', failed[1]
    if not provisions(storage_class):
        return failed[0], f"no volume plugin matched name: {storage_class['provisioner']}", failed[1]
    if spec_of(claim).get("selector"):
        text = f'failed to provision volume with StorageClass "{name}": claim Selector is not supported'
        return failed[0], text, failed[1]
    return None


def consumer(claim: Object, view: View) -> Object | None:
    """The node of the first pod that uses it, where its volume is going to be; None while nobody can know."""
    places = (spec_of(pod).get("nodeName") for pod in _users(claim, view))
    found = (view.get(ObjectKey("Node", "", place)) for place in places if place)
    return next((node for node in found if node is not None), None)


def _tie(claim: Object, volume: Object, decision: Decision) -> None:
    """Both say so, in one commit."""
    given = spec_of(volume)
    decision.put({**with_claim(volume, claim), "status": {"phase": "Bound"}})
    spec = {**spec_of(claim), "volumeName": name_of(volume)}
    status = {"phase": "Bound", "accessModes": given["accessModes"], "capacity": given["capacity"]}
    decision.put({**claim, "spec": spec, "status": status})


def _provision(
    claim: Object,
    storage_class: Object,
    node: Object | None,
    view: View,
    decision: Decision,
    now: float,
    ids: Ids,
) -> None:
    place = node or next(iter(sorted(view.list("Node"), key=name_of)), None)
    free = _beside_earlier(claim, view, decision, ids)
    if place is None or free is None:
        return
    volume = _volume(free, engine_of(place), storage_class, now, ids)
    _tie(free, volume, decision)
    text = f"Successfully provisioned volume {name_of(volume)}"
    decision.tell(claim, "ProvisioningSucceeded", text, COMPONENT)


def bound_again(claim: Object, engine: str, view: View, now: float, ids: Ids) -> list[Object]:
    """The claim, and the volume that it has on an engine, after both were forgotten; nothing where its class
    is not there."""
    known = _prepared(claim, view)
    storage_class = class_of(known, view)
    if storage_class is None or not provisions(storage_class):
        return []
    decision = Decision()
    _tie(known, _volume(known, engine, storage_class, now, ids), decision)
    return [write.obj for write in decision.writes if isinstance(write, Put)]


def _beside_earlier(claim: Object, view: View, decision: Decision, ids: Ids) -> Object | None:
    """The claim, marked where the volume of its name is kept for what an earlier one left in it; None while
    it can't have any."""
    earlier = _holder(volume_name(ids.site.cluster_id, claim), view)
    if earlier is None:
        return claim
    if spec_of(earlier).get("persistentVolumeReclaimPolicy") == "Delete" or is_deleting(earlier):
        return None  # it is about to go
    if (controller_of(claim) or {}).get("kind") != "Pod":
        return with_mark(claim, uid_of(claim))
    # A pod's claim has no file that could say what its volume is called.
    kept = f"volume {name_of(earlier)} of an earlier claim of this name is kept: delete it first"
    text = f'failed to provision volume with StorageClass "{class_name(claim)}": {kept}'
    decision.tell(claim, "ProvisioningFailed", text, COMPONENT, "Warning")
    return None


def _holder(handle: str, view: View) -> Object | None:
    """The PersistentVolume that is the engine's volume of that name."""
    volumes = (one for one in view.list("PersistentVolume") if is_provisioned(one))
    return next((one for one in volumes if spec_of(one)["csi"]["volumeHandle"] == handle), None)


def _as_its_volume_is_named(claim: Object, view: View, decision: Decision, ids: Ids) -> Object:
    """With the mark by which its volume is found again, whatever somebody made of that."""
    volume = view.get(ObjectKey("PersistentVolume", "", spec_of(claim).get("volumeName", "")))
    if volume is None or not is_provisioned(volume):
        return claim
    mark = mark_in(spec_of(volume)["csi"]["volumeHandle"], ids.site.cluster_id, claim)
    if mark is None or mark == annotations_of(claim).get(VOLUME_MARK, ""):
        return claim
    marked = with_mark(claim, mark)
    decision.put(marked)
    return marked


def _volume(claim: Object, engine: str, storage_class: Object, now: float, ids: Ids) -> Object:
    place = {"key": ENGINE_LABEL, "operator": "In", "values": [engine]}
    handle = volume_name(ids.site.cluster_id, claim)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": f"pvc-{uid_of(claim)}",
            "uid": ids.uid(),
            "creationTimestamp": format_time(now),
            "finalizers": [VOLUME_PROTECTION],
        },
        "spec": {
            "accessModes": spec_of(claim)["accessModes"],
            "capacity": {"storage": spec_of(claim)["resources"]["requests"]["storage"]},
            "csi": {"driver": DRIVER, "volumeHandle": handle},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [place]}]}},
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": class_name(claim) or "",
            "volumeMode": "Filesystem",
        },
        "status": {"phase": "Bound"},
    }
