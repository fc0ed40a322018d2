"""PersistentVolumes: what becomes of them, and which of those that people wrote a claim gets.

Rules:
- Provisioned ones are volumes of an engine (`claims` makes them). Hand-written ones are folders of a machine,
  by `hostPath` or `local`; nobody removes or empties these, whatever their policy says.
- A claim gets the smallest volume that has all it asks for. One that is kept for it goes before, of whatever
  class and with whatever labels, and nothing else is looked for where it is large enough (upstream's
  FindMatchingVolume).
- A volume whose claim is gone is Released, and nobody's until somebody takes its `claimRef` away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from minikctl.controlplane.decision import Decision, Ids, with_metadata
from minikctl.controlplane.node import ENGINE_LABEL
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    is_deleting,
    key_of,
    labels_of,
    name_of,
    selectors,
    spec_of,
    status_of,
)
from minikctl.model.claims import VOLUME_PROTECTION, claim_reference, is_kept_for, is_provisioned
from minikctl.model.node_affinity import is_met_by
from minikctl.model.quantity import whole
from minikctl.model.timestamps import format_time

COMPONENT = "persistentvolume-controller"


def reconcile(key: ObjectKey, view: View, now: float, ids: Ids) -> Decision:
    """One PersistentVolume. Who acts removes an engine's volume, and then this."""
    decision = Decision()
    volume = view.get(key)
    if volume is None:
        return decision
    reference = claim_reference(volume)
    is_claimed = view.by_uid(reference.get("uid", "")) is not None
    if is_deleting(volume):
        is_held = is_claimed and VOLUME_PROTECTION in (volume["metadata"].get("finalizers") or ())
        if not (is_held or is_removed_by_engine(volume)):
            decision.remove(key)
    elif not reference.get("uid"):
        _put_phase(volume, "Available", decision)
    elif not is_claimed:
        _release(volume, decision, now)
    else:
        _put_phase(volume, "Bound", decision)
    return decision


def _put_phase(volume: Object, phase: str, decision: Decision, message: str = "") -> bool:
    """Whether that is news. A volume that somebody wrote is protected from then on."""
    status = {"phase": phase, **({"message": message} if message else {})}
    held = [*dict.fromkeys((*(volume["metadata"].get("finalizers") or ()), VOLUME_PROTECTION))]
    wanted = {**with_metadata(volume, finalizers=held), "status": status}
    if wanted == volume:
        return False
    decision.put(wanted)
    return status_of(volume) != status


def _release(volume: Object, decision: Decision, now: float) -> None:
    is_to_go = spec_of(volume).get("persistentVolumeReclaimPolicy") == "Delete"
    if is_to_go and is_provisioned(volume):
        released = {**volume, "status": {"phase": "Released"}}
        decision.put(with_metadata(released, deletionTimestamp=format_time(now)))
    elif is_to_go:
        why = "no deletable volume plugin matched: files of a machine are its owner's to delete"
        if _put_phase(volume, "Failed", decision, why):
            decision.tell(volume, "VolumeFailedDelete", why, COMPONENT, "Warning")
    else:
        _put_phase(volume, "Released", decision)


# --- where they are -------------------------------------------------------------------------------------


def place_of(volume: Object) -> str:
    """The engine that has a provisioned volume; "" where it does not say so."""
    required = (spec_of(volume).get("nodeAffinity") or {}).get("required") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for one in term.get("matchExpressions") or ():
            if one["key"] == ENGINE_LABEL and one.get("values"):
                return str(one["values"][0])
    return ""


def is_removed_by_engine(volume: Object) -> bool:
    """Whether somebody can: a volume that is on no engine would wait for that for ever."""
    return is_provisioned(volume) and place_of(volume) != ""


def engine_of(node: Object) -> str:
    return labels_of(node).get(ENGINE_LABEL, name_of(node))


def is_reached_from(volume: Object, node: Object) -> bool:
    if is_provisioned(volume):
        return place_of(volume) == engine_of(node)
    required = (spec_of(volume).get("nodeAffinity") or {}).get("required")
    return required is None or is_met_by(required, node)


# --- which one a claim gets -----------------------------------------------------------------------------


def chosen(
    claim: Object,
    storage_class: str,
    view: View,
    node: Object | None = None,
    *,
    only_kept: bool = False,
    without: Collection[ObjectKey] = (),
) -> Object | None:
    """The best volume that nobody has; None where there is none.

    :param node: it must be reached from there; None: anywhere.
    :param only_kept: only one that is kept for this claim.
    :param without: volumes that somebody else is about to get.
    """
    found = [one for one in _free(claim, view) if key_of(one) not in without]
    fitting = [one for one in found if claim_reference(one) and _too_little(claim, one) is None]
    if not (fitting or only_kept):
        free = (one for one in found if not claim_reference(one))
        fitting = [one for one in free if mismatch(claim, storage_class, one) is None]
    reached = (one for one in fitting if node is None or is_reached_from(one, node))
    return min(reached, key=lambda one: (_capacity(one), name_of(one)), default=None)


def _free(claim: Object, view: View) -> Iterator[Object]:
    """Those that people wrote, and that are kept for this claim or for nobody."""
    for volume in view.list("PersistentVolume"):
        if is_provisioned(volume) or is_deleting(volume):
            continue
        if is_kept_for(volume, claim) or not claim_reference(volume):
            yield volume


def mismatch(claim: Object, storage_class: str, volume: Object) -> str | None:
    """Why the volume is not what the claim asks for, in the controller's words."""
    if why := _too_little(claim, volume):
        return why
    if storage_class != spec_of(volume).get("storageClassName", ""):
        return "storageClassName does not match"
    if not selectors.matches(selectors.from_object(spec_of(claim).get("selector") or {}), labels_of(volume)):
        return "selector does not match"
    return None


def _too_little(claim: Object, volume: Object) -> str | None:
    """Why the claim could not do with the volume, even where that is kept for it."""
    asked, given = spec_of(claim), spec_of(volume)
    if _requested(asked) > _capacity(volume):
        return "requested PV is too small"
    if asked.get("volumeMode", "Filesystem") != given.get("volumeMode", "Filesystem"):
        return "incompatible volumeMode"
    if not set(asked.get("accessModes") or ()) <= set(given.get("accessModes") or ()):
        return "incompatible accessMode"
    return None


def _requested(spec: dict[str, Any]) -> int:
    return whole(((spec.get("resources") or {}).get("requests") or {}).get("storage", 0))


def _capacity(volume: Object) -> int:
    return whole((spec_of(volume).get("capacity") or {}).get("storage", 0))
