"""Claims: where they are bound, when they go, what the scheduler says of pods that wait for them."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import NOW

from minikctl.controlplane import claims, scheduler, volumes
from minikctl.controlplane.decision import Decision, Ids
from minikctl.controlplane.site import Site
from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, conditions, key_of, spec_of, status_of
from minikctl.model.writes import Put, Remove

IDS = Ids(uid=lambda: "new-uid", suffix=lambda: "abcde", site=Site("0123456789"))
KEY = ObjectKey("PersistentVolumeClaim", "default", "data")
VOLUME = ObjectKey("PersistentVolume", "", "pvc-claim-uid")


def obj(kind: str, name: str, namespace: str = "default", **parts: Any) -> Object:
    metadata = {"name": name, "namespace": namespace, "uid": f"{kind}-{name}", "resourceVersion": "1"}
    metadata |= parts.pop("metadata", {})
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **parts}


def claim(class_name: str | None = None, **metadata: Any) -> Object:
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    if class_name is not None:
        spec["storageClassName"] = class_name
    facts = {"uid": "claim-uid", **metadata}
    return obj("PersistentVolumeClaim", "data", metadata=facts, spec=spec, status={"phase": "Pending"})


def pod(name: str = "p", node: str = "", phase: str = "Pending") -> Object:
    volume = {"name": "d", "persistentVolumeClaim": {"claimName": "data"}}
    spec: dict[str, Any] = {"containers": [{"name": "a", "image": "a"}], "volumes": [volume]}
    if node:
        spec["nodeName"] = node
    return obj("Pod", name, spec=spec, status={"phase": phase})


def node(name: str, engine: str) -> Object:
    ready = {"type": "Ready", "status": "True"}
    capacity = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    status = {"conditions": [ready], "allocatable": capacity}
    return obj("Node", name, "", metadata={"labels": {"minikctl.io/engine": engine}}, status=status, spec={})


def storage_class(**fields: Any) -> Object:
    return {**obj("StorageClass", "mine", ""), "provisioner": "any", **fields}


def applied(view: View, decision: Decision) -> Decision:
    for write in decision.writes:
        if isinstance(write, Put):
            view.put(write.obj)
        elif isinstance(write, Remove):
            view.remove(write.key)
    return decision


def bind(view: View) -> Decision:
    return applied(view, claims.reconcile(KEY, view, NOW, IDS))


def reasons(decision: Decision) -> list[str]:
    return [one.reason for one in decision.happenings]


def test_the_annotation_that_came_before_the_field_still_names_the_class() -> None:
    old = claim(annotations={"volume.beta.kubernetes.io/storage-class": "mine"})
    view = View([node("n1", "e1"), {**old, "status": {}}])
    assert reasons(bind(view)) == ["ProvisioningFailed"]
    view.put(storage_class())
    assert reasons(bind(view)) == ["ProvisioningSucceeded"]
    volume = view.get(VOLUME)
    assert volume is not None
    assert spec_of(volume)["storageClassName"] == "mine"


def test_the_standard_class_waits_for_the_first_pod() -> None:
    view = View([node("n1", "e1"), node("n2", "e2"), {**claim(), "status": {}}])
    assert reasons(bind(view)) == ["WaitForFirstConsumer"]
    assert bind(view).writes == [], "said once"
    view.put(pod())
    assert bind(view).writes == [], "a pod that is nowhere yet is no place"
    view.put(pod(node="n2"))
    bind(view)
    bound, volume = view.get(KEY), view.get(VOLUME)
    assert bound is not None
    assert volume is not None
    assert status_of(bound) == {
        "phase": "Bound",
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
    }
    assert spec_of(bound)["volumeName"] == VOLUME.name
    assert spec_of(bound)["storageClassName"] == "standard"
    assert volumes.place_of(volume) == "e2"
    assert spec_of(volume)["csi"]["volumeHandle"] == "minikctl_01234567_default_data"
    assert bind(view).writes == []


def test_an_immediate_class_does_not_wait() -> None:
    view = View([node("n1", "e1"), storage_class(reclaimPolicy="Retain"), claim("mine")])
    bind(view)
    volume = view.get(VOLUME)
    assert volume is not None
    assert spec_of(volume)["persistentVolumeReclaimPolicy"] == "Retain"


@pytest.mark.parametrize(("name", "reason"), [("none", "ProvisioningFailed"), ("", "FailedBinding")])
def test_a_class_that_is_not_there(name: str, reason: str) -> None:
    view = View([node("n1", "e1"), {**claim(name), "status": {}}, pod(node="n1")])
    assert reasons(bind(view)) == [reason]
    assert view.get(VOLUME) is None


def test_what_pods_use_is_protected() -> None:
    view = View([node("n1", "e1"), claim(), pod(node="n1")])
    bind(view)
    going = view.get(KEY)
    assert going is not None
    view.put({**going, "metadata": {**going["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}})
    assert bind(view).writes == []
    view.put(pod(node="n1", phase="Succeeded"))
    bind(view)
    assert view.get(KEY) is None


def released(policy: str) -> View:
    """A class of that policy, and the volume that a claim had."""
    view = View([node("n1", "e1"), storage_class(reclaimPolicy=policy), claim("mine")])
    bind(view)
    assert volumes.reconcile(VOLUME, view, NOW, IDS).writes == []
    view.remove(KEY)
    applied(view, volumes.reconcile(VOLUME, view, NOW, IDS))
    volume = view.get(VOLUME)
    assert volume is not None
    assert status_of(volume)["phase"] == "Released"
    assert ("deletionTimestamp" in volume["metadata"]) is (policy == "Delete")
    assert volumes.reconcile(VOLUME, view, NOW, IDS).writes == []
    return view


def handle_of(view: View, volume: str) -> str:
    found = view.get(ObjectKey("PersistentVolume", "", volume))
    assert found is not None
    return str(spec_of(found)["csi"]["volumeHandle"])


def test_what_is_to_go_goes_before_a_new_claim_has_its_name() -> None:
    view = released("Delete")
    view.put(claim("mine", uid="another"))
    bind(view)
    assert status_of(view.get(KEY) or {})["phase"] == "Pending", "an old one left something"
    view.remove(VOLUME)
    bind(view)
    assert handle_of(view, "pvc-another") == "minikctl_01234567_default_data"


def test_beside_what_is_kept_a_new_claim_has_a_volume_of_another_name() -> None:
    view = released("Retain")
    view.put(claim("mine", uid="another"))
    assert reasons(bind(view)) == ["ProvisioningSucceeded"]
    assert handle_of(view, "pvc-another") == "minikctl_01234567_default_data_another"
    bound = view.get(KEY)
    assert bound is not None
    assert bind(view).writes == []

    view.put({**bound, "metadata": {**bound["metadata"], "annotations": {"a": "b"}}})
    bind(view)
    again = view.get(KEY)
    assert again is not None
    mark = {"minikctl.io/volume-mark": "another"}
    assert again["metadata"]["annotations"] == {"a": "b", **mark}, "somebody took the mark away"

    everything_forgotten = View([node("n1", "e1"), storage_class(), claim("mine", uid="c", annotations=mark)])
    bind(everything_forgotten)
    assert handle_of(everything_forgotten, "pvc-c") == "minikctl_01234567_default_data_another"


@pytest.mark.parametrize("mark", ["", "../../etc", "_b", "much-too-long"])
def test_a_mark_that_somebody_made_up_leads_to_no_other_volume(mark: str) -> None:
    made_up = {"annotations": {"minikctl.io/volume-mark": mark}}
    view = View([node("n1", "e1"), storage_class(), claim("mine", **made_up)])
    bind(view)
    assert handle_of(view, "pvc-claim-uid") == "minikctl_01234567_default_data"


def test_a_claim_that_a_pod_brought_says_what_is_in_its_way() -> None:
    view = released("Retain")
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u", "controller": True}
    view.put(claim("mine", uid="another", ownerReferences=[owner]))
    decision = bind(view)
    assert reasons(decision) == ["ProvisioningFailed"]
    assert "volume pvc-claim-uid of an earlier claim of this name is kept" in decision.happenings[0].message
    view.remove(VOLUME)
    bind(view)
    assert handle_of(view, "pvc-another") == "minikctl_01234567_default_data"


def test_a_volume_of_its_own_grows_with_what_it_asks_for() -> None:
    view = View([node("n1", "e1"), claim(), pod(node="n1")])
    bind(view)
    bound = view.get(KEY)
    assert bound is not None
    asked = {"resources": {"requests": {"storage": "3Gi"}}}
    view.put({**bound, "spec": {**spec_of(bound), **asked}})
    assert reasons(bind(view)) == ["VolumeResizeSuccessful"]
    volume, grown = view.get(VOLUME), view.get(KEY)
    assert volume is not None
    assert grown is not None
    assert spec_of(volume)["capacity"] == status_of(grown)["capacity"] == {"storage": "3Gi"}
    assert bind(view).writes == []


# --- the scheduler --------------------------------------------------------------------------------------


def scheduled(view: View) -> tuple[str, str]:
    """The node, and what is said where there is none."""
    applied(view, scheduler.reconcile(key_of(pod()), view, NOW))
    found = view.get(key_of(pod()))
    assert found is not None
    condition = conditions.find(status_of(found), "PodScheduled") or {}
    return spec_of(found).get("nodeName", ""), condition.get("message", "").partition(" preemption: ")[0]


def test_a_pod_goes_where_its_volume_is() -> None:
    view = View([node("n1", "e1"), node("n2", "e2"), claim(), pod("other", node="n2")])
    bind(view)
    view.put(pod())
    assert scheduled(view) == ("n2", "")
    view.remove(ObjectKey("Node", "", "n2"))
    view.put(pod())
    where, why = scheduled(view)
    assert where == ""
    assert why.startswith("0/1 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity.")


def test_what_keeps_a_pod_from_being_placed() -> None:
    view = View([node("n1", "e1"), pod()])
    missing = '0/1 nodes are available: persistentvolumeclaim "data" not found.'
    assert scheduled(view) == ("", missing)
    view.put(claim("none"))
    unbound = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    assert scheduled(view) == ("", unbound)
    view.put(claim(deletionTimestamp="2026-01-01T00:00:00Z"))
    assert scheduled(view)[1].endswith('persistentvolumeclaim "data" is being deleted.')
    view.put(claim())
    assert scheduled(view) == ("n1", "")
