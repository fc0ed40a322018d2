"""ControllerRevisions: the earlier pod templates of a DaemonSet or StatefulSet, as objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikctl.model import Object, controller_of, copy, labels_of, name_of, namespace_of, spec_of, uid_of
from minikctl.model.hashing import template_hash

REVISION_LABEL = "controller-revision-hash"
CHANGE_CAUSE = "kubernetes.io/change-cause"


def data_of(template: dict[str, Any]) -> dict[str, Any]:
    """What a revision of that template holds: a patch of its owner, as upstream keeps it."""
    return {"spec": {"template": {**copy(template), "$patch": "replace"}}}


def template_of(revision: Object) -> dict[str, Any]:
    """The pod template of a revision, as its owner has it."""
    template = copy(revision["data"]["spec"]["template"])
    template.pop("$patch", None)
    found: dict[str, Any] = template
    return found


def hash_of(revision: Object) -> str:
    return labels_of(revision).get(REVISION_LABEL, "")


def number_of(revision: Object) -> int:
    number: int = revision.get("revision", 0)
    return number


def pod_hash(owner: Object, revision: Object) -> str:
    """What a pod's label says of the revision that it was made from: a StatefulSet's pods name it whole."""
    return name_of(revision) if owner["kind"] == "StatefulSet" else hash_of(revision)


def owned_by(owner: Object, revisions: Iterable[Object]) -> list[Object]:
    """The revisions of an object, the oldest first."""
    mine = [
        one
        for one in revisions
        if namespace_of(one) == namespace_of(owner) and (controller_of(one) or {}).get("uid") == uid_of(owner)
    ]
    return sorted(mine, key=lambda one: (number_of(one), name_of(one)))


def is_same(revision: Object, template: dict[str, Any]) -> bool:
    return bool(revision["data"] == data_of(template))


def hash_for(owner: Object, collisions: int = 0) -> str:
    """The hash of an object's template as it is now. The same template has the same hash for ever, so that
    pods are known again after their revisions were lost."""
    return template_hash(spec_of(owner)["template"], collisions)
