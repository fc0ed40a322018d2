"""Changes that are allowed or not because of how far the live object has come."""

from __future__ import annotations

from typing import Any

import pytest
from api_world import ApiWorld

from minikctl.errors import Forbidden, Invalid
from minikctl.model import Object, ObjectKey, spec_of

CLAIM = ObjectKey("PersistentVolumeClaim", "default", "data")
JOB = ObjectKey("Job", "default", "work")


def claim(size: str) -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec}


def bound(world: ApiWorld) -> None:
    live = world.api.get(CLAIM)
    status = {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}
    spec = {**spec_of(live), "storageClassName": "standard", "volumeName": "pvc-1"}
    world.seize({**live, "spec": spec, "status": status})


def job(world: ApiWorld, **status: Any) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]}}
    made = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"}}
    world.api.create({**made, "spec": {"suspend": True, "template": template}})
    world.seize({**world.api.get(JOB), "status": status})


def elsewhere(live: Object) -> Object:
    live["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "fast"}
    return live


class TestClaims:
    def test_a_bound_claim_grows(self, world: ApiWorld) -> None:
        world.api.apply([claim("1Gi")])
        bound(world)
        world.api.apply([claim("2Gi")])
        assert spec_of(world.api.get(CLAIM))["resources"]["requests"]["storage"] == "2Gi"

    def test_it_grows_by_its_file_too(self, world: ApiWorld) -> None:
        world.api.apply([claim("1Gi")])
        bound(world)
        path = "default/persistentvolumeclaim.data.yaml"
        world.write(path, world.text(path).replace("1Gi", "2Gi"))
        assert not world.api.absorb()
        assert spec_of(world.api.get(CLAIM))["resources"]["requests"]["storage"] == "2Gi"

    def test_it_does_not_shrink_below_what_it_has(self, world: ApiWorld) -> None:
        world.api.apply([claim("1Gi")])
        bound(world)
        with pytest.raises(Invalid, match=r"field can not be less than status\.capacity"):
            world.api.apply([claim("500Mi")])

    def test_one_that_waits_does_not_change(self, world: ApiWorld) -> None:
        world.api.apply([claim("1Gi")])
        with pytest.raises(Invalid, match="spec is immutable after creation"):
            world.api.apply([claim("2Gi")])


class TestSuspendedJobs:
    def test_while_a_pod_runs_its_template_stays(self, world: ApiWorld) -> None:
        job(world, startTime="2027-01-15T07:00:00Z", active=1)
        with pytest.raises(Invalid, match=r"spec\.template: Invalid value.*field is immutable"):
            world.api.update(JOB, elsewhere)

    def test_it_may_change_before_it_has_begun(self, world: ApiWorld) -> None:
        job(world)
        world.api.update(JOB, elsewhere)
        assert spec_of(world.api.get(JOB))["template"]["spec"]["nodeSelector"] == {"disk": "fast"}


def test_a_limit_range_holds_for_claims_that_grow(world: ApiWorld) -> None:
    limits = [{"type": "PersistentVolumeClaim", "max": {"storage": "3Gi"}}]
    bounds = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": limits}}
    world.api.apply([bounds, claim("1Gi")])
    bound(world)
    world.api.apply([claim("3Gi")])
    with pytest.raises(Forbidden, match="maximum storage usage per PersistentVolumeClaim is 3Gi"):
        world.api.apply([claim("4Gi")])


def test_what_has_too_much_already_may_not_change_at_all(world: ApiWorld) -> None:
    """As upstream, a claim is held to its LimitRange also where the change is about something else."""
    limits = [{"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}]
    bounds = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": limits}}
    world.api.apply([claim("2Gi")])
    world.api.apply([bounds])
    labelled = claim("2Gi")
    labelled["metadata"]["labels"] = {"a": "b"}
    with pytest.raises(Forbidden, match="maximum storage usage"):
        world.api.apply([labelled])


def test_nobody_is_refused_because_of_a_status_that_others_wrote(world: ApiWorld) -> None:
    job(world, ofANewerVersion=1, active="one")
    world.api.update(JOB, lambda live: {**live, "spec": {**spec_of(live), "parallelism": 2}})
    assert world.api.get(JOB)["status"]["ofANewerVersion"] == 1
