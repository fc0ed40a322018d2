"""Kinds that CustomResourceDefinitions bring, and validation of their objects as the API server does it.

Rules:
- Only versions that are served count. A definition that is refused itself may still describe its kind as far
  as it can be read: whoever checks a folder is told of both.
- Unknown fields and wrong metadata are reported alone, as for all kinds; a wrong type of a field is a problem
  beside others, as custom resources are decoded without types.
- Rules in CEL (x-kubernetes-validations) are not evaluated: `CustomKind.has_cel` says that there are some.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from minikctl.errors import FieldProblem
from minikctl.manifests.custom import structural
from minikctl.manifests.custom.patterns import is_checkable
from minikctl.manifests.custom.shapes import as_list, as_map, as_texts
from minikctl.manifests.custom.values import NO_FIELD, judge
from minikctl.manifests.rules.metadata import check_annotations, check_labels
from minikctl.manifests.rules.problems import (
    MAX_INT32,
    forbidden,
    invalid,
    label_advice,
    prefix_of,
    required,
    subdomain_advice,
)
from minikctl.manifests.rules.rule import CEL_RULES
from minikctl.model import Object

_GROUP = "apiextensions.k8s.io/"
_CEL = "x-kubernetes-validations"
# After these the server does not evaluate rules in CEL any more, and says so.
_BLOCKING = frozenset(
    (
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    )
)
_NOT_CHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to "
    "complete validation"
)


class CustomKind:
    """One served version of a custom resource's kind."""

    def __init__(self, spec: Mapping[str, Any], version: Mapping[str, Any]) -> None:
        names = as_map(spec.get("names"))
        self.kind: str = names["kind"]
        self.plural = str(names.get("plural") or "")
        self.short_names = tuple(one for one in as_list(names.get("shortNames")) if isinstance(one, str))
        self.group: str = spec["group"]
        self.api_version = f"{spec['group']}/{version['name']}"
        self.namespaced = spec.get("scope") == "Namespaced"
        self.schema = as_map(as_map(version.get("schema")).get("openAPIV3Schema"))
        subresources = as_map(version.get("subresources"))
        self._has_status = "status" in subresources
        self._scale = as_map(subresources.get("scale"))

    @cached_property
    def has_cel(self) -> bool:
        """Whether the schema has rules in CEL, which `validate` does not evaluate."""
        return _mentions_cel(self.schema)

    @cached_property
    def unchecked_patterns(self) -> tuple[str, ...]:
        """Patterns of the schema that can't be run here."""
        return tuple(one for one in dict.fromkeys(_patterns(self.schema)) if not is_checkable(one))

    def validate(self, obj: Object) -> list[FieldProblem]:
        """What the API server would refuse in `obj`, of this apiVersion and kind, on creation."""
        if undecodable := self.decoding_problems(obj):
            return undecodable
        stored = structural.with_defaults(obj, self.schema)
        if self._has_status:
            stored.pop("status", None)  # whoever creates an object can't set it
        found = list(self._problems(stored))
        if self.has_cel and any(problem.reason in _BLOCKING for problem in found):
            found.append(replace(invalid(NO_FIELD, None, _NOT_CHECKED), rule=CEL_RULES))
        return list(dict.fromkeys(found))

    def decoding_problems(self, obj: Object) -> list[FieldProblem]:
        """What keeps the API server from taking `obj` at all: unknown fields, wrong metadata."""
        return structural.undecodable(obj, self.schema)

    def _problems(self, obj: Object) -> Iterator[FieldProblem]:
        yield from self._metadata(as_map(obj.get("metadata")))
        yield from judge(obj, self.schema).problems
        yield from self._replicas(obj)
        yield from structural.embedded_objects(obj, self.schema)
        yield from structural.unique_items(obj, self.schema)

    def _metadata(self, metadata: Mapping[str, Any]) -> Iterator[FieldProblem]:
        name, prefix = metadata.get("name") or "", metadata.get("generateName") or ""
        namespace = metadata.get("namespace") or ""
        if prefix and (advice := prefix_of(subdomain_advice)(prefix)):
            yield invalid("metadata.generateName", prefix, advice)
        if name and (advice := subdomain_advice(name)):
            yield invalid("metadata.name", name, advice)
        if not name and not prefix:
            yield required("metadata.name", "name or generateName is required")
        if namespace and not self.namespaced:
            yield forbidden("metadata.namespace", "not allowed on this type")
        elif namespace and (advice := label_advice(namespace)):
            yield invalid("metadata.namespace", namespace, advice)
        labels, annotations = metadata.get("labels"), metadata.get("annotations")
        yield from check_labels(as_texts(labels), "metadata.labels")
        yield from check_annotations(as_texts(annotations), "metadata.annotations")

    def _replicas(self, obj: Object) -> Iterator[FieldProblem]:
        """What `kubectl scale` reads and writes must be numbers."""
        for word in ("specReplicasPath", "statusReplicasPath"):
            path = self._scale.get(word)
            if isinstance(path, str):
                yield from _number_at(obj, path)


class Crds:
    """The kinds of some CustomResourceDefinitions."""

    def __init__(self, kinds: Iterable[CustomKind] = ()) -> None:
        self._kinds = {(one.api_version, one.kind): one for one in kinds}

    @classmethod
    def from_objects(cls, objects: Iterable[Object]) -> Crds:
        """From definitions (v1). Other objects, and what can't be read as a definition, are passed over."""
        return cls(kind for obj in objects if _is_definition(obj) for kind in _served(obj))

    def __len__(self) -> int:
        return len(self._kinds)

    def __iter__(self) -> Iterator[CustomKind]:
        return iter(self._kinds.values())

    def lookup(self, api_version: Any, kind: Any) -> CustomKind | None:
        """The kind of that apiVersion, if a definition serves it."""
        if not isinstance(api_version, str) or not isinstance(kind, str):
            return None
        return self._kinds.get((api_version, kind))

    def versions_of(self, kind: str) -> list[str]:
        """The apiVersions in which a kind of that name is served."""
        return [api_version for api_version, name in self._kinds if name == kind]


def _is_definition(obj: Object) -> bool:
    return obj.get("kind") == "CustomResourceDefinition" and obj.get("apiVersion") == f"{_GROUP}v1"


def _served(definition: Object) -> Iterator[CustomKind]:
    spec = as_map(definition.get("spec"))
    kind = as_map(spec.get("names")).get("kind")
    if not isinstance(kind, str) or not isinstance(spec.get("group"), str):
        return
    for version in as_list(spec.get("versions")):
        if (
            isinstance(version, dict)
            and isinstance(version.get("name"), str)
            and version.get("served") is True
        ):
            yield CustomKind(spec, version)


def _number_at(obj: Object, path: str) -> Iterator[FieldProblem]:
    found: Any = obj
    for step in path.removeprefix(".").split("."):
        if not isinstance(found, dict):
            yield invalid(path, 0, f"{path} accessor error: {found} is of the wrong type, expected a map")
            return
        if step not in found:
            return
        found = found[step]
    if not isinstance(found, int) or isinstance(found, bool):
        yield invalid(path, 0, f"{path} accessor error: {found} is of the wrong type, expected int64")
    elif found < 0:
        yield invalid(path, found, "should be a non-negative integer")
    elif found > MAX_INT32:
        yield invalid(path, found, f"should be less than or equal to {MAX_INT32}")


def _patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(pattern := schema.get("pattern"), str):
            yield pattern
        schema = list(schema.values())
    if isinstance(schema, list):
        for one in schema:
            yield from _patterns(one)


def _mentions_cel(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(map(_mentions_cel, schema))
    return isinstance(schema, dict) and (bool(schema.get(_CEL)) or any(map(_mentions_cel, schema.values())))
