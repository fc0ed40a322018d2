"""Volumes, the claims on them, and how they are provided."""

from __future__ import annotations

from minikctl.model.defaults.compaction import Fields, types_of
from minikctl.model.defaults.pods import spec_in
from minikctl.model.defaults.quotas import canonical_amounts

# Source of a volume → the defaults of its fields.
_SOURCES: dict[str, Fields] = {
    "azureDisk": {"cachingMode": "ReadWrite", "fsType": "ext4", "kind": "Shared", "readOnly": False},
    "hostPath": {"type": ""},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"keyring": "/etc/ceph/keyring", "pool": "rbd", "user": "admin"},
    "scaleIO": {"fsType": "xfs", "storageMode": "ThinProvisioned"},
}


def _default_volume(obj: Fields) -> None:
    spec = spec_in(obj)
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    _default_volume_spec(spec)


def _default_volume_spec(spec: Fields) -> None:
    if "capacity" in spec:
        spec["capacity"] = canonical_amounts(spec["capacity"])
    _default_sources(spec)


def _default_sources(spec: Fields) -> None:
    for name, defaults in _SOURCES.items():
        if name in spec:
            spec[name] = {**defaults, **spec[name]}


def _default_attachment(obj: Fields) -> None:
    inline = spec_in(obj).get("source", {}).get("inlineVolumeSpec")
    if inline is not None:
        _default_volume_spec(inline)


def _default_claim(obj: Fields) -> None:
    spec = spec_in(obj)
    default_claim_spec(spec)
    _normalize_data_sources(spec)
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def default_claim_spec(spec: Fields) -> None:
    """Of a claim, wherever it stands."""
    spec.setdefault("volumeMode", "Filesystem")
    resources = spec.setdefault("resources", {})
    for side in ("limits", "requests"):
        if side in resources:
            resources[side] = canonical_amounts(resources[side])


_SNAPSHOT = ("VolumeSnapshot", "snapshot.storage.k8s.io")
_CLAIM = ("PersistentVolumeClaim", "")


def _normalize_data_sources(spec: Fields) -> None:
    """Both ways to write a source say the same; the old one alone is heard only for claims and snapshots."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if reference is not None:
        # A feature that is off by default.
        reference.pop("namespace", None)
        if source is None:
            spec["dataSource"] = dict(reference)
    elif source is not None:
        if (source.get("kind"), source.get("apiGroup", "")) in (_SNAPSHOT, _CLAIM):
            spec["dataSourceRef"] = dict(source)
        else:
            del spec["dataSource"]


def _default_class(obj: Fields) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def _default_driver(obj: Fields) -> None:
    spec = spec_in(obj)
    spec.setdefault("attachRequired", True)
    spec.setdefault("fsGroupPolicy", "ReadWriteOnceWithFSType")
    for name in ("podInfoOnMount", "requiresRepublish", "seLinuxMount", "storageCapacity"):
        spec.setdefault(name, False)
    spec.setdefault("volumeLifecycleModes", ["Persistent"])


_VOLUME = types_of(
    pointers=(
        "cachingMode",
        "endpointsNamespace",
        "initiatorName",
        "kind",
        "lun",
        "secretNamespace",
        "volumeAttributesClassName",
        "volumeMode",
    ),
    lists_of_strings=("accessModes", "mountOptions", "monitors", "targetWWNs", "wwids"),
    maps=("capacity", "options", "volumeAttributes"),
)
TYPES = {
    "CSIDriver": types_of(
        pointers=(
            "attachRequired",
            "fsGroupPolicy",
            "nodeAllocatableUpdatePeriodSeconds",
            "podInfoOnMount",
            "requiresRepublish",
            "seLinuxMount",
            "storageCapacity",
        ),
        lists_of_strings=("volumeLifecycleModes",),
    ),
    "CSINode": types_of(pointers=("count",), lists_of_strings=("topologyKeys",)),
    "PersistentVolume": _VOLUME,
    "PersistentVolumeClaim": types_of(
        pointers=("apiGroup", "volumeAttributesClassName", "volumeMode"),
        lists_of_strings=("accessModes",),
        maps=("allocatedResources", "capacity"),
    ),
    "StorageClass": types_of(
        pointers=("allowVolumeExpansion", "reclaimPolicy", "volumeBindingMode"),
        lists_of_strings=("mountOptions",),
        maps=("parameters",),
    ),
    "VolumeAttachment": types_of(
        pointers=("errorCode", "persistentVolumeName", *_VOLUME.kept_when_empty),
        lists_of_strings=_VOLUME.lists_of_strings,
        maps=("attachmentMetadata", *_VOLUME.maps),
    ),
    "VolumeAttributesClass": types_of(maps=("parameters",)),
}
DEFAULTS = {
    "CSIDriver": _default_driver,
    "PersistentVolume": _default_volume,
    "PersistentVolumeClaim": _default_claim,
    "StorageClass": _default_class,
    "VolumeAttachment": _default_attachment,
}
