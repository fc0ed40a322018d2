"""RBAC and what stands at the server's door: tables of what the API server accepts and refuses."""

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

GROUP = "rbac.authorization.k8s.io"
RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}


def obj(kind: str, api_version: str, name: str = "a", **fields: Any) -> Fields:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}


def role(kind: str = "Role", **fields: Any) -> Fields:
    return obj(kind, f"{GROUP}/v1", rules=[RULE], **fields)


def binding(kind: str = "RoleBinding") -> Fields:
    subjects = [{"kind": "ServiceAccount", "name": "sa", "namespace": "default"}]
    return obj(kind, f"{GROUP}/v1", subjects=subjects, roleRef={"kind": "ClusterRole", "name": "view"})


URLS = {"nonResourceURLs": ["/healthz"], "verbs": ["get"]}
ROLES: list[tuple[Changes, list[str], list[str]]] = [
    # (changes, what a Role is answered, what a ClusterRole is answered)
    ({}, [], []),
    ({"rules": []}, [], []),
    ({"metadata.name": "system:Any Name!"}, [], []),
    ({"metadata.name": ".."}, ["metadata.name Invalid"], ["metadata.name Invalid"]),
    ({"metadata.name": "a/b"}, ["metadata.name Invalid"], ["metadata.name Invalid"]),
    ({"rules[0].verbs": []}, ["rules[0].verbs Required"], ["rules[0].verbs Required"]),
    ({"rules[0].apiGroups": ...}, ["rules[0].apiGroups Required"], ["rules[0].apiGroups Required"]),
    ({"rules[0].apiGroups": [None]}, [], []),
    ({"rules[0].resources": None}, ["rules[0].resources Required"], ["rules[0].resources Required"]),
    ({"rules[0].resources": ["a", "b"], "rules[0].resourceNames": ["x"]}, [], []),
    ({"rules[0]": URLS}, ["rules[0].nonResourceURLs Invalid"], []),
    (
        {"rules[0]": {**URLS, **RULE}},
        ["rules[0].nonResourceURLs Invalid"],
        ["rules[0].nonResourceURLs Invalid"],
    ),
]


@pytest.mark.parametrize(("changes", "of_role", "of_cluster_role"), ROLES)
def test_role(changes: Changes, of_role: list[str], of_cluster_role: list[str]) -> None:
    assert refusals(role("Role"), changes) == of_role
    assert refusals(role("ClusterRole"), changes) == of_cluster_role


SELECTORS = "aggregationRule.clusterRoleSelectors"


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        ([{}], []),
        ([{"matchLabels": {"a": "b"}}], []),
        ([], [f"{SELECTORS} Required"]),
        ([{"matchLabels": {"a": "-"}}], [f"{SELECTORS}[0] Invalid", f"{SELECTORS}[0].matchLabels Invalid"]),
    ],
)
def test_aggregation(selectors: list[Fields], expected: list[str]) -> None:
    found = role("ClusterRole", aggregationRule={"clusterRoleSelectors": selectors})
    assert refusals(found, {}) == expected


USER = {"kind": "User", "name": "jane"}
BINDINGS: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"subjects": []}, []),
    ({"roleRef.apiGroup": ""}, []),
    ({"roleRef.apiGroup": "rbac"}, ["roleRef.apiGroup NotSupported"]),
    ({"roleRef.kind": "role"}, ["roleRef.kind NotSupported"]),
    ({"roleRef.name": ...}, ["roleRef.name Required"]),
    ({"roleRef.name": "a%b"}, ["roleRef.name Invalid"]),
    ({"roleRef": ...}, ["roleRef.kind NotSupported", "roleRef.name Required"]),
    ({"subjects[0]": {}}, ["subjects[0].kind NotSupported", "subjects[0].name Required"]),
    ({"subjects[0].name": "A"}, ["subjects[0].name Invalid"]),
    ({"subjects[0].apiGroup": GROUP}, ["subjects[0].apiGroup NotSupported"]),
    ({"subjects[0]": USER}, []),
    ({"subjects[0]": {**USER, "name": ""}}, ["subjects[0].name Invalid", "subjects[0].name Required"]),
    ({"subjects[0]": {**USER, "apiGroup": "x"}}, ["subjects[0].apiGroup NotSupported"]),
]


@pytest.mark.parametrize(("changes", "expected"), BINDINGS)
def test_binding(changes: Changes, expected: list[str]) -> None:
    assert refusals(binding(), changes) == expected
    assert refusals(binding("ClusterRoleBinding"), changes) == expected


def test_a_binding_of_the_cluster_binds_what_is_of_the_cluster() -> None:
    assert refusals(binding(), {"roleRef.kind": "Role", "subjects[0].namespace": ...}) == []
    assert refusals(
        binding("ClusterRoleBinding"), {"roleRef.kind": "Role", "subjects[0].namespace": ...}
    ) == [
        "roleRef.kind NotSupported",
        "subjects[0].namespace Required",
    ]


def test_the_role_of_a_binding_stays() -> None:
    assert refusals_of_change(binding(), {"subjects": [], "roleRef.apiGroup": GROUP}) == []
    assert refusals_of_change(binding(), {"roleRef.name": "edit"}) == ["roleRef Invalid"]
    assert refusals_of_change(role(), {"rules": []}) == []


# --- webhooks and policies on admission -----------------------------------------------------------

ADMISSION = "admissionregistration.k8s.io/v1"
RESOURCES = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
HOOK = {
    "name": "check.example.com",
    "admissionReviewVersions": ["v1"],
    "clientConfig": {"service": {"name": "s", "namespace": "n"}},
    "rules": [RESOURCES],
    "sideEffects": "None",
}
W = "webhooks[0]"
URL = f"{W}.clientConfig.url"
WEBHOOKS: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"webhooks": ...}, []),
    ({f"{W}.name": "check"}, [f"{W}.name Invalid"]),
    ({f"{W}.name": ""}, [f"{W}.name Required"]),
    ({f"{W}.name": "A.b.c"}, [f"{W}.name Invalid"]),
    ({f"{W}.admissionReviewVersions": ["v1", "1"]}, [f"{W}.admissionReviewVersions[1] Invalid"]),
    ({f"{W}.matchConditions": [{"name": f"c{one}", "expression": "true"} for one in range(65)]}, [f"{W}.matchConditions TooMany"]),
    ({f"{W}.matchConditions": [{"expression": "true"}]}, [f"{W}.matchConditions[0].name Required"]),
    ({f"{W}.matchConditions": [{"name": "a", "expression": "true"}] * 2}, [f"{W}.matchConditions[1].name Duplicate"]),
    ({f"{W}.rules[0].resources": [""]}, [f"{W}.rules[0].resources[0] Required"]),
    ({f"{W}.clientConfig.service.path": "//"}, [f"{W}.clientConfig.service.path Invalid"]),
    ({"webhooks[1]": HOOK}, ["webhooks[1].name Duplicate"]),
    ({f"{W}.sideEffects": ...}, [f"{W}.sideEffects Required"]),
    ({f"{W}.sideEffects": "Some"}, [f"{W}.sideEffects NotSupported"]),
    ({f"{W}.failurePolicy": ""}, [f"{W}.failurePolicy NotSupported"]),
    ({f"{W}.matchPolicy": "exact"}, [f"{W}.matchPolicy NotSupported"]),
    ({f"{W}.timeoutSeconds": 0}, [f"{W}.timeoutSeconds Invalid"]),
    ({f"{W}.timeoutSeconds": 31}, [f"{W}.timeoutSeconds Invalid"]),
    ({f"{W}.namespaceSelector": {"matchLabels": {"a": "-"}}}, [f"{W}.namespaceSelector.matchLabels Invalid"]),
    ({f"{W}.admissionReviewVersions": []}, [f"{W}.admissionReviewVersions Required"]),
    ({f"{W}.admissionReviewVersions": ["v2"]}, [f"{W}.admissionReviewVersions Invalid"]),
    ({f"{W}.admissionReviewVersions": ["v1", "v1"]}, [f"{W}.admissionReviewVersions[1] Invalid"]),
    ({f"{W}.clientConfig": {}}, [f"{W}.clientConfig Required"]),
    ({f"{W}.clientConfig.url": "https://a"}, [f"{W}.clientConfig Required"]),
    ({f"{W}.clientConfig": {"url": "https://a.b/c"}}, []),
    *(
        ({f"{W}.clientConfig": {"url": url}}, [f"{URL} {reason}"])
        for url, reason in [
            ("http://a", "Invalid"),
            ("", "Invalid"),
            ("https://u@a", "Invalid"),
            ("https://a#b", "Invalid"),
            ("https://a?b=c", "Invalid"),
            ("https://[a", "Required"),
        ]
    ),
    ({f"{W}.clientConfig.service": {}}, [f"{W}.clientConfig.service.{one} Required" for one in ("name", "namespace")]),
    ({f"{W}.clientConfig.service.port": 0}, [f"{W}.clientConfig.service.port Invalid"]),
    ({f"{W}.clientConfig.service.path": "/a/b/"}, []),
    ({f"{W}.clientConfig.service.path": "a"}, [f"{W}.clientConfig.service.path Invalid"]),
    ({f"{W}.clientConfig.service.path": "/a//b"}, [f"{W}.clientConfig.service.path Invalid"]),
    ({f"{W}.rules": []}, []),
    ({f"{W}.rules[0]": {}}, [f"{W}.rules[0].{one} Required" for one in sorted(RESOURCES)]),
    ({f"{W}.rules[0].operations": ["*", "CREATE"]}, [f"{W}.rules[0].operations Invalid"]),
    ({f"{W}.rules[0].operations": ["create"]}, [f"{W}.rules[0].operations[0] NotSupported"]),
    ({f"{W}.rules[0].apiVersions": [""]}, [f"{W}.rules[0].apiVersions[0] Required"]),
    ({f"{W}.rules[0].resources": ["*/*", "pods"]}, [f"{W}.rules[0].resources Invalid"]),
    ({f"{W}.rules[0].resources": ["pods/*", "pods/log"]}, [f"{W}.rules[0].resources[1] Invalid"]),
    ({f"{W}.rules[0].resources": ["*", "pods"]}, [f"{W}.rules[0].resources Invalid"]),
    ({f"{W}.rules[0].scope": "all"}, [f"{W}.rules[0].scope NotSupported"]),
    ({f"{W}.matchConditions": [{"name": "a", "expression": "true"}]}, []),
    (
        {f"{W}.matchConditions": [{"name": "a b", "expression": " "}]},
        [f"{W}.matchConditions[0].expression Required", f"{W}.matchConditions[0].name Invalid"],
    ),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"])
@pytest.mark.parametrize(("changes", "expected"), WEBHOOKS)
def test_webhooks(kind: str, changes: Changes, expected: list[str]) -> None:
    assert refusals(obj(kind, ADMISSION, webhooks=[HOOK]), changes) == expected


def test_webhooks_are_completed() -> None:
    found = set_defaults(obj("MutatingWebhookConfiguration", ADMISSION, webhooks=[HOOK]))["webhooks"][0]
    assert found["clientConfig"]["service"]["port"] == 443
    assert (found["failurePolicy"], found["matchPolicy"]) == ("Fail", "Equivalent")
    assert (found["timeoutSeconds"], found["reinvocationPolicy"]) == (10, "Never")
    assert found["rules"][0]["scope"] == "*"


POLICY = {"matchConstraints": {"resourceRules": [RESOURCES]}, "validations": [{"expression": "true"}]}
POLICIES: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"spec.matchConstraints": ...}, ["spec.matchConstraints Required"]),
    ({"spec.matchConstraints.resourceRules": []}, ["spec.matchConstraints.resourceRules Required"]),
    ({"spec.validations": []}, ["spec.auditAnnotations Required", "spec.validations Required"]),
    ({"spec.validations": [{}]}, ["spec.validations[0].expression Required"]),
    ({"spec.validations[0].reason": "x"}, ["spec.validations[0].reason NotSupported"]),
    ({"spec.validations[0].message": "a\nb"}, ["spec.validations[0].message Invalid"]),
    ({"spec.failurePolicy": "x"}, ["spec.failurePolicy NotSupported"]),
    ({"spec.matchConstraints.matchPolicy": "x"}, ["spec.matchConstraints.matchPolicy NotSupported"]),
    ({"spec.matchConstraints.objectSelector": {"matchLabels": {"a": "-"}}}, ["spec.matchConstraints.objectSelector.matchLabels Invalid"]),
    ({"spec.matchConstraints.resourceRules[0].scope": "x"}, ["spec.matchConstraints.resourceRules[0].scope NotSupported"]),
    ({"spec.matchConstraints.excludeResourceRules": [{**RESOURCES, "resourceNames": ["a", "a", ".."]}]}, ["spec.matchConstraints.excludeResourceRules[0].resourceNames[1] Duplicate", "spec.matchConstraints.excludeResourceRules[0].resourceNames[2] Invalid"]),
    ({"spec.matchConditions": [{"name": "a", "expression": ""}]}, ["spec.matchConditions[0].expression Required"]),
    ({"spec.validations[0].messageExpression": " "}, ["spec.validations[0].messageExpression Invalid"]),
    ({"spec.variables": [{}]}, ["spec.variables[0].expression Required", "spec.variables[0].name Required"]),
    ({"spec.auditAnnotations": [{"key": "a", "valueExpression": " "}] * 2}, ["spec.auditAnnotations[0].valueExpression Required", "spec.auditAnnotations[1].key Duplicate", "spec.auditAnnotations[1].valueExpression Required"]),
    ({"spec.auditAnnotations": [{"key": f"k{one}", "valueExpression": "x"} for one in range(21)]}, ["spec.auditAnnotations Invalid"]),
    ({"spec.auditAnnotations": [{"key": "a", "valueExpression": "x" * 5121}]}, ["spec.auditAnnotations[0].valueExpression Required"]),
    ({"spec.auditAnnotations": [{"key": "a", "valueExpression": "x"}], "metadata.name": ""}, ["metadata.name Required", "spec.auditAnnotations[0].key Invalid"]),
    ({"spec.paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}, []),
    ({"spec.paramKind": {}}, ["spec.paramKind.apiVersion Required", "spec.paramKind.kind Required"]),
    ({"spec.paramKind": {"apiVersion": "a/b/c", "kind": "_"}}, ["spec.paramKind.apiVersion Invalid", "spec.paramKind.kind Invalid"]),
    ({"spec.variables": [{"name": "in", "expression": "1"}]}, ["spec.variables[0].name Invalid"]),
    ({"spec.auditAnnotations": [{"key": "a b", "valueExpression": "x"}]}, ["spec.auditAnnotations[0].key Invalid"]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), POLICIES)
def test_admission_policy(changes: Changes, expected: list[str]) -> None:
    assert refusals(obj("ValidatingAdmissionPolicy", ADMISSION, spec=POLICY), changes) == expected


POLICY_BINDINGS: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"spec.policyName": ""}, ["spec.policyName Required"]),
    ({"spec.policyName": "A"}, ["spec.policyName Invalid"]),
    ({"spec.paramRef": {"name": "..", "parameterNotFoundAction": "x"}}, ["spec.paramRef.name Invalid", "spec.paramRef.parameterNotFoundAction NotSupported"]),
    ({"spec.paramRef": {"name": "a", "selector": {"matchLabels": {"a": "-"}}, "parameterNotFoundAction": "Deny"}}, ["spec.paramRef.name Forbidden", "spec.paramRef.selector Forbidden", "spec.paramRef.selector.matchLabels Invalid"]),
    ({"spec.validationActions": []}, ["spec.validationActions Required"]),
    ({"spec.validationActions": ["Deny", "Warn"]}, ["spec.validationActions Invalid"]),
    ({"spec.validationActions": ["x", "x"]}, ["spec.validationActions[0] NotSupported", "spec.validationActions[1] Duplicate", "spec.validationActions[1] NotSupported"]),
    ({"spec.paramRef": {}}, ["spec.paramRef Required", "spec.paramRef.parameterNotFoundAction Required"]),
    ({"spec.paramRef": {"name": "a", "parameterNotFoundAction": "Allow"}}, []),
    ({"spec.matchResources": {"matchPolicy": "x"}}, ["spec.matchResouces.matchPolicy NotSupported"]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), POLICY_BINDINGS)
def test_admission_policy_binding(changes: Changes, expected: list[str]) -> None:
    spec = {"policyName": "a", "validationActions": ["Deny"]}
    assert refusals(obj("ValidatingAdmissionPolicyBinding", ADMISSION, spec=spec), changes) == expected


# --- what extends the server ----------------------------------------------------------------------

SERVICE = obj(
    "APIService",
    "apiregistration.k8s.io/v1",
    "v1.example.com",
    spec={
        "group": "example.com",
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": {"name": "s", "namespace": "n"},
    },
)
API_SERVICES: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"metadata.name": "v2.example.com"}, ["metadata.name Invalid"]),
    ({"spec.versionPriority": 0}, ["spec.versionPriority Invalid"]),
    ({"spec.group": "", "spec.version": "v2", "metadata.name": "v2."}, ["spec.group Required"]),
    ({"spec.group": "A", "metadata.name": "v1.A"}, ["spec.group Invalid"]),
    ({"spec.version": "1", "metadata.name": "1.example.com"}, ["spec.version Invalid"]),
    ({"spec.service.port": 0}, ["spec.service.port Invalid"]),
    ({"spec.groupPriorityMinimum": 20001}, ["spec.groupPriorityMinimum Invalid"]),
    ({"spec.service": {}}, ["spec.service.name Required", "spec.service.namespace Required"]),
    ({"spec.service": ..., "spec.insecureSkipTLSVerify": True}, ["spec.insecureSkipTLSVerify Invalid"]),
    ({"spec.caBundle": "eA==", "spec.insecureSkipTLSVerify": True}, ["spec.insecureSkipTLSVerify Invalid"]),
    ({"spec.caBundle": "x"}, ["spec.caBundle TypeInvalid"]),
]


@pytest.mark.parametrize(("changes", "expected"), API_SERVICES)
def test_api_service(changes: Changes, expected: list[str]) -> None:
    assert refusals(SERVICE, changes) == expected


PEM = base64.b64encode(b"-----BEGIN CERTIFICATE REQUEST-----\n").decode()
SIGNING = obj(
    "CertificateSigningRequest",
    "certificates.k8s.io/v1",
    spec={"request": PEM, "signerName": "example.com/signer", "usages": ["client auth"]},
)
REQUESTS: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"spec.request": "eA=="}, ["spec.request Invalid"]),
    ({"spec.usages": []}, ["spec.usages Required"]),
    ({"spec.usages": ["any", "any", "x"]}, ["spec.usages[1] Duplicate", "spec.usages[2] NotSupported"]),
    ({"spec.signerName": ""}, ["spec.signerName Required"]),
    *(
        ({"spec.signerName": name}, ["spec.signerName Invalid"])
        for name in ("signer", "a.b/c/d", "A.b/c", "a/c", "a.b/C")
    ),
    ({"spec.signerName": "kubernetes.io/legacy-unknown"}, ["spec.signerName Invalid"]),
    ({"spec.expirationSeconds": 599}, ["spec.expirationSeconds Invalid"]),
]


@pytest.mark.parametrize(("changes", "expected"), REQUESTS)
def test_signing_request(changes: Changes, expected: list[str]) -> None:
    assert refusals(SIGNING, changes) == expected


# --- flow control ---------------------------------------------------------------------------------

FLOW = "flowcontrol.apiserver.k8s.io/v1"
FLOW_RULE = {
    "subjects": [{"kind": "Group", "group": {"name": "g"}}],
    "resourceRules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["*"]}],
}
SCHEMA = obj("FlowSchema", FLOW, spec={"priorityLevelConfiguration": {"name": "l"}, "rules": [FLOW_RULE]})
R = "spec.rules[0]"
SCHEMAS: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"spec.matchingPrecedence": 1}, ["spec.matchingPrecedence Invalid"]),
    ({"spec.matchingPrecedence": 10001}, ["spec.matchingPrecedence Invalid"]),
    ({"spec.distinguisherMethod": {"type": "x"}}, ["spec.distinguisherMethod.type NotSupported"]),
    ({"spec.priorityLevelConfiguration": ...}, ["spec.priorityLevelConfiguration.name Required"]),
    ({"spec.priorityLevelConfiguration.name": "A"}, ["spec.priorityLevelConfiguration.name Invalid"]),
    ({R: {}}, [f"{R} Required", f"{R}.subjects Required"]),
    ({f"{R}.subjects[0].kind": "x"}, [f"{R}.subjects[0].kind NotSupported"]),
    (
        {f"{R}.subjects[0].kind": "User"},
        [f"{R}.subjects[0].group Forbidden", f"{R}.subjects[0].user Required"],
    ),
    ({f"{R}.subjects[0].group.name": ""}, [f"{R}.subjects[0].group.name Required"]),
    ({f"{R}.subjects[0]": {"kind": "ServiceAccount", "serviceAccount": {"name": "*", "namespace": "n"}}}, []),
    (
        {f"{R}.subjects[0]": {"kind": "ServiceAccount", "serviceAccount": {"name": "A"}}},
        [
            f"{R}.subjects[0].serviceAccount.name Invalid",
            f"{R}.subjects[0].serviceAccount.namespace Required",
        ],
    ),
    (
        {f"{R}.subjects[0]": {"kind": "ServiceAccount", "serviceAccount": {"name": "a", "namespace": "N"}}},
        [f"{R}.subjects[0].serviceAccount.namespace Invalid"],
    ),
    ({f"{R}.resourceRules[0].verbs": ["*", "get"]}, [f"{R}.resourceRules[0].verbs Invalid"]),
    ({f"{R}.resourceRules[0].verbs": ["read"]}, [f"{R}.resourceRules[0].verbs NotSupported"]),
    ({f"{R}.resourceRules[0].namespaces": []}, [f"{R}.resourceRules[0].namespaces Required"]),
    ({f"{R}.resourceRules[0].namespaces": [], f"{R}.resourceRules[0].clusterScope": True}, []),
    ({f"{R}.resourceRules[0].namespaces": ["A"]}, [f"{R}.resourceRules[0].namespaces[0] Invalid"]),
    ({f"{R}.nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["/", "/a/*"]}]}, []),
    (
        {f"{R}.nonResourceRules": [{"verbs": [], "nonResourceURLs": []}]},
        [f"{R}.nonResourceRules[0].{one} Required" for one in ("nonResourceURLs", "verbs")],
    ),
    (
        {f"{R}.nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["", "a", "/a b", "/a//b", "/a*"]}]},
        [f"{R}.nonResourceRules[0].nonResourceURLs[{one}] Invalid" for one in range(5)],
    ),
]


@pytest.mark.parametrize(("changes", "expected"), SCHEMAS)
def test_flow_schema(changes: Changes, expected: list[str]) -> None:
    assert refusals(SCHEMA, changes) == expected


L = "spec.limited"
LEVELS: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"spec.type": "x"}, ["spec.type NotSupported"]),
    ({"spec.type": "Exempt"}, ["spec.limited Forbidden", "spec.type Invalid"]),
    ({"spec": {"type": "Exempt"}, "metadata.name": "exempt"}, []),
    ({"spec.limited": ...}, ["spec.limited Required"]),
    ({"spec.exempt": {}}, ["spec.exempt Forbidden"]),
    ({f"{L}.nominalConcurrencyShares": 0}, []),
    ({f"{L}.nominalConcurrencyShares": -1}, [f"{L}.nominalConcurrencyShares Invalid"]),
    ({f"{L}.lendablePercent": 101}, [f"{L}.lendablePercent Invalid"]),
    ({f"{L}.limitResponse.type": ""}, [f"{L}.limitResponse.type NotSupported"]),
    ({f"{L}.limitResponse.type": "Reject"}, [f"{L}.limitResponse.queuing Forbidden"]),
    ({f"{L}.limitResponse.queuing": ...}, [f"{L}.limitResponse.queuing Required"]),
    (
        {f"{L}.limitResponse.queuing.queueLengthLimit": -1},
        [f"{L}.limitResponse.queuing.queueLengthLimit Invalid"],
    ),
    (
        {f"{L}.limitResponse.queuing.queues": 10_000_001, f"{L}.limitResponse.queuing.handSize": 1},
        [f"{L}.limitResponse.queuing.queues Invalid"],
    ),
    ({f"{L}.limitResponse.queuing.handSize": 11}, [f"{L}.limitResponse.queuing.handSize Invalid"]),
    ({f"{L}.limitResponse.queuing.handSize": 65}, [f"{L}.limitResponse.queuing.handSize Invalid"]),
]


@pytest.mark.parametrize(("changes", "expected"), LEVELS)
def test_priority_level(changes: Changes, expected: list[str]) -> None:
    limited = {"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": {}}}}
    assert refusals(obj("PriorityLevelConfiguration", FLOW, spec=limited), changes) == expected


TIMED = {
    "eventTime": "2026-01-02T03:04:05.000000Z",
    "reportingComponent": "example.com/c",
    "reportingInstance": "i",
    "action": "a",
    "reason": "r",
}
ABOUT = {"involvedObject": {"kind": "Pod", "name": "a", "namespace": "default"}}
EVENTS: list[tuple[Fields, list[str]]] = [
    (ABOUT, []),
    ({"involvedObject": {}}, []),
    ({"involvedObject": {"namespace": "other"}}, ["involvedObject.namespace Invalid"]),
    ({**ABOUT, **TIMED}, []),
    ({**ABOUT, **TIMED, "reason": "r" * 129}, ["reason Invalid"]),
    ({**ABOUT, **TIMED, "message": "m" * 1025}, ["message Invalid"]),
    ({**ABOUT, **TIMED, "action": ""}, ["action Required"]),
    ({**ABOUT, **TIMED, "reportingComponent": "a b"}, ["reportingController Invalid"]),
    (
        {**ABOUT, **TIMED, "reportingComponent": ""},
        ["reportingController Invalid", "reportingController Required"],
    ),
]


@pytest.mark.parametrize(("fields", "expected"), EVENTS)
def test_event(fields: Fields, expected: list[str]) -> None:
    assert refusals(obj("Event", "v1", **fields), {}) == expected


def test_an_event_of_the_new_group_is_held_to_more() -> None:
    regarding = {"regarding": {"namespace": "default"}}
    assert refusals(obj("Event", "events.k8s.io/v1", **regarding, deprecatedCount=1), {}) == [
        "count Invalid",
        "eventTime Required",
        "type Invalid",
    ]


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ({"count": 2, "lastObservedTime": TIMED["eventTime"]}, []),
        ({"count": 1}, ["series.count Invalid", "series.lastObservedTime Required"]),
    ],
)
def test_a_series_of_events(series: Fields, expected: list[str]) -> None:
    told = {
        "eventTime": TIMED["eventTime"],
        "reportingController": "c",
        "reportingInstance": "i",
        "action": "a",
    }
    found = obj("Event", "events.k8s.io/v1", **told, reason="r", type="Normal", series=series)
    assert refusals(found, {}) == expected


ALL = (role("ClusterRole"), binding(), obj("ValidatingWebhookConfiguration", ADMISSION, webhooks=[HOOK]))
POLICY_OBJECT = obj("ValidatingAdmissionPolicy", ADMISSION, spec=POLICY)
PLACES = ("rules", "aggregationRule", "subjects", "roleRef", "webhooks", f"{W}.clientConfig", "spec")


@settings(max_examples=60, deadline=None)
@given(
    found=st.sampled_from((*ALL, POLICY_OBJECT, SERVICE, SIGNING)),
    place=st.sampled_from(PLACES),
    value=values,
)
def test_rules_never_raise(found: Fields, place: str, value: Any) -> None:
    if place.startswith(W) and "webhooks" not in found:
        return
    validate(changed(found, {place: value}))
    validate_update(found, changed(found, {place: value}))
