"""The columns of configuration, storage and priorities, as `kubectl get` prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minikctl.model import Object, annotations_of, is_deleting, spec_of, status_of
from minikctl.render.cells import Cell, Column, age_cell, name_cell


def _keys(*fields: str) -> Column:
    def count(obj: Object, _now: float) -> str:
        return str(sum(len(obj.get(field) or ()) for field in fields))

    return Column("DATA", count)


CONFIGURATION_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "ConfigMap": (Column("NAME", name_cell), _keys("data", "binaryData"), Column("AGE", age_cell)),
    "Secret": (
        Column("NAME", name_cell),
        Column("TYPE", lambda obj, _now: str(obj.get("type", ""))),
        _keys("data"),
        Column("AGE", age_cell),
    ),
    "ServiceAccount": (
        Column("NAME", name_cell),
        Column("SECRETS", lambda obj, _now: str(len(obj.get("secrets") or ()))),
        Column("AGE", age_cell),
    ),
}


# --- storage -------------------------------------------------------------------------------------------

_SHORT_MODES = {
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOnce": "RWO",
    "ReadWriteOncePod": "RWOP",
}
_MODE_ORDER = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")


def access_modes(modes: Iterable[str] | None) -> str:
    """`RWO,ROX`: in Kubernetes' order, each once."""
    found = set(modes or ())
    return ",".join(_SHORT_MODES[mode] for mode in _MODE_ORDER if mode in found)


def _phase(obj: Object, _now: float) -> str:
    return "Terminating" if is_deleting(obj) else str(status_of(obj).get("phase", ""))


def _claim(obj: Object, _now: float) -> str:
    reference = spec_of(obj).get("claimRef") or {}
    return f"{reference['namespace']}/{reference['name']}" if reference else ""


def _spec(field: str, missing: str = "") -> Cell:
    return lambda obj, _now: str(spec_of(obj).get(field) or missing)


def _class_flag(obj: Object, _now: float) -> str:
    is_default = annotations_of(obj).get("storageclass.kubernetes.io/is-default-class") == "true"
    return f"{obj['metadata']['name']} (default)" if is_default else str(obj["metadata"]["name"])


STORAGE_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "PersistentVolumeClaim": (
        Column("NAME", name_cell),
        Column("STATUS", _phase),
        Column("VOLUME", _spec("volumeName")),
        Column("CAPACITY", lambda obj, _now: str((status_of(obj).get("capacity") or {}).get("storage", ""))),
        Column("ACCESS MODES", lambda obj, _now: access_modes(status_of(obj).get("accessModes"))),
        Column("STORAGECLASS", _spec("storageClassName")),
        Column("VOLUMEATTRIBUTESCLASS", _spec("volumeAttributesClassName", "<unset>")),
        Column("AGE", age_cell),
        Column("VOLUMEMODE", _spec("volumeMode", "<unset>"), wide=True),
    ),
    "PersistentVolume": (
        Column("NAME", name_cell),
        Column("CAPACITY", lambda obj, _now: str((spec_of(obj).get("capacity") or {}).get("storage", ""))),
        Column("ACCESS MODES", lambda obj, _now: access_modes(spec_of(obj).get("accessModes"))),
        Column("RECLAIM POLICY", _spec("persistentVolumeReclaimPolicy")),
        Column("STATUS", _phase),
        Column("CLAIM", _claim),
        Column("STORAGECLASS", _spec("storageClassName")),
        Column("VOLUMEATTRIBUTESCLASS", _spec("volumeAttributesClassName", "<unset>")),
        Column("REASON", lambda obj, _now: str(status_of(obj).get("reason", ""))),
        Column("AGE", age_cell),
        Column("VOLUMEMODE", _spec("volumeMode", "<unset>"), wide=True),
    ),
    "StorageClass": (
        Column("NAME", _class_flag),
        Column("PROVISIONER", lambda obj, _now: str(obj.get("provisioner", ""))),
        Column("RECLAIMPOLICY", lambda obj, _now: str(obj.get("reclaimPolicy", "Delete"))),
        Column("VOLUMEBINDINGMODE", lambda obj, _now: str(obj.get("volumeBindingMode", "Immediate"))),
        Column("ALLOWVOLUMEEXPANSION", lambda obj, _now: str(bool(obj.get("allowVolumeExpansion"))).lower()),
        Column("AGE", age_cell),
    ),
}
PRIORITY_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "PriorityClass": (
        Column("NAME", name_cell),
        Column("VALUE", lambda obj, _now: str(obj.get("value", 0))),
        Column("GLOBAL-DEFAULT", lambda obj, _now: str(bool(obj.get("globalDefault"))).lower()),
        Column("AGE", age_cell),
        Column("PREEMPTIONPOLICY", lambda obj, _now: str(obj.get("preemptionPolicy", ""))),
    ),
}
