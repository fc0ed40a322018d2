"""From what somebody wrote to what is stored: namespace, validation, defaults, identity, generation.

`intent` is the way back.
"""

from __future__ import annotations

from functools import cache

from minikctl.api.allocations import check_allocations
from minikctl.apply.table import MergeTable
from minikctl.clock import Clock
from minikctl.controlplane.decision import Ids
from minikctl.controlplane.reader import Reader
from minikctl.errors import FieldProblem, Forbidden, Invalid
from minikctl.model import Object, annotations_of, copy, labels_of, name_of, spec_of
from minikctl.model.defaults import set_defaults
from minikctl.model.kinds import KINDS
from minikctl.model.secrets import folded
from minikctl.model.timestamps import format_time
from minikctl.model.versions import stored


@cache
def merge_table(kind: str) -> MergeTable:
    """How the kind's lists and maps merge. Read from the schemas' data when first asked for."""
    import minikctl_schemas

    return MergeTable.from_rules(minikctl_schemas.merge_keys(kind))


def in_namespace(manifest: Object, namespace: str) -> Object:
    """The manifest, in the version that is stored, with its namespace written out: its own, else the
    command's."""
    manifest = stored(manifest)
    kind = KINDS.get(manifest.get("kind", ""))
    metadata = manifest.get("metadata") or {}
    if kind is None or not isinstance(metadata, dict):
        return manifest
    if kind.namespaced:
        return {**manifest, "metadata": {**metadata, "namespace": metadata.get("namespace") or namespace}}
    return {**manifest, "metadata": {name: value for name, value in metadata.items() if name != "namespace"}}


def check(obj: Object, old: Object | None = None) -> None:
    """:raises Invalid: the object, or the step from `old` to it, breaks a rule."""
    from minikctl.manifests import unhandled, validate, validate_update

    obj = _without_status(obj)
    problems: list[FieldProblem] = validate(obj) if old is None else validate_update(old, obj)
    if not problems:
        problems = unhandled(obj if old is None else _without_given_source(old, obj))
    if problems:
        name = (obj.get("metadata") or {}).get("name", "")
        raise Invalid(str(obj.get("kind", "")), str(name), problems)


def _without_given_source(live: Object, obj: Object) -> Object:
    """Nobody writes the source of a volume that was made for a claim; all else of it may be changed."""
    if live.get("kind") != "PersistentVolume":
        return obj
    from minikctl.model.claims import is_provisioned

    if not is_provisioned(live) or spec_of(obj).get("csi") != spec_of(live)["csi"]:
        return obj
    return {**obj, "spec": {name: value for name, value in spec_of(obj).items() if name != "csi"}}


def admit(obj: Object, reader: Reader) -> Object:
    """The new object with what its namespace gives it: a pod gets defaults and a priority.

    Workloads are let in: their controllers meet the refusal when they make pods.

    :raises Forbidden: its namespace's Pod Security level, LimitRanges or quotas do not let it in.
    :raises AlreadyAllocated: another Service has its address or a node port of it.
    """
    from minikctl.controlplane import admission

    check_allocations(obj, reader)
    result = admission.admitted(obj, reader)
    if why := admission.refusal(result, reader):
        raise _forbidden(obj, why)
    return result


def admit_change(old: Object, obj: Object, reader: Reader) -> None:
    """:raises Forbidden: the namespace's LimitRanges or quotas have no room for what the change asks for.
    :raises AlreadyAllocated: another Service has its address or a node port of it."""
    from minikctl.controlplane import admission

    check_allocations(obj, reader, old)
    if why := admission.refusal_of_change(old, obj, reader):
        raise _forbidden(obj, why)


def _forbidden(obj: Object, why: str) -> Forbidden:
    return Forbidden(f'{KINDS[obj["kind"]].resource} "{name_of(obj)}" is forbidden: {why}')


def _without_status(obj: Object) -> Object:
    """Nobody declares a status; the control plane's own needs no checking."""
    return {name: value for name, value in obj.items() if name != "status"}


def new_object(manifest: Object, clock: Clock, ids: Ids) -> Object:
    """A validated manifest as a new stored object: defaults, uid, creation time, first status."""
    obj = set_defaults(copy(folded(_without_status(manifest))))
    metadata = obj["metadata"]
    if "name" not in metadata and "generateName" in metadata:
        metadata["name"] = f"{metadata['generateName']}{ids.suffix()}"
    for field in ("resourceVersion", "managedFields", "selfLink", "deletionTimestamp"):
        metadata.pop(field, None)
    metadata["uid"] = ids.uid()
    if obj["kind"] == "Job":
        from minikctl.model.defaults.batch import as_created

        obj = as_created(obj)
        metadata = obj["metadata"]
    metadata["creationTimestamp"] = format_time(clock.now())
    if not _has_status(obj):
        return obj
    metadata["generation"] = 1
    return {**obj, **_first_status(obj)}


def _has_status(obj: Object) -> bool:
    kind = KINDS.get(obj["kind"])
    return kind is None or kind.has_status


def _first_status(obj: Object) -> Object:
    match obj["kind"]:
        case "Pod":
            return {"status": {"phase": "Pending"}}
        case "ReplicaSet":
            return {"status": {"replicas": 0}}
        case "Service":
            return {"status": {"loadBalancer": {}}}
        case "PersistentVolumeClaim":
            return {"status": {"phase": "Pending"}}
        case "Namespace":
            return {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        case _:
            return {"status": {}}


def changed_object(live: Object, merged: Object) -> Object:
    """`merged` with its defaults and what the server owns of `live`; a changed spec is a new generation."""
    obj = _without_useless(live, set_defaults(_with_old_priority(live, folded(merged))))
    owned = (
        "uid",
        "creationTimestamp",
        "generation",
        "resourceVersion",
        "ownerReferences",
        "deletionTimestamp",
    )
    kept = {field: live["metadata"][field] for field in owned if field in live["metadata"]}
    metadata = {name: value for name, value in obj["metadata"].items() if name not in owned}
    obj = {**obj, "metadata": {**metadata, **kept}}
    if not _has_status(obj):
        return obj
    obj["status"] = live.get("status") or {}
    if obj.get("spec") != live.get("spec"):
        obj["metadata"]["generation"] = kept.get("generation", 1) + 1
    return obj


def _with_old_priority(live: Object, merged: Object) -> Object:
    """A pod keeps the priority that it was let in with, where nobody says anything about it."""
    if live["kind"] != "Pod":
        return merged
    kept = {
        field: spec_of(live)[field] for field in ("priority", "preemptionPolicy") if field in spec_of(live)
    }
    return {**merged, "spec": {**kept, **spec_of(merged)}}


def _without_useless(live: Object, obj: Object) -> Object:
    """A Service of another type keeps nothing that only the old one has."""
    if live["kind"] != "Service":
        return obj
    from minikctl.model.service_types import drop_useless

    obj = copy(obj)
    drop_useless(spec_of(live), spec_of(obj))
    return obj


def is_same(live: Object, obj: Object) -> bool:
    """Nothing that people declare differs."""
    same_fields = _own_fields(live) == _own_fields(obj)
    return same_fields and labels_of(live) == labels_of(obj) and annotations_of(live) == annotations_of(obj)


def _own_fields(obj: Object) -> Object:
    """What the kind itself declares; an empty map and none are the same."""
    return {name: value for name, value in obj.items() if name not in ("metadata", "status") and value}


def display_name(obj: Object) -> str:
    return f"{KINDS[obj['kind']].qualified}/{name_of(obj)}"
