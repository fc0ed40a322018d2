"""From what somebody wrote to what is stored: namespace, validation, defaults, identity, generation."""

from __future__ import annotations

from functools import cache

from minikctl.apply.sparse import sparsify
from minikctl.apply.table import MergeTable
from minikctl.clock import Clock
from minikctl.controlplane.decision import Ids
from minikctl.controlplane.reader import Reader
from minikctl.controlplane.restarts import CONFIGURATION_HASH
from minikctl.errors import FieldProblem, Forbidden, Invalid
from minikctl.model import Object, annotations_of, copy, labels_of, name_of, spec_of
from minikctl.model.defaults import set_defaults
from minikctl.model.kinds import KINDS
from minikctl.model.secrets import folded
from minikctl.model.timestamps import format_time
from minikctl.model.versions import stored

SYSTEM_ANNOTATIONS = "deployment.kubernetes.io/"
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
SYSTEM_LABELS = ("kubernetes.io/", "beta.kubernetes.io/", "node-role.kubernetes.io/", "minikctl.io/")


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
    problems: list[FieldProblem] = (
        validate(obj) if old is None else validate_update(old, _with_status_of(old, obj))
    )
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
    """
    from minikctl.controlplane import admission

    result = admission.admitted(obj, reader)
    if why := admission.refusal(result, reader):
        raise _forbidden(obj, why)
    return result


def admit_change(old: Object, obj: Object, reader: Reader) -> None:
    """:raises Forbidden: the namespace's LimitRanges or quotas have no room for what the change asks for."""
    from minikctl.controlplane import admission

    if why := admission.refusal_of_change(old, obj, reader):
        raise _forbidden(obj, why)


def _forbidden(obj: Object, why: str) -> Forbidden:
    return Forbidden(f'{KINDS[obj["kind"]].resource} "{name_of(obj)}" is forbidden: {why}')


def _without_status(obj: Object) -> Object:
    """Nobody declares a status; the control plane's own needs no checking."""
    return {name: value for name, value in obj.items() if name != "status"}


def _with_status_of(live: Object, obj: Object) -> Object:
    """What may change depends on how far the live object has come: whether a claim is bound, a Job began."""
    return {**obj, "status": live["status"]} if live.get("status") else obj


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
    obj = set_defaults(_with_old_priority(live, folded(merged)))
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


def is_same(live: Object, obj: Object) -> bool:
    """Nothing that people declare differs."""
    same_fields = _own_fields(live) == _own_fields(obj)
    return same_fields and labels_of(live) == labels_of(obj) and annotations_of(live) == annotations_of(obj)


def _own_fields(obj: Object) -> Object:
    """What the kind itself declares; an empty map and none are the same."""
    return {name: value for name, value in obj.items() if name not in ("metadata", "status") and value}


def intent(obj: Object, hints: list[Object]) -> Object:
    """What stands in an object's desired file: what people said, without defaults and the system's part."""
    return sparsify(_without_system_part(obj, hints), hints, set_defaults, merge_table(obj["kind"]))


def _without_system_part(obj: Object, hints: list[Object]) -> Object:
    result: Object = copy(obj)
    metadata = result["metadata"]
    said = {name for hint in hints for name in annotations_of(hint)}
    metadata["annotations"] = {
        name: value
        for name, value in annotations_of(obj).items()
        if name in said or not name.startswith(SYSTEM_ANNOTATIONS)
    }
    if obj["kind"] == "Pod" and not any("nodeName" in spec_of(hint) for hint in hints):
        result.get("spec", {}).pop("nodeName", None)
    if obj["kind"] == "Pod":
        result = _without_admitted(result, hints)
        metadata = result["metadata"]
    _drop_configuration_hash(result, hints)
    if obj["kind"] in ("PersistentVolume", "PersistentVolumeClaim"):
        from minikctl.model.claims import as_intended

        result = as_intended(result, hints)
        metadata = result["metadata"]
    if obj["kind"] == "Namespace":
        result.pop("spec", None)
    if obj["kind"] == "Service":
        from minikctl.model.services import without_allocations

        result["spec"] = without_allocations(spec_of(result), [spec_of(hint) for hint in hints])
    if obj["kind"] == "Job":
        from minikctl.model.defaults.batch import without_generated_selector

        result = without_generated_selector(result)
        metadata = result["metadata"]
    if obj["kind"] in ("Namespace", "Node"):
        said = {name for hint in hints for name in labels_of(hint)}
        metadata["labels"] = {
            name: value
            for name, value in labels_of(obj).items()
            if name in said or not _is_system_label(name, obj["kind"])
        }
    for field in ("labels", "annotations"):
        if not metadata.get(field):
            metadata.pop(field, None)
    return result


def _without_admitted(pod: Object, hints: list[Object]) -> Object:
    """A pod without what its namespace and its class gave it."""
    from minikctl.controlplane.limits import without_defaults
    from minikctl.model.priorities import without_priority

    said: Object = {field: None for hint in hints for field in spec_of(hint)}
    bare = without_defaults(pod, hints)
    return set_defaults({**bare, "spec": without_priority(spec_of(bare), said)})


def _drop_configuration_hash(result: Object, hints: list[Object]) -> None:
    """What the control plane writes into a template to make it roll is nobody's intent."""
    template = spec_of(result).get("template") or {}
    if CONFIGURATION_HASH not in annotations_of(template):
        return
    if any(CONFIGURATION_HASH in annotations_of(spec_of(hint).get("template") or {}) for hint in hints):
        return
    del template["metadata"]["annotations"][CONFIGURATION_HASH]
    if not template["metadata"]["annotations"]:
        del template["metadata"]["annotations"]


def _is_system_label(name: str, kind: str) -> bool:
    if kind == "Namespace":
        return name == NAMESPACE_LABEL
    return name.startswith(SYSTEM_LABELS) or ".kubernetes.io/" in name


def display_name(obj: Object) -> str:
    return f"{KINDS[obj['kind']].qualified}/{name_of(obj)}"
