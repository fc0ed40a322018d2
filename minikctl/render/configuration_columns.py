"""The columns of ConfigMaps, Secrets and ServiceAccounts, as `kubectl get` prints them."""

from __future__ import annotations

from collections.abc import Mapping

from minikctl.model import Object
from minikctl.render.cells import Column, age_cell, name_cell


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
