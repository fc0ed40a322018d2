"""Volumes of one cluster on one engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from minikctl.backend import Volume, VolumeSpec
from minikctl.backend.labels import CLUSTER
from minikctl.errors import PermanentError, TemporaryError
from minikctl.model.timestamps import parse_time
from minikctl_podman import faults
from minikctl_podman.engine import Engine, expect, quoted


class Volumes:
    def __init__(self, engine: Engine, cluster_id: str) -> None:
        self._engine = engine
        self._cluster = cluster_id

    def create(self, spec: VolumeSpec) -> Volume:
        reply = self._engine.post("/volumes/create", body={"Name": spec.name, "Labels": dict(spec.labels)})
        if not reply.ok and faults.is_name_taken(reply.message):
            reply = self._engine.get(f"/volumes/{quoted(spec.name)}/json")
        if not reply.ok:
            raise faults.container_error(reply.message, "CreateVolumeError")
        if not self._is_ours(reply.body):
            raise PermanentError(
                f"the name {spec.name!r} is taken by a volume that this cluster did not make",
                reason="CreateVolumeError",
            )
        return _volume(reply.body)

    def list(self) -> list[Volume]:
        filters = json.dumps({"label": [f"{CLUSTER}={self._cluster}"]})
        reply = self._engine.get("/volumes/json", {"filters": filters})
        return [_volume(row) for row in expect(reply).body or ()]

    def remove(self, name: str) -> None:
        path = f"/volumes/{quoted(name)}"
        found = self._engine.get(f"{path}/json")
        if found.missing or (found.ok and not self._is_ours(found.body)):
            return
        reply = self._engine.delete(path)
        if reply.status == 409 or faults.is_in_use(reply.message):
            raise TemporaryError(faults.one_line(reply.message), reason="VolumeInUse")
        if not reply.ok and not reply.missing:
            raise faults.container_error(reply.message, "RemoveVolumeError")

    def _is_ours(self, told: Mapping[str, Any]) -> bool:
        return (told.get("Labels") or {}).get(CLUSTER) == self._cluster


def _volume(told: Mapping[str, Any]) -> Volume:
    created = str(told.get("CreatedAt") or "")
    return Volume(str(told["Name"]), dict(told.get("Labels") or {}), parse_time(created) if created else 0.0)
