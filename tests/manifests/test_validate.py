"""Validation: tables of the API server's own answers, and its verdicts on thousands of mutations."""

# ruff: noqa: E501 (messages are as long as the server's)

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import agreement
import minikctl_schemas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_strategies import values
from manifest_corpus import corpus, rows

from minikctl.errors import FieldProblem, ManifestError
from minikctl.manifests import check, load_files, parse, structure, validate, validate_update
from minikctl.manifests.paths import format_path, parse_path
from minikctl.manifests.rules import RULES
from minikctl.manifests.rules.problems import show
from minikctl.model import copy

DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"


def deployment() -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [{"name": "web", "image": "nginx:1", "ports": [{"containerPort": 80}]}]
                },
            },
        },
    }


def pod() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "a", "image": "a:1"}]},
    }


def problems(obj: dict[str, Any], path: str, value: Any) -> list[str]:
    """The problems of `obj` with the field at `path` set (`...` removes it)."""
    obj = copy(obj)
    *parents, last = parse_path(path)
    target: Any = obj
    for step in parents:
        if isinstance(step, str) and step not in target:
            target[step] = {}
        target = target[step]
    if value is ...:
        del target[last]
    elif isinstance(last, int) and last == len(target):
        target.append(value)
    else:
        target[last] = value
    return [str(problem) for problem in validate(obj)]


BASE = "spec.template.spec.containers[0]"
DEPLOYMENTS: list[tuple[str, Any, list[str]]] = [
    ("spec.replicas", 3, []),
    ("spec.replicas", None, []),
    ("spec.replicas", -1, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]),
    ("spec.replicas", "3", ['spec.replicas: Invalid value: "3": must be an integer']),
    ("spec.replicas", 2**31, ["spec.replicas: Invalid value: 2147483648: does not fit in the integer type of this field"]),
    ("spec.replicaz", 3, ['spec.replicaz: unknown field "spec.replicaz", did you mean "replicas"?']),
    ("spec.Replicas", 3, ['spec.Replicas: unknown field "spec.Replicas", did you mean "replicas"?']),
    ("metadata.bogus", 3, ['metadata.bogus: unknown field "metadata.bogus"']),
    (f"{BASE}.imagee", "x", [f'{BASE}.imagee: unknown field "{BASE}.imagee", did you mean "image"?']),
    (f"{BASE}.image", ..., [f"{BASE}.image: Required value"]),
    (f"{BASE}.image", 1, [f"{BASE}.image: Invalid value: 1: must be a string"]),
    (f"{BASE}.name", "", [f"{BASE}.name: Required value"]),
    (f"{BASE}.name", "A", [f"{BASE}.name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case "
     "alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or "
     f"'123-abc', regex used for validation is '{DNS_LABEL}')"]),
    (f"{BASE}.imagePullPolicy", "Sometimes", [f'{BASE}.imagePullPolicy: Unsupported value: "Sometimes": supported values: '
     '"Always", "IfNotPresent", "Never"']),
    (f"{BASE}.ports[0].containerPort", 99999,
     [f"{BASE}.ports[0].containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive"]),
    (f"{BASE}.ports[0].containerPort", ..., [f"{BASE}.ports[0].containerPort: Required value"]),
    (f"{BASE}.ports[0].protocol", "tcp",
     [f'{BASE}.ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"']),
    (f"{BASE}.ports[0].name", "-a", [f'{BASE}.ports[0].name: Invalid value: "-a": must not begin or end with a hyphen']),
    (f"{BASE}.ports[0].hostIP", "x", []),
    (f"{BASE}.resources.requests", {"cpu": "1GB"}, [f'{BASE}.resources.requests.cpu: Invalid value: "1GB": quantities must '
     "be a number with an optional suffix (e.g. '500m', '1.5', '128Mi', '2Gi')"]),
    (f"{BASE}.resources", {"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}},
     [f'{BASE}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1500m']),
    (f"{BASE}.resources", {"limits": {"cpu": "-1"}},
     [f'{BASE}.resources.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0']),
    (f"{BASE}.env", [{"name": ""}], [f"{BASE}.env[0].name: Required value"]),
    (f"{BASE}.env", [{"name": "A=B"}], [f"{BASE}.env[0].name: Invalid value: \"A=B\": a valid environment variable name must "
     "consist only of printable ASCII characters other than '='"]),
    (f"{BASE}.env", [{"name": "A", "value": 1}], [f"{BASE}.env[0].value: Invalid value: 1: must be a string"]),
    (f"{BASE}.env", [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
     [f'{BASE}.env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty']),
    ("spec.selector", ..., ["spec.selector: Required value", 'spec.template.metadata.labels: Invalid value: {"app":"web"}: '
     "`selector` does not match template `labels`"]),
    ("spec.selector", {}, ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"]),
    ("spec.template.metadata.labels", {"app": "other"},
     ['spec.template.metadata.labels: Invalid value: {"app":"other"}: `selector` does not match template `labels`']),
    ("spec.template.spec.restartPolicy", "Never",
     ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"']),
    ("spec.template.spec.containers", [], ["spec.template.spec.containers: Required value"]),
    ("spec.template.spec.containers", {}, ["spec.template.spec.containers: Invalid value: {}: must be a list"]),
    ("spec.strategy", {"type": ""}, []),
    ("spec.strategy", {"type": "Recreate"}, []),
    ("spec.strategy", {"type": "Bogus"},
     ['spec.strategy: Unsupported value: "Bogus": supported values: "Recreate", "RollingUpdate"']),
    ("spec.strategy", {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}},
     ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"]),
    ("spec.strategy", {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}},
     ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0']),
    ("spec.strategy", {"rollingUpdate": {"maxUnavailable": "101%"}},
     ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%']),
    ("spec.strategy", {"rollingUpdate": {"maxSurge": "200%"}}, []),
    ("spec.strategy", {"rollingUpdate": {"maxSurge": "1"}}, ["spec.strategy.rollingUpdate.maxSurge: Invalid value: \"1\": a "
     "valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
     "validation is '[0-9]+%')"]),
    ("spec.minReadySeconds", 600,
     ["spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"]),
    ("metadata.name", ..., ["metadata.name: Required value: name or generateName is required"]),
    ("metadata.namespace", "a.b", ["metadata.namespace: Invalid value: \"a.b\": a lowercase RFC 1123 label must consist of "
     "lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  "
     f"or '123-abc', regex used for validation is '{DNS_LABEL}')"]),
    ("metadata.labels", {"a": "x" * 64}, [f'metadata.labels: Invalid value: "{"x" * 64}": must be no more than 63 bytes']),
    ("metadata.labels", {"/a": ""}, ['metadata.labels: Invalid value: "/a": prefix part must be non-empty']),
    ("metadata.labels", {"a": True}, ["metadata.labels.a: Invalid value: true: must be a string"]),
    ("metadata.labels", {"a.b/c": 1}, ["metadata.labels[a.b/c]: Invalid value: 1: must be a string"]),
    ("metadata.annotations", {"a": "x" * 262144},
     ["metadata.annotations: Too long: may not be more than 262144 bytes"]),
    ("apiVersion", "apps/v1beta1", ['apiVersion: no matches for kind "Deployment" in version "apps/v1beta1"; did you mean '
     'apiVersion "apps/v1"?']),
    ("apiVersion", ..., ["apiVersion: Object 'apiVersion' is missing"]),
    ("kind", "deployment", ['kind: no matches for kind "deployment" in version "apps/v1"; did you mean "Deployment"?']),
    ("kind", "Gadget", ['kind: no matches for kind "Gadget" in version "apps/v1"']),
]  # fmt: skip


@pytest.fixture(params=["jsonschema_rs", "jsonschema"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run with jsonschema-rs, and as where there is no wheel of it."""
    if request.param == "jsonschema":
        monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    structure._judge.cache_clear()
    yield
    structure._judge.cache_clear()


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(("path", "value", "expected"), DEPLOYMENTS)
def test_deployment(path: str, value: Any, expected: list[str]) -> None:
    assert problems(deployment(), path, value) == expected


HOST_PORT = {"containerPort": 80, "hostPort": 8080}
PODS: list[tuple[str, Any, list[str]]] = [
    ("spec.restartPolicy", "Never", []),
    ("spec.restartPolicy", "never",
     ['spec.restartPolicy: Unsupported value: "never": supported values: "Always", "Never", "OnFailure"']),
    ("spec.containers[0].image", " a", ['spec.containers[0].image: Invalid value: " a": must not have leading or trailing '
     "whitespace"]),
    ("spec.containers[1]", {"name": "a", "image": "b"}, ['spec.containers[1].name: Duplicate value: "a"']),
    ("spec.containers[0].ports", [HOST_PORT, {**HOST_PORT, "containerPort": 81}],
     ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//8080"']),
    ("spec.containers[0].ports", [{"containerPort": 1, "name": "x"}, {"containerPort": 2, "name": "x"}],
     ['spec.containers[0].ports[1].name: Duplicate value: "x"']),
    ("spec.containers[0].ports", [{"containerPort": 80, "protocol": "UDP"}, {"containerPort": 80}], []),
    ("spec.containers[0].securityContext", {"privileged": True, "allowPrivilegeEscalation": False},
     ["spec.containers[0].securityContext: Invalid value: {\"allowPrivilegeEscalation\":false,\"privileged\":true}: cannot set "
      "`allowPrivilegeEscalation` to false and `privileged` to true"]),
    ("spec.containers[0].securityContext", {"runAsUser": -1},
     ["spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive"]),
    ("spec.terminationGracePeriodSeconds", -1,
     ["spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0"]),
    ("spec.activeDeadlineSeconds", 0,
     ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"]),
    ("spec.tolerations", [{"operator": "Exists"}], []),
    ("spec.tolerations", [{"key": "a", "effect": "x"}], ['spec.tolerations[0].effect: Unsupported value: "x": supported '
     'values: "NoExecute", "NoSchedule", "PreferNoSchedule"']),
    ("spec.containers[0].volumeMounts", [{"name": "v", "mountPath": "/v"}],
     ['spec.containers[0].volumeMounts[0].name: Not found: "v"']),
    ("spec.containers[0].livenessProbe", {}, ["spec.containers[0].livenessProbe: Required value: must specify a handler type"]),
    ("spec.containers[0].env", [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['x']"}}}], []),
    ("metadata.creationTimestamp", "yesterday", ['metadata.creationTimestamp: Invalid value: "yesterday": must be a time '
     "(e.g. '2006-01-02T15:04:05Z')"]),
    ("spec", None, ["spec.containers: Required value"]),
    ("status", {"phase": "Running"}, []),
]  # fmt: skip


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(("path", "value", "expected"), PODS)
def test_pod(path: str, value: Any, expected: list[str]) -> None:
    assert problems(pod(), path, value) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: d["spec"].update(replicas=9), []),
        (lambda d: d["spec"]["template"]["spec"].update(hostNetwork=True), []),
        (
            lambda d: (d["spec"]["selector"]["matchLabels"].update(b="c"), d["spec"]["template"]["metadata"]["labels"].update(b="c")),
            ['spec.selector: Invalid value: {"matchLabels":{"app":"web","b":"c"}}: field is immutable'],
        ),
        (lambda d: d["metadata"].update(name="x"), ['metadata.name: Invalid value: "x": field is immutable']),
    ],
)  # fmt: skip
def test_update_of_a_deployment(change: Callable[[Any], Any], expected: list[str]) -> None:
    new = deployment()
    change(new)
    assert [str(problem) for problem in validate_update(deployment(), new)] == expected


def test_check_has_positions_and_all_problems_of_all_documents() -> None:
    text = b"""\
apiVersion: v1
kind: Pod
metadata:
  name: Bad_Name
spec:
  hostUsers: false
  containers:
  - name: a
    volumeMounts: []
    ports:
    - containerPort: 0
---
apiVersion: v1
kind: Node
metadata: {name: node-1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x}
spec:
  replicas: "1"
"""
    found = [(str(one.position), one.path, one.reason) for one in check(parse(text, "f.yaml"))]
    assert found == [
        ("f.yaml:4:3", "metadata.name", "FieldValueInvalid"),
        ("f.yaml:8:5", "spec.containers[0].image", "FieldValueRequired"),
        ("f.yaml:11:7", "spec.containers[0].ports[0].containerPort", "FieldValueRequired"),
        ("f.yaml:6:3", "spec.hostUsers", "NotHandled"),
        ("f.yaml:14:1", "kind", "FieldValueForbidden"),
        ("f.yaml:21:3", "spec.replicas", "FieldValueTypeInvalid"),
    ]


def test_check_says_of_an_unknown_field_only_that() -> None:
    text = b"{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {bogus: 1, containers: [{name: a, image: a}]}}"
    assert [(problem.path, problem.reason) for problem in check(parse(text, "f"))] == [
        ("spec.bogus", "UnknownField")
    ]


@pytest.mark.parametrize(
    "text", ["spec.containers[0].ports[1].name", "metadata.labels[a.b/c]", "kind", "", "a[0][1].b-c"]
)
def test_path_text(text: str) -> None:
    assert format_path(parse_path(text)) == text


# --- the two JSON Schema libraries ------------------------------------------------------------------


@pytest.mark.usefixtures("library")
def test_the_library_that_is_there_is_asked() -> None:
    has_rust = sys.modules.get("jsonschema_rs", "not imported yet") is not None
    validate(deployment())
    names = ("apps/v1", "Deployment")
    assert (structure._judge(*names) is structure._python_judge(*names)) != has_rust


def both_ways(obj: dict[str, Any]) -> list[FieldProblem]:
    """What jsonschema-rs finds in `obj`; jsonschema has to find the same."""
    found = structure.check_structure(obj)
    with mock.patch.object(structure, "_judge", structure._python_judge):
        assert structure.check_structure(obj) == found
    return found


def test_both_libraries_say_the_same_of_mixed_mistakes() -> None:
    obj = deployment()
    obj |= {"x": 1, "Spec": 2, "metadata": {"labels": {"a": 1}, "creationTimestamp": "x"}}
    obj["spec"] = {"replicas": "x", "minReadySeconds": 2**40, "strategy": {"type": 3, "rollingUpdate": []}}
    assert [problem.path for problem in both_ways(obj)] == [
        "Spec", "metadata.creationTimestamp", "metadata.labels.a", "spec.minReadySeconds", "spec.replicas",
        "spec.selector", "spec.strategy.rollingUpdate", "spec.strategy.type", "spec.template", "x",
    ]  # fmt: skip


@pytest.mark.parametrize("quantity", ["1\n", "1 ", "١", "1e3", "1.0", 1, 1.0, 1.5, True, -0.0, 2**63])
def test_both_libraries_say_the_same_of_hard_values(quantity: Any) -> None:
    obj = pod()
    obj["spec"]["containers"][0]["resources"] = {"limits": {"cpu": quantity}}
    obj["spec"]["priority"] = quantity
    obj["spec"]["containers"][0]["stdin"] = quantity
    both_ways(obj)


@pytest.mark.parametrize("key", ["", "80", "080", "a/b", "a~1b", "a.b"])
def test_path_has_the_key_as_it_is(key: str) -> None:
    obj = pod()
    obj["metadata"]["labels"] = {key: 1}
    assert [problem.path for problem in both_ways(obj)] == [format_path(("metadata", "labels", key))]


@given(st.data())
def test_both_libraries_say_the_same_of_any_value(data: st.DataObject) -> None:
    obj = _mutated(data)
    if _is_known(obj):
        both_ways(obj)


def test_half_of_a_surrogate_pair_is_no_problem_of_its_own() -> None:
    obj = pod()
    obj["metadata"]["annotations"] = {"a": "\ud83d"}
    assert validate(obj) == []


def test_status_is_nothing_that_somebody_must_fill() -> None:
    claim = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": "a"}}
    assert validate({**claim, "status": {"reservedFor": [{}]}}) == validate(claim) == []


def test_problems_stand_in_the_order_of_lists() -> None:
    obj = pod()
    obj["spec"]["containers"] = [{"name": 1, "imag": "a"}] * 11
    found = [problem.path for problem in validate(obj)]
    expected = [f"spec.containers[{index}].{name}" for index in range(11) for name in ("imag", "name")]
    assert found == expected


def test_of_very_many_problems_the_first_ones_are_told() -> None:
    obj = pod()
    obj["spec"]["containers"] = [{"name": "a", "image": "a", "env": [{"name": "="}] * 1001}]
    found = validate(obj)
    assert len(found) == 1001
    assert (found[-1].reason, found[-1].path) == ("TooManyProblems", "")
    obj["spec"]["containers"][0]["env"].pop()
    assert [problem.reason for problem in validate(obj)] == ["FieldValueInvalid"] * 1000


@pytest.mark.parametrize(
    "value",
    ["a" * 5000, ["a" * 1999, 1, 2], {"k" * 1999: 1, "l": 2}, [[1] * 5000], list(map(str, range(5000)))],
)
def test_long_values_are_shown_in_part(value: Any) -> None:
    text = show(value)
    assert len(text) < 9000 and "..." in text
    json.loads(text)


@pytest.mark.parametrize("value", ["a" * 2000, ["a" * 1000, 1, None], {"k": {"l": [1.5, True]}}, 0, ""])
def test_others_are_shown_whole(value: Any) -> None:
    assert json.loads(show(value)) == value


def test_rules_have_ids_of_their_own() -> None:
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))


# --- what a real API server said --------------------------------------------------------------------


# Verdicts or fields that differ, by the row's id, each with its reason. Whoever mends one takes it out.
KNOWN_DISAGREEMENTS: dict[str, str] = {}


@pytest.fixture(scope="module", params=["mutants", "updates"])
def outcomes(request: pytest.FixtureRequest) -> list[agreement.Outcome]:
    return list(getattr(agreement, request.param)())


def test_every_disagreement_is_known(outcomes: list[agreement.Outcome]) -> None:
    wrong = {
        one.id: one for one in outcomes if not one.same_verdict or (one.has_fields and not one.same_fields)
    }
    assert wrong.keys() <= KNOWN_DISAGREEMENTS.keys(), [
        wrong[name] for name in wrong.keys() - KNOWN_DISAGREEMENTS.keys()
    ]
    mended = {one.id for one in outcomes} & KNOWN_DISAGREEMENTS.keys() - wrong.keys()
    assert not mended, "take them out of the table"


def test_accepts_what_the_api_server_accepts(outcomes: list[agreement.Outcome]) -> None:
    """A false alarm is worse than a problem found late: there is none."""
    assert not [one for one in outcomes if one.accepted and not one.our_acceptance]


def _is_known(obj: dict[str, Any]) -> bool:
    names = obj.get("apiVersion"), obj.get("kind")
    return all(isinstance(name, str) for name in names) and names in minikctl_schemas.kinds()


def _objects(file: str) -> list[dict[str, Any]]:
    try:
        return [one.obj for one in load_files([str(corpus() / file)])]
    except ManifestError:
        return []  # a key that is set twice


def test_both_libraries_say_the_same_of_the_corpus() -> None:
    objects = [row["manifest"] for row in rows("mutants.jsonl")]
    for file in sorted({row["file"] for row in rows("manifests.jsonl")}):
        objects += _objects(file)
    objects = [obj for obj in objects if _is_known(obj)]
    assert len(objects) > 1800
    assert sum(bool(both_ways(obj)) for obj in objects) > 700


# --- nothing raises ---------------------------------------------------------------------------------


@settings(max_examples=200)
@given(st.data())
def test_no_value_anywhere_raises(data: st.DataObject) -> None:
    obj = _mutated(data)
    for problem in [*validate(obj), *validate_update(deployment(), obj)]:
        assert "\n" not in str(problem)


def _mutated(data: st.DataObject) -> dict[str, Any]:
    obj: dict[str, Any] = data.draw(st.sampled_from([deployment(), pod()]))
    places = list(_places(obj, ()))
    for _ in range(data.draw(st.integers(1, 3))):
        *parents, last = data.draw(st.sampled_from(places))
        target: Any = obj
        try:
            for step in parents:
                target = target[step]
            if isinstance(last, str) != isinstance(target, dict):
                continue  # an earlier mutation put something else there
            target[last] = data.draw(values)
        except (LookupError, TypeError):
            continue
    return obj


def _places(value: Any, path: tuple[Any, ...]) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield (*path, step)
        yield from _places(item, (*path, step))
    if isinstance(value, dict):
        yield (*path, "extra")


def test_errors_in_bytes_end_in_manifest_errors() -> None:
    with pytest.raises(ManifestError):
        parse(b"kind: \xff", "f")


# --- the cost of a start ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "imported"),
    [
        ("", set()),
        ("m.dump_yaml({'a': 'b'})", {"yaml"}),
        ("m.edit_yaml('a: 1', {'a': 1})", {"yaml"}),
        ("m.edit_yaml('a: 1', {'a': 2})", {"yaml", "ruamel.yaml"}),
        (
            "m.check(m.parse(b'apiVersion: v1\\nkind: Namespace\\nmetadata: {name: a}', 'f'))",
            {"yaml", "jsonschema_rs"},
        ),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(code: str, imported: set[str]) -> None:
    code = (
        f"import sys, minikctl.manifests as m; {code}\n"
        "heavy = {'yaml', 'ruamel.yaml', 'jsonschema', 'jsonschema_rs'}; print(*heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) == imported
