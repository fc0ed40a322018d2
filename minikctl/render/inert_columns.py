"""The columns of kinds that mean something only in a cluster, as kubectl prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minikctl.model import Object, spec_of
from minikctl.model.selectors import format_selector
from minikctl.render.cells import Cell, Column, age_cell, name_cell

NONE = "<none>"


def _created(obj: Object, _now: float) -> str:
    return str(obj["metadata"].get("creationTimestamp", ""))


def _role(obj: Object, _now: float) -> str:
    reference = obj.get("roleRef") or {}
    return f"{reference.get('kind', '')}/{reference.get('name', '')}"


def _subjects(kind: str) -> Cell:
    def cell(obj: Object, _now: float) -> str:
        found = [one for one in obj.get("subjects") or () if one.get("kind") == kind]
        names = (f"{one['namespace']}/{one['name']}" if "namespace" in one else one["name"] for one in found)
        return ", ".join(names)

    return cell


def _count(field: str) -> Cell:
    return lambda obj, _now: str(len(obj.get(field) or ()))


def _spec(field: str, missing: str = NONE) -> Cell:
    def cell(obj: Object, _now: float) -> str:
        value = spec_of(obj).get(field)
        return _shown(missing if value is None else value)

    return cell


def _field(field: str) -> Cell:
    return lambda obj, _now: str(obj.get(field) or "")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) or NONE if isinstance(value, list | tuple) else str(value)


def _pod_selector(obj: Object, _now: float) -> str:
    return format_selector(spec_of(obj).get("podSelector") or {}) or NONE


def _audiences(obj: Object, _now: float) -> str:
    asked: Iterable[dict[str, Any]] = spec_of(obj).get("tokenRequests") or ()
    return ",".join(one.get("audience", "") for one in asked) or "<unset>"


def _service(obj: Object, _now: float) -> str:
    service = spec_of(obj).get("service")
    return f"{service.get('namespace')}/{service.get('name')}" if service else "Local"


_NAME, _AGE = Column("NAME", name_cell), Column("AGE", age_cell)
_CREATED = (_NAME, Column("CREATED AT", _created))
_BINDING = (
    _NAME,
    Column("ROLE", _role),
    _AGE,
    Column("USERS", _subjects("User"), wide=True),
    Column("GROUPS", _subjects("Group"), wide=True),
    Column("SERVICEACCOUNTS", _subjects("ServiceAccount"), wide=True),
)
_WEBHOOKS = (_NAME, Column("WEBHOOKS", _count("webhooks")), _AGE)
INERT_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "APIService": (
        _NAME,
        Column("SERVICE", _service),
        Column("AVAILABLE", lambda obj, _now: "Unknown"),
        _AGE,
    ),
    "CSIDriver": (
        _NAME,
        Column("ATTACHREQUIRED", _spec("attachRequired")),
        Column("PODINFOONMOUNT", _spec("podInfoOnMount")),
        Column("STORAGECAPACITY", _spec("storageCapacity")),
        Column("TOKENREQUESTS", _audiences),
        Column("REQUIRESREPUBLISH", _spec("requiresRepublish")),
        Column("MODES", _spec("volumeLifecycleModes")),
        _AGE,
    ),
    "ClusterRole": _CREATED,
    "ClusterRoleBinding": _BINDING,
    "CustomResourceDefinition": _CREATED,
    "Lease": (_NAME, Column("HOLDER", _spec("holderIdentity", "")), _AGE),
    "MutatingWebhookConfiguration": _WEBHOOKS,
    "NetworkPolicy": (_NAME, Column("POD-SELECTOR", _pod_selector), _AGE),
    "Role": _CREATED,
    "RoleBinding": _BINDING,
    "RuntimeClass": (_NAME, Column("HANDLER", _field("handler")), _AGE),
    "ValidatingWebhookConfiguration": _WEBHOOKS,
    "VolumeAttributesClass": (_NAME, Column("DRIVERNAME", _field("driverName")), _AGE),
}
