"""PersistentVolumes: how much there is, who may reach it from where, and what becomes of it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.claims import check_access_modes, check_class_name, check_volume_mode
from minikctl.manifests.rules.node_selectors import check_node_selector
from minikctl.manifests.rules.persistent_sources import SOURCES, check_sources, sources_of
from minikctl.manifests.rules.problems import forbidden, invalid, required, show, unsupported
from minikctl.manifests.rules.resource_names import amount, check_positive_amount
from minikctl.manifests.rules.rule import Fields, Rule, UpdateRule
from minikctl.model import Object

_VOLUME = frozenset({"PersistentVolume"})
_POLICIES = ("Delete", "Recycle", "Retain")
_MOUNT_ANNOTATION = "volume.beta.kubernetes.io/mount-options"
_MOUNTED_WITH_OPTIONS = frozenset(
    {
        "awsElasticBlockStore",
        "azureDisk",
        "azureFile",
        "cephfs",
        "cinder",
        "gcePersistentDisk",
        "glusterfs",
        "iscsi",
        "nfs",
        "photonPersistentDisk",
        "quobyte",
        "rbd",
        "vsphereVolume",
    }
)


def volume(obj: Object) -> Iterator[FieldProblem]:
    spec, metadata = obj.get("spec") or {}, obj.get("metadata") or {}
    yield from _access(spec, "spec")
    yield from _capacity(spec, "spec")
    policy = spec.get("persistentVolumeReclaimPolicy", "")
    if policy and policy not in _POLICIES:
        yield unsupported("spec.persistentVolumeReclaimPolicy", policy, _POLICIES)
    yield from _where_it_is(spec, metadata.get("name", ""), "spec")
    yield from check_class_name(spec.get("storageClassName"), "spec.storageClassName")
    yield from check_volume_mode(spec, "spec")
    yield from _attributes_class(spec)
    if _MOUNT_ANNOTATION in (metadata.get("annotations") or {}) and not _MOUNTED_WITH_OPTIONS & spec.keys():
        path = f"metadata.annotations.{_MOUNT_ANNOTATION}"
        yield forbidden(path, "may not specify mount options for this volume type")


def check_inline_volume(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """The spec of a volume that stands in a VolumeAttachment instead of a volume's name."""
    detail = "may not be specified in the context of inline volumes"
    for name in ("claimRef", "capacity", "nodeAffinity", "storageClassName"):
        if spec.get(name) is not None and (spec[name] or name == "claimRef"):
            yield forbidden(f"{path}.{name}", detail)
    if spec.get("csi") is None:
        yield required(f"{path}.csi", "has to be specified in the context of inline volumes")
    yield from _access(spec, path)
    if spec.get("persistentVolumeReclaimPolicy", "Retain") not in ("", "Retain"):
        yield forbidden(f"{path}.persistentVolumeReclaimPolicy", f"{detail} other than Retain")
    yield from check_sources(spec, "", path)
    yield from _recycled_root(spec, path)
    if spec.get("volumeMode") not in (None, "Filesystem"):
        yield forbidden(f"{path}.volumeMode", f"{detail} other than Filesystem")


def _access(spec: Fields, path: str) -> Iterator[FieldProblem]:
    if not spec.get("accessModes"):
        yield required(f"{path}.accessModes")
    yield from check_access_modes(spec.get("accessModes") or (), f"{path}.accessModes")


def _capacity(spec: Fields, path: str) -> Iterator[FieldProblem]:
    found = spec.get("capacity") or {}
    if not found:
        yield required(f"{path}.capacity")
    if found.keys() != {"storage"}:
        yield unsupported(f"{path}.capacity", found, ("storage",))
    for name, quantity in found.items():
        if amount(quantity) < 0:
            yield invalid(f"{path}.capacity[{name}]", quantity, "must be a valid resource quantity")
        yield from check_positive_amount(quantity, f"{path}.capacity[{name}]")


def _where_it_is(spec: Fields, name: str, path: str) -> Iterator[FieldProblem]:
    affinity = spec.get("nodeAffinity")
    if affinity is not None:
        if affinity.get("required") is None:
            yield required(f"{path}.nodeAffinity.required", "must specify required node constraints")
        else:
            yield from check_node_selector(affinity["required"], f"{path}.nodeAffinity.required")
    yield from check_sources(spec, name, path)
    if affinity is None and next(iter(sources_of(spec)), None) == "local":
        yield required(f"{path}.nodeAffinity", "Local volume requires node affinity")
    yield from _recycled_root(spec, path)


def _recycled_root(spec: Fields, path: str) -> Iterator[FieldProblem]:
    root = posixpath.normpath((spec.get("hostPath") or {}).get("path") or ".") in ("/", "//")
    if root and spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        yield forbidden(
            f"{path}.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'"
        )


def _attributes_class(spec: Fields) -> Iterator[FieldProblem]:
    name = spec.get("volumeAttributesClassName")
    if name is None:
        return
    if not name:
        yield required("spec.volumeAttributesClassName", "an empty string is disallowed")
    yield from check_class_name(name, "spec.volumeAttributesClassName")
    if spec.get("csi") is None:
        yield required("spec.csi", "has to be specified when using volumeAttributesClassName")


# --- changes --------------------------------------------------------------------------------------


def frozen(old: Object, new: Object) -> Iterator[FieldProblem]:
    """The paths are the server's: a name of a type in Go, and two without `spec`."""
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if _source(before, before) != _source(after, before):
        yield forbidden(
            "spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation"
        )
    if before.get("volumeMode") != after.get("volumeMode"):
        yield invalid("volumeMode", after.get("volumeMode"), "field is immutable")
    affinity = before.get("nodeAffinity")
    if affinity is not None and affinity != after.get("nodeAffinity"):
        detail = "field is immutable, except for updating from beta label to GA"
        yield invalid("nodeAffinity", show(after.get("nodeAffinity")), detail)
    if before.get("volumeAttributesClassName") is not None and after.get("volumeAttributesClassName") is None:
        yield forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden")


def _source(spec: Fields, before: Fields) -> Fields:
    """The source; of a CSI volume without the secret for expansion where there was none before."""
    found = {name: value for name, value in spec.items() if name in SOURCES}
    old, new = before.get("csi"), found.get("csi")
    if old is not None and new is not None and old.get("controllerExpandSecretRef") is None:
        found["csi"] = {name: value for name, value in new.items() if name != "controllerExpandSecretRef"}
    return found


RULES = (
    Rule("persistent-volume", "a volume has a size, one source, and modes of access", volume, _VOLUME),
    UpdateRule("persistent-volume-frozen", "the source, mode and place of a volume stay", frozen, _VOLUME),
)
