"""Schemas in CustomResourceDefinitions: the keywords that are allowed, and that they are structural.

Structural: every field has its type outside of anyOf, allOf, oneOf and not, which only restrict values.
What stands below an `items` or `additionalProperties` comes untyped from the decoder, so nothing is taken for
granted here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.custom.patterns import is_valid
from minikctl.manifests.custom.shapes import as_list, as_map
from minikctl.manifests.rules.problems import forbidden, invalid, repeated_at, required, unsupported

Schema = dict[str, Any]

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_EMBEDDED = "x-kubernetes-embedded-resource"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_LIST_TYPE = "x-kubernetes-list-type"
_LIST_KEYS = "x-kubernetes-list-map-keys"
_MAP_TYPE = "x-kubernetes-map-type"
_JUNCTORS = ("allOf", "anyOf", "oneOf")
_REFUSED = {
    "id": "id is not supported",
    "additionalItems": "additionalItems is not supported",
    "patternProperties": "patternProperties is not supported",
    "definitions": "definitions is not supported",
    "dependencies": "dependencies is not supported",
    "$ref": "$ref is not supported",
}
# What says something of the object as a whole would be lost where status is validated alone.
_LOST_WITH_STATUS = ("additionalProperties", "allOf", "anyOf", "default", "enum", "not", "oneOf")
_ANY_OF_INT_AND_STRING = [{"type": "integer"}, {"type": "string"}]
# Only the structure may say these, not what restricts its values.
_STRUCTURE_ONLY = {
    "type": "must be empty to be structural",
    "additionalProperties": "must be undefined to be structural",
    "default": "must be undefined to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "nullable": "must be false to be structural",
    "externalDocs": "must be undefined to be structural",
    _PRESERVE: "must be false to be structural",
    _EMBEDDED: "must be false to be structural",
    _INT_OR_STRING: "must be false to be structural",
    _LIST_KEYS: "must be empty to be structural",
    _LIST_TYPE: "must be undefined to be structural",
    _MAP_TYPE: "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}
_MISSING_TYPE = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}


def check_schema(schema: Schema, path: str, has_status: bool) -> Iterator[FieldProblem]:
    """The problems of a version's openAPIV3Schema at `path`."""
    if has_status and any(schema.get(word) for word in _LOST_WITH_STATUS):
        detail = "only some fields are allowed at the root of the schema if the status subresource is enabled"
        yield invalid(path, schema, detail)
    if schema.get("nullable") is True:
        yield forbidden(f"{path}.nullable", "nullable cannot be true at the root")
    yield from _keywords(schema, path)
    structural = list(_structure(schema, path, "root"))
    yield from structural
    if not structural:
        yield from _defaults(schema, path)


# --- keywords ----------------------------------------------------------------------------------------


def _keywords(schema: Any, path: str) -> Iterator[FieldProblem]:
    if not isinstance(schema, dict):
        return
    yield from _refused(schema, path)
    if schema.get("additionalProperties") not in (None, True) and schema.get("properties"):
        detail = "additionalProperties and properties are mutual exclusive"
        yield forbidden(f"{path}.additionalProperties", detail)
    if schema.get(_PRESERVE) is False:
        yield invalid(f"{path}.{_PRESERVE}", False, "must be true or undefined")
    yield from _map_type(schema, path)
    yield from _list_type(schema, path)
    for inner, where, _ in _below(schema, path):
        yield from _keywords(inner, where)


def _refused(schema: Schema, path: str) -> Iterator[FieldProblem]:
    found = schema.get("type")
    if found == "null":
        yield forbidden(f"{path}.type", "type cannot be set to null, use nullable as an alternative")
    elif found and found not in _TYPES:
        yield unsupported(f"{path}.type", found, _TYPES)
    for word, detail in _REFUSED.items():
        if schema.get(word) not in (None, "", {}, []):
            yield forbidden(f"{path}.{word}", detail)
    if isinstance(schema.get("items"), list):
        yield forbidden(f"{path}.items", "items must be a schema object and not an array")
    if schema.get("uniqueItems") is True:
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden(f"{path}.uniqueItems", detail)


def _map_type(schema: Schema, path: str) -> Iterator[FieldProblem]:
    if schema.get(_MAP_TYPE) is None:
        return
    yield from _wants_type(schema, path, "object", _MAP_TYPE)
    if schema[_MAP_TYPE] not in ("atomic", "granular"):
        yield unsupported(f"{path}.{_MAP_TYPE}", schema[_MAP_TYPE], ("atomic", "granular"))


def _list_type(schema: Schema, path: str) -> Iterator[FieldProblem]:
    kind, keys = schema.get(_LIST_TYPE), as_list(schema.get(_LIST_KEYS))
    if kind is not None:
        yield from _wants_type(schema, path, "array", _LIST_TYPE)
        if kind not in ("atomic", "set", "map"):
            yield unsupported(f"{path}.{_LIST_TYPE}", kind, ("atomic", "set", "map"))
    if keys and kind is None:
        yield required(f"{path}.{_LIST_TYPE}", f"must be map if {_LIST_KEYS} is non-empty")
    elif keys and kind != "map":
        yield invalid(f"{path}.{_LIST_TYPE}", kind, f"must be map if {_LIST_KEYS} is non-empty")
    if kind == "map":
        yield from _list_map(schema, keys, path)


def _wants_type(schema: Schema, path: str, wanted: str, why: str) -> Iterator[FieldProblem]:
    found = schema.get("type")
    if not found:
        yield required(f"{path}.type", f"must be {wanted} if {why} is specified")
    elif found != wanted:
        yield invalid(f"{path}.type", found, f"must be {wanted} if {why} is specified")


def _list_map(schema: Schema, keys: list[Any], path: str) -> Iterator[FieldProblem]:
    if not keys:
        yield required(f"{path}.{_LIST_KEYS}", f"must not be empty if {_LIST_TYPE} is map")
    items = schema.get("items")
    if not isinstance(items, dict):
        yield required(f"{path}.items", f"must have a schema if {_LIST_TYPE} is map")
        return
    if items.get("type") != "object":
        detail = f"must be object if parent array's {_LIST_TYPE} is map"
        yield invalid(f"{path}.items.type", items.get("type", ""), detail)
    properties = items.get("properties")
    again = repeated_at(keys)
    for index, key in enumerate(keys):
        if index in again:
            yield invalid(f"{path}.{_LIST_KEYS}", keys, "must not contain duplicate entries")
            continue
        found = as_map(properties).get(key) if isinstance(key, str) else None
        yield from _list_key(found, key, items, (path, index))


def _list_key(found: Any, key: Any, items: Schema, at: tuple[str, int]) -> Iterator[FieldProblem]:
    path, index = at
    if not isinstance(found, dict):
        detail = "entries must all be names of item properties"
        yield invalid(f"{path}.{_LIST_KEYS}[{index}]", key, detail)
        return
    where = f"{path}.items.properties[{key}]"
    if found.get("type") in ("array", "object"):
        detail = f"must be a scalar type if parent array's {_LIST_TYPE} is map"
        yield invalid(f"{where}.type", found["type"], detail)
    if found.get("nullable") is True:
        yield forbidden(f"{where}.nullable", f"this property is in {_LIST_KEYS}, so it cannot be nullable")
    if found.get("default") is None and key not in as_list(items.get("required")):
        detail = f"this property is in {_LIST_KEYS}, so it must have a default or be a required property"
        yield required(f"{where}.default", detail)


def _below(schema: Schema, path: str) -> Iterator[tuple[Any, str, str]]:
    """The schemas in a schema, with their paths; and where: `field`, `item` or `value` (a restriction)."""
    for name, inner in as_map(schema.get("properties")).items():
        yield inner, f"{path}.properties[{name}]", "field"
    yield schema.get("additionalProperties"), f"{path}.additionalProperties", "field"
    yield schema.get("items"), f"{path}.items", "item"
    for word in _JUNCTORS:
        for index, inner in enumerate(as_list(schema.get(word))):
            yield inner, f"{path}.{word}[{index}]", "value"
    yield schema.get("not"), f"{path}.not", "value"


# --- structure ---------------------------------------------------------------------------------------


def _structure(schema: Any, path: str, level: str) -> Iterator[FieldProblem]:
    if not isinstance(schema, dict):
        return
    for inner, where, place in _below(schema, path):
        if place != "value":
            yield from _structure(inner, where, place)
        elif not _is_int_or_string(inner, where, path, schema):
            yield from _restriction(inner, where)
    if schema.get("type") == "array" and not isinstance(schema.get("items"), dict):
        yield required(f"{path}.items", "must be specified")
    yield from _extensions(schema, path)
    yield from _type_of(schema, path, level)
    yield from _pattern(schema, path)
    if level == "root":
        yield from _root(schema, path)
    yield from _known_fields(schema, path, level)


def _is_int_or_string(inner: Any, where: str, path: str, schema: Schema) -> bool:
    """Whether it belongs to the only anyOf with types that is allowed."""
    any_of, all_of = schema.get("anyOf"), as_list(schema.get("allOf"))
    if where.startswith(f"{path}.anyOf["):
        return bool(any_of == _ANY_OF_INT_AND_STRING)
    return (
        where == f"{path}.allOf[0]" and bool(all_of) and as_map(inner).get("anyOf") == _ANY_OF_INT_AND_STRING
    )


def _type_of(schema: Schema, path: str, level: str) -> Iterator[FieldProblem]:
    found, embedded = schema.get("type") or "", schema.get(_EMBEDDED) is True
    if embedded and found != "object":
        detail = f"must be object if {_EMBEDDED} is true"
        yield invalid(f"{path}.type", found, detail) if found else required(f"{path}.type", detail)
    elif not found and schema.get(_INT_OR_STRING) is not True and schema.get(_PRESERVE) is not True:
        yield required(f"{path}.type", _MISSING_TYPE[level])
    if level == "root" and found and found != "object":
        yield invalid(f"{path}.type", found, "must be object at the root")


def _extensions(schema: Schema, path: str) -> Iterator[FieldProblem]:
    for word in (_PRESERVE, _EMBEDDED):
        if schema.get(_INT_OR_STRING) is True and schema.get(word) is True:
            yield invalid(f"{path}.{word}", True, f"must be false if {_INT_OR_STRING} is true")
    if schema.get(_EMBEDDED) is not True:
        return
    if schema.get("additionalProperties") is not None:
        yield forbidden(f"{path}.additionalProperties", f"must not be used if {_EMBEDDED} is set")
    if schema.get(_PRESERVE) is not True and not schema.get("properties"):
        yield required(f"{path}.properties", f"must not be empty if {_EMBEDDED} is true without {_PRESERVE}")


def _pattern(schema: Schema, path: str) -> Iterator[FieldProblem]:
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and pattern and not is_valid(pattern):
        yield invalid(f"{path}.pattern", pattern, "must be a valid regular expression, but isn't")


def _root(schema: Schema, path: str) -> Iterator[FieldProblem]:
    if schema.get("additionalProperties") is not None:
        yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
    metadata = as_map(schema.get("properties")).get("metadata")
    if isinstance(metadata, dict):
        told = {word for word, value in metadata.items() if value not in (None, False, "", [], {})}
        if told - {"type", "properties"} or set(as_map(metadata.get("properties"))) - {
            "name",
            "generateName",
        }:
            detail = "must not specify anything other than name and generateName, but metadata is implicitly"
            yield forbidden(f"{path}.properties[metadata]", f"{detail} specified")


def _known_fields(schema: Schema, path: str, level: str) -> Iterator[FieldProblem]:
    """apiVersion, kind and metadata have types of their own in objects."""
    if level != "root" and schema.get(_EMBEDDED) is not True:
        return
    for name, wanted in (("kind", "string"), ("apiVersion", "string"), ("metadata", "object")):
        found = as_map(schema.get("properties")).get(name)
        if isinstance(found, dict) and found.get("type") != wanted:
            yield invalid(f"{path}.properties[{name}].type", found.get("type") or "", f"must be {wanted}")


def _restriction(schema: Any, path: str) -> Iterator[FieldProblem]:
    if not isinstance(schema, dict):
        return
    for word, detail in _STRUCTURE_ONLY.items():
        if schema.get(word) not in (None, False, "", []):
            yield forbidden(f"{path}.{word}", detail)
    if "metadata" in as_map(schema.get("properties")):
        yield forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context")
    yield from _pattern(schema, path)
    for inner, where, _ in _below(schema, path):
        if where != f"{path}.additionalProperties":
            yield from _restriction(inner, where)


# --- defaults ----------------------------------------------------------------------------------------


def _defaults(schema: Any, path: str) -> Iterator[FieldProblem]:
    """A default must be what its own schema allows."""
    if not isinstance(schema, dict):
        return
    if schema.get("default") is not None:
        from minikctl.manifests.custom.values import judge

        for problem in judge(schema["default"], schema).problems:
            inner = problem.path if problem.path != "<nil>" else ""
            where = f"{path}.default.{inner}" if inner and inner[0] != "[" else f"{path}.default{inner}"
            yield FieldProblem(where, problem.reason, problem.message)
    for inner, where, place in _below(schema, path):
        if place != "value":
            yield from _defaults(inner, where)
