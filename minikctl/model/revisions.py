"""A Deployment's ReplicaSets as its revisions: whose they are, which template is whose, their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minikctl.model import Object, annotations_of, controller_of, name_of, namespace_of, spec_of, uid_of

REVISION = "deployment.kubernetes.io/revision"
CHANGE_CAUSE = "kubernetes.io/change-cause"
HASH_LABEL = "pod-template-hash"


def revision_of(obj: Object) -> int:
    """The number in the revision annotation, 0 without one."""
    text = annotations_of(obj).get(REVISION, "")
    return int(text) if text.isdecimal() else 0


def owned_by(deployment: Object, replica_sets: Iterable[Object]) -> list[Object]:
    """The ReplicaSets whose controller this Deployment is, oldest first."""
    mine = [
        one
        for one in replica_sets
        if namespace_of(one) == namespace_of(deployment)
        and (controller_of(one) or {}).get("uid") == uid_of(deployment)
    ]
    return sorted(mine, key=lambda one: (one["metadata"].get("creationTimestamp", ""), name_of(one)))


def new_and_old(deployment: Object, replica_sets: Sequence[Object]) -> tuple[Object | None, list[Object]]:
    """The ReplicaSet that has the Deployment's template (None before it is made), and all others."""
    wanted = spec_of(deployment).get("template") or {}
    new = next((one for one in replica_sets if same_template(spec_of(one)["template"], wanted)), None)
    return new, [one for one in replica_sets if one is not new]


def same_template(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Equal but for the hash label."""
    return _comparable(one) == _comparable(other)


def without_hash(template: dict[str, Any]) -> dict[str, Any]:
    """The template as its Deployment has it."""
    metadata = template.get("metadata") or {}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _comparable(template: dict[str, Any]) -> dict[str, Any]:
    """Empty metadata fields say nothing."""
    bare = without_hash(template)
    kept = {name: value for name, value in bare["metadata"].items() if value or name == "labels"}
    return {**bare, "metadata": kept}
