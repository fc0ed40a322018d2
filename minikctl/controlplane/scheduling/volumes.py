"""Where a pod's claims let it go: its volumes must be reached from there, or be found there.

Volumes that people wrote for a class that waits are given to the pod's claims in the same commit that binds
the pod: no two pods go to a node for the same one. Where a pod is bound, the volumes are made that its claims
still lack: later pods with such a claim go nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable

from minikctl.controlplane import claims
from minikctl.controlplane import volumes as persistent
from minikctl.controlplane.scheduling.cycle import Candidate, Cycle
from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, is_deleting, key_of, spec_of
from minikctl.model.claims import (
    ephemeral_template,
    is_anothers,
    is_bound,
    not_its_own,
    provisions,
    waits_for_consumer,
    with_claim,
)
from minikctl.model.pods import is_active
from minikctl.model.references import claims_of

ELSEWHERE = "node(s) didn't match PersistentVolume's node affinity"
NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind"
ALONE = "ReadWriteOncePod"


def awaits_own_claims(pod: Object, view: View) -> bool:
    """Whether a claim of an ephemeral volume is still to be made, which this pass does."""
    return any(
        view.get(key) is None and ephemeral_template(pod, key.name) is not None for key in claims_of(pod)
    )


def obstacle(pod: Object, view: View) -> str | None:
    """Why a pod can't go anywhere yet, in kube-scheduler's words."""
    for key in claims_of(pod):
        claim = view.get(key)
        if claim is None:
            return f'persistentvolumeclaim "{key.name}" not found'
        if is_anothers(claim, pod):
            return not_its_own(claim, pod)
        if is_deleting(claim):
            return f'persistentvolumeclaim "{key.name}" is being deleted'
        if not is_bound(claim) and not _waits(claim, view):
            return "pod has unbound immediate PersistentVolumeClaims"
        if ALONE in (spec_of(claim).get("accessModes") or ()) and _is_used_by_another(key, pod, view):
            return (
                "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
            )
    return None


def _waits(claim: Object, view: View) -> bool:
    """Whether it is bound where a pod goes. One that asks for a volume by name is bound without, or never."""
    return not spec_of(claim).get("volumeName") and waits_for_consumer(claims.class_of(claim, view))


def _is_used_by_another(key: ObjectKey, pod: Object, view: View) -> bool:
    others = (one for one in view.users(key) if key_of(one) != key_of(pod))
    return any(is_active(one) and spec_of(one).get("nodeName") for one in others)


def filter_of(cycle: Cycle) -> Callable[[Candidate], str | None] | None:
    """None for pods without claims: all nodes are the same to them."""
    keys = claims_of(cycle.pod)
    if not keys:
        return None

    def refusal(candidate: Candidate) -> str | None:
        if not all(persistent.is_reached_from(one, candidate.node) for one in _bound(keys, cycle.view)):
            return ELSEWHERE
        return NOTHING_TO_BIND if gifts(cycle.pod, candidate.node, cycle.view) is None else None

    return refusal


def _bound(keys: list[ObjectKey], view: View) -> list[Object]:
    names = (spec_of(view.get(key) or {}).get("volumeName", "") for key in keys)
    found = (view.get(ObjectKey("PersistentVolume", "", name)) for name in names if name)
    return [one for one in found if one is not None]


def gifts(pod: Object, node: Object, view: View) -> list[Object] | None:
    """The volumes that the pod's claims get on that node, as they are then; None where there is none for one
    of them, or where that is going to be elsewhere."""
    given: dict[ObjectKey, Object] = {}
    for key in claims_of(pod):
        claim = view.get(key)
        if claim is None or is_bound(claim) or spec_of(claim).get("volumeName"):
            continue
        place = claims.consumer(claim, view) or node
        name = claims.class_name_of(claim, view)
        volume = persistent.chosen(claim, name, view, place, without=given)
        if volume is not None and persistent.is_reached_from(volume, node):
            given[key_of(volume)] = with_claim(volume, claim)
        elif volume is not None or not _is_made_for(claim, place, node, view):
            return None
    return list(given.values())


def _is_made_for(claim: Object, place: Object, node: Object, view: View) -> bool:
    """Whether a volume is provisioned for it that is reached from the node."""
    is_near = persistent.engine_of(place) == persistent.engine_of(node)
    return is_near and provisions(claims.class_of(claim, view))
