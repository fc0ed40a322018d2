"""Configuration, quotas, namespaces and classes: tables of what the API server accepts and refuses."""

# ruff: noqa: E501 (a row of a table is one line)

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_strategies import values
from rule_tables import Changes, Fields, changed, refusals, refusals_of_change

from minikctl.manifests import validate, validate_update
from minikctl.model.defaults import set_defaults

MEBIBYTE = 1024 * 1024


def obj(kind: str, api_version: str = "v1", **fields: Any) -> Fields:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, **fields}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config_map(**fields: Any) -> Fields:
    return obj("ConfigMap", data={"k": "v"}, binaryData={"b": "aGVsbG8="}, **fields)


CONFIG_MAPS: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"data": {}}, []),
    ({"data.k": None}, []),
    ({"data": {"A_b-c.d": ""}}, []),
    ({"data": {"a/b": ""}}, ["data[a/b] Invalid"]),
    ({"data": {"": ""}}, ["data[] Invalid"]),
    ({"data": {"..": ""}}, ["data[..] Invalid"]),
    ({"data": {"..a": ""}}, ["data[..a] Invalid"]),
    ({"data": {"a" * 253: ""}}, []),
    ({"data": {"a" * 254: ""}}, [f"data[{'a' * 254}] Invalid"]),
    ({"binaryData": {"a b": ""}}, ["binaryData[a b] Invalid"]),
    ({"data": {"b": "x"}}, ["data[b] Invalid"]),
    ({"binaryData.b": "hello"}, ["binaryData.b TypeInvalid"]),
    ({"binaryData.b": "aGVs\nbG8=\r\n"}, []),
    ({"binaryData.b": []}, []),
    ({"binaryData.b": [1, None, 255]}, []),
    ({"binaryData.b": [256]}, ["binaryData.b[0] Invalid"]),
    ({"data": {"k": "x" * (MEBIBYTE - 5)}}, []),
    ({"data": {"k": "x" * (MEBIBYTE - 4)}}, [" TooLong"]),
    ({"data": {"k": "é" * (MEBIBYTE // 2)}}, [" TooLong"]),
]


@pytest.mark.parametrize(("changes", "expected"), CONFIG_MAPS)
def test_config_map(changes: Changes, expected: list[str]) -> None:
    assert refusals(config_map(), changes) == expected


def secret(kind: str = "Opaque", **fields: Any) -> Fields:
    return obj("Secret", type=kind, **fields)


ACCOUNT = {"metadata": {"name": "a", "annotations": {"kubernetes.io/service-account.name": "sa"}}}
DOCKER = "data[.dockerconfigjson]"
SECRETS: list[tuple[Fields, list[str]]] = [
    (secret(), []),
    (secret("anything at all"), []),
    (secret(data={"k": None}, stringData={"s": None}), []),
    (secret(data={"k": "secret!"}), ["data.k TypeInvalid"]),
    (secret(stringData={"a b": "x"}), ["data[a b] Invalid"]),
    (secret(data={"k": base64.b64encode(b"x" * MEBIBYTE).decode()}), []),
    (secret(data={"k": base64.b64encode(b"x" * (MEBIBYTE + 1)).decode()}), ["data TooLong"]),
    (secret(data={"k": encoded("x" * MEBIBYTE)}, stringData={"s": "x"}), ["data TooLong"]),
    (secret("kubernetes.io/tls"), ["data[tls.crt] Required", "data[tls.key] Required"]),
    (secret("kubernetes.io/tls", data={"tls.crt": ""}, stringData={"tls.key": ""}), []),
    (secret("kubernetes.io/basic-auth"), ["data[password] Required", "data[username] Required"]),
    (secret("kubernetes.io/basic-auth", stringData={"username": ""}), []),
    (secret("kubernetes.io/ssh-auth"), ["data[ssh-privatekey] Required"]),
    (secret("kubernetes.io/ssh-auth", stringData={"ssh-privatekey": ""}), ["data[ssh-privatekey] Required"]),
    (secret("kubernetes.io/ssh-auth", stringData={"ssh-privatekey": "x"}), []),
    (
        secret("kubernetes.io/service-account-token"),
        ["metadata.annotations[kubernetes.io/service-account.name] Required"],
    ),
    ({**secret("kubernetes.io/service-account-token"), **ACCOUNT}, []),
    (secret("kubernetes.io/dockercfg"), ["data[.dockercfg] Required"]),
    (secret("kubernetes.io/dockercfg", stringData={".dockercfg": "{"}), ["data[.dockercfg] Invalid"]),
    (secret("kubernetes.io/dockerconfigjson"), [f"{DOCKER} Required"]),
    *(
        (secret("kubernetes.io/dockerconfigjson", stringData={".dockerconfigjson": text}), expected)
        for text, expected in [
            ("{}", []),
            (' {"auths": {"a": 1.5}} ', []),
            ("null", []),
            ("[]", [f"{DOCKER} Invalid"]),
            ("", [f"{DOCKER} Invalid"]),
            ('{"a": NaN}', [f"{DOCKER} Invalid"]),
            ('{"a": 1e999}', [f"{DOCKER} Invalid"]),
            ("\ufeff{}", [f"{DOCKER} Invalid"]),
        ]
    ),
]


@pytest.mark.parametrize(("found", "expected"), SECRETS)
def test_secret(found: Fields, expected: list[str]) -> None:
    assert refusals(found, {}) == expected


def test_no_message_shows_a_secret() -> None:
    broken = secret("kubernetes.io/dockerconfigjson", stringData={".dockerconfigjson": "hunter2"})
    assert "hunter2" not in str(validate(broken))
    assert "hunter!" not in str(validate(secret(data={"k": "hunter!"})))


def test_a_secret_is_kept_as_data() -> None:
    kept = set_defaults(secret("", data={"k": "aGVs\nbG8=", "s": "eA=="}, stringData={"s": "plain"}))
    assert kept["data"] == {"k": "aGVsbG8=", "s": encoded("plain")}
    assert kept["type"] == "Opaque"
    assert "stringData" not in kept
    assert set_defaults(secret(data={"k": [104, None]}))["data"] == {"k": "aAA="}


FROZEN_MAP, FROZEN_SECRET = config_map(immutable=True), secret(data={"k": "aGVsbG8="}, immutable=True)
CHANGES: list[tuple[Fields, Changes, list[str]]] = [
    (config_map(), {"data.k": "w", "binaryData": ...}, []),
    (config_map(), {"immutable": True}, []),
    (FROZEN_MAP, {"metadata.labels": {"a": "b"}}, []),
    (FROZEN_MAP, {"immutable": False}, ["immutable Forbidden"]),
    (FROZEN_MAP, {"immutable": ..., "data.k": "w"}, ["data Forbidden", "immutable Forbidden"]),
    (FROZEN_MAP, {"binaryData": {}}, ["binaryData Forbidden"]),
    (FROZEN_MAP, {"data": {"a b": ""}}, ["data Forbidden", "data[a b] Invalid"]),
    (FROZEN_SECRET, {"stringData": {"k": "hello"}}, []),
    (FROZEN_SECRET, {"stringData": {"k": "hallo"}}, ["data Forbidden"]),
    (FROZEN_SECRET, {"type": ...}, []),
    (FROZEN_SECRET, {"type": "opaque"}, ["type Invalid"]),
    (secret("kubernetes.io/tls", stringData={"tls.crt": "", "tls.key": ""}), {"type": ""}, ["type Invalid"]),
]


@pytest.mark.parametrize(("found", "changes", "expected"), CHANGES)
def test_change(found: Fields, changes: Changes, expected: list[str]) -> None:
    assert refusals_of_change(found, changes) == expected


# --- namespaces and nodes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finalizer", "expected"),
    [
        ("kubernetes", []),
        ("orphan", []),
        ("example.com/mine", []),
        ("mine", ["spec.finalizers Invalid"]),
        ("-/mine", ["spec.finalizers Invalid"]),
        ("", ["spec.finalizers Invalid"]),
    ],
)
def test_namespace(finalizer: str, expected: list[str]) -> None:
    found = obj("Namespace", spec={"finalizers": [finalizer]})
    assert refusals(found, {}) == expected
    # On a change the finalizers are those of the stored namespace.
    assert refusals_of_change(found, {"metadata.labels": {"a": "b"}}) == []


TAINT = {"key": "a", "effect": "NoSchedule"}
NODES: list[tuple[Changes, list[str]]] = [
    ({"spec.taints": [TAINT, {**TAINT, "effect": "NoExecute"}]}, []),
    ({"spec.taints": [TAINT, TAINT]}, ["metadata.taints[1] Duplicate"]),
    ({"spec.taints": [{}]}, ["metadata.taints[0].effect Required", "metadata.taints[0].key Invalid"]),
    ({"spec.taints": [{**TAINT, "effect": "x"}]}, ["metadata.taints[0].effect NotSupported"]),
    ({"spec.taints": [{**TAINT, "value": "x y"}]}, ["metadata.taints[0].value Invalid"]),
    ({"status.capacity": {"cpu": "1500m", "pods": 110}}, []),
    ({"status.capacity": {"cpu": -1}}, ["status.capacity.cpu Invalid"]),
    ({"status.allocatable": {"pods": "1.5"}}, ["status.allocatable.pods Invalid"]),
    ({"spec.podCIDRs": ["10.0.0.0/24", "fd00::/64"]}, []),
    ({"spec.podCIDR": "10.0.0/24"}, ["spec.podCIDRs[0] Invalid"]),
    ({"spec.podCIDRs": ["10.0.0.0/24", "10.1.0.0/24"]}, ["spec.podCIDRs Invalid"]),
    ({"spec.podCIDRs": ["10.0.0.0/24"] * 2}, ["spec.podCIDRs Invalid", "spec.podCIDRs[1] Duplicate"]),
]


@pytest.mark.parametrize(("changes", "expected"), NODES)
def test_node(changes: Changes, expected: list[str]) -> None:
    assert refusals(obj("Node"), changes) == expected


def test_what_a_node_was_given_stays() -> None:
    node = obj("Node", spec={"podCIDR": "10.0.0.0/24", "providerID": "a"})
    assert refusals_of_change(node, {"spec.unschedulable": True}) == []
    assert refusals_of_change(node, {"spec.externalID": "x"}) == ["spec.externalID Forbidden"]
    assert refusals_of_change(node, {"spec": {"podCIDRs": ["10.1.0.0/24"], "providerID": "b"}}) == [
        "spec.podCIDRs Forbidden",
        "spec.providerID Forbidden",
    ]


# --- quotas ---------------------------------------------------------------------------------------


def limits(**limit: Any) -> Fields:
    return obj("LimitRange", spec={"limits": [{"type": "Container", **limit}]})


LIMIT = "spec.limits[0]"
LIMITS: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"spec.limits": ...}, []),
    ({f"{LIMIT}.type": "container"}, [f"{LIMIT}.type Invalid"]),
    ({f"{LIMIT}.type": "example.com/any"}, []),
    ({f"{LIMIT}.type": ...}, [f"{LIMIT}.type Invalid"]),
    ({"spec.limits[1]": {"type": "Container"}}, ["spec.limits[1].type Duplicate"]),
    ({f"{LIMIT}.max": {"cpu": 1}, f"{LIMIT}.min": {"cpu": 2}}, [f"{LIMIT}.{side}[cpu] Invalid" for side in ("default", "defaultRequest", "min")]),
    ({f"{LIMIT}.max": {"storage": 1}}, [f"{LIMIT}.{side}[storage] Invalid" for side in ("default", "defaultRequest", "max")]),
    ({f"{LIMIT}.type": "Pod", f"{LIMIT}.default": {"cpu": 1}}, [f"{LIMIT}.default Forbidden"]),
    ({f"{LIMIT}.type": "Pod", f"{LIMIT}.defaultRequest": {"cpu": 1}}, [f"{LIMIT}.defaultRequest Forbidden"]),
    ({f"{LIMIT}.type": "PersistentVolumeClaim"}, [f"{LIMIT}.limits Required"]),
    ({f"{LIMIT}.type": "PersistentVolumeClaim", f"{LIMIT}.max": {"storage": "1Gi"}}, []),
    ({f"{LIMIT}.default": {"cpu": None}, f"{LIMIT}.defaultRequest": {"cpu": 1}}, [f"{LIMIT}.defaultRequest[cpu] Invalid"]),
    ({f"{LIMIT}.default": {"cpu": 1}, f"{LIMIT}.min": {"cpu": 2}}, [f"{LIMIT}.default[cpu] Invalid", f"{LIMIT}.defaultRequest[cpu] Invalid"]),
    ({f"{LIMIT}.maxLimitRequestRatio": {"cpu": "0.5"}}, [f"{LIMIT}.maxLimitRequestRatio[cpu] Invalid"]),
    ({f"{LIMIT}.maxLimitRequestRatio": {"cpu": 3}, f"{LIMIT}.min": {"cpu": 1}, f"{LIMIT}.max": {"cpu": 2}}, [f"{LIMIT}.maxLimitRequestRatio[cpu] Invalid"]),
    ({f"{LIMIT}.maxLimitRequestRatio": {"cpu": 3}, f"{LIMIT}.min": {"cpu": 0}, f"{LIMIT}.max": {"cpu": 2}}, []),
    ({f"{LIMIT}.default": {"example.com/gpu": 2}, f"{LIMIT}.defaultRequest": {"example.com/gpu": 1}}, [f"{LIMIT}.defaultRequest[example.com/gpu] Invalid"]),
    ({f"{LIMIT}.default": {"requests.example.com/x": 2}}, [f"{LIMIT}.{side}[requests.example.com/x] Invalid" for side in ("default", "defaultRequest")]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), LIMITS)
def test_limit_range(changes: Changes, expected: list[str]) -> None:
    assert refusals(limits(), changes) == sorted(expected)


def test_a_container_limit_is_completed() -> None:
    item = set_defaults(limits(max={"cpu": "1000m"}, min={"memory": "1Mi"}))["spec"]["limits"][0]
    assert item["default"] == {"cpu": "1"}
    assert item["defaultRequest"] == {"cpu": "1", "memory": "1Mi"}


SCOPES, SELECTOR = "spec.scopes Invalid", "spec.scopeSelector.matchExpressions"
QUOTAS: list[tuple[Fields, list[str]]] = [
    ({}, []),
    ({"hard": {"pods": None, "requests.cpu": "1500m", "count/jobs.batch": 1, "hugepages-2Mi": 0}}, []),
    ({"hard": {"pods": "1.5"}}, ["spec.hard[pods] Invalid"]),
    ({"hard": {"cpu": -1}}, ["spec.hard[cpu] Invalid"]),
    ({"hard": {"storage": 1}}, ["spec.hard[storage] Invalid"]),
    ({"hard": {"zzz": 1}}, ["spec.hard[zzz] Invalid"]),
    ({"hard": {"example.com/gpu": "1.5"}}, ["spec.hard[example.com/gpu] Invalid"]),
    ({"hard": {"requests.example.com/gpu": "1.5"}}, []),
    ({"scopes": ["BestEffort", "NotTerminating"], "hard": {"pods": 1}}, []),
    ({"scopes": ["BestEffort"], "hard": {"cpu": 1}}, [SCOPES]),
    ({"scopes": ["Terminating"], "hard": {"secrets": 1, "example.com/x": 1}}, [SCOPES]),
    ({"scopes": ["BestEffort", "NotBestEffort"]}, [SCOPES]),
    ({"scopes": ["x"]}, [SCOPES]),
]


@pytest.mark.parametrize(("spec", "expected"), QUOTAS)
def test_resource_quota(spec: Fields, expected: list[str]) -> None:
    assert refusals(obj("ResourceQuota", spec=spec), {}) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}, []),
        ({"scopeName": "PriorityClass", "operator": "In"}, ["values Required"]),
        ({"scopeName": "PriorityClass", "operator": "Exists", "values": ["high"]}, ["values Invalid"]),
        ({"scopeName": "BestEffort", "operator": "Exists"}, []),
        ({"scopeName": "BestEffort", "operator": "DoesNotExist"}, ["operator Invalid"]),
        ({"scopeName": "x", "operator": "Exists"}, ["scopeName Invalid"]),
        ({}, ["operator Invalid", "scopeName Invalid"]),
    ],
)
def test_scope_selector(expression: Fields, expected: list[str]) -> None:
    found = obj(
        "ResourceQuota", spec={"hard": {"pods": 1}, "scopeSelector": {"matchExpressions": [expression]}}
    )
    assert [one.removeprefix(f"{SELECTOR}.") for one in refusals(found, {})] == expected


def test_scope_selectors_fit_their_resources_and_each_other() -> None:
    priority = {"scopeName": "PriorityClass", "operator": "Exists"}
    both = [{"scopeName": name, "operator": "Exists"} for name in ("BestEffort", "NotBestEffort")]
    found = obj(
        "ResourceQuota", spec={"hard": {"secrets": 1}, "scopeSelector": {"matchExpressions": [priority]}}
    )
    assert refusals(found, {}) == [f"{SELECTOR} Invalid"]
    assert refusals(found, {"spec.hard": {"pods": 1}, "spec.scopeSelector.matchExpressions": both}) == [
        f"{SELECTOR} Invalid"
    ]


def test_a_quotas_scopes_stay() -> None:
    quota = obj("ResourceQuota", spec={"scopes": ["BestEffort", "Terminating"]})
    assert (
        refusals_of_change(quota, {"spec.scopes": ["Terminating", "BestEffort"], "spec.hard": {"pods": 1}})
        == []
    )
    assert refusals_of_change(quota, {"spec.scopes": ["BestEffort"]}) == [SCOPES]


# --- classes and leases ---------------------------------------------------------------------------

PRIORITY, RUNTIME, LEASE = (
    obj("PriorityClass", "scheduling.k8s.io/v1", value=1000),
    obj("RuntimeClass", "node.k8s.io/v1", handler="runc"),
    obj("Lease", "coordination.k8s.io/v1", spec={"holderIdentity": "a"}),
)
CLASSES: list[tuple[Fields, Changes, list[str]]] = [
    (PRIORITY, {}, []),
    (PRIORITY, {"value": ...}, []),
    (PRIORITY, {"value": -(2**31)}, []),
    (PRIORITY, {"value": 1_000_000_001}, ["value Forbidden"]),
    (PRIORITY, {"metadata.name": "system-mine"}, ["metadata.name Forbidden"]),
    (PRIORITY, {"metadata.name": "system-node-critical", "value": 2_000_001_000}, []),
    (PRIORITY, {"preemptionPolicy": ""}, ["preemptionPolicy Required"]),
    (PRIORITY, {"preemptionPolicy": "never"}, ["preemptionPolicy NotSupported"]),
    (RUNTIME, {}, []),
    (RUNTIME, {"handler": ...}, ["handler Invalid"]),
    (RUNTIME, {"handler": "a.b"}, ["handler Invalid"]),
    (RUNTIME, {"overhead": {"podFixed": {"cpu": "250m"}}}, []),
    (RUNTIME, {"overhead": {"podFixed": None}}, []),
    (RUNTIME, {"overhead": {"podFixed": {"cpu": None}}}, []),
    (RUNTIME, {"overhead": {"podFixed": {"pods": 1}}}, ["overhead.limits[pods] Invalid"]),
    (RUNTIME, {"overhead": {"podFixed": {"cpu": -1}}}, ["overhead.limits[cpu] Invalid"]),
    (RUNTIME, {"scheduling": {"nodeSelector": {"a": "-"}}}, ["scheduling.nodeSelector Invalid"]),
    (RUNTIME, {"scheduling": {"tolerations": [{"operator": "Exists"}]}}, []),
    (
        RUNTIME,
        {"scheduling": {"tolerations": [{"operator": "Exists"}] * 2}},
        ["scheduling.tolerations[1] Duplicate"],
    ),
    (
        RUNTIME,
        {"scheduling": {"tolerations": [{"key": "a b", "operator": "Exists"}]}},
        ["scheduling.tolerations.tolerations[0].key Invalid"],
    ),
    (LEASE, {"spec.leaseDurationSeconds": 1, "spec.leaseTransitions": 0}, []),
    (LEASE, {"spec.leaseDurationSeconds": 0}, ["spec.leaseDurationSeconds Invalid"]),
    (LEASE, {"spec.leaseTransitions": -1}, ["spec.leaseTransitions Invalid"]),
]


@pytest.mark.parametrize(("found", "changes", "expected"), CLASSES)
def test_class(found: Fields, changes: Changes, expected: list[str]) -> None:
    assert refusals(found, changes) == expected


def test_what_classes_say_stays() -> None:
    assert refusals_of_change(PRIORITY, {"description": "x", "globalDefault": True}) == []
    assert refusals_of_change(PRIORITY, {"value": 1, "preemptionPolicy": "Never"}) == [
        "preemptionPolicy Invalid",
        "value Forbidden",
    ]
    assert refusals_of_change(RUNTIME, {"handler": "kata"}) == ["handler Invalid"]


ALL = (
    config_map(),
    secret("kubernetes.io/tls"),
    limits(),
    obj("ResourceQuota", spec={}),
    obj("Node", spec={}),
)


PLACES = ("data", "binaryData", "stringData", "type", "spec", "spec.limits", "spec.hard", "overhead", "value")


@settings(max_examples=60, deadline=None)
@given(found=st.sampled_from((*ALL, PRIORITY, RUNTIME, LEASE)), place=st.sampled_from(PLACES), value=values)
def test_rules_never_raise(found: Fields, place: str, value: Any) -> None:
    validate(changed(found, {place: value}))
    validate_update(found, changed(found, {place: value}))
