"""Types and unknown fields: what Kubernetes' decoder would refuse, by the schema.

Rules:
- `conforms` says whether there is nothing to say: a few lines over the small part of JSON Schema that our
  schemas use. A good manifest costs no import; loading jsonschema-rs and compiling a schema costs 13 ms.
- Only where it says no, jsonschema-rs is asked, and it has the last word: `conforms` may be too strict, never
  too lax. `jsonschema` is the reference that the tests compare both with.
- jsonschema-rs speaks of pointers and keywords: here that becomes the API server's paths and words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import minikctl_schemas

from minikctl.errors import FieldProblem
from minikctl.manifests.paths import format_path
from minikctl.manifests.rules.problems import invalid, required, show, unsupported
from minikctl.model import Object

TYPE_INVALID = "FieldValueTypeInvalid"
UNKNOWN = "UnknownField"
_TYPE_NAMES = {"array": "a list", "boolean": "true or false", "object": "a map", "string": "a string"}


@cache
def _validator(kind: str) -> Any:
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(minikctl_schemas.load(kind))


def check_structure(obj: Object) -> list[FieldProblem]:
    """The problems that make `obj` undecodable, in the order of their paths.

    :raises KeyError: there is no schema for its kind.
    """
    schema = minikctl_schemas.load(obj["kind"])
    if conforms(obj, schema, schema["definitions"]):
        return []
    errors = _validator(obj["kind"]).iter_errors(obj)
    problems = {problem for error in errors for problem in _translate(error, obj)}
    return sorted(problems, key=lambda problem: (problem.path, problem.message))


_JSON_TYPES = {
    bool: "boolean",
    dict: "object",
    float: "number",
    int: "integer",
    list: "array",
    str: "string",
    type(None): "null",
}


def conforms(value: Any, schema: dict[str, Any], definitions: dict[str, Any]) -> bool:
    """Whether `value` is valid by `schema`; where in doubt, no."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    kind = _JSON_TYPES[type(value)]
    types = schema.get("type", ())
    if kind not in types and not (kind == "integer" and "number" in types):
        return False
    if kind == "object":
        return _object_conforms(value, schema, definitions)
    if kind == "array":
        items = schema.get("items", {})
        return all(conforms(item, items, definitions) for item in value)
    return _leaf_conforms(value, kind, schema)


def _object_conforms(value: dict[str, Any], schema: dict[str, Any], definitions: dict[str, Any]) -> bool:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name, item in value.items():
        member = properties.get(name, others)
        if member is not True and (member is False or not conforms(item, member, definitions)):
            return False
    return all(name in value for name in schema.get("required", ()))


def _leaf_conforms(value: Any, kind: str, schema: dict[str, Any]) -> bool:
    if "enum" in schema and value not in schema["enum"]:
        return False
    if kind == "string":
        return "pattern" not in schema or re.search(schema["pattern"], value, re.ASCII) is not None
    if kind in ("integer", "number") and "minimum" in schema:
        return bool(schema["minimum"] <= value <= schema["maximum"])
    return True


def _translate(error: Any, obj: Object) -> Iterator[FieldProblem]:
    path = tuple(error.instance_path)
    keyword, facts = error.kind.name, error.kind.as_dict()
    if keyword == "additionalProperties":
        known = _known_fields(obj["kind"], path)
        for name in facts["unexpected"]:
            yield _unknown(name, format_path((*path, name)), known)
    elif keyword == "required":
        yield required(format_path((*path, facts["property"])))
    elif keyword == "enum":
        yield unsupported(format_path(path), error.instance, facts["options"])
    else:
        yield _wrong_value(keyword, facts, format_path(path), error.instance)


def _unknown(name: str, path: str, known: list[str]) -> FieldProblem:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1, cutoff=0.7)
    lowered = [field for field in known if field.lower() == name.lower()]
    hint = (lowered or near or [""])[0]
    message = f'unknown field "{path}"' + (f', did you mean "{hint}"?' if hint else "")
    return FieldProblem(path, UNKNOWN, message)


def _wrong_value(keyword: str, facts: dict[str, Any], path: str, value: Any) -> FieldProblem:
    if keyword == "type":
        return FieldProblem(
            path, TYPE_INVALID, f"Invalid value: {_shortened(value)}: must be {_expected(facts['types'])}"
        )
    if keyword in ("minimum", "maximum"):
        return invalid(path, value, "does not fit in the integer type of this field")
    if keyword == "pattern" and "Ki" in facts["pattern"]:
        return invalid(
            path,
            value,
            "quantities must be a number with an optional suffix (e.g. '500m', '1.5', '128Mi', '2Gi')",
        )
    if keyword == "pattern":
        return invalid(path, value, "must be a time (e.g. '2006-01-02T15:04:05Z')")
    return invalid(path, value, f"violates the schema ({keyword})")


def _expected(types: list[str]) -> str:
    kinds = [name for name in types if name != "null"]
    words = {"integer": "an integer", "number": "a number", **_TYPE_NAMES}
    return " or ".join(words[name] for name in sorted(kinds))


def _shortened(value: Any) -> str:
    text = show(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _known_fields(kind: str, path: tuple[str | int, ...]) -> list[str]:
    """The fields that the schema knows at `path`."""
    root = minikctl_schemas.load(kind)
    schema = root
    for step in path:
        schema = resolve_reference(root, _member(schema, step))
    return list(schema.get("properties", ()))


def _member(schema: dict[str, Any], step: str | int) -> dict[str, Any]:
    if isinstance(step, int):
        member = schema.get("items")
    else:
        member = schema.get("properties", {}).get(step) or schema.get("additionalProperties")
    return member if isinstance(member, dict) else {}


def resolve_reference(root: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """`schema`, or what its `$ref` points to in `root`."""
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = root["definitions"][schema["$ref"].rpartition("/")[2]]
    return found
