"""Workloads that keep pods running: tables of what the API server accepts and refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_strategies import values
from rule_tables import Changes, Fields, changed, refusals, refusals_of_change

from minikctl.manifests import validate, validate_update
from minikctl.model.defaults import set_defaults

LONG = "a" * 300


def template(**spec: Any) -> Fields:
    pod = {"containers": [{"name": "a", "image": "a:1"}], **spec}
    return {"metadata": {"labels": {"app": "a"}}, "spec": pod}


def workload(kind: str, **spec: Any) -> Fields:
    body = {"selector": {"matchLabels": {"app": "a"}}, "template": template(), **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "a"}, "spec": body}


def stateful_set() -> Fields:
    mounts = [{"name": "data", "mountPath": "/data"}]
    containers = [{"name": "a", "image": "a:1", "volumeMounts": mounts}]
    request = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return workload(
        "StatefulSet",
        serviceName="a",
        template=template(containers=containers),
        volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": request}],
    )


def replication_controller() -> Fields:
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "a"},
        "spec": {"selector": {"app": "a"}, "template": template()},
    }


LABELS = "spec.template.metadata.labels Invalid"
POLICY = "spec.template.spec.restartPolicy NotSupported"
DEADLINE = "spec.template.spec.activeDeadlineSeconds Forbidden"
ROLLING = "spec.strategy.rollingUpdate"
UNAVAILABLE = "spec.updateStrategy.rollingUpdate.maxUnavailable"
SURGE = "spec.updateStrategy.rollingUpdate.maxSurge"
CLAIM = "spec.volumeClaimTemplates[0]"
MOUNT = "spec.template.spec.containers[0].volumeMounts[0].name NotFound"

DEPLOYMENTS: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"spec.replicas": 0}, []),
    ({"spec.replicas": -1}, ["spec.replicas Invalid"]),
    ({"spec.minReadySeconds": -1}, ["spec.minReadySeconds Invalid"]),
    ({"spec.revisionHistoryLimit": -1}, ["spec.revisionHistoryLimit Invalid"]),
    ({"spec.minReadySeconds": 600}, ["spec.progressDeadlineSeconds Invalid"]),
    ({"spec.strategy.type": "Bogus"}, ["spec.strategy NotSupported"]),
    ({"spec.strategy": {"type": "Recreate"}}, []),
    ({"spec.strategy": {"type": "Recreate", "rollingUpdate": {}}}, [f"{ROLLING} Forbidden"]),
    ({f"{ROLLING}.maxSurge": "200%"}, []),
    ({f"{ROLLING}.maxUnavailable": "100%"}, []),
    ({f"{ROLLING}.maxUnavailable": "101%"}, [f"{ROLLING}.maxUnavailable Invalid"]),
    ({f"{ROLLING}.maxUnavailable": "9" * 5000 + "%"}, [f"{ROLLING}.maxUnavailable Invalid"]),
    ({f"{ROLLING}.maxUnavailable": "1"}, [f"{ROLLING}.maxUnavailable Invalid"]),
    ({f"{ROLLING}.maxSurge": ""}, [f"{ROLLING}.maxSurge Invalid"]),
    ({f"{ROLLING}": {"maxSurge": 0, "maxUnavailable": "0%"}}, [f"{ROLLING}.maxUnavailable Invalid"]),
    (
        {f"{ROLLING}": {"maxSurge": "x", "maxUnavailable": 0}},
        [f"{ROLLING}.maxSurge Invalid", f"{ROLLING}.maxUnavailable Invalid"],
    ),
    ({"spec.selector": ...}, ["spec.selector Required", LABELS]),
    ({"spec.selector": {}}, ["spec.selector Invalid"]),
    ({"spec.selector.matchLabels.app": "b"}, [LABELS]),
    (
        {"spec.selector.matchLabels.app": "x y"},
        ["spec.selector Invalid", "spec.selector.matchLabels Invalid"],
    ),
    # Behind a malformed selector the server does not look at the template.
    (
        {"spec.selector.matchLabels.app": "-", "spec.template.spec.containers": []},
        ["spec.selector Invalid", "spec.selector.matchLabels Invalid"],
    ),
    ({"spec.template.metadata.labels.app": "-"}, ["spec.template.labels Invalid", LABELS]),
    ({"spec.template.metadata.annotations": {"a b": ""}}, ["spec.template.annotations Invalid"]),
    ({"spec.template.spec.restartPolicy": "Never"}, [POLICY]),
    ({"spec.template.spec.restartPolicy": "Bogus"}, [POLICY]),
    ({"spec.template.spec.activeDeadlineSeconds": 1}, [DEADLINE]),
    (
        {"spec.template.spec.ephemeralContainers": [{"name": "e", "image": "e"}]},
        ["spec.template.spec.ephemeralContainers Forbidden"],
    ),
    ({"spec": ...}, ["spec.selector Required", LABELS, "spec.template.spec.containers Required"]),
]


@pytest.mark.parametrize(("changes", "expected"), DEPLOYMENTS)
def test_deployment(changes: Changes, expected: list[str]) -> None:
    assert refusals(workload("Deployment"), changes) == expected


SELECTORS: list[tuple[Any, list[str]]] = [
    ({"key": "app", "operator": "In", "values": ["a"]}, []),
    ({"key": "app", "operator": "NotIn", "values": ["b"]}, []),
    ({"key": "app", "operator": "Exists"}, []),
    ({"key": "app", "operator": "DoesNotExist"}, [LABELS]),
    ({"key": "app", "operator": "In"}, ["spec.selector Invalid", "values Required"]),
    ({"key": "app", "operator": "NotIn"}, ["spec.selector Invalid", "values Required"]),
    ({"key": "app", "operator": "Exists", "values": ["a"]}, ["spec.selector Invalid", "values Forbidden"]),
    ({"key": "app", "operator": "in", "values": ["a"]}, ["operator Invalid", "spec.selector Invalid"]),
    ({"key": "a b", "operator": "Exists"}, ["key Invalid", "spec.selector Invalid"]),
    ({"key": "app", "operator": "In", "values": ["-"]}, ["spec.selector Invalid", "values[0] Invalid"]),
    ({}, ["key Invalid", "operator Invalid", "spec.selector Invalid"]),
]


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "StatefulSet"])
@pytest.mark.parametrize(("expression", "expected"), SELECTORS)
def test_selector_expressions(kind: str, expression: Fields, expected: list[str]) -> None:
    found = refusals(workload(kind), {"spec.selector.matchExpressions": [expression]})
    assert sorted(one.removeprefix("spec.selector.matchExpressions[0].") for one in found) == expected


@pytest.mark.parametrize("kind", ["DaemonSet", "ReplicaSet", "StatefulSet"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"spec.minReadySeconds": -1}, ["spec.minReadySeconds Invalid"]),
        ({"spec.selector": {}}, ["spec.selector Invalid"]),
        ({"spec.selector.matchLabels.app": "b"}, [LABELS]),
        ({"spec.template.metadata.labels": ...}, [LABELS]),
        ({"spec.template.spec.restartPolicy": "OnFailure"}, [POLICY]),
        ({"spec.template.spec.activeDeadlineSeconds": 1}, [DEADLINE]),
        ({"metadata.name": "-a"}, ["metadata.name Invalid"]),
    ],
)
def test_workloads_alike(kind: str, changes: Changes, expected: list[str]) -> None:
    assert refusals(workload(kind), changes) == expected


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("DaemonSet", "daemonset"),
        ("Deployment", "deployment"),
        ("ReplicaSet", "deployment"),
        ("StatefulSet", "statefulset"),
    ],
)
def test_words_for_an_empty_selector(kind: str, words: str) -> None:
    (problem,) = validate(changed(workload(kind), {"spec.selector": {}}))
    assert problem.message.endswith(f"empty selector is invalid for {words}")


def test_a_deployments_template_is_held_to_be_its_replica_sets() -> None:
    deadline = {"spec.template.spec.activeDeadlineSeconds": 1}
    for kind, words in (("Deployment", "ReplicaSet"), ("DaemonSet", "DaemonSet")):
        (problem,) = validate(changed(workload(kind), deadline))
        assert problem.message == f"Forbidden: activeDeadlineSeconds in {words} is not Supported"


DAEMON_SETS: list[tuple[Changes, list[str]]] = [
    ({}, []),
    # Nobody requires a selector; without one nothing matches.
    ({"spec.selector": ...}, [LABELS]),
    ({"spec.selector.matchLabels.app": "x y"}, ["spec.selector.matchLabels Invalid"]),
    ({"spec.revisionHistoryLimit": -1}, ["spec.revisionHistoryLimit Invalid"]),
    ({"spec.updateStrategy.type": "Recreate"}, ["spec.updateStrategy NotSupported"]),
    ({"spec.updateStrategy.type": "OnDelete"}, []),
    ({UNAVAILABLE: "50%"}, []),
    ({UNAVAILABLE: "101%"}, [f"{UNAVAILABLE} Invalid"]),
    ({UNAVAILABLE: "1"}, [f"{UNAVAILABLE} Invalid"]),
    ({UNAVAILABLE: 0}, [f"{UNAVAILABLE} Required"]),
    ({UNAVAILABLE: "x"}, [f"{UNAVAILABLE} Invalid", f"{UNAVAILABLE} Required"]),
    # One that is not given is 1.
    ({SURGE: 1}, [f"{SURGE} Invalid"]),
    ({SURGE: 1, UNAVAILABLE: 0}, []),
    ({SURGE: "101%", UNAVAILABLE: 0}, [f"{SURGE} Invalid"]),
]


@pytest.mark.parametrize(("changes", "expected"), DAEMON_SETS)
def test_daemon_set(changes: Changes, expected: list[str]) -> None:
    assert refusals(workload("DaemonSet"), changes) == expected


STATEFUL_SETS: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"spec.podManagementPolicy": ""}, []),
    ({"spec.podManagementPolicy": "parallel"}, ["spec.podManagementPolicy Invalid"]),
    ({"spec.updateStrategy.type": "Recreate"}, ["spec.updateStrategy Invalid"]),
    ({"spec.updateStrategy": {"type": "OnDelete"}}, []),
    (
        {"spec.updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}}},
        ["spec.updateStrategy.rollingUpdate Invalid"],
    ),
    (
        {"spec.updateStrategy.rollingUpdate.partition": -1},
        ["spec.updateStrategy.rollingUpdate.partition Invalid"],
    ),
    # The field's feature is off: the server takes it out.
    ({UNAVAILABLE: "x"}, []),
    (
        {"spec.persistentVolumeClaimRetentionPolicy.whenScaled": "Keep"},
        ["spec.persistentVolumeClaimRetentionPolicy.whenScaled NotSupported"],
    ),
    ({"spec.ordinals.start": -1}, ["spec.ordinals.start Invalid"]),
    ({"spec.replicas": -1}, ["spec.replicas Invalid"]),
    ({"spec.revisionHistoryLimit": -1}, []),
    ({"spec.serviceName": ""}, []),
    ({"spec.serviceName": "a.b"}, ["spec.serviceName Invalid"]),
    ({"metadata.name": "a.b"}, ["metadata.name Invalid"]),
    ({"metadata.name": LONG}, ["metadata.name Invalid"]),
    (
        {"spec.selector.matchLabels.app": "-", "spec.template.spec.restartPolicy": "Never"},
        ["spec.selector Invalid", "spec.selector.matchLabels Invalid", POLICY],
    ),
    ({f"{CLAIM}.spec.accessModes": []}, [f"{CLAIM}.spec.accessModes Required"]),
    ({f"{CLAIM}.spec.resources": {}}, [f"{CLAIM}.spec.resources[storage] Required"]),
    ({"spec.volumeClaimTemplates": []}, [MOUNT]),
    ({f"{CLAIM}.metadata.name": "other"}, [MOUNT]),
    ({f"{CLAIM}.metadata.name": "Data"}, [MOUNT, "spec.template.spec.volumes[0].name Invalid"]),
    # A claim hides the template's volume of its name; claims of one name are one.
    ({"spec.template.spec.volumes": [{"name": "data", "emptyDir": {}}]}, []),
    ({"spec.template.spec.volumes": [{"name": "-"}]}, ["spec.template.spec.volumes[1].name Invalid"]),
    ({"spec.volumeClaimTemplates[1]": stateful_set()["spec"]["volumeClaimTemplates"][0]}, []),
]


@pytest.mark.parametrize(("changes", "expected"), STATEFUL_SETS)
def test_stateful_set(changes: Changes, expected: list[str]) -> None:
    assert refusals(stateful_set(), changes) == expected


REPLICATION_CONTROLLERS: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"spec.selector": ...}, []),
    ({"spec.selector": {}}, []),
    ({"spec.selector.app": "x y"}, [LABELS]),
    ({"spec.selector": ..., "spec.template.metadata.labels": ...}, ["spec.selector Required"]),
    ({"spec.template": ...}, ["spec.template Required"]),
    ({"spec": {}}, ["spec.selector Required", "spec.template Required"]),
    ({"spec.template": {}}, [LABELS, "spec.template.spec.containers Required"]),
    (
        {"spec.template.metadata.labels.app": "x y"},
        ["metadata.labels Invalid", "spec.template.labels Invalid", LABELS],
    ),
    ({"metadata.labels": {"b": "c"}, "spec.template.metadata.labels.app": "b"}, [LABELS]),
    ({"spec.replicas": -1}, ["spec.replicas Invalid"]),
    ({"spec.minReadySeconds": -1}, ["spec.minReadySeconds Invalid"]),
    ({"spec.template.spec.restartPolicy": "Never"}, [POLICY]),
]


@pytest.mark.parametrize(("changes", "expected"), REPLICATION_CONTROLLERS)
def test_replication_controller(changes: Changes, expected: list[str]) -> None:
    assert refusals(replication_controller(), changes) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"template.spec.restartPolicy": "Never"}, []),
        ({"template.metadata.labels.app": "-"}, ["template.labels Invalid"]),
        ({"template": ...}, ["template.spec.containers Required"]),
    ],
)
def test_pod_template(changes: Changes, expected: list[str]) -> None:
    obj = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "a"}, "template": template()}
    assert refusals(obj, changes) == expected


def controller_revision() -> Fields:
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {"name": "a"},
        "data": {"spec": {}},
        "revision": 1,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"data": {}}, []),
        ({"data": None}, ["data Required"]),
        ({"revision": -1}, ["revision Invalid"]),
    ],
)
def test_controller_revision(changes: Changes, expected: list[str]) -> None:
    assert refusals(controller_revision(), changes) == expected


IMMUTABLE = ["spec.selector Invalid"]
CHANGES: list[tuple[Fields, Changes, list[str]]] = [
    (workload("Deployment"), {"spec.replicas": 3, "spec.template.spec.containers[0].image": "b"}, []),
    (workload("Deployment"), {"spec.selector.matchLabels": {"app": "a", "x": "y"}}, [*IMMUTABLE, LABELS]),
    (
        workload("ReplicaSet"),
        {"spec.selector.matchExpressions": [{"key": "app", "operator": "Exists"}]},
        IMMUTABLE,
    ),
    (workload("DaemonSet"), {"spec.selector": ...}, [*IMMUTABLE, LABELS]),
    (
        workload("DaemonSet"),
        {"spec.template.spec.hostNetwork": True, "spec.updateStrategy.type": "OnDelete"},
        [],
    ),
    (
        replication_controller(),
        {"spec.selector.app": "b", "spec.template.metadata.labels.app": "b"},
        [],
    ),
    (stateful_set(), {"spec.replicas": 3, "spec.ordinals": {"start": 1}, "spec.minReadySeconds": 1}, []),
    (stateful_set(), {"spec.revisionHistoryLimit": 1, "spec.updateStrategy": {"type": "OnDelete"}}, []),
    (stateful_set(), {"spec.persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}, []),
    (stateful_set(), {"spec.podManagementPolicy": "Parallel"}, ["spec Forbidden"]),
    # What was looked at on creation only is not looked at again.
    (stateful_set(), {"spec.serviceName": "x y"}, ["spec Forbidden"]),
    (stateful_set(), {f"{CLAIM}.spec.accessModes": []}, ["spec Forbidden"]),
    (stateful_set(), {f"{CLAIM}.spec.resources.requests.storage": "1024Mi"}, []),
    (stateful_set(), {f"{CLAIM}.kind": "PersistentVolumeClaim", f"{CLAIM}.apiVersion": "v1"}, []),
    (stateful_set(), {"spec.volumeClaimTemplates": []}, ["spec Forbidden", MOUNT]),
    (controller_revision(), {"revision": 2}, []),
    (controller_revision(), {"data.spec": {"a": 1}}, ["data Invalid"]),
]


@pytest.mark.parametrize(("obj", "changes", "expected"), CHANGES)
def test_change(obj: Fields, changes: Changes, expected: list[str]) -> None:
    assert refusals_of_change(obj, changes) == expected


def test_a_stateful_sets_strategy_is_completed_only_where_it_has_no_type() -> None:
    def strategy(given: Fields) -> Fields:
        spec: Fields = set_defaults(workload("StatefulSet", updateStrategy=given))["spec"]
        return spec["updateStrategy"]

    assert strategy({}) == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    assert strategy({"type": "RollingUpdate"}) == {"type": "RollingUpdate"}
    assert strategy({"rollingUpdate": {"maxUnavailable": 2}})["rollingUpdate"] == {"partition": 0}


KINDS = (
    workload("DaemonSet"),
    workload("Deployment"),
    workload("ReplicaSet"),
    stateful_set(),
    replication_controller(),
)


@settings(max_examples=60, deadline=None)
@given(obj=st.sampled_from(KINDS), name=st.sampled_from(sorted(stateful_set()["spec"])), value=values)
def test_rules_never_raise(obj: Fields, name: str, value: Any) -> None:
    validate(changed(obj, {f"spec.{name}": value}))
    validate_update(obj, changed(obj, {f"spec.{name}": value}))
