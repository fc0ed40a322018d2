"""PersistentVolumes that people wrote, the claims that get them, and claims of ephemeral volumes."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import NOW

from minikctl.api.intent import intent
from minikctl.controlplane import claims, scheduler, volumes
from minikctl.controlplane.decision import Decision, Ids
from minikctl.controlplane.kubelet.configuration import Surroundings
from minikctl.controlplane.kubelet.volumes import HostPath, plan
from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, conditions, key_of, name_of, spec_of, status_of
from minikctl.model.claims import DRIVER
from minikctl.model.writes import Put, Remove

IDS = Ids(uid=lambda: "new-uid", suffix=lambda: "abcde")
CLAIM = ObjectKey("PersistentVolumeClaim", "default", "data")


def made(kind: str, name: str, spec: dict[str, Any], namespace: str = "default", **metadata: Any) -> Object:
    given = {
        "name": name,
        "namespace": namespace,
        "uid": f"{kind}-{name}",
        "resourceVersion": "1",
        **metadata,
    }
    return {"apiVersion": "v1", "kind": kind, "metadata": given, "spec": spec, "status": {}}


def claim(name: str = "data", size: str = "1Gi", storage_class: str = "manual", **spec: Any) -> Object:
    asked = {"requests": {"storage": size}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": asked, "storageClassName": storage_class, **spec}
    return made("PersistentVolumeClaim", name, spec)


def volume(name: str, size: str = "1Gi", labels: dict[str, str] | None = None, **spec: Any) -> Object:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": size},
        "hostPath": {"path": f"/data/{name}"},
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "manual",
        **spec,
    }
    return made("PersistentVolume", name, spec, "", labels=labels or {})


def storage_class(name: str = "manual", **fields: Any) -> Object:
    provisioner = {"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"}
    return {**made("StorageClass", name, {}, ""), **provisioner, **fields}


def node(name: str = "n1") -> Object:
    status = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
    }
    return {**made("Node", name, {}, "", labels={"kubernetes.io/hostname": name}), "status": status}


def on(name: str) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [name]}]}
    return {"required": {"nodeSelectorTerms": [term]}}


def pod(name: str = "p", node: str = "", *volumes: dict[str, Any]) -> Object:
    mounted = volumes or ({"name": "d", "persistentVolumeClaim": {"claimName": "data"}},)
    spec: dict[str, Any] = {"containers": [{"name": "a", "image": "a"}], "volumes": list(mounted)}
    return made("Pod", name, {**spec, **({"nodeName": node} if node else {})})


def ephemeral(**metadata: Any) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"metadata": metadata, "spec": spec}}}


def applied(view: View, decision: Decision) -> Decision:
    for write in decision.writes:
        if isinstance(write, Put):
            view.put(write.obj)
        elif isinstance(write, Remove):
            view.remove(write.key)
    return decision


def settle(view: View) -> list[str]:
    """Volumes and claims looked at until nothing changes; the reasons of what was said."""
    said: list[str] = []
    for _ in range(20):
        before = {key_of(one): one for one in view}
        for kind, look in (("PersistentVolume", volumes), ("PersistentVolumeClaim", claims)):
            for one in list(view.list(kind)):
                decision = applied(view, look.reconcile(key_of(one), view, NOW, IDS))
                said += [happening.reason for happening in decision.happenings]
        if before == {key_of(one): one for one in view}:
            return said
    raise AssertionError("it does not come to rest")


def phase(view: View, kind: str, name: str) -> str:
    found = view.get(ObjectKey(kind, "" if kind == "PersistentVolume" else "default", name))
    assert found is not None
    return str(status_of(found)["phase"])


def volume_of(view: View, name: str = "data") -> str:
    found = view.get(ObjectKey("PersistentVolumeClaim", "default", name))
    assert found is not None
    return str(spec_of(found).get("volumeName", ""))


def going(obj: Object) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}


class TestMatching:
    def test_the_smallest_that_is_large_enough(self) -> None:
        others = [volume("large", "5Gi"), volume("fits", "2Gi"), volume("small", "1Mi")]
        view = View([claim(size="1500Mi"), *others])
        assert settle(view) == []
        assert volume_of(view) == "fits"
        bound = view.get(CLAIM)
        assert bound is not None
        assert status_of(bound) == {
            "phase": "Bound",
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "2Gi"},
        }
        assert [phase(view, "PersistentVolume", name_of(one)) for one in others] == [
            "Available",
            "Bound",
            "Available",
        ]

    @pytest.mark.parametrize(
        "spec",
        [
            {"storageClassName": "other"},
            {"accessModes": ["ReadOnlyMany"]},
            {"capacity": {"storage": "1Mi"}},
            {"volumeMode": "Block"},
            {"claimRef": {"namespace": "default", "name": "another"}},
            {"claimRef": {"namespace": "default", "name": "data", "uid": "an-earlier-one"}},
        ],
    )
    def test_one_that_does_not_fit(self, spec: dict[str, Any]) -> None:
        view = View([claim(), volume("v", **spec)])
        assert settle(view) == ["ProvisioningFailed"]
        assert volume_of(view) == ""

    def test_a_selector(self) -> None:
        asked = claim(selector={"matchLabels": {"tier": "fast"}})
        view = View([asked, volume("a"), volume("b", labels={"tier": "fast"})])
        settle(view)
        assert volume_of(view) == "b"

    def test_one_that_is_kept_for_it_goes_before(self) -> None:
        kept = volume("z", "9Gi", claimRef={"namespace": "default", "name": "data"})
        view = View([claim(), volume("a"), kept])
        settle(view)
        assert volume_of(view) == "z"

    @pytest.mark.parametrize(
        ("spec", "got"),
        [
            ({"storageClassName": "other"}, "z"),
            ({"capacity": {"storage": "1Mi"}}, "a"),
            ({"volumeMode": "Block"}, "a"),
            ({"accessModes": ["ReadOnlyMany"]}, "a"),
        ],
    )
    def test_what_is_asked_of_one_that_is_kept_for_it(self, spec: dict[str, Any], got: str) -> None:
        asked = {"selector": {"matchLabels": {"tier": "fast"}}}
        kept = volume("z", "9Gi", claimRef={"namespace": "default", "name": "data"})
        kept["spec"] |= spec
        view = View([claim(**asked), volume("a", labels={"tier": "fast"}), kept])
        settle(view)
        assert volume_of(view) == got

    def test_no_class_gets_volumes_without_one(self) -> None:
        view = View([claim(storage_class=""), volume("v", storageClassName="")])
        settle(view)
        assert volume_of(view) == "v"
        assert settle(View([claim(storage_class="")])) == ["FailedBinding"]

    def test_one_that_is_asked_for_by_name(self) -> None:
        view = View([claim(volumeName="b"), volume("a"), volume("b")])
        settle(view)
        assert (phase(view, "PersistentVolume", "a"), phase(view, "PersistentVolume", "b")) == (
            "Available",
            "Bound",
        )
        assert settle(View([claim(volumeName="b", size="2Gi"), volume("b")])) == ["VolumeMismatch"]
        taken = volume("b", claimRef={"namespace": "default", "name": "another"})
        assert settle(View([claim(volumeName="b"), taken])) == ["FailedBinding"]
        assert settle(View([claim(volumeName="b")])) == []

    def test_two_claims_never_get_one_volume(self) -> None:
        view = View([claim("data"), claim("more"), volume("v")])
        settle(view)
        assert sorted((volume_of(view), volume_of(view, "more"))) == ["", "v"]


class TestLife:
    def test_it_is_released_and_nobodys(self) -> None:
        view = View([claim(), volume("v")])
        settle(view)
        view.remove(CLAIM)
        settle(view)
        assert phase(view, "PersistentVolume", "v") == "Released"
        again = claim()
        view.put({**again, "metadata": {**again["metadata"], "uid": "another"}})
        settle(view)
        assert volume_of(view) == ""
        released = view.get(ObjectKey("PersistentVolume", "", "v"))
        assert released is not None
        free = {name: value for name, value in spec_of(released).items() if name != "claimRef"}
        view.put({**released, "spec": free})
        settle(view)
        assert volume_of(view) == "v"

    def test_nobody_deletes_files_of_a_machine(self) -> None:
        view = View([claim(), volume("v", persistentVolumeReclaimPolicy="Delete")])
        settle(view)
        view.remove(CLAIM)
        assert settle(view) == ["VolumeFailedDelete"]
        assert phase(view, "PersistentVolume", "v") == "Failed"
        assert settle(view) == []

    def test_it_is_protected_while_it_is_bound(self) -> None:
        view = View([claim(), volume("v")])
        settle(view)
        bound = view.get(ObjectKey("PersistentVolume", "", "v"))
        assert bound is not None
        assert bound["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]
        view.put(going(bound))
        settle(view)
        assert view.get(ObjectKey("PersistentVolume", "", "v")) is not None
        view.remove(CLAIM)
        settle(view)
        assert view.get(ObjectKey("PersistentVolume", "", "v")) is None

    def test_a_claim_goes_at_once_when_somebody_takes_its_protection_away(self) -> None:
        view = View([claim(), volume("v"), pod(node="n1")])
        settle(view)
        bound = view.get(CLAIM)
        assert bound is not None
        assert bound["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
        view.put(going(bound))
        settle(view)
        assert view.get(CLAIM) is not None
        metadata = {name: value for name, value in going(bound)["metadata"].items() if name != "finalizers"}
        view.put({**bound, "metadata": metadata})
        settle(view)
        assert view.get(CLAIM) is None

    def test_an_engines_volume_that_is_on_no_engine_goes_at_once(self) -> None:
        placeless = volume("v", csi={"driver": DRIVER, "volumeHandle": "h"})
        view = View([going(placeless)])
        settle(view)
        assert view.get(ObjectKey("PersistentVolume", "", "v")) is None

    def test_its_file_says_whose_it_is(self) -> None:
        view = View([claim(), volume("v")])
        settle(view)
        bound = view.get(ObjectKey("PersistentVolume", "", "v"))
        assert bound is not None
        said = intent(bound, [volume("v")])
        assert said["spec"]["claimRef"] == {"namespace": "default", "name": "data"}
        assert "finalizers" not in said["metadata"]
        said = intent({**bound, "status": {"phase": "Released"}}, [volume("v")])
        assert said["spec"]["claimRef"]["uid"] == "PersistentVolumeClaim-data"


class TestClasses:
    def test_the_marked_one_is_the_default(self) -> None:
        mark = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
        old = {**storage_class("old"), **made("StorageClass", "old", {}, "", creationTimestamp="1", **mark)}
        new = {**storage_class("new"), **made("StorageClass", "new", {}, "", creationTimestamp="2", **mark)}
        asked = claim()
        del asked["spec"]["storageClassName"]
        view = View([old, new, asked])
        settle(view)
        found = view.get(CLAIM)
        assert found is not None
        assert spec_of(found)["storageClassName"] == "new"

    def test_nobody_provisions_for_a_selector(self) -> None:
        view = View(
            [node(), claim(storage_class="standard", selector={"matchLabels": {"a": "b"}}), pod(node="n1")]
        )
        assert settle(view) == ["ProvisioningFailed"]


def schedule(view: View, name: str = "p") -> str:
    """The node, or what is said where there is none."""
    key = ObjectKey("Pod", "default", name)
    applied(view, scheduler.reconcile(key, view, NOW))
    found = view.get(key)
    assert found is not None
    condition = conditions.find(status_of(found), "PodScheduled") or {}
    return str(spec_of(found).get("nodeName") or condition.get("message", ""))


class TestScheduling:
    def test_a_pod_goes_where_its_volume_is(self) -> None:
        view = View([node("n1"), node("n2"), claim(), volume("v", nodeAffinity=on("n2")), pod()])
        assert "unbound immediate" in schedule(view)
        settle(view)
        assert schedule(view) == "n2"

    def test_there_is_no_such_node(self) -> None:
        view = View([node(), claim(), volume("v", nodeAffinity=on("elsewhere")), pod()])
        settle(view)
        assert "1 node(s) didn't match PersistentVolume's node affinity" in schedule(view)

    def test_a_class_that_waits_looks_for_a_node_with_a_volume(self) -> None:
        view = View([node("n1"), node("n2"), storage_class(), claim(), pod()])
        assert settle(view) == ["WaitForFirstConsumer"]
        assert "2 node(s) didn't find available persistent volumes to bind" in schedule(view)
        view.put(volume("v", nodeAffinity=on("n2")))
        settle(view)
        assert volume_of(view) == ""
        assert schedule(view) == "n2"
        settle(view)
        assert volume_of(view) == "v"

    def test_two_pods_never_go_for_one_volume(self) -> None:
        other = pod("q", "", {"name": "d", "persistentVolumeClaim": {"claimName": "more"}})
        view = View([node(), storage_class(), claim(), claim("more"), volume("v"), pod(), other])
        settle(view)
        assert schedule(view) == "n1"
        assert "didn't find available persistent volumes" in schedule(view, "q")

    def test_two_pods_with_one_new_claim_go_to_one_engine(self) -> None:
        view = View([node("n1"), node("n2"), claim(storage_class="standard"), pod(), pod("q")])
        settle(view)
        assert (schedule(view), schedule(view, "q")) == ("n1", "n1"), "the second is not where most is free"
        settle(view)
        bound = view.get(ObjectKey("PersistentVolume", "", volume_of(view)))
        assert bound is not None
        assert volumes.place_of(bound) == "n1"

    def test_two_pods_with_one_new_claim_go_for_one_volume_that_somebody_wrote(self) -> None:
        here = volume("v", storageClassName="standard", nodeAffinity=on("n1"))
        view = View([node("n1"), node("n2"), claim(storage_class="standard"), here, pod(), pod("q")])
        settle(view)
        assert (schedule(view), schedule(view, "q")) == ("n1", "n1")
        settle(view)
        assert volume_of(view) == "v"

    def test_a_claim_for_a_volume_that_is_not_there_keeps_its_pod_waiting(self) -> None:
        view = View([node(), claim(storage_class="standard", volumeName="none"), pod()])
        settle(view)
        assert "unbound immediate" in schedule(view)

    def test_one_pod_alone(self) -> None:
        alone = {"accessModes": ["ReadWriteOncePod"]}
        view = View([node(), claim(**alone), volume("v", **alone), pod(), pod("q")])
        settle(view)
        assert schedule(view) == "n1"
        assert "ReadWriteOncePod access mode" in schedule(view, "q")


class TestEphemeral:
    KEY = ObjectKey("PersistentVolumeClaim", "default", "p-scratch")

    def test_its_claim_is_the_pods(self) -> None:
        view = View([node(), pod("p", "", ephemeral(labels={"a": "b"}))])
        assert schedule(view) == "", "nothing is said of a claim that is made next"
        applied(view, claims.reconcile(self.KEY, view, NOW, IDS))
        found = view.get(self.KEY)
        assert found is not None
        assert found["metadata"]["labels"] == {"a": "b"}
        (owner,) = found["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("Pod", "Pod-p", True)
        assert spec_of(found)["volumeMode"] == "Filesystem"
        assert schedule(view) == "n1"

    def test_a_claim_of_that_name_that_is_not_its_own(self) -> None:
        view = View([node(), pod("p", "", ephemeral()), claim("p-scratch")])
        assert "PVC default/p-scratch was not created for pod default/p (pod is not owner)" in schedule(view)

    def test_none_for_a_pod_that_goes(self) -> None:
        view = View([node(), going(pod("p", "n1", ephemeral()))])
        assert claims.reconcile(self.KEY, view, NOW, IDS).writes == []


class TestMounted:
    @pytest.mark.parametrize(
        ("spec", "kind"),
        [
            ({}, ""),
            ({"hostPath": {"path": "/data/v", "type": "DirectoryOrCreate"}}, "DirectoryOrCreate"),
            ({"hostPath": None, "local": {"path": "/data/v"}}, "Directory"),
        ],
    )
    def test_a_folder_of_the_machine(self, spec: dict[str, Any], kind: str) -> None:
        given = {name: value for name, value in volume("v", **spec)["spec"].items() if value is not None}
        view = View([claim(), {**volume("v"), "spec": given}, pod(node="n1")])
        settle(view)
        (mounted,) = plan(Surroundings(pod(node="n1"), view.get)).volumes
        assert mounted == HostPath("d", "/data/v", kind)

    @pytest.mark.parametrize("storage_class", ["standard", "manual"])
    def test_nobody_can_mount_what_is_elsewhere(self, storage_class: str) -> None:
        """Somebody said which node the second pod goes to."""
        here = volume("v", nodeAffinity=on("n1"))
        view = View([node("n1"), node("n2"), claim(storage_class=storage_class), here, pod(node="n1")])
        settle(view)
        assert plan(Surroundings(pod(node="n1"), view.get)).missing == {}
        missing = plan(Surroundings(pod("q", "n2"), view.get)).missing
        assert f'"{volume_of(view)}" is not reached from node "n2"' in missing["d"]

    def test_nobody_can_mount_what_is_neither(self) -> None:
        other = volume("v", csi={"driver": "ebs.csi.aws.com", "volumeHandle": "h"})
        del other["spec"]["hostPath"]
        view = View([claim(), other, pod(node="n1")])
        settle(view)
        planned = plan(Surroundings(pod(node="n1"), view.get))
        assert "neither hostPath nor local" in planned.missing["d"]

    def test_a_claim_that_is_not_its_own(self) -> None:
        view = View([claim("p-scratch"), volume("v")])
        settle(view)
        planned = plan(Surroundings(pod("p", "n1", ephemeral()), view.get))
        assert planned.missing == {
            "scratch": "PVC default/p-scratch was not created for pod default/p (pod is not owner)"
        }
