"""Claims that controllers make, and what their namespace has room for."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import Cluster, metadata, pod

from minikctl.model import Object, ObjectKey, name_of, spec_of
from minikctl.model.defaults import set_defaults

CLAIM = "PersistentVolumeClaim"
OF_CLASS = "standard.storageclass.storage.k8s.io/requests.storage"
QUOTA = ObjectKey("ResourceQuota", "default", "q")


def quota(**hard: str) -> Object:
    spec = {"hard": hard}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": metadata("q"),
        "spec": spec,
        "status": {},
    }


def stateful_set(*templates: str, **spec: Any) -> Object:
    labels = {"app": "db"}
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    body = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "a", "image": "a"}]},
        },
        "volumeClaimTemplates": [{"metadata": {"name": name}, "spec": asked} for name in templates],
        **spec,
    }
    whole = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata("db"), "spec": body}
    return set_defaults(whole) | {"status": {}}


def scratching(name: str = "p", **spec: Any) -> Object:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    volume = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": asked}}}
    return pod(name, phase="Pending", ready_for=None, volumes=[volume], **spec)


def claims(cluster: Cluster) -> list[str]:
    return sorted(name_of(one) for one in cluster.view.list(CLAIM))


@pytest.mark.parametrize(
    "bound", [{"requests.storage": "2Gi"}, {"persistentvolumeclaims": "2"}, {OF_CLASS: "2Gi"}]
)
def test_pods_that_are_made_side_by_side_share_a_quota_on_claims(bound: dict[str, str]) -> None:
    one = stateful_set("data", replicas=3, podManagementPolicy="Parallel")
    cluster = Cluster(quota(**bound), one)
    cluster.settle()
    assert claims(cluster) == ["data-db-0", "data-db-1"]
    assert [name_of(one) for one in cluster.pods()] == ["db-0", "db-1"]
    assert (
        'Claim data-db-2 Pod db-2 in StatefulSet db failed error: persistentvolumeclaims "data-db-2"'
        in (cluster.texts("FailedCreate")[0])
    )
    cluster.remove(QUOTA)
    cluster.settle()
    assert len(cluster.pods()) == 3


def test_the_claims_of_one_pod_are_counted_together() -> None:
    cluster = Cluster(quota(**{"requests.storage": "3Gi"}), stateful_set("data", "logs", replicas=2))
    cluster.settle()
    assert claims(cluster) == ["data-db-0", "logs-db-0"]
    assert [name_of(one) for one in cluster.pods()] == ["db-0"]


def test_a_claim_that_is_made_again_is_asked_for_too() -> None:
    cluster = Cluster(stateful_set("data", replicas=1))
    cluster.settle()
    cluster.put(quota(persistentvolumeclaims="0"))
    cluster.remove(ObjectKey(CLAIM, "default", "data-db-0"))
    cluster.settle()
    assert claims(cluster) == []
    assert "exceeded quota" in cluster.texts("FailedCreate")[0]


@pytest.mark.parametrize(
    "bound",
    [
        quota(persistentvolumeclaims="0"),
        quota(**{OF_CLASS: "0"}),
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": metadata("q"),
            "spec": {"limits": [{"type": CLAIM, "max": {"storage": "500Mi"}}]},
        },
    ],
)
@pytest.mark.parametrize("place", [{}, {"node": "node-1"}])
def test_a_claim_of_an_ephemeral_volume_waits_for_room(bound: Object, place: dict[str, str]) -> None:
    cluster = Cluster(bound, scratching(**place))
    cluster.run()
    assert claims(cluster) == []
    (text,) = set(cluster.texts("FailedBinding"))
    assert text.startswith(
        'ephemeral volume scratch: create PVC p-scratch: persistentvolumeclaims "p-scratch" is forbidden: '
    )
    cluster.remove(ObjectKey(bound["kind"], "default", "q"))
    cluster.run()
    assert claims(cluster) == ["p-scratch"]


def test_two_ephemeral_volumes_and_room_for_one() -> None:
    cluster = Cluster(quota(persistentvolumeclaims="1"), scratching("a"), scratching("b"))
    cluster.run()
    assert claims(cluster) == ["a-scratch"]
    cluster.remove(ObjectKey("Pod", "default", "a"))
    cluster.remove(ObjectKey(CLAIM, "default", "a-scratch"))
    cluster.run()
    assert claims(cluster) == ["b-scratch"]


def test_claims_have_their_class_from_the_beginning() -> None:
    cluster = Cluster(stateful_set("data", replicas=1), scratching())
    cluster.run()
    assert {spec_of(one)["storageClassName"] for one in cluster.view.list(CLAIM)} == {"standard"}


def test_a_larger_quota_has_room_for_the_claim_of_an_ephemeral_volume() -> None:
    cluster = Cluster(quota(persistentvolumeclaims="0"), scratching(node="node-1"))
    cluster.run()
    assert claims(cluster) == []
    cluster.put(quota(persistentvolumeclaims="1"))
    cluster.run()
    assert claims(cluster) == ["p-scratch"]


def test_another_default_class_may_have_room() -> None:
    cluster = Cluster(quota(**{OF_CLASS: "0"}), scratching(node="node-1"))
    cluster.run()
    assert claims(cluster) == []
    marked = {"storageclass.kubernetes.io/is-default-class": "true"}
    body = {"kind": "StorageClass", "metadata": metadata("gold", annotations=marked), "provisioner": "p"}
    body["metadata"].pop("namespace")
    cluster.put({"apiVersion": "storage.k8s.io/v1", **body})
    cluster.run()
    assert claims(cluster) == ["p-scratch"]
