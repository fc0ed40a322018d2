"""What stands in an object's desired file: what people said, without defaults and the system's part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from minikctl.api.admission import merge_table
from minikctl.apply.sparse import sparsify
from minikctl.controlplane.restarts import CONFIGURATION_HASH
from minikctl.model import Object, ObjectKey, annotations_of, copy, labels_of, spec_of
from minikctl.model.defaults import set_defaults

SYSTEM_ANNOTATIONS = "deployment.kubernetes.io/"
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
SYSTEM_LABELS = ("kubernetes.io/", "beta.kubernetes.io/", "node-role.kubernetes.io/", "minikctl.io/")

Hints: TypeAlias = Sequence[Object]
"""What somebody wrote: the old file, the new manifest. What they say stays, whoever else says it too."""
Find: TypeAlias = Callable[[ObjectKey], Object | None]


def intent(obj: Object, hints: Hints, find: Find = lambda _: None) -> Object:
    """The file of an object as stored.

    :param find: knows the RuntimeClasses, which give something to Pods.
    """
    bare = _without_system_part(obj, hints, find)
    return sparsify(bare, hints, set_defaults, merge_table(obj["kind"]))


def _without_system_part(obj: Object, hints: Hints, find: Find) -> Object:
    result: Object = copy(obj)
    said = {name for hint in hints for name in annotations_of(hint)}
    result["metadata"]["annotations"] = {
        name: value
        for name, value in annotations_of(obj).items()
        if name in said or not name.startswith(SYSTEM_ANNOTATIONS)
    }
    _drop_configuration_hash(result, hints)
    if (without := _WITHOUT.get(obj["kind"])) is not None:
        result = without(result, hints, find)
    metadata = result["metadata"]
    for field in ("labels", "annotations"):
        if not metadata.get(field):
            metadata.pop(field, None)
    return result


def _drop_configuration_hash(result: Object, hints: Hints) -> None:
    """What the control plane writes into a template to make it roll is nobody's intent."""
    template = spec_of(result).get("template") or {}
    if CONFIGURATION_HASH not in annotations_of(template):
        return
    if any(CONFIGURATION_HASH in annotations_of(spec_of(hint).get("template") or {}) for hint in hints):
        return
    del template["metadata"]["annotations"][CONFIGURATION_HASH]
    if not template["metadata"]["annotations"]:
        del template["metadata"]["annotations"]


# --- the parts of each kind; all may change the object that they are given ------------------------------


def _pod(pod: Object, hints: Hints, find: Find) -> Object:
    """Without its node, and what its namespace and its classes gave it."""
    from minikctl.controlplane.limits import without_defaults
    from minikctl.model.priorities import without_priority
    from minikctl.model.runtime_classes import without_class

    said: Object = {field: None for hint in hints for field in spec_of(hint)}
    bare = without_class(without_defaults(pod, hints), hints, find)
    spec = without_priority(spec_of(bare), said)
    if "nodeName" not in said:
        spec.pop("nodeName", None)
    return set_defaults({**bare, "spec": spec})


def _storage(obj: Object, hints: Hints, _find: Find) -> Object:
    from minikctl.model.claims import as_intended

    return as_intended(obj, hints)


def _namespace(namespace: Object, hints: Hints, _find: Find) -> Object:
    namespace.pop("spec", None)
    return _without_labels(namespace, hints, lambda name: name == NAMESPACE_LABEL)


def _node(node: Object, hints: Hints, _find: Find) -> Object:
    return _without_labels(
        node, hints, lambda name: name.startswith(SYSTEM_LABELS) or ".kubernetes.io/" in name
    )


def _without_labels(obj: Object, hints: Hints, is_systems: Callable[[str], bool]) -> Object:
    said = {name for hint in hints for name in labels_of(hint)}
    labels = {name: text for name, text in labels_of(obj).items() if name in said or not is_systems(name)}
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}}


def _service(service: Object, hints: Hints, _find: Find) -> Object:
    from minikctl.model.services import without_allocations

    return {**service, "spec": without_allocations(spec_of(service), [spec_of(hint) for hint in hints])}


def _job(job: Object, _hints: Hints, _find: Find) -> Object:
    from minikctl.model.defaults.batch import without_generated_selector

    return without_generated_selector(job)


_WITHOUT: dict[str, Callable[[Object, Hints, Find], Object]] = {
    "Job": _job,
    "Namespace": _namespace,
    "Node": _node,
    "PersistentVolume": _storage,
    "PersistentVolumeClaim": _storage,
    "Pod": _pod,
    "Service": _service,
}
"""By kind: the object without what the system gave it."""
