"""Custom resources by their definitions, and the definitions themselves, in the API server's words."""

# ruff: noqa: E501 (messages are as long as the server's)

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_strategies import values

from minikctl.manifests import validate, validate_update
from minikctl.manifests.crds import Crds
from minikctl.manifests.custom import formats, patterns
from minikctl.model import copy


def definition(spec: dict[str, Any] | None = None, **version: Any) -> dict[str, Any]:
    """A Widget of example.com/v1; `spec` is the schema of its spec."""
    schema = {
        "type": "object",
        "properties": {"spec": spec or {"type": "object"}, "status": {"type": "object"}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wg"]},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    **version,
                }
            ],
        },
    }


def widget(spec: Any = None, **fields: Any) -> dict[str, Any]:
    obj = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, **fields}
    return obj if spec is None else {**obj, "spec": spec}


def problems(schema: dict[str, Any], spec: Any) -> list[tuple[str, str]]:
    """Paths and reasons of a Widget whose spec has one field `x` of that schema."""
    whole = definition({"type": "object", "properties": {"x": schema}})
    assert validate(whole) == []
    return [(one.path, one.reason) for one in validate(widget(spec), Crds.from_objects([whole]))]


INVALID, REQUIRED, UNSUPPORTED = "FieldValueInvalid", "FieldValueRequired", "FieldValueNotSupported"
TYPE, UNKNOWN, DUPLICATE = "FieldValueTypeInvalid", "UnknownField", "FieldValueDuplicate"
KEEP = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
INT_OR_STRING = {"x-kubernetes-int-or-string": True}
MAP_LIST = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["k"],
    "items": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}}},
}
SET_LIST = {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}
EMBEDDED = {**KEEP, "x-kubernetes-embedded-resource": True}
ONE_OF = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
          "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}  # fmt: skip

VALUES: list[tuple[dict[str, Any], Any, list[tuple[str, str]]]] = [
    ({"type": "integer"}, {"x": 1}, []),
    ({"type": "integer"}, {"x": 1.0}, []),
    ({"type": "integer"}, {"x": 1.5}, [("spec.x", TYPE)]),
    ({"type": "integer"}, {"x": True}, [("spec.x", TYPE)]),
    ({"type": "number"}, {"x": 1}, []),
    ({"type": "string"}, {"x": 1}, [("spec.x", TYPE)]),
    ({"type": "string"}, {"y": 1}, [("spec.y", UNKNOWN)]),
    ({"type": "string"}, {"x": 1, "y": 1}, [("spec.y", UNKNOWN)]),
    ({"type": "object"}, {"x": {"y": 1}}, [("spec.x.y", UNKNOWN)]),
    (KEEP, {"x": {"y": {"z": 1}}}, []),
    ({**KEEP, "properties": {"a": {"type": "object"}}}, {"x": {"b": 1, "a": {"c": 1}}}, [("spec.x.a.c", UNKNOWN)]),
    ({"type": "object", "additionalProperties": {"type": "string"}}, {"x": {"a.b": "c", "d": 1}}, [("spec.x.d", TYPE)]),
    ({"type": "object", "additionalProperties": {"type": "object"}}, {"x": {"d": {"e": 1}}}, [("spec.x.d.e", UNKNOWN)]),
    ({"type": "object", "additionalProperties": True}, {"x": {"a": {"b": 1}}}, [("spec.x.a.b", UNKNOWN)]),
    ({"type": "array", "items": {"type": "object"}}, {"x": [{}, {"y": 1}]}, [("spec.x[1].y", UNKNOWN)]),
    ({"type": "array", "items": {"type": "string"}}, {"x": ["a", 1]}, [("spec.x[1]", TYPE)]),
    ({"type": "array", "items": {"type": "string"}}, {"x": ["a", None]}, [("spec.x[1]", TYPE)]),
    # null is absent, or the default, or allowed
    ({"type": "string"}, {"x": None}, []),
    ({"type": "string", "nullable": True}, {"x": None}, []),
    ({"type": "string", "default": "a"}, {"x": None}, []),
    # int-or-string
    (INT_OR_STRING, {"x": 1}, []),
    (INT_OR_STRING, {"x": "1"}, []),
    (INT_OR_STRING, {"x": 1.5}, [("spec.x", TYPE)]),
    ({**INT_OR_STRING, "anyOf": [{"type": "integer"}, {"type": "string"}]}, {"x": "50%"}, []),
    # limits
    ({"type": "integer", "minimum": 0}, {"x": -1}, [("spec.x", INVALID)]),
    ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, {"x": 1}, [("spec.x", INVALID)]),
    ({"type": "integer", "maximum": 1}, {"x": 1}, []),
    ({"type": "integer", "maximum": 1, "exclusiveMaximum": True}, {"x": 1}, [("spec.x", INVALID)]),
    ({"type": "integer", "multipleOf": 5}, {"x": 7}, [("spec.x", INVALID)]),
    ({"type": "number", "multipleOf": 0.1}, {"x": 0.3}, []),
    ({"type": "number", "multipleOf": 0.01}, {"x": 1.11}, []),
    ({"type": "number", "multipleOf": 0.1}, {"x": 0.35}, [("spec.x", INVALID)]),
    ({"type": "number", "multipleOf": 1.5}, {"x": 4.5}, []),
    ({"type": "number", "multipleOf": 1.5}, {"x": -4.6}, [("spec.x", INVALID)]),
    ({"type": "number", "multipleOf": 2.5}, {"x": 1e300}, [("spec.x", INVALID)]),
    ({"type": "string", "maxLength": 1}, {"x": "ab"}, [("spec.x", "FieldValueTooLong")]),
    ({"type": "string", "minLength": 1}, {"x": ""}, [("spec.x", INVALID)]),
    ({"type": "string", "pattern": "^a$"}, {"x": "b"}, [("spec.x", INVALID)]),
    ({"type": "string", "pattern": "^a$"}, {"x": "a\n"}, [("spec.x", INVALID)]),
    ({"type": "string", "pattern": r"^\pL$"}, {"x": "1"}, [("spec.x", INVALID)]),
    ({"type": "string", "enum": ["a", "b"]}, {"x": "c"}, [("spec.x", UNSUPPORTED)]),
    ({"type": "array", "items": {"type": "string"}, "minItems": 1}, {"x": []}, [("spec.x", INVALID)]),
    ({"type": "array", "items": {"type": "string"}, "maxItems": 1}, {"x": ["a", "b"]}, [("spec.x", "FieldValueTooMany")]),
    ({**KEEP, "minProperties": 1}, {"x": {}}, [("spec.x", INVALID)]),
    ({**KEEP, "maxProperties": 0}, {"x": {"a": 1}}, [("spec.x", "FieldValueTooMany")]),
    # formats
    ({"type": "string", "format": "date-time"}, {"x": "2026-01-02T03:04:05Z"}, []),
    ({"type": "string", "format": "date-time"}, {"x": "yesterday"}, [("spec.x", TYPE)]),
    ({"type": "string", "format": "ipv4"}, {"x": "1.2.3"}, [("spec.x", TYPE)]),
    ({"type": "string", "format": "whatever"}, {"x": "1.2.3"}, []),
    ({"type": "integer", "format": "int32"}, {"x": 2**40}, []),
    # alternatives
    (ONE_OF, {"x": {"a": ""}}, []),
    (ONE_OF, {"x": {"a": "", "b": ""}}, [("<nil>", INVALID)]),
    (ONE_OF, {"x": {}}, [("<nil>", INVALID), ("spec.x.a", REQUIRED)]),
    ({"type": "string", "allOf": [{"minLength": 2}, {"pattern": "a"}]}, {"x": "a"}, [("spec.x", INVALID), ("<nil>", INVALID)]),
    ({"type": "string", "not": {"enum": ["a"]}}, {"x": "a"}, [("<nil>", INVALID)]),
    # lists
    (SET_LIST, {"x": ["a", "b", "a", "a"]}, [("spec.x[2]", DUPLICATE)]),
    (MAP_LIST, {"x": [{"k": "a"}, {"k": "b"}]}, []),
    (MAP_LIST, {"x": [{"k": "a"}, {"k": "a"}]}, [("spec.x[1]", DUPLICATE)]),
    (MAP_LIST, {"x": [{}]}, [("spec.x[0].k", REQUIRED)]),
    # embedded objects
    (EMBEDDED, {"x": {"apiVersion": "v1", "kind": "Pod", "spec": {"any": 1}}}, []),
    (EMBEDDED, {"x": {"kind": "Pod"}}, [("spec.x.apiVersion", REQUIRED)]),
    (EMBEDDED, {"x": {"apiVersion": 1, "kind": "Pod"}}, [("spec.x.apiVersion", TYPE)]),
    (EMBEDDED, {"x": {"apiVersion": "v1", "kind": "a b"}}, [("spec.x.kind", INVALID)]),
    (EMBEDDED, {"x": {"apiVersion": "v1", "kind": "P", "metadata": {"labels": {"a": 1}}}}, [("spec.x.metadata.labels.a", TYPE)]),
    (EMBEDDED, {"x": {"apiVersion": "v1", "kind": "P", "metadata": {"labels": {"a": "?"}}}}, [("spec.x.metadata.labels", INVALID)]),
    (EMBEDDED, {"x": {"apiVersion": "v1", "kind": "P", "metadata": {"nme": "a"}}}, [("spec.x.metadata.nme", UNKNOWN)]),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "spec", "expected"), VALUES)
def test_values(schema: dict[str, Any], spec: Any, expected: list[tuple[str, str]]) -> None:
    assert problems(schema, spec) == expected


def test_messages_are_the_servers() -> None:
    schema = {"type": "object", "required": ["z"], "properties": {"z": {"type": "string"}, "n": {"type": "integer", "minimum": 1}, "e": {"type": "string", "enum": ["red", "blue"]}}}  # fmt: skip
    crds = Crds.from_objects([definition(schema)])
    assert [str(one) for one in validate(widget({"n": 0, "e": "green"}), crds)] == [
        "spec.n: Invalid value: 0: spec.n in body should be greater than or equal to 1",
        'spec.e: Unsupported value: "green": supported values: "red", "blue"',
        "spec.z: Required value",
    ]
    assert [str(one) for one in validate(widget({"n": "x", "z": ""}), crds)] == [
        'spec.n: Invalid value: "string": spec.n in body must be of type integer: "string"'
    ]
    assert [str(one) for one in validate(widget({"e": "red", "z": "", "E": 1}), crds)] == [
        'spec.E: unknown field "spec.E", did you mean "e"?'
    ]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"name": "a.b"}, []),
        ({"name": "A"}, [("metadata.name", INVALID)]),
        ({}, [("metadata.name", REQUIRED)]),
        ({"generateName": "a-"}, []),
        ({"name": "a", "namespace": "A"}, [("metadata.namespace", INVALID)]),
        ({"name": "a", "labels": {"a": "?"}}, [("metadata.labels", INVALID)]),
        ({"name": "a", "labels": {"a": 1}}, [("metadata.labels.a", TYPE)]),
        ({"name": "a", "lables": {}}, [("metadata.lables", UNKNOWN)]),
        ({"name": "a", "labels": None, "annotations": {"a": None}}, []),
    ],
)
def test_metadata_is_that_of_any_object(metadata: Any, expected: list[tuple[str, str]]) -> None:
    found = validate(widget(metadata=metadata), Crds.from_objects([definition()]))
    assert [(one.path, one.reason) for one in found] == expected


def test_scope() -> None:
    cluster = definition()
    cluster["spec"]["scope"] = "Cluster"
    obj = widget(metadata={"name": "a", "namespace": "b"})
    assert validate(obj, Crds.from_objects([definition()])) == []
    found = validate(obj, Crds.from_objects([cluster]))
    assert [str(one) for one in found] == ["metadata.namespace: Forbidden: not allowed on this type"]


def test_served_versions_only() -> None:
    crd = definition()
    crd["spec"]["versions"].append({**crd["spec"]["versions"][0], "name": "v2", "served": False})
    crds = Crds.from_objects(
        [crd, {"kind": "Pod"}, {"apiVersion": "apiextensions.k8s.io/v1beta1", **widget()}]
    )
    assert len(crds) == 1
    kind = crds.lookup("example.com/v1", "Widget")
    assert kind is not None
    assert (kind.plural, kind.namespaced, kind.has_cel, kind.short_names) == ("widgets", True, False, ("wg",))
    assert crds.lookup("example.com/v2", "Widget") is None
    assert crds.versions_of("Widget") == ["example.com/v1"]


def test_without_a_definition_the_kind_is_unknown() -> None:
    assert [one.reason for one in validate(widget())] == ["UnknownKind"]
    assert [one.reason for one in validate(widget(), Crds())] == ["UnknownKind"]
    assert validate({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}, Crds()) == []


def test_rules_in_cel_are_told_not_evaluated() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "x-kubernetes-validations": [{"rule": "self.n > 1"}]}  # fmt: skip
    crds = Crds.from_objects([definition(schema)])
    kind = crds.lookup("example.com/v1", "Widget")
    assert kind is not None
    assert kind.has_cel
    assert validate(widget({"n": 0}), crds) == []
    # The server stops before them where a value has the wrong type, and says so.
    assert [(one.path, one.reason) for one in validate(widget({"n": ""}), crds)] == [
        ("spec.n", TYPE),
        ("<nil>", INVALID),
    ]


def test_status_is_dropped_where_it_has_a_subresource() -> None:
    obj = widget(status=1)
    assert [one.path for one in validate(obj, Crds.from_objects([definition()]))] == ["status"]
    assert validate(obj, Crds.from_objects([definition(subresources={"status": {}})])) == []


def test_what_scale_reads_is_a_number() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    scale = {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}
    crds = Crds.from_objects([definition(schema, subresources={"scale": scale})])
    assert validate(widget({"n": 2}), crds) == []
    assert validate(widget(), crds) == []
    assert [one.path for one in validate(widget({"n": -1}), crds)] == [".spec.n"]
    assert [one.path for one in validate(widget({"n": 2**31}), crds)] == [".spec.n"]


# --- definitions ------------------------------------------------------------------------------------


def schema_of(crd: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def in_spec(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda crd: schema_of(crd)["properties"]["spec"].update(fields)


def in_version(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda crd: crd["spec"]["versions"][0].update(fields)


def second(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda crd: crd["spec"]["versions"].append({**crd["spec"]["versions"][0], **fields})


def own_group(**annotations: str) -> Callable[[dict[str, Any]], None]:
    def change(crd: dict[str, Any]) -> None:
        crd["spec"]["group"] = "apps.k8s.io"
        crd["metadata"] = {"name": "widgets.apps.k8s.io", "annotations": {f"api-approved.kubernetes.io{key}": value for key, value in annotations.items()}}  # fmt: skip

    return change


SPEC = "spec.validation.openAPIV3Schema.properties[spec]"
ROOT = "spec.validation.openAPIV3Schema"
STRING = {"type": "string"}
DEFINITIONS: list[tuple[Callable[[dict[str, Any]], Any], list[str]]] = [
    (lambda d: None, []),
    (lambda d: d["metadata"].update(name="gadgets.example.com"), ["metadata.name"]),
    (lambda d: d["spec"].update(group="example"), ["metadata.name", "spec.group"]),
    (lambda d: d["spec"].pop("group"), ["metadata.name", "spec.group"]),
    (lambda d: d["spec"].pop("scope"), ["spec.scope"]),
    (lambda d: d["spec"].update(scope="namespaced"), ["spec.scope"]),
    (lambda d: d["spec"]["names"].pop("kind"), ["spec.names.singular", "spec.names.kind", "spec.names.listKind"]),
    (lambda d: d["spec"]["names"].update(kind="Wid get"), ["spec.names.singular", "spec.names.kind", "spec.names.listKind"]),
    (lambda d: d["spec"]["names"].update(listKind="Widget"), ["spec.names.listKind"]),
    (lambda d: d["spec"]["names"].update(shortNames=["W"]), ["spec.names.shortNames[0]"]),
    (lambda d: d["spec"].update(versions=[]), ["spec.versions", "status.storedVersions"]),
    (in_version(storage=False), ["spec.versions", "status.storedVersions"]),
    (second(name="v2"), ["spec.versions"]),
    (second(name="v2", storage=False), []),
    (second(storage=False), ["spec.versions"]),
    (second(name="2", storage=False), ["spec.versions[1].name"]),
    (in_version(name="1"), ["spec.versions[0].name", "spec.version"]),
    (in_version(schema={}), ["spec.versions[0].schema.openAPIV3Schema"]),
    (in_version(schema={}, served=False), []),
    (in_version(deprecationWarning="old"), ["spec.versions[0].deprecationWarning"]),
    (in_version(deprecated=True, deprecationWarning="old"), []),
    (lambda d: d["spec"].update(preserveUnknownFields=True), ["spec.preserveUnknownFields"]),
    (lambda d: d["spec"].update(preserveUnknownFields=False), []),
    # what differs between versions is told in each
    (second(name="v2", storage=False, schema={"openAPIV3Schema": {}}), ["spec.versions[1].schema.openAPIV3Schema.type"]),
    # structure
    (lambda d: schema_of(d).pop("type"), [f"{ROOT}.type"]),
    (lambda d: schema_of(d).update(type="array", items=STRING), [f"{ROOT}.type"]),
    (lambda d: schema_of(d).update(nullable=True), [f"{ROOT}.nullable"]),
    (lambda d: schema_of(d)["properties"].update(spec={}), [f"{SPEC}.type"]),
    (lambda d: schema_of(d)["properties"].update(spec={"x-kubernetes-preserve-unknown-fields": True}), []),
    (lambda d: schema_of(d)["properties"].update(metadata={"type": "object"}), []),
    (lambda d: schema_of(d)["properties"].update(metadata={"type": "object", "properties": {"labels": STRING}}),
     [f"{ROOT}.properties[metadata]", f"{ROOT}.properties[metadata].properties[labels]"][:1]),
    (lambda d: schema_of(d)["properties"].update(kind={"type": "integer"}), [f"{ROOT}.properties[kind].type"]),
    (in_spec(type="strng"), [f"{SPEC}.type"]),
    (in_spec(properties={"a": {"type": "array"}}), [f"{SPEC}.properties[a].items"]),
    (in_spec(properties={"a": {"type": "array", "items": {}}}), [f"{SPEC}.properties[a].items.type"]),
    (in_spec(properties={"a": STRING}, additionalProperties=STRING), [f"{SPEC}.additionalProperties"]),
    (in_spec(properties={"a": STRING}, additionalProperties=False), [f"{SPEC}.additionalProperties"]),
    (in_spec(anyOf=[{"properties": {"a": STRING}}], properties={"a": STRING}), [f"{SPEC}.anyOf[0].properties[a].type"]),
    (in_spec(anyOf=[{"required": ["a"]}], properties={"a": STRING}), []),
    (in_spec(properties={"a": {**INT_OR_STRING, "anyOf": [{"type": "integer"}, STRING]}}), []),
    (in_spec(properties={"a": {**INT_OR_STRING, "allOf": [{"anyOf": [{"type": "integer"}, STRING]}]}}), []),
    (in_spec(uniqueItems=True), [f"{SPEC}.uniqueItems"]),
    (in_spec(**{"$ref": "#/a"}), [f"{SPEC}.$ref"]),
    (in_spec(patternProperties={"a": STRING}), [f"{SPEC}.patternProperties"]),
    (in_spec(properties={"a": {"type": "string", "pattern": "("}}), [f"{SPEC}.properties[a].pattern"]),
    (in_spec(properties={"a": {"type": "string", "pattern": "(?=a)"}}), [f"{SPEC}.properties[a].pattern"]),
    (in_spec(properties={"a": {"type": "string", "pattern": r"\pL\z"}}), []),
    (in_spec(**{"x-kubernetes-preserve-unknown-fields": False}), [f"{SPEC}.x-kubernetes-preserve-unknown-fields"]),
    (in_spec(**{"x-kubernetes-embedded-resource": True}), [f"{SPEC}.properties"]),
    (in_spec(**{"x-kubernetes-list-type": "set"}), [f"{SPEC}.type"]),
    (in_spec(**{"x-kubernetes-map-type": "flat"}), [f"{SPEC}.x-kubernetes-map-type"]),
    (in_spec(properties={"a": MAP_LIST, "b": SET_LIST}), []),
    (in_spec(properties={"a": {**MAP_LIST, "x-kubernetes-list-map-keys": []}}), [f"{SPEC}.properties[a].x-kubernetes-list-map-keys"]),
    (in_spec(properties={"a": {**MAP_LIST, "x-kubernetes-list-map-keys": ["z"]}}), [f"{SPEC}.properties[a].x-kubernetes-list-map-keys[0]"]),
    (in_spec(properties={"a": {**MAP_LIST, "items": {"type": "object", "properties": {"k": STRING}}}}), [f"{SPEC}.properties[a].items.properties[k].default"]),
    (in_spec(properties={"a": {"type": "integer", "default": 0, "minimum": 1}}), [f"{SPEC}.properties[a].default"]),
    (in_spec(properties={"a": {"type": "integer", "default": "x"}}), [f"{SPEC}.properties[a].default"]),
    (in_spec(properties={"a": {"type": "integer", "default": 1}}), []),
    # subresources, columns, conversion
    (in_version(subresources={"scale": {}}), ["spec.subresources.scale.specReplicasPath", "spec.subresources.scale.statusReplicasPath"]),
    (in_version(subresources={"scale": {"specReplicasPath": ".n", "statusReplicasPath": "status"}}), ["spec.subresources.scale.specReplicasPath", "spec.subresources.scale.statusReplicasPath"]),
    (in_version(additionalPrinterColumns=[{"name": "A", "type": "text", "jsonPath": ".a"}]), ["spec.additionalPrinterColumns[0].type"]),
    (in_version(additionalPrinterColumns=[{"name": "A", "type": "string", "jsonPath": "a"}]), ["spec.additionalPrinterColumns[0].JSONPath"]),
    (lambda d: d["spec"].update(conversion={"strategy": "Webhook"}), ["spec.conversion.webhookClientConfig", "spec.conversion.conversionReviewVersions"]),
    (lambda d: d["spec"].update(conversion={"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://a.b/c"}}}), []),
    (lambda d: d["spec"].update(conversion={"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v9"], "clientConfig": {}}}),
     ["spec.conversion.webhookClientConfig", "spec.conversion.conversionReviewVersions"]),
    (lambda d: d["spec"].update(conversion={"strategy": "None", "webhook": {"conversionReviewVersions": ["v1"]}}), ["spec.conversion.conversionReviewVersions"]),
    # Kubernetes' own groups
    (own_group(), ["metadata.annotations[api-approved.kubernetes.io]"]),
    (own_group(**{"": "unapproved, testing"}), []),
    (own_group(**{"": "https://github.com/kubernetes/pull/1"}), []),
    (own_group(**{"": "please"}), ["metadata.annotations[api-approved.kubernetes.io]"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), DEFINITIONS)
def test_definitions(change: Callable[[dict[str, Any]], Any], expected: list[str]) -> None:
    crd = definition()
    change(crd)
    before = copy(crd)
    found = validate(crd)
    assert [one.path for one in found] == expected, found
    assert crd == before


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: d["spec"].update(scope="Cluster"), ["spec.scope"]),
        (lambda d: d["spec"]["names"].update(kind="Gadget"), ["spec.names.kind"]),
        (second(name="v2", storage=False), []),
    ],
)
def test_an_established_definition_stays_what_it_is(change: Any, expected: list[str]) -> None:
    new = definition()
    change(new)
    old = {**definition(), "status": {"conditions": [{"type": "Established", "status": "True"}]}}
    assert [one.path for one in validate_update(old, new)] == expected
    assert validate_update(definition(), new) == []


# --- leaves -----------------------------------------------------------------------------------------


UUID = "123e4567-e89b-{}2d3-{}456-426614174000"
GOOD: dict[str, list[str]] = {
    "bsonobjectid": ["507f1f77bcf86cd799439011"],
    "byte": ["YQ==", "YWFh"],
    "cidr": ["10.0.0.0/8", "10.0.01.0/8", "2001:db8::1/32"],
    "creditcard": ["4111-1111-1111-1111", "4012 8888 8888 1881"],
    "date": ["2026-01-02"],
    "date-time": ["2026-01-02T03:04:05.5+01:00"],
    "duration": ["1h30m", "0", "+1h", ".5h", "1H", "3 days", "45 weekz", "1.5 hours"],
    "email": ["a@b.c", "A <a@b>", "<a@b>", '" "@example.com', '"A, B" <a@[1.2.3.4]> (c)', "a@☁.ws"],
    "hexcolor": ["#ffffff"],
    "hostname": ["localhost", "x-y", "a.b-c.com", "ex$ample", "☁→❄.ws", "1.2.com"],
    "ipv4": ["1.2.3.4", "192.168.1.01"],
    "ipv6": ["::1", "::ffff:1.2.3.4"],
    "isbn": ["0321751043", "978-0321751041"],
    "isbn10": ["0321751043", "0-8044-2957-X"],
    "isbn13": ["978-0321751041"],
    "k8s-long-name": ["a.b"],
    "k8s-short-name": ["a-b"],
    "mac": ["00:11:22:33:44:55", "00-11-22-33-44-55", "0011.2233.4455", "00:11:22:33:44:55:66:77"],
    "rgbcolor": ["rgb(255, 0,1)"],
    "ssn": ["111-11-1111", "999 99 9999"],
    "uri": ["https://a.b/c", "/a b", "http://a/b c?d e", "mailto:x", "*", "http://u:p@[::1]:80/"],
    "uuid": [UUID.format("1", "a"), UUID.format("1", "a").replace("-", "").upper()],
    "uuid3": [UUID.format("3", "0")],
    "uuid4": [UUID.format("4", "8")],
    "uuid5": [UUID.format("5", "b")],
}
BAD: dict[str, list[str]] = {
    "bsonobjectid": ["507f"],
    "byte": ["a", ""],
    "cidr": ["10.0.0.0", "1.2.3.4/33", "1.2.3.4/255.0.0.0"],
    "creditcard": ["4111-1111-1111-1112", "9999-9999-9999-999"],
    "date": ["2026-13-02"],
    "date-time": ["2026-01-02"],
    "duration": ["soon", "", "1", "1foo", "three week", "12 parsecs", "9" * 30 + " weeks"],
    "email": ["a", "@b", "A a@b", "a@b c", "a..b@c", '""@x', "a@b, c@d"],
    "hexcolor": ["#ff"],
    "hostname": ["a_b", "a.b.", "a..b", "1.1.1.1", "-www", "www-.example.org", "a.b-c", "a" * 64],
    "ipv4": ["1.2.3", "::1"],
    "ipv6": ["1.2.3.4", "fe80::1%eth0"],
    "isbn": ["836217463"],
    "isbn10": ["0321751044"],
    "isbn13": ["978-0321751042"],
    "k8s-long-name": ["a..b"],
    "k8s-short-name": ["A"],
    "mac": ["00:11", "001122334455", "00:11-22:33:44:55"],
    "rgbcolor": ["rgb(300,0,0)"],
    "ssn": ["999 99 999"],
    "uri": ["a b", "", "a.com", ":a", "http://a b/", "http://a:x/", "/%zz", "http://[::1", "http://a%20b/"],
    "uuid": ["123"],
    "uuid3": [UUID.format("4", "0")],
    "uuid4": [UUID.format("4", "7")],
    "uuid5": [UUID.format("4", "b")],
}
LONG = ("1", "1a", "a.", "a-", '"a', " ", "a ", "(", "1 ", "%41", "a@", "[:", "0", "a<")


@pytest.mark.parametrize("name", GOOD)
def test_formats(name: str) -> None:
    assert [text for text in GOOD[name] if not formats.has_format(name, text)] == []
    assert [text for text in BAD[name] if formats.has_format(name, text)] == []


@pytest.mark.parametrize("name", GOOD)
def test_formats_take_linear_time(name: str) -> None:
    for part in LONG:
        begin = time.process_time()
        formats.has_format(name, part * 100_000)
        assert time.process_time() - begin < 1, part


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        ("c$", "abc\n", False),
        (r"\$", "a$", True),
        ("[$]", "$", True),
        (r"\d", "٣", False),
        (r"a(?i)b", "aB", True),
        (r"a(?i)b", "AB", False),
        (r"^[\x{20}-\x{7E}]$", "~", True),
        (r"^[\x{20}-\x{7E}]$", "\x7f", False),
        (r"^\101\Q.*\E$", "A.*", True),
        (r"^\Q.*", "a", False),
        (r"^\pL\P{Greek}$", "ab", True),
        (r"^\pL\P{Greek}$", "aα", False),
        (r"[[:^alpha:]&&~]", "a", False),
        (r"[[:^alpha:]a]", "a", True),
        (r"[^\S]", "a", False),
        (r"\bb", "a b", True),
        (r"\bb", "éb", True),  # words are ASCII
        ("a{,2}", "a{,2}", True),
        ("^(?s).$", "\n", True),
        ("^.$", "\n", False),
        ("^(a+)+$", "a" * 5000 + "!", False),
        (r"a(?i)*", "b", True),  # nobody here knows
    ],
)
def test_patterns_are_those_of_re2(pattern: str, text: str, expected: bool) -> None:
    assert patterns.matches(pattern, text) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"\(?=a", True),
        (r"(?=a)", False),
        (r"a(?i)b", True),
        (r"(?P<a>b)", True),
        (r"(?<a>b)", True),
        (r"(a)\1", False),
        (r"\101", True),
        (r"[[:alpha:]]", True),
        (r"[[a]", True),
        (r"[\x{20}-\x{7E}]", True),
        (r"\_\pN\p{^Greek}\z\Q", True),
        ("(?i:a)(?-s)[]a][^]a]", True),
        ("a{2}{,3}|{", True),
        ("(a{31}){32}", True),
        ("a(?i)*", True),
        ("(", False),
        (")", False),
        ("[a", False),
        ("*", False),
        ("a|+", False),
        ("a++", False),
        ("a**", False),
        ("x{2}{3}", False),
        ("a{1001}", False),
        ("a{2,1}", False),
        ("(a{32}){32}", False),
        (r"\Z", False),
        (r"\C", False),
        (r"\uABCD", False),
        (r"\8", False),
        (r"\x{110000}", False),
        ("\\", False),
        ("(?#c)", False),
        ("(?x)", False),
        ("(?i-)", False),
        ("(?P<a>b)(?P<a>b)", False),
        ("[b-a]", False),
        (r"[a-\d]", False),
        ("[[:foo:]]", False),
        (r"\p{foo}", False),
        ("(" * 1001 + ")" * 1001, False),
    ],
)
def test_which_patterns_re2_takes(pattern: str, expected: bool) -> None:
    assert patterns.is_valid(pattern) == expected


schemas = st.recursive(
    st.sampled_from([{}, STRING, KEEP, INT_OR_STRING, SET_LIST, MAP_LIST, EMBEDDED, ONE_OF, {"type": 3}])
    | st.dictionaries(
        st.sampled_from(["type", "items", "properties", "enum", "anyOf", "allOf", "default", "pattern", "minimum",
                         "maxLength", "required", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "nullable"]),
        values, max_size=4,
    ),
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3)},
        optional={"additionalProperties": inner, "items": inner, "oneOf": st.lists(inner, max_size=2), "not": inner},
    ),
    max_leaves=6,
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@settings(max_examples=200)
@given(st.deferred(lambda: schemas), values, values)
def test_no_schema_and_no_value_raises(schema: Any, spec: Any, metadata: Any) -> None:
    crd = definition(schema if isinstance(schema, dict) else None)
    for one in [*validate(crd), *validate(widget(spec, metadata=metadata), Crds.from_objects([crd]))]:
        assert "\n" not in str(one)
