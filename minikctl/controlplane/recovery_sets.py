"""After state.db was lost: DaemonSets and StatefulSets know from which template each of their pods was made.

The newest template is known by its hash, which is the same for ever. An older one is read from the pods that
were made from it and gets the name that they remember, so that a rollout goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikctl.controlplane.controller_revisions import revision
from minikctl.controlplane.daemonsets import without_what_all_have
from minikctl.controlplane.statefulset_pods import without_identity
from minikctl.controlplane.view import View
from minikctl.model import Object, annotations_of, controller_of, copy, labels_of, name_of, spec_of, uid_of
from minikctl.model.controller_revisions import REVISION_LABEL, hash_for
from minikctl.model.hashing import derived_uid
from minikctl.model.timestamps import parse_time

SETS = ("DaemonSet", "StatefulSet")


def recovered_revisions(pods: Iterable[Object], view: View) -> list[Object]:
    """Revisions, and StatefulSets that say which one they are moving away from."""
    by_owner: dict[str, list[Object]] = {}
    for pod in pods:
        owner = controller_of(pod)
        if owner is not None and owner["kind"] in SETS:
            by_owner.setdefault(owner["uid"], []).append(pod)
    found: list[Object] = []
    for uid, mine in by_owner.items():
        owner = view.by_uid(uid)
        if owner is not None:
            found.extend(_of_owner(owner, sorted(mine, key=_created)))
    return found


def _created(pod: Object) -> str:
    return str(pod["metadata"]["creationTimestamp"])


def _of_owner(owner: Object, pods: list[Object]) -> list[Object]:
    newest = hash_for(owner)
    older = {made: pod for pod in reversed(pods) if (made := _hash_of(owner, pod)) not in ("", newest)}
    revisions = [
        _revision(owner, pod, made, number)
        for number, (made, pod) in enumerate(sorted(older.items(), key=lambda one: _created(one[1])), 1)
    ]
    if owner["kind"] == "DaemonSet" or not revisions:
        return revisions
    return [*revisions, {**owner, "status": {"currentRevision": name_of(revisions[-1])}}]


def _hash_of(owner: Object, pod: Object) -> str:
    text = labels_of(pod).get(REVISION_LABEL, "")
    return text.removeprefix(f"{name_of(owner)}-") if owner["kind"] == "StatefulSet" else text


def _revision(owner: Object, pod: Object, made: str, number: int) -> Object:
    uid = derived_uid(uid_of(owner), made)
    return revision(owner, _template(owner, pod), made, number, parse_time(_created(pod)), uid)


def _template(owner: Object, pod: Object) -> dict[str, Any]:
    bare = without_what_all_have(pod) if owner["kind"] == "DaemonSet" else without_identity(owner, pod)
    labels = {name: text for name, text in labels_of(bare).items() if name != REVISION_LABEL}
    metadata: dict[str, Any] = {"labels": labels}
    if annotations := annotations_of(bare):
        metadata["annotations"] = dict(annotations)
    spec = {name: value for name, value in copy(spec_of(bare)).items() if name != "nodeName"}
    return {"metadata": metadata, "spec": spec}
