"""A custom resource along its structural schema: what the API server does besides judging values.

In the server's order: what can't be decoded (unknown fields, wrong metadata), nulls and defaults, and after
the values embedded objects and the uniqueness of list items.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.custom.shapes import as_texts
from minikctl.manifests.paths import Path, format_path, order_of
from minikctl.manifests.rules.metadata import check_annotations, check_labels
from minikctl.manifests.rules.problems import (
    duplicate,
    invalid,
    label_advice,
    path_segment_advice,
    required,
    service_label_advice,
    show,
)
from minikctl.manifests.structure import UNKNOWN, check_structure
from minikctl.model import Object

Schema = dict[str, Any]

_OBJECT_FIELDS = ("apiVersion", "kind", "metadata")
_EMBEDDED = "x-kubernetes-embedded-resource"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"


# --- the schema --------------------------------------------------------------------------------------


def properties_of(schema: Schema) -> dict[str, Any]:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def member_of(schema: Any, key: str) -> Schema | None:
    """The schema of a field or of a map's values; None where there is none."""
    if not isinstance(schema, dict):
        return None
    properties = properties_of(schema)
    found = properties[key] if key in properties else schema.get("additionalProperties")
    return found if isinstance(found, dict) else None


def items_of(schema: Any) -> Schema | None:
    found = schema.get("items") if isinstance(schema, dict) else None
    return found if isinstance(found, dict) else None


def _keeps_unknown(schema: Schema) -> bool:
    return schema.get(_PRESERVE) is True


def _is_embedded(schema: Schema) -> bool:
    return schema.get(_EMBEDDED) is True


# --- decoding ----------------------------------------------------------------------------------------


def undecodable(obj: Object, schema: Schema) -> list[FieldProblem]:
    """What keeps the server from taking the object at all; it says nothing else then."""
    root = {**schema, _EMBEDDED: True}
    unknown = sorted(_unknown_fields(obj, root, ()), key=lambda one: order_of(one[0]))
    return [*_embedded_types(obj, root, ()), *_named(unknown)]


def _unknown_fields(value: Any, schema: Schema | None, path: Path) -> Iterator[tuple[Path, Schema]]:
    """The fields that the schema does not know, each with what it says of the map around it."""
    if isinstance(value, list):
        inside = items_of(schema)
        if inside is not None and _keeps_unknown(schema or {}):
            inside = {**inside, _PRESERVE: True}
        for index, item in enumerate(value):
            yield from _unknown_fields(item, inside, (*path, index))
    if not isinstance(value, dict):
        return
    known = schema or {}
    for key, member in value.items():
        if _is_embedded(known) and key in _OBJECT_FIELDS:
            continue
        inside = member_of(known, key)
        is_known = key in properties_of(known) or known.get("additionalProperties")
        if inside is not None:
            yield from _unknown_fields(member, inside, (*path, key))
        elif not is_known and not _keeps_unknown(known):
            yield (*path, key), known
        elif is_known:
            yield from _unknown_fields(member, None, (*path, key))


def _named(unknown: list[tuple[Path, Schema]]) -> Iterator[FieldProblem]:
    if not unknown:
        return
    from minikctl.manifests.hints import Hints

    hints = Hints()
    for path, known in unknown:
        text, hint = format_path(path), hints.of_name(str(path[-1]), list(properties_of(known)))
        yield FieldProblem(text, UNKNOWN, f'unknown field "{text}"{hint}')


def _embedded_types(value: Any, schema: Any, path: Path) -> Iterator[FieldProblem]:
    for inner, inside, where in _below(value, schema, path):
        yield from _embedded_types(inner, inside, where)
    if not isinstance(value, dict) or not isinstance(schema, dict) or not _is_embedded(schema):
        return
    for name in ("apiVersion", "kind"):
        if name in value and not isinstance(value[name], str):
            text = format_path((*path, name))
            message = f"Invalid value: {show(value[name])}: must be a string"
            yield FieldProblem(text, "FieldValueTypeInvalid", message)
    yield from _metadata_types(value, path)


def _metadata_types(value: Object, path: Path) -> Iterator[FieldProblem]:
    """All metadata has one type: that of any other kind."""
    carrier = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": value.get("metadata")}
    prefix = f"{format_path(path)}." if path else ""
    for problem in check_structure(carrier):
        if problem.reason != "FieldValueRequired":
            message = problem.message.replace(f'"{problem.path}"', f'"{prefix}{problem.path}"')
            yield FieldProblem(f"{prefix}{problem.path}", problem.reason, message)


def _below(value: Any, schema: Any, path: Path) -> Iterator[tuple[Any, Schema | None, Path]]:
    """The fields or items of `value` that the schema speaks of, with what it says and where they are."""
    if isinstance(value, dict):
        for key, member in value.items():
            if (inside := member_of(schema, key)) is not None:
                yield member, inside, (*path, key)
    elif isinstance(value, list) and (inside := items_of(schema)) is not None:
        for index, item in enumerate(value):
            yield item, inside, (*path, index)


# --- defaults ----------------------------------------------------------------------------------------


def with_defaults(value: Any, schema: Any) -> Any:
    """A copy as the server would store it: nulls that mean nothing are gone, defaults are filled in."""
    if isinstance(value, list):
        inside = items_of(schema)
        return [with_defaults(_instead_of_null(item, inside), inside) for item in value]
    if not isinstance(value, dict):
        return value
    result = {
        key: _instead_of_null(member, inside)
        for key, member in value.items()
        if not _is_void(member, inside := member_of(schema, key))
    }
    if isinstance(schema, dict):
        for key, inside in properties_of(schema).items():
            if key not in result and isinstance(inside, dict) and inside.get("default") is not None:
                result[key] = inside["default"]
    return {key: with_defaults(member, member_of(schema, key)) for key, member in result.items()}


def _is_void(value: Any, schema: Schema | None) -> bool:
    return (
        value is None and schema is not None and not schema.get("nullable") and schema.get("default") is None
    )


def _instead_of_null(value: Any, schema: Schema | None) -> Any:
    if value is None and schema is not None and not schema.get("nullable"):
        return schema.get("default")
    return value


# --- embedded objects --------------------------------------------------------------------------------


def embedded_objects(value: Any, schema: Any, path: Path = ()) -> Iterator[FieldProblem]:
    """The problems of objects in the object: each needs an apiVersion and a kind."""
    if isinstance(value, dict) and isinstance(schema, dict) and _is_embedded(schema):
        yield from _embedded(value, path)
    for inner, inside, where in _below(value, schema, path):
        yield from embedded_objects(inner, inside, where)


def _embedded(value: Object, path: Path) -> Iterator[FieldProblem]:
    for name in ("apiVersion", "kind"):
        if not value.get(name):
            yield required(format_path((*path, name)))
    api_version, kind = value.get("apiVersion"), value.get("kind")
    if isinstance(api_version, str) and api_version.count("/") > 1:
        detail = f"unexpected GroupVersion string: {api_version}"
        yield invalid(format_path((*path, "apiVersion")), api_version, detail)
    if isinstance(kind, str) and kind and (advice := service_label_advice(kind.lower())):
        detail = f"may have mixed case, but should otherwise match: {advice}"
        yield invalid(format_path((*path, "kind")), kind, detail)
    metadata = value.get("metadata")
    if isinstance(metadata, dict):
        yield from _embedded_metadata(metadata, format_path((*path, "metadata")))


def _embedded_metadata(metadata: Object, path: str) -> Iterator[FieldProblem]:
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if name and (advice := path_segment_advice(name)):
        yield invalid(f"{path}.name", name, advice)
    if namespace and (advice := label_advice(namespace)):
        yield invalid(f"{path}.namespace", namespace, advice)
    yield from check_labels(as_texts(metadata.get("labels")), f"{path}.labels")
    yield from check_annotations(as_texts(metadata.get("annotations")), f"{path}.annotations")


# --- lists that are sets or maps ---------------------------------------------------------------------


def unique_items(value: Any, schema: Any, path: Path = ()) -> Iterator[FieldProblem]:
    """Items that lists of type set or map hold twice; the second of each is told."""
    if isinstance(value, list) and isinstance(schema, dict):
        if schema.get("x-kubernetes-list-type") == "set":
            yield from _repeated(value, value, path)
        elif schema.get("x-kubernetes-list-type") == "map":
            names = schema.get("x-kubernetes-list-map-keys")
            keys = [one for one in names if isinstance(one, str)] if isinstance(names, list) else []
            yield from _repeated_keys(value, keys, path)
    for inner, inside, where in _below(value, schema, path):
        yield from unique_items(inner, inside, where)


def _repeated_keys(items: list[Any], names: list[str], path: Path) -> Iterator[FieldProblem]:
    for index, item in enumerate(items):
        if item is not None and not isinstance(item, dict):
            where = format_path((*path, index))
            yield invalid(where, item, "must be an object for an array of list-type map")
            return
    keys = [{name: item[name] for name in names if name in item} if item else {} for item in items]
    yield from _repeated(keys, keys, path)


def _repeated(items: list[Any], shown: list[Any], path: Path) -> Iterator[FieldProblem]:
    seen: dict[str, int] = {}
    for index, item in enumerate(items):
        text = json.dumps(item, sort_keys=True)
        seen[text] = seen.get(text, 0) + 1
        if seen[text] == 2:
            yield duplicate(format_path((*path, index)), shown[index])
