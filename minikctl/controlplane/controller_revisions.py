"""The history of DaemonSets and StatefulSets: one ControllerRevision for each template that they had.

Rules, as upstream:
- The newest revision has the highest number. A template that comes back gets its old object, renumbered.
- Revisions that no pod was made from go when there are more than `revisionHistoryLimit`, the oldest first.
- Revisions hold no pods back: one that was lost is made anew from the pods that name it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikctl.controlplane.decision import Decision, Ids
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    annotations_of,
    controller_reference,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    uid_of,
)
from minikctl.model.controller_revisions import (
    REVISION_LABEL,
    data_of,
    hash_for,
    is_same,
    number_of,
    owned_by,
)
from minikctl.model.timestamps import format_time

KIND = "ControllerRevision"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def synced(
    owner: Object, view: View, decision: Decision, now: float, ids: Ids
) -> tuple[list[Object], Object]:
    """All revisions, the oldest first, and the one of the owner's template now (made where it is missing)."""
    revisions = owned_by(owner, view.controlled(uid_of(owner), KIND))
    newest = revisions[-1] if revisions else None
    number = number_of(newest) + 1 if newest else 1
    template = spec_of(owner)["template"]
    equal = next((one for one in reversed(revisions) if is_same(one, template)), None)
    if equal is None:
        equal = decision.put(_new(owner, number, view, now, ids))
        return [*revisions, equal], equal
    if equal is not newest:
        others = [one for one in revisions if one is not equal]
        equal = decision.put({**equal, "revision": number})
        return [*others, equal], equal
    return revisions, equal


def _new(owner: Object, number: int, view: View, now: float, ids: Ids) -> Object:
    template_hash, collisions = hash_for(owner), 0
    while view.get(ObjectKey(KIND, namespace_of(owner), f"{name_of(owner)}-{template_hash}")) is not None:
        collisions += 1
        template_hash = hash_for(owner, collisions)
    return revision(owner, spec_of(owner)["template"], template_hash, number, now, ids.uid())


def revision(
    owner: Object, template: dict[str, Any], template_hash: str, number: int, now: float, uid: str
) -> Object:
    annotations = {name: text for name, text in annotations_of(owner).items() if name != LAST_APPLIED}
    metadata: dict[str, Any] = {
        "name": f"{name_of(owner)}-{template_hash}",
        "namespace": namespace_of(owner),
        "uid": uid,
        "creationTimestamp": format_time(now),
        "labels": {**labels_of(template), REVISION_LABEL: template_hash},
        "ownerReferences": [controller_reference(owner)],
    }
    if annotations:
        metadata["annotations"] = annotations
    return {
        "apiVersion": "apps/v1",
        "kind": KIND,
        "metadata": metadata,
        "data": data_of(template),
        "revision": number,
    }


def truncate(owner: Object, revisions: list[Object], live: Iterable[str], decision: Decision) -> None:
    """Removes the oldest of those that are not in use beyond the owner's limit.

    :param live: the names of the revisions in use.
    """
    used = set(live)
    unused = [one for one in revisions if name_of(one) not in used]
    limit = spec_of(owner).get("revisionHistoryLimit", 10)
    for one in unused[: max(0, len(unused) - limit)]:
        decision.remove(key_of(one))
