"""Volumes, claims, classes and CSI: tables of what the API server accepts and refuses."""

# ruff: noqa: E501 (a row of a table is one line)

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_strategies import values
from rule_tables import Changes, Fields, changed, refusals, refusals_of_change

from minikctl.manifests import validate, validate_update
from minikctl.manifests.rules.claims import check_claim_spec
from minikctl.model.defaults import set_defaults

LONG = "a" * 300
STORAGE = "storage.k8s.io/v1"


def obj(kind: str, api_version: str = STORAGE, **fields: Any) -> Fields:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, **fields}


# --- claims ---------------------------------------------------------------------------------------


def claim(**spec: Any) -> Fields:
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return obj("PersistentVolumeClaim", "v1", spec=body)


ASKED = "spec.resources[storage]"
SNAPSHOT = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"}
OTHER = {"apiGroup": "example.com", "kind": "Thing", "name": "t"}
CLAIMS: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"spec": ...}, ["spec.accessModes Required", f"{ASKED} Required"]),
    ({"spec.accessModes": []}, ["spec.accessModes Required"]),
    ({"spec.accessModes": ["ReadWriteOnce", "ReadWriteOnce"]}, []),
    ({"spec.accessModes": ["readWriteOnce"]}, ["spec.accessModes NotSupported"]),
    ({"spec.accessModes": [None]}, ["spec.accessModes NotSupported"]),
    ({"spec.accessModes": ["ReadWriteOncePod"]}, []),
    ({"spec.accessModes": ["ReadWriteOncePod", "ReadOnlyMany"]}, ["spec.accessModes Forbidden"]),
    ({"spec.resources.requests": {"cpu": 1}}, [f"{ASKED} Required"]),
    ({"spec.resources.requests.storage": 0}, [f"{ASKED} Invalid"]),
    ({"spec.resources.requests.storage": None}, [f"{ASKED} Invalid"]),
    ({"spec.resources.requests.storage": "-1"}, [f"{ASKED} Invalid"]),
    ({"spec.resources.requests.storage": 1.5}, []),
    ({"spec.resources.requests.storage": "1GB"}, ["spec.resources.requests.storage Invalid"]),
    ({"spec.selector": {}}, []),
    ({"spec.selector": {"matchLabels": {"a": "-"}}}, ["spec.selector.matchLabels Invalid"]),
    ({"spec.storageClassName": ""}, []),
    ({"spec.storageClassName": "x y"}, ["spec.storageClassName Invalid"]),
    ({"spec.volumeMode": "Block"}, []),
    ({"spec.volumeMode": ""}, ["spec.volumeMode NotSupported"]),
    ({"spec.volumeAttributesClassName": ""}, []),
    ({"spec.volumeAttributesClassName": "A"}, ["spec.volumeAttributesClassName Invalid"]),
    ({"spec.dataSource": SNAPSHOT}, []),
    # A source of any other kind is dropped there, as it always was.
    ({"spec.dataSource": OTHER}, []),
    ({"spec.dataSourceRef": OTHER}, []),
    # What is said once is said of both.
    ({"spec.dataSource": {"kind": "PersistentVolumeClaim"}}, [f"spec.{one}.name Required" for one in ("dataSource", "dataSourceRef")]),
    ({"spec.dataSourceRef": {**OTHER, "apiGroup": "x y"}}, [f"spec.{one}.apiGroup Invalid" for one in ("dataSource", "dataSourceRef")]),
    ({"spec.dataSourceRef": {"kind": "Thing", "name": "t"}}, ["spec.dataSource Invalid", "spec.dataSourceRef Invalid"]),
    ({"spec.dataSource": SNAPSHOT, "spec.dataSourceRef": OTHER}, ["spec Invalid"]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), CLAIMS)
def test_claim(changes: Changes, expected: list[str]) -> None:
    assert refusals(claim(), changes) == expected


def test_a_claim_of_another_kind_is_told_at_its_path() -> None:
    assert [problem.path for problem in check_claim_spec({}, "spec.volumeClaimTemplates[0].spec")] == [
        "spec.volumeClaimTemplates[0].spec.accessModes",
        "spec.volumeClaimTemplates[0].spec.resources[storage]",
    ]
    elsewhere = {**OTHER, "namespace": "x y"}
    spec = set_defaults(claim())["spec"] | {"dataSource": SNAPSHOT, "dataSourceRef": elsewhere}
    assert [problem.path for problem in check_claim_spec(spec, "s")] == ["s.dataSourceRef.namespace", "s"]


BOUND = claim(storageClassName="fast", volumeName="pv") | {
    "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}
}
BETA = "volume.beta.kubernetes.io/storage-class"
ANNOTATED = claim() | {"metadata": {"name": "a", "annotations": {BETA: "fast"}}}
SIZE, CLASS = "spec.resources.requests.storage", "spec.volumeAttributesClassName"
CLAIM_CHANGES: list[tuple[Fields, Changes, list[str]]] = [
    (claim(), {"metadata.labels": {"a": "b"}, SIZE: "1024Mi", "spec.volumeMode": "Filesystem"}, []),
    (claim(), {SIZE: "2Gi"}, ["spec Forbidden"]),
    (claim(), {SIZE: 1}, ["spec Forbidden"]),
    (claim(), {SIZE: ...}, ["spec Forbidden", f"{SIZE} Forbidden", f"{ASKED} Required"]),
    (claim(), {"spec.volumeName": "pv"}, []),
    (claim(), {"spec.storageClassName": "fast"}, []),
    (claim(storageClassName="slow"), {"spec.storageClassName": "fast"}, ["spec Forbidden"]),
    (claim(storageClassName="slow"), {"spec.storageClassName": ...}, ["spec Forbidden"]),
    (claim(), {"spec.volumeMode": "Block"}, ["spec Forbidden", "volumeMode Invalid"]),
    (claim(), {"spec.accessModes": []}, ["spec Forbidden", "spec.accessModes Required"]),
    (BOUND, {SIZE: "2Gi", CLASS: "gold"}, []),
    (BOUND, {SIZE: "1Mi"}, [f"{SIZE} Forbidden"]),
    (BOUND, {"spec.volumeName": "other"}, ["spec Forbidden"]),
    (claim(volumeAttributesClassName="gold"), {CLASS: ...}, ["spec Forbidden", f"{CLASS} Forbidden"]),
    (ANNOTATED, {"spec.storageClassName": "fast", "metadata.annotations": ...}, []),
    (ANNOTATED, {"spec.storageClassName": "slow"}, ["spec Forbidden"]),
    (ANNOTATED, {"metadata.annotations": ...}, [f"metadata.annotations.{BETA} Invalid"]),
]


@pytest.mark.parametrize(("found", "changes", "expected"), CLAIM_CHANGES)
def test_change_of_a_claim(found: Fields, changes: Changes, expected: list[str]) -> None:
    assert refusals_of_change(found, changes) == expected


# --- volumes --------------------------------------------------------------------------------------


def volume(**source: Any) -> Fields:
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        **(source or {"hostPath": {"path": "/x"}}),
    }
    return obj("PersistentVolume", "v1", spec=spec)


TERM = {"matchExpressions": [{"key": "host", "operator": "In", "values": ["a"]}]}
AFFINITY = "spec.nodeAffinity.required"
CAPACITY = ["spec.capacity NotSupported"]
VOLUMES: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"spec": ...}, ["spec Required", "spec.accessModes Required", *CAPACITY, "spec.capacity Required"]),
    ({"spec.capacity": {}}, [*CAPACITY, "spec.capacity Required"]),
    ({"spec.capacity": {"cpu": 1}}, CAPACITY),
    ({"spec.capacity.cpu": 1}, CAPACITY),
    ({"spec.capacity.storage": None}, ["spec.capacity[storage] Invalid"]),
    ({"spec.capacity.storage": "-1"}, ["spec.capacity[storage] Invalid"]),
    ({"spec.persistentVolumeReclaimPolicy": ""}, []),
    ({"spec.persistentVolumeReclaimPolicy": "retain"}, ["spec.persistentVolumeReclaimPolicy NotSupported"]),
    ({"spec.persistentVolumeReclaimPolicy": "Recycle"}, []),
    ({"spec.persistentVolumeReclaimPolicy": "Recycle", "spec.hostPath.path": "//"}, ["spec.persistentVolumeReclaimPolicy Forbidden"]),
    ({"spec.storageClassName": "A"}, ["spec.storageClassName Invalid"]),
    ({"spec.volumeMode": ""}, ["spec.volumeMode NotSupported"]),
    ({"spec.mountOptions": ["", None]}, []),
    ({"spec.claimRef": {}}, []),
    ({"spec.hostPath": {}}, ["spec.hostPath.path Required"]),
    ({"spec.hostPath.path": "a/../b"}, ["spec.hostPath.path Invalid"]),
    ({"spec.hostPath.type": "directory"}, ["spec.hostPath.type NotSupported"]),
    ({"spec.hostPath": None}, ["spec Required"]),
    ({"spec.nfs": {}}, ["spec.nfs Forbidden"]),
    ({"spec.flexVolume": {}}, ["spec.flexVolume.driver Required"]),
    ({"spec.nodeAffinity": {}}, [f"{AFFINITY} Required"]),
    ({"spec.nodeAffinity": {"required": {}}}, [f"{AFFINITY}.nodeSelectorTerms Required"]),
    ({"spec.nodeAffinity": {"required": {"nodeSelectorTerms": [TERM, {}]}}}, []),
    ({"spec.accessModes": ["x"]}, ["spec.accessModes NotSupported"]),
    ({"spec.volumeAttributesClassName": "A"}, ["spec.csi Required", "spec.volumeAttributesClassName Invalid"]),
    ({"spec.volumeAttributesClassName": ""}, ["spec.csi Required", "spec.volumeAttributesClassName Required"]),
    ({"metadata.annotations": {"volume.beta.kubernetes.io/mount-options": "ro"}}, ["metadata.annotations.volume.beta.kubernetes.io/mount-options Forbidden"]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), VOLUMES)
def test_volume(changes: Changes, expected: list[str]) -> None:
    assert refusals(volume(), changes) == expected


ISCSI = {"targetPortal": "10.0.0.1:3260", "iqn": "iqn.2020-01.com.example:a", "lun": 0}
CSI = {"driver": "csi.example.com", "volumeHandle": "h"}
AZURE = {"diskName": "d", "diskURI": "https://a"}
# Source, its fields, and what is told of it (without `spec.` and the source).
SOURCES: list[tuple[str, Fields, list[str]]] = [
    ("awsElasticBlockStore", {"volumeID": "v", "partition": 256}, ["partition Invalid"]),
    ("awsElasticBlockStore", {}, ["volumeID Required"]),
    ("azureDisk", AZURE, []),
    ("azureDisk", {}, ["diskName Required", "diskURI NotSupported", "diskURI Required"]),
    ("azureDisk", {**AZURE, "kind": "Managed"}, ["diskURI NotSupported"]),
    ("azureDisk", {**AZURE, "cachingMode": ""}, ["cachingMode NotSupported"]),
    ("azureFile", {"shareName": "s", "secretNamespace": ""}, ["secretName Required", "secretNamespace Required"]),
    ("cephfs", {}, ["monitors Required"]),
    ("cinder", {"volumeID": "v", "secretRef": {}}, ["secretRef.name Required", "secretRef.namespace Required"]),
    ("csi", CSI, []),
    ("csi", {}, ["driver Invalid", "driver Required", "volumeHandle Required"]),
    ("csi", {**CSI, "driver": LONG}, ["driver Invalid", "driver TooLong"]),
    ("csi", {**CSI, "nodePublishSecretRef": {"name": "A"}}, ["nodePublishSecretRef.name Invalid", "nodePublishSecretRef.namespace Required"]),
    ("fc", {"targetWWNs": ["a"], "lun": 0}, []),
    ("fc", {"wwids": ["a"]}, []),
    ("fc", {"targetWWNs": ["a"], "wwids": ["a"]}, ["lun Required", "targetWWNs Invalid"]),
    ("fc", {}, ["targetWWNs Required"]),
    ("flexVolume", {"driver": "d", "options": {"a.k8s.io/x": "y", "b": ""}}, ["options[a.k8s.io/x] Invalid"]),
    ("flocker", {"datasetName": "a/b"}, ["datasetName Invalid"]),
    ("gcePersistentDisk", {"pdName": "p", "partition": 1}, []),
    ("glusterfs", {"endpointsNamespace": ""}, ["endpoints Required", "endpointsNamespace Invalid", "path Required"]),
    ("iscsi", ISCSI, []),
    ("iscsi", {**ISCSI, "iqn": "a"}, ["iqn Invalid"]),
    ("iscsi", {**ISCSI, "lun": 256}, ["lun Invalid"]),
    ("iscsi", {**ISCSI, "chapAuthSession": True}, ["secretRef Required"]),
    ("iscsi", {**ISCSI, "initiatorName": ""}, ["initiatorname Invalid"]),
    ("iscsi", {**ISCSI, "initiatorName": "eui.0123456789abcdef", "targetPortal": LONG}, ["targetportal Invalid"]),
    ("nfs", {"server": "s", "path": "x"}, ["path Invalid"]),
    ("nfs", {}, ["path Invalid", "path Required", "server Required"]),
    ("photonPersistentDisk", {}, ["pdID Required"]),
    ("portworxVolume", {}, ["volumeID Required"]),
    ("quobyte", {"registry": "a:1,[::1]:2", "volume": "v"}, []),
    ("quobyte", {"registry": "a", "volume": "v"}, ["registry Invalid"]),
    ("quobyte", {}, ["registry Required", "volume Required"]),
    ("quobyte", {"registry": "a:1", "volume": "v", "tenant": "t" * 65}, ["tenant Required"]),
    ("iscsi", {}, ["iqn Required", "targetPortal Required"]),
    ("iscsi", {**ISCSI, "secretRef": {}}, ["secretRef.name Required"]),
    ("iscsi", {**ISCSI, "initiatorName": "naa.x", "targetPortal": "\ud83d"}, ["initiatorname Invalid"]),
    ("cinder", {}, ["volumeID Required"]),
    ("fc", {"targetWWNs": ["a"], "lun": 256}, ["lun Invalid"]),
    ("storageos", {"secretRef": {}}, ["secretRef.name Required", "secretRef.namespace Required", "volumeName Required"]),
    ("rbd", {}, ["image Required", "monitors Required"]),
    ("scaleIO", {}, ["gateway Required", "system Required", "volumeName Required"]),
    ("storageos", {"volumeName": "A"}, ["volumeName Invalid"]),
    ("vsphereVolume", {}, ["volumePath Required"]),
]  # fmt: skip


@pytest.mark.parametrize(("source", "fields", "expected"), SOURCES)
def test_source(source: str, fields: Fields, expected: list[str]) -> None:
    found = [one.removeprefix(f"spec.{source}.") for one in refusals(volume(**{source: fields}), {})]
    assert found == expected


def test_sources_with_names_of_their_own() -> None:
    assert refusals(volume(gcePersistentDisk={}), {}) == ["spec.persistentDisk.pdName Required"]
    assert refusals(volume(), {"spec.cephfs": {}}) == ["spec.cephFS Forbidden"]
    assert refusals(volume(flocker={}), {}) == ["spec.flocker Required"]
    assert refusals(volume(local={"path": "/x"}), {}) == ["spec.nodeAffinity Required"]
    affinity = {"required": {"nodeSelectorTerms": [TERM]}}
    assert refusals(volume(local={"path": "/x"}), {"spec.nodeAffinity": affinity}) == []


REQUIREMENTS: list[tuple[str, Fields, list[str]]] = [
    ("matchExpressions", {"key": "a", "operator": "Exists"}, []),
    ("matchExpressions", {"key": "a", "operator": "Exists", "values": ["b"]}, ["values Forbidden"]),
    ("matchExpressions", {"key": "a", "operator": "In"}, ["values Required"]),
    ("matchExpressions", {"key": "a", "operator": "In", "values": ["-"]}, ["values[0] Invalid"]),
    ("matchExpressions", {"key": "a", "operator": "Gt", "values": ["1", "2"]}, ["values Required"]),
    ("matchExpressions", {}, ["key Invalid", "operator Invalid"]),
    ("matchFields", {"key": "metadata.name", "operator": "In", "values": ["a"]}, []),
    ("matchFields", {"key": "metadata.name", "operator": "In", "values": ["A"]}, ["values[0] Invalid"]),
    ("matchFields", {"key": "spec", "operator": "Exists"}, ["key Invalid", "operator Invalid"]),
    ("matchFields", {"key": "metadata.name", "operator": "NotIn"}, ["values Required"]),
]


@pytest.mark.parametrize(("side", "requirement", "expected"), REQUIREMENTS)
def test_node_affinity(side: str, requirement: Fields, expected: list[str]) -> None:
    affinity = {"required": {"nodeSelectorTerms": [{side: [requirement]}]}}
    found = refusals(volume(), {"spec.nodeAffinity": affinity})
    assert [one.removeprefix(f"{AFFINITY}.nodeSelectorTerms[0].{side}[0].") for one in found] == expected


SOURCE = "spec.persistentvolumesource Forbidden"
SECRET = {"name": "s", "namespace": "n"}
PLACED = volume(nodeAffinity={"required": {"nodeSelectorTerms": [TERM]}}, hostPath={"path": "/x"})
VOLUME_CHANGES: list[tuple[Fields, Changes, list[str]]] = [
    (volume(), {"spec.capacity.storage": "2Gi", "spec.claimRef": {"name": "c"}}, []),
    (volume(), {"spec.persistentVolumeReclaimPolicy": "Delete", "spec.hostPath.type": ""}, []),
    (volume(), {"spec.hostPath.path": "/y"}, [SOURCE]),
    (volume(), {"spec.volumeMode": "Block"}, ["volumeMode Invalid"]),
    (volume(csi=CSI), {"spec.csi.controllerExpandSecretRef": SECRET}, []),
    (volume(csi=CSI), {"spec.csi.nodeStageSecretRef": SECRET}, [SOURCE]),
    (volume(), {"spec.nodeAffinity": PLACED["spec"]["nodeAffinity"]}, []),
    (PLACED, {"spec.nodeAffinity": ...}, ["nodeAffinity Invalid"]),
    (volume(csi=CSI, volumeAttributesClassName="a"), {CLASS: ...}, [f"{CLASS} Forbidden"]),
]


@pytest.mark.parametrize(("found", "changes", "expected"), VOLUME_CHANGES)
def test_change_of_a_volume(found: Fields, changes: Changes, expected: list[str]) -> None:
    assert refusals_of_change(found, changes) == expected


def test_volumes_and_claims_are_completed() -> None:
    spec = set_defaults(volume())["spec"]
    assert (spec["persistentVolumeReclaimPolicy"], spec["volumeMode"]) == ("Retain", "Filesystem")
    assert spec["hostPath"]["type"] == ""
    assert set_defaults(volume(iscsi=ISCSI))["spec"]["iscsi"]["iscsiInterface"] == "default"
    assert set_defaults(claim(dataSource=SNAPSHOT))["spec"]["dataSourceRef"] == SNAPSHOT
    assert "dataSource" not in set_defaults(claim(dataSource=OTHER))["spec"]


# --- classes and CSI ------------------------------------------------------------------------------

CLASS_OBJECT, ATTRIBUTES, DRIVER, NODE, ATTACHMENT, FREE = (
    obj("StorageClass", provisioner="example.com/x"),
    obj("VolumeAttributesClass", driverName="example.com", parameters={"iops": "1"}),
    obj("CSIDriver", spec={}),
    obj("CSINode", spec={"drivers": [{"name": "a.b", "nodeID": "n", "topologyKeys": ["a/b"]}]}),
    obj(
        "VolumeAttachment",
        spec={"attacher": "a.b", "nodeName": "n", "source": {"persistentVolumeName": "pv"}},
    ),
    obj("CSIStorageCapacity", storageClassName="fast", capacity="1Gi"),
)
TOPOLOGY = {"matchLabelExpressions": [{"key": "zone", "values": ["a"]}]}
DRIVERS, INLINE = "spec.drivers[0]", "spec.source.inlineVolumeSpec"
PROVIDED: list[tuple[Fields, Changes, list[str]]] = [
    (CLASS_OBJECT, {}, []),
    (CLASS_OBJECT, {"provisioner": "Example.COM/X"}, []),
    (CLASS_OBJECT, {"provisioner": "x y"}, ["provisioner Invalid"]),
    (CLASS_OBJECT, {"provisioner": ...}, ["provisioner Required"]),
    (CLASS_OBJECT, {"parameters": {"a": None, "b": ""}}, []),
    (CLASS_OBJECT, {"parameters": {"": "x"}}, ["parameters Invalid"]),
    (CLASS_OBJECT, {"parameters": {"a": "x" * 256 * 1024}}, ["parameters TooLong"]),
    (CLASS_OBJECT, {"parameters": {str(one): "" for one in range(513)}}, ["parameters TooLong"]),
    (CLASS_OBJECT, {"reclaimPolicy": ""}, []),
    (CLASS_OBJECT, {"reclaimPolicy": "Recycle"}, ["reclaimPolicy NotSupported"]),
    (CLASS_OBJECT, {"volumeBindingMode": ""}, ["volumeBindingMode NotSupported"]),
    (CLASS_OBJECT, {"allowedTopologies": [TOPOLOGY]}, []),
    (CLASS_OBJECT, {"allowedTopologies": [TOPOLOGY, TOPOLOGY]}, ["allowedTopologies[1].matchLabelExpressions Duplicate"]),
    (CLASS_OBJECT, {"allowedTopologies": [{}]}, ["allowedTopologies[0].matchLabelExpressions Duplicate"]),
    (
        CLASS_OBJECT,
        {"allowedTopologies": [{"matchLabelExpressions": [{"key": "a", "values": ["x", "x"]}, {"key": "a"}]}]},
        [f"allowedTopologies[0].matchLabelExpressions{one}" for one in ("[0].values[1] Duplicate", "[1].key Duplicate", "[1].values Required")],
    ),
    (ATTRIBUTES, {}, []),
    (ATTRIBUTES, {"parameters": {}}, ["parameters Required"]),
    (ATTRIBUTES, {"parameters": {"": "x"}}, ["parameters Invalid"]),
    (CLASS_OBJECT, {"allowedTopologies": [{"matchLabelExpressions": [{"key": "-", "values": ["x"]}]}]}, ["allowedTopologies[0].matchLabelExpressions[0].key Invalid"]),
    (DRIVER, {"spec.tokenRequests": [{"expirationSeconds": 2**32 + 1}]}, ["spec.tokenRequests[0].expirationSeconds Invalid"]),
    (ATTRIBUTES, {"driverName": ""}, ["driverName Required"]),
    (DRIVER, {}, []),
    (DRIVER, {"spec.fsGroupPolicy": ""}, ["spec.fsGroupPolicy NotSupported"]),
    (DRIVER, {"spec.volumeLifecycleModes": ["x"]}, ["spec.volumeLifecycleModes NotSupported"]),
    (DRIVER, {"spec.tokenRequests": [{}, {}]}, ["spec.tokenRequests[1].audience Duplicate"]),
    (DRIVER, {"spec.tokenRequests": [{"expirationSeconds": 0}]}, ["spec.tokenRequests[0].expirationSeconds Invalid"]),
    (DRIVER, {"spec.nodeAllocatableUpdatePeriodSeconds": 9}, ["spec.nodeAllocatableUpdatePeriodSeconds Invalid"]),
    (NODE, {}, []),
    (NODE, {f"{DRIVERS}.nodeID": ...}, [f"{DRIVERS}.nodeID Required"]),
    (NODE, {f"{DRIVERS}.name": ""}, [f"{DRIVERS}.name Invalid", f"{DRIVERS}.name Required"]),
    (NODE, {f"{DRIVERS}.allocatable": {"count": -1}}, [f"{DRIVERS}.allocatable.count Invalid"]),
    (NODE, {f"{DRIVERS}.topologyKeys": ["a", "a", "-"]}, [f"{DRIVERS} Duplicate", f"{DRIVERS} Invalid"]),
    (NODE, {"spec.drivers[1]": {"name": "a.b", "nodeID": "n"}}, ["spec.drivers[1].name Duplicate"]),
    (ATTACHMENT, {}, []),
    (ATTACHMENT, {"spec.attacher": ""}, ["spec.attacher Invalid", "spec.attacher Required"]),
    (ATTACHMENT, {"spec.nodeName": ...}, ["spec.nodeName Invalid"]),
    (ATTACHMENT, {"spec.source": {}}, ["spec.source Required"]),
    (ATTACHMENT, {"spec.source.persistentVolumeName": "A"}, ["spec.source.persistentVolumeName Invalid"]),
    (FREE, {"nodeTopology": {"matchLabels": {"a": "-"}}}, ["nodeTopology.matchLabels Invalid"]),
    (ATTACHMENT, {INLINE: {}}, ["spec.source Forbidden"]),
    (ATTACHMENT, {"spec.source": {"inlineVolumeSpec": {"csi": CSI, "accessModes": ["ReadOnlyMany"]}}}, []),
    (
        ATTACHMENT,
        {"spec.source": {"inlineVolumeSpec": {"capacity": {"storage": 1}, "nfs": {"server": "s", "path": "/"}}}},
        [f"{INLINE}.accessModes Required", f"{INLINE}.capacity Forbidden", f"{INLINE}.csi Required"],
    ),
    (
        ATTACHMENT,
        {"spec.source": {"inlineVolumeSpec": {"csi": {}, "accessModes": ["x"], "volumeMode": "Block", "persistentVolumeReclaimPolicy": "Delete"}}},
        [f"{INLINE}.{one}" for one in ("accessModes NotSupported", "csi.driver Invalid", "csi.driver Required", "csi.volumeHandle Required", "persistentVolumeReclaimPolicy Forbidden", "volumeMode Forbidden")],
    ),
    (FREE, {}, []),
    (FREE, {"capacity": "-1"}, ["capacity Invalid"]),
    (FREE, {"storageClassName": ""}, ["storageClassName Invalid"]),
]  # fmt: skip


@pytest.mark.parametrize(("found", "changes", "expected"), PROVIDED)
def test_classes_and_drivers(found: Fields, changes: Changes, expected: list[str]) -> None:
    assert refusals(found, changes) == expected


STAYS: list[tuple[Fields, Changes, list[str]]] = [
    (CLASS_OBJECT, {"allowVolumeExpansion": True, "mountOptions": ["ro"]}, []),
    # The server looks at what changed only.
    (CLASS_OBJECT, {"allowedTopologies": [{}]}, []),
    (CLASS_OBJECT, {"provisioner": "x y"}, ["provisioner Forbidden"]),
    (CLASS_OBJECT, {"parameters": {"a": "b"}}, ["parameters Forbidden"]),
    (CLASS_OBJECT, {"reclaimPolicy": "Retain"}, ["reclaimPolicy Forbidden"]),
    (CLASS_OBJECT, {"volumeBindingMode": "WaitForFirstConsumer"}, ["volumeBindingMode Invalid"]),
    (
        ATTRIBUTES,
        {"driverName": "b", "parameters": {"a": ""}},
        ["driverName Forbidden", "parameters Forbidden"],
    ),
    (DRIVER, {"spec.podInfoOnMount": True, "spec.attachRequired": True}, []),
    (DRIVER, {"spec.attachRequired": False}, ["spec.attachedRequired Invalid"]),
    (DRIVER, {"spec.volumeLifecycleModes": ["Ephemeral"]}, ["spec.volumeLifecycleModes Invalid"]),
    (NODE, {"spec.drivers": []}, []),
    (NODE, {f"{DRIVERS}.allocatable": {"count": 1}}, []),
    (NODE, {f"{DRIVERS}.nodeID": "m"}, ["spec.drivers Invalid"]),
    (ATTACHMENT, {"spec.nodeName": "m"}, ["spec Invalid"]),
    (FREE, {"capacity": "2Gi"}, []),
    (FREE, {"storageClassName": "slow"}, ["storageClassName Invalid"]),
]


@pytest.mark.parametrize(("found", "changes", "expected"), STAYS)
def test_change_of_classes_and_drivers(found: Fields, changes: Changes, expected: list[str]) -> None:
    assert refusals_of_change(found, changes) == expected


ALL = (claim(), volume(), volume(csi=CSI), CLASS_OBJECT, ATTRIBUTES, DRIVER, NODE, ATTACHMENT, FREE)
PLACES = (
    "spec",
    "spec.nodeAffinity",
    "spec.dataSource",
    "spec.resources",
    "spec.csi",
    "spec.source",
    "parameters",
)


@settings(max_examples=80, deadline=None)
@given(found=st.sampled_from(ALL), place=st.sampled_from(PLACES), value=values)
def test_rules_never_raise(found: Fields, place: str, value: Any) -> None:
    validate(changed(found, {place: value}))
    validate_update(found, changed(found, {place: value}))
