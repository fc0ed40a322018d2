"""The source that only volumes made for claims have: nobody writes it, and nobody loses it by a change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from api_world import ApiWorld

from minikctl.errors import Invalid
from minikctl.model import Object, ObjectKey, spec_of
from minikctl.model.claims import DRIVER

KEY = ObjectKey("PersistentVolume", "", "v")
WHY = "spec.csi: only volumes that are made for claims have it"


def volume(driver: str = DRIVER, **metadata: Any) -> Object:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
        "csi": {"driver": driver, "volumeHandle": "somebody-elses"},
        "persistentVolumeReclaimPolicy": "Delete",
        "volumeMode": "Filesystem",
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "v", **metadata},
        "spec": spec,
    }


@pytest.mark.parametrize("driver", ["ebs.csi.aws.com", DRIVER])
def test_nobody_writes_it(world: ApiWorld, driver: str) -> None:
    for way in (world.api.create, lambda one: world.api.apply([one])):
        with pytest.raises(Invalid, match=WHY):
            way(volume(driver))
    world.write("_cluster/persistentvolume.v.yaml", json.dumps(volume(driver)))
    (problem,) = world.api.absorb()
    assert WHY in problem.message
    assert world.api.find(KEY) is None


def test_what_was_made_for_a_claim_can_be_changed(world: ApiWorld) -> None:
    world.seize(volume(uid="u"))

    def changed(**fields: Any) -> Object:
        _, after = world.api.update(KEY, lambda one: {**one, "spec": {**spec_of(one), **fields}})
        return spec_of(after)

    assert changed(persistentVolumeReclaimPolicy="Retain")["csi"]["driver"] == DRIVER
    with pytest.raises(Invalid, match="csi"):
        changed(csi={**volume()["spec"]["csi"], "controllerExpandSecretRef": {"name": "a", "namespace": "b"}})
