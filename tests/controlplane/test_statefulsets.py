"""StatefulSets: order, names, claims, updates from the highest ordinal, revisions."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import Cluster, metadata, pod, template

from minikctl.model import (
    Object,
    ObjectKey,
    controller_of,
    is_deleting,
    key_of,
    labels_of,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.controller_revisions import REVISION_LABEL, number_of, owned_by
from minikctl.model.defaults import set_defaults
from minikctl.model.pods import is_ready

KEY = ObjectKey("StatefulSet", "default", "db")


def stateful_set(image: str = "nginx:1", **spec: Any) -> Object:
    return set_defaults(
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": metadata("db"),
            "spec": {
                "selector": {"matchLabels": {"app": "db"}},
                "serviceName": "db-service",
                "template": template(image, "db"),
                **spec,
            },
            "status": {},
        }
    )


class Sets(Cluster):
    def __init__(self, one: Object, *others: Object) -> None:
        super().__init__(one, *others)

    @property
    def set(self) -> Object:
        found = self.view.get(KEY)
        assert found is not None
        return found

    def edit(self, **spec: Any) -> None:
        live = self.set
        generation = live["metadata"]["generation"] + 1
        whole = {**live, "metadata": {**live["metadata"], "generation": generation}}
        self.put(set_defaults({**whole, "spec": {**spec_of(live), **spec}}))

    def names(self) -> list[str]:
        """Of all its pods; those on their way out in brackets, those not ready with a question mark."""
        return [
            f"({name_of(one)})" if is_deleting(one) else name_of(one) + ("" if is_ready(one) else "?")
            for one in sorted(self.view.list("Pod"), key=name_of)
        ]

    def images(self) -> list[str]:
        return [spec_of(one)["containers"][0]["image"] for one in self.pods()]


def test_one_after_the_other() -> None:
    cluster = Sets(stateful_set(replicas=3))
    cluster.run()
    assert cluster.names() == ["db-0?"]
    cluster.run()
    assert cluster.names() == ["db-0?"], "it waits for the first"
    cluster.become_ready()
    cluster.run()
    assert cluster.names() == ["db-0", "db-1?"]
    cluster.settle()
    assert cluster.names() == ["db-0", "db-1", "db-2"]
    cluster.edit(replicas=1)
    cluster.run()
    assert cluster.names() == ["db-0", "db-1", "(db-2)"]
    cluster.finish_deletions()
    cluster.run()
    assert cluster.names() == ["db-0", "(db-1)"]


def test_in_parallel() -> None:
    cluster = Sets(stateful_set(replicas=3, podManagementPolicy="Parallel", ordinals={"start": 5}))
    cluster.run()
    assert cluster.names() == ["db-5?", "db-6?", "db-7?"]
    cluster.edit(replicas=1)
    cluster.run()
    assert cluster.names() == ["db-5?", "(db-6)", "(db-7)"]


def test_an_ordinal_is_free_when_its_pod_is_gone() -> None:
    cluster = Sets(stateful_set(replicas=1, podManagementPolicy="Parallel"))
    cluster.settle()
    (first,) = cluster.pods()
    cluster.put({**first, "metadata": {**first["metadata"], "deletionTimestamp": "2027-01-15T08:00:00Z"}})
    cluster.run()
    assert cluster.names() == ["(db-0)"]
    cluster.finish_deletions()
    cluster.run()
    (second,) = cluster.pods()
    assert name_of(second) == "db-0"
    assert uid_of(second) != uid_of(first)


def test_a_name_that_somebody_else_has_is_not_taken() -> None:
    foreign = pod("db-0", labels={"app": "other"})
    cluster = Sets(stateful_set(replicas=1), foreign)
    cluster.run()
    assert set(cluster.texts("FailedCreate")) == {
        'create Pod db-0 in StatefulSet db failed error: pods "db-0" already exists'
    }
    cluster.remove(key_of(foreign))
    cluster.settle()
    assert controller_of(cluster.pods()[0]) is not None


def test_what_a_pod_is_told_of_itself() -> None:
    cluster = Sets(stateful_set(replicas=1))
    cluster.settle()
    (one,) = cluster.pods()
    assert (spec_of(one)["hostname"], spec_of(one)["subdomain"]) == ("db-0", "db-service")
    labels = labels_of(one)
    assert labels["statefulset.kubernetes.io/pod-name"] == "db-0"
    assert labels["apps.kubernetes.io/pod-index"] == "0"
    assert labels[REVISION_LABEL] == status_of(cluster.set)["updateRevision"]


class TestUpdates:
    def test_from_the_highest_ordinal_down_to_the_partition(self) -> None:
        cluster = Sets(stateful_set(replicas=3))
        cluster.settle()
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
        cluster.edit(template=template("nginx:2", "db"), updateStrategy=strategy)
        cluster.run()
        assert cluster.names() == ["db-0", "db-1", "(db-2)"]
        cluster.finish_deletions()
        cluster.run()
        assert cluster.names() == ["db-0", "db-1", "db-2?"], "it waits for the new one"
        cluster.settle()
        assert cluster.images() == ["nginx:1", "nginx:2", "nginx:2"]
        status = status_of(cluster.set)
        assert status["currentRevision"] != status["updateRevision"]
        assert (status["currentReplicas"], status["updatedReplicas"]) == (1, 2)

    def test_below_the_partition_the_old_template_stays(self) -> None:
        cluster = Sets(stateful_set(replicas=2))
        cluster.settle()
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
        cluster.edit(template=template("nginx:2", "db"), updateStrategy=strategy)
        cluster.settle()
        cluster.remove(ObjectKey("Pod", "default", "db-0"))
        cluster.settle()
        assert cluster.images() == ["nginx:1", "nginx:2"]

    def test_complete(self) -> None:
        cluster = Sets(stateful_set(replicas=2))
        cluster.settle()
        cluster.edit(template=template("nginx:2", "db"))
        cluster.settle()
        status = status_of(cluster.set)
        assert status["currentRevision"] == status["updateRevision"]
        assert cluster.images() == ["nginx:2", "nginx:2"]

    def test_on_delete_people_delete(self) -> None:
        cluster = Sets(stateful_set(replicas=2, updateStrategy={"type": "OnDelete"}))
        cluster.settle()
        cluster.edit(template=template("nginx:2", "db"))
        cluster.settle()
        assert cluster.images() == ["nginx:1", "nginx:1"]
        cluster.remove(ObjectKey("Pod", "default", "db-1"))
        cluster.settle()
        assert cluster.images() == ["nginx:1", "nginx:2"]


class TestRevisions:
    def revisions(self, cluster: Sets) -> list[int]:
        return [number_of(one) for one in owned_by(cluster.set, cluster.view.list("ControllerRevision"))]

    def test_each_template_has_one(self) -> None:
        cluster = Sets(stateful_set(replicas=1))
        cluster.settle()
        for image in ("nginx:2", "nginx:3"):
            cluster.edit(template=template(image, "db"))
            cluster.settle()
        assert self.revisions(cluster) == [1, 2, 3]
        cluster.edit(template=template("nginx:1", "db"))
        cluster.settle()
        assert self.revisions(cluster) == [2, 3, 4], "the old one is the newest now"

    def test_old_ones_go(self) -> None:
        cluster = Sets(stateful_set(replicas=1, revisionHistoryLimit=1))
        cluster.settle()
        for image in ("nginx:2", "nginx:3", "nginx:4"):
            cluster.edit(template=template(image, "db"))
            cluster.settle()
        assert self.revisions(cluster) == [3, 4]


CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


class TestClaims:
    def claims(self, cluster: Sets) -> dict[str, str]:
        """By name, the kind of who owns it."""
        found = cluster.view.list("PersistentVolumeClaim")
        return {name_of(one): (controller_of(one) or {}).get("kind", "") for one in found}

    def set_of(self, replicas: int, **policy: str) -> Sets:
        spec: dict[str, Any] = {"volumeClaimTemplates": [CLAIM], "replicas": replicas}
        if policy:
            spec["persistentVolumeClaimRetentionPolicy"] = policy
        cluster = Sets(stateful_set(podManagementPolicy="Parallel", **spec))
        cluster.run()
        return cluster

    def test_one_a_replica(self) -> None:
        cluster = self.set_of(2)
        assert self.claims(cluster) == {"data-db-0": "", "data-db-1": ""}
        (volume,) = spec_of(cluster.pods()[0])["volumes"]
        assert volume == {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}

    def test_they_stay_when_pods_go(self) -> None:
        cluster = self.set_of(2)
        cluster.edit(replicas=0)
        cluster.run()
        cluster.finish_deletions()
        cluster.run()
        assert self.claims(cluster) == {"data-db-0": "", "data-db-1": ""}

    def test_or_go_with_the_set(self) -> None:
        cluster = self.set_of(1, whenDeleted="Delete", whenScaled="Retain")
        assert self.claims(cluster) == {"data-db-0": "StatefulSet"}

    def test_or_with_their_pod(self) -> None:
        cluster = self.set_of(2, whenDeleted="Retain", whenScaled="Delete")
        cluster.edit(replicas=1)
        cluster.run()
        assert self.claims(cluster) == {"data-db-0": "", "data-db-1": "Pod"}


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_pod_that_ended_is_made_anew(phase: str) -> None:
    cluster = Sets(stateful_set(replicas=1))
    cluster.settle()
    (one,) = cluster.pods()
    cluster.put({**one, "status": {"phase": phase}})
    cluster.run()
    assert cluster.names() == ["(db-0)"]
    cluster.settle()
    assert cluster.names() == ["db-0"]
