"""The generated schemas: what they must say for validation and merging to be right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import minikctl_schemas
import pytest
from minikctl_schemas import MergeRule

from minikctl.model.kinds import KINDS

POD_IN = {
    "Pod": "",
    "Deployment": "spec.template.",
    "ReplicaSet": "spec.template.",
    "StatefulSet": "spec.template.",
}


def test_there_is_one_for_each_kind() -> None:
    found = minikctl_schemas.kinds()
    assert len(found) > 90
    for known in KINDS.values():
        info = found[known.api_version, known.name]
        assert (info.plural, info.namespaced) == (known.plural, known.namespaced)
    for names in (("v1", "Gadget"), ("apps/v1", "../core/v1/Pod"), ("apps/v1beta1", "Deployment")):
        with pytest.raises(KeyError):
            minikctl_schemas.load(*names)
    assert minikctl_schemas.merge_keys("Gadget") == {}


@pytest.mark.parametrize("names", minikctl_schemas.kinds(), ids="/".join)
def test_is_a_strict_schema_of_its_own(names: tuple[str, str]) -> None:
    schema = minikctl_schemas.load(*names)
    jsonschema.Draft202012Validator.check_schema(schema)
    for part in _parts(schema):
        assert "description" not in part
        if "properties" in part:
            assert part["additionalProperties"] is False
        if "$ref" in part:
            assert part["$ref"].removeprefix("#/definitions/") in schema["definitions"]
        if "integer" in part.get("type", ()):
            assert part["maximum"] - part["minimum"] in (2**8 - 1, 2**32 - 1, 2**64 - 1)
    assert schema["properties"]["apiVersion"]["enum"] == [names[0]]


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str | list) or "$ref" in schema:
            yield schema
        for keyword, member in schema.items():
            named = keyword in ("properties", "definitions")
            for part in member.values() if named else (member,):
                yield from _parts(part)
    elif isinstance(schema, list):
        for member in schema:
            yield from _parts(member)


@pytest.mark.parametrize("kind", POD_IN)
def test_merge_rules_of_pods(kind: str) -> None:
    rules = minikctl_schemas.merge_keys(kind)
    prefix = POD_IN[kind] + "spec."
    assert rules[f"{prefix}containers"] == MergeRule(("merge",), "name", "map", ("name",))
    ports = MergeRule(("merge",), "containerPort", "map", ("containerPort", "protocol"))
    assert rules[f"{prefix}containers.ports"] == rules[f"{prefix}initContainers.ports"] == ports
    assert rules[f"{prefix}volumes"] == MergeRule(("merge", "retainKeys"), "name", "map", ("name",))
    assert rules[f"{prefix}containers.args"] == MergeRule((), None, "atomic", ())
    assert rules["metadata.finalizers"] == MergeRule(("merge",), None, "set", ())
    assert f"{prefix}containers.image" not in rules


def test_merge_rules_of_other_kinds() -> None:
    assert minikctl_schemas.merge_keys("Deployment")["spec.strategy"].patch_strategy == ("retainKeys",)
    assert minikctl_schemas.merge_keys("Service")["spec.ports"].patch_merge_key == "port"
    cron_job = minikctl_schemas.merge_keys("CronJob")
    assert cron_job["spec.jobTemplate.spec.template.spec.containers"].patch_merge_key == "name"
    for kind in ("ConfigMap", "DaemonSet", "Job", "Secret"):
        assert minikctl_schemas.merge_keys(kind)


@pytest.mark.parametrize(
    ("field", "value", "valid"),
    [
        ("maxSurge", None, True),
        ("maxSurge", 1, True),
        ("maxSurge", "25%", True),
        ("maxSurge", 1.5, False),
        ("maxSurge", True, False),
        ("maxSurge", 2**31, False),
        ("maxSurgee", 1, False),
    ],
)
def test_int_or_string(field: str, value: Any, valid: bool) -> None:
    schema = minikctl_schemas.load("apps/v1", "Deployment")
    rolling = schema["definitions"]["RollingUpdateDeployment"]
    assert jsonschema.Draft202012Validator(rolling).is_valid({field: value}) == valid
