"""PersistentVolumeClaims: alone, as templates in StatefulSets, and in ephemeral volumes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import (
    forbidden,
    invalid,
    label_advice,
    required,
    subdomain_advice,
    unsupported,
)
from minikctl.manifests.rules.resource_names import amount, check_positive_amount
from minikctl.manifests.rules.rule import Fields, Rule, UpdateRule
from minikctl.manifests.rules.selectors import check_selector
from minikctl.model import Object

_CLAIM = frozenset({"PersistentVolumeClaim"})
_ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_ALONE = "ReadWriteOncePod"
_VOLUME_MODES = ("Block", "Filesystem")
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def claim(obj: Object) -> Iterator[FieldProblem]:
    yield from check_claim_spec(obj.get("spec") or {}, "spec")


def check_claim_spec(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """A claim's spec with its defaults, wherever it stands."""
    if not spec.get("accessModes"):
        yield required(f"{path}.accessModes", "at least 1 access mode is required")
    if spec.get("selector") is not None:
        yield from check_selector(spec["selector"], f"{path}.selector")
    yield from check_access_modes(spec.get("accessModes") or (), f"{path}.accessModes")
    # The server leaves `requests` out of this path.
    storage, where = (spec.get("resources") or {}).get("requests") or {}, f"{path}.resources[storage]"
    if "storage" not in storage:
        yield required(where)
    else:
        yield from check_positive_amount(storage["storage"], where)
    yield from check_class_name(spec.get("storageClassName"), f"{path}.storageClassName")
    yield from check_volume_mode(spec, path)
    yield from _data_sources(spec, path)
    yield from check_class_name(spec.get("volumeAttributesClassName"), f"{path}.volumeAttributesClassName")


def check_access_modes(modes: Any, path: str) -> Iterator[FieldProblem]:
    """Of a claim or a volume."""
    for mode in modes:
        if mode not in _ACCESS_MODES:
            yield unsupported(path, mode, _ACCESS_MODES)
    known = {mode for mode in modes if mode in _ACCESS_MODES}
    if _ALONE in known and len(known) > 1:
        yield forbidden(path, f"may not use {_ALONE} with other access modes")


def check_volume_mode(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """Of a claim or a volume."""
    mode = spec.get("volumeMode")
    if mode is not None and mode not in _VOLUME_MODES:
        yield unsupported(f"{path}.volumeMode", mode, _VOLUME_MODES)


def check_class_name(name: str | None, path: str) -> Iterator[FieldProblem]:
    """The empty name is none."""
    if name and (problem := subdomain_advice(name)):
        yield invalid(path, name, problem)


def _data_sources(spec: Fields, path: str) -> Iterator[FieldProblem]:
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    for name in ("dataSource", "dataSourceRef"):
        if spec.get(name) is not None:
            yield from _data_source(spec[name], f"{path}.{name}")
    if source is None or reference is None:
        return
    if reference.get("namespace"):
        detail = "may not be specified when dataSourceRef.namespace is specified"
        yield invalid(path, f"{path}.dataSource", detail)
    elif any(source.get(name) != reference.get(name) for name in ("apiGroup", "kind", "name")):
        yield invalid(path, f"{path}.dataSource", "must match dataSourceRef")


def _data_source(source: Fields, path: str) -> Iterator[FieldProblem]:
    kind, group = source.get("kind", ""), source.get("apiGroup") or ""
    for name in ("name", "kind"):
        if not source.get(name):
            yield required(f"{path}.{name}")
    if not group and kind != "PersistentVolumeClaim":
        yield invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup")
    if group and (problem := subdomain_advice(group)):
        yield invalid(f"{path}.apiGroup", group, problem)
    namespace = source.get("namespace")
    if namespace and (problem := label_advice(namespace)):
        yield invalid(f"{path}.namespace", namespace, problem)


# --- changes --------------------------------------------------------------------------------------


def frozen_spec(old: Object, new: Object) -> Iterator[FieldProblem]:
    """Nothing of the spec changes but the volume's name, once; of a bound claim also the request for
    storage and the class of the volume's attributes."""
    before, after = dict(old.get("spec") or {}), dict(new.get("spec") or {})
    bound = (old.get("status") or {}).get("phase") == "Bound"
    if not before.get("volumeName"):
        before["volumeName"] = after.get("volumeName")
    yield from _class_annotation(old, new, before, after)
    if bound and after.get("volumeAttributesClassName") is not None:
        after["volumeAttributesClassName"] = before.get("volumeAttributesClassName")
    if _comparable(before, without_storage=bound) != _comparable(after, without_storage=bound):
        detail = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for "
            "bound claims"
        )
        yield forbidden("spec", detail)
    yield from _smaller_request(old, new)
    if (before.get("volumeMode") or None) != (after.get("volumeMode") or None):
        yield invalid("volumeMode", after.get("volumeMode"), "field is immutable")
    yield from _attributes_class(old, new)


def _class_annotation(old: Object, new: Object, before: Fields, after: Fields) -> Iterator[FieldProblem]:
    """The class may move from the annotation of old into its field, or be set where there was none."""
    was, now = (
        ((obj.get("metadata") or {}).get("annotations") or {}).get(_CLASS_ANNOTATION) for obj in (old, new)
    )
    chosen = before.get("storageClassName") is None and after.get("storageClassName") is not None
    moved = chosen and was is not None and was == after["storageClassName"] and now in (None, was)
    if not moved and (was or "") != (now or ""):
        yield invalid(f"metadata.annotations.{_CLASS_ANNOTATION}", now or "", "field is immutable")
    if chosen and (was is None or was == after["storageClassName"]):
        before["storageClassName"] = after["storageClassName"]


def _comparable(spec: Fields, *, without_storage: bool) -> Fields:
    spec = {name: value for name, value in spec.items() if value is not None}
    resources = spec.get("resources") or {}
    requests = resources.get("requests") or {}
    if without_storage:
        requests = {name: value for name, value in requests.items() if name != "storage"}
    return {**spec, "resources": {"limits": resources.get("limits") or {}, "requests": requests}}


def _smaller_request(old: Object, new: Object) -> Iterator[FieldProblem]:
    was, now = (
        amount((((obj.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage"))
        for obj in (old, new)
    )
    given = amount(((old.get("status") or {}).get("capacity") or {}).get("storage"))
    if now < was and now <= given:
        yield forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")


def _attributes_class(old: Object, new: Object) -> Iterator[FieldProblem]:
    was, now = ((obj.get("spec") or {}).get("volumeAttributesClassName") for obj in (old, new))
    if was is not None and not now:
        what = "nil" if now is None else "an empty string"
        yield forbidden("spec.volumeAttributesClassName", f"update from non-nil value to {what} is forbidden")


RULES = (
    Rule("claim", "a claim says how it is accessed and how much storage it asks for", claim, _CLAIM),
    UpdateRule("claim-frozen", "a claim stays, but for the size of a bound one", frozen_spec, _CLAIM),
)
