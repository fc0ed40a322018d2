"""After state.db was lost: claims that stand in no file, and what is bound to what, from engines' volumes.

A volume says which claim it was made for. A claim that is declared, or that a StatefulSet made (it keeps
those of pods that were scaled away), has it again at once: who deletes the claim deletes the volume, as
before. What was made for anything else is left alone: nobody can say what its claim had asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from msgspec.structs import replace

from minikctl.backend import Volume
from minikctl.backend.labels import CLAIM, POD_NAMESPACE
from minikctl.controlplane.claims import bound_again
from minikctl.controlplane.decision import Ids
from minikctl.controlplane.statefulset_pods import claim_again
from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, is_deleting, spec_of
from minikctl.model.claims import is_bound, volume_name
from minikctl.model.hashing import derived_uid


def recovered_claims(volumes: Mapping[str, Iterable[Volume]], view: View, ids: Ids) -> list[Object]:
    """Claims and PersistentVolumes for the store. `volumes` is by what nodes call their engine; `view` holds
    what the desired files declare."""
    found: dict[ObjectKey, list[Object]] = {}
    for engine, its in volumes.items():
        for volume in its:
            key = ObjectKey(
                "PersistentVolumeClaim", volume.labels.get(POD_NAMESPACE, ""), volume.labels.get(CLAIM, "")
            )
            claim = view.get(key) or _of_set(key, volume, view, ids)
            if claim is None or key in found or not _is_its(volume, claim, ids):
                continue
            uid = derived_uid(claim["metadata"]["uid"], volume.name)
            found[key] = bound_again(
                claim, engine, view, volume.created_at, replace(ids, uid=partial(str, uid))
            )
    return [obj for objects in found.values() for obj in objects]


def _of_set(key: ObjectKey, volume: Volume, view: View, ids: Ids) -> Object | None:
    uid = derived_uid(ids.site.cluster_id, f"{key.namespace}/{key.name}")
    made = partial(claim_again, name=key.name, now=volume.created_at, uid=uid)
    found = (made(one) for one in view.list("StatefulSet", key.namespace))
    return next((claim for claim in found if claim is not None), None)


def _is_its(volume: Volume, claim: Object, ids: Ids) -> bool:
    """Not one that an earlier claim of this name left, nor that of a claim which asks for another."""
    if is_bound(claim) or is_deleting(claim) or spec_of(claim).get("volumeName"):
        return False
    return volume_name(ids.site.cluster_id, claim) == volume.name
