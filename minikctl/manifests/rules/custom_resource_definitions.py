"""CustomResourceDefinitions: names, versions, conversion. Their schemas: see `structural_schemas`.

What all versions have alike (schema, subresources, columns) the server keeps in one place, and its problems
are told there: `spec.validation`, `spec.subresources`, `spec.additionalPrinterColumns`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import (
    check_choice,
    check_filled,
    forbidden,
    invalid,
    repeated_at,
    required,
    service_label_advice,
    subdomain_advice,
)
from minikctl.manifests.rules.rule import Fields, Rule, UpdateRule
from minikctl.manifests.rules.structural_schemas import check_schema
from minikctl.manifests.rules.told import is_told
from minikctl.manifests.rules.webhooks import check_client
from minikctl.model import Object

_KIND = frozenset({"CustomResourceDefinition"})
_SCOPES = ("Cluster", "Namespaced")
_APPROVAL = "api-approved.kubernetes.io"
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_ONE_STORAGE = "must have exactly one version marked as storage version"


def names(obj: Object) -> Iterator[FieldProblem]:
    spec, name = _spec(obj), (obj.get("metadata") or {}).get("name") or ""
    if name and name != f"{_names(obj).get('plural', '')}.{spec.get('group', '')}":
        yield invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    group = spec.get("group", "")
    yield from check_filled("spec.group", group)
    if group and (advice := subdomain_advice(group)):
        yield invalid("spec.group", group, advice)
    elif group and "." not in group:
        yield invalid("spec.group", group, "should be a domain with at least one dot")
    yield from check_choice("spec.scope", spec.get("scope", ""), _SCOPES)
    for word in ("plural", "singular", "kind", "listKind"):
        yield from check_filled(f"spec.names.{word}", _names(obj).get(word))
    yield from _check_names(_names(obj), "spec.names")


def _check_names(found: Fields, path: str) -> Iterator[FieldProblem]:
    for word in ("plural", "singular"):
        yield from _label(f"{path}.{word}", found.get(word, ""))
    for word in ("kind", "listKind"):
        name = found.get(word, "")
        if name and (advice := service_label_advice(name.lower())):
            detail = f"may have mixed case, but should otherwise match: {advice}"
            yield invalid(f"{path}.{word}", name, detail)
    for word in ("shortNames", "categories"):
        for index, name in enumerate(found.get(word) or ()):
            yield from _label(f"{path}.{word}[{index}]", name, may_be_empty=False)
    if found.get("kind") and found["kind"] == found.get("listKind"):
        yield invalid(f"{path}.listKind", found["listKind"], "kind and listKind may not be the same")


def _label(path: str, value: str, *, may_be_empty: bool = True) -> Iterator[FieldProblem]:
    if (value or not may_be_empty) and (advice := service_label_advice(value)):
        yield invalid(path, value, advice)


def versions(obj: Object) -> Iterator[FieldProblem]:
    spec = _spec(obj)
    found = _versions(obj)
    for index, version in enumerate(found):
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if version.get("served") and schema is None:
            yield required(f"spec.versions[{index}].schema.openAPIV3Schema", "schemas are required")
    for index, version in enumerate(found):
        yield from _label(f"spec.versions[{index}].name", version.get("name", ""), may_be_empty=False)
        yield from _deprecation(version, f"spec.versions[{index}].deprecationWarning")
    if len({version.get("name", "") for version in found}) < len(found):
        yield invalid("spec.versions", found, "must contain unique version names")
    stored = sum(version.get("storage") is True for version in found)
    if stored != 1:
        yield invalid("spec.versions", found, _ONE_STORAGE)
    # The server has a field for the first version's name too.
    first = found[0].get("name", "") if found else ""
    yield from _label("spec.version", first)
    if spec.get("preserveUnknownFields"):
        detail = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema"
        )
        yield invalid("spec.preserveUnknownFields", True, f"{detail} instead")
    if not stored:
        yield invalid("status.storedVersions", [], "must have at least one stored version")


def _deprecation(version: Fields, path: str) -> Iterator[FieldProblem]:
    warning = version.get("deprecationWarning")
    if warning is None:
        return
    if not version.get("deprecated"):
        yield invalid(path, warning, "can only be set for deprecated versions")
    if not warning:
        yield invalid(path, warning, "must not be an empty string")
    elif len(warning) > 256:
        yield invalid(path, warning, "must be <= 256 characters long")
    elif not warning.isprintable():
        yield invalid(path, warning, "must only contain printable UTF-8 characters")


def schemas(obj: Object) -> Iterator[FieldProblem]:
    has_status = any("status" in (one.get("subresources") or {}) for one in _versions(obj))
    for schema, path in _shared(obj, "schema", "spec.validation"):
        if isinstance(schema, dict) and isinstance(schema.get("openAPIV3Schema"), dict):
            yield from check_schema(schema["openAPIV3Schema"], f"{path}.openAPIV3Schema", has_status)


def subresources(obj: Object) -> Iterator[FieldProblem]:
    for found, path in _shared(obj, "subresources", "spec.subresources"):
        scale = (found or {}).get("scale")
        if scale is None:
            continue
        for word, below in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
            yield from check_filled(f"{path}.scale.{word}", scale.get(word))
            detail = f"should be a json path under {below.rstrip('.')}"
            yield from _json_path(f"{path}.scale.{word}", scale.get(word, ""), (below,), detail)
        labels, either = scale.get("labelSelectorPath", ""), (".spec.", ".status.")
        detail = "should be a json path under either .spec or .status"
        yield from _json_path(f"{path}.scale.labelSelectorPath", labels, either, detail)


def _json_path(
    path: str, value: str, below: tuple[str, ...] = ("",), detail: str = ""
) -> Iterator[FieldProblem]:
    if not value:
        return
    if not value.startswith("."):
        yield invalid(path, value, "must be a simple json path starting with .")
    elif not value.startswith(below):
        yield invalid(path, value, detail)


def columns(obj: Object) -> Iterator[FieldProblem]:
    for found, path in _shared(obj, "additionalPrinterColumns", "spec.additionalPrinterColumns"):
        for index, column in enumerate(found or ()):
            yield from _column(column, f"{path}[{index}]")


def _column(column: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_filled(f"{path}.name", column.get("name"))
    found, form = column.get("type", ""), column.get("format", "")
    detail = f"must be one of {','.join(_COLUMN_TYPES)}"
    if not found:
        yield required(f"{path}.type", detail)
    elif found not in _COLUMN_TYPES:
        yield invalid(f"{path}.type", found, detail)
    if form and form not in _COLUMN_FORMATS:
        yield invalid(f"{path}.format", form, f"must be one of {','.join(_COLUMN_FORMATS)}")
    yield from check_filled(f"{path}.JSONPath", column.get("jsonPath"))
    yield from _json_path(f"{path}.JSONPath", column.get("jsonPath", ""))


def conversion(obj: Object) -> Iterator[FieldProblem]:
    found = _spec(obj).get("conversion") or {}
    strategy, webhook = found.get("strategy", ""), found.get("webhook") or {}
    client, reviewed = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    yield from check_choice("spec.conversion.strategy", strategy, ("None", "Webhook"))
    if strategy != "Webhook":
        detail = "should not be set when strategy is not set to Webhook"
        if client is not None:
            yield forbidden("spec.conversion.webhookClientConfig", detail)
        if reviewed:
            yield forbidden("spec.conversion.conversionReviewVersions", detail)
        return
    if client is None:
        detail = "required when strategy is set to Webhook"
        yield required("spec.conversion.webhookClientConfig", detail)
    else:
        yield from check_client(client, "spec.conversion.webhookClientConfig")
    yield from _reviewed(reviewed, "spec.conversion.conversionReviewVersions")


def _reviewed(found: list[str], path: str) -> Iterator[FieldProblem]:
    yield from check_filled(path, found)
    again = repeated_at(found)
    for index, version in enumerate(found):
        if index in again:
            yield invalid(f"{path}[{index}]", version, "duplicate version")
        else:
            yield from _label(f"{path}[{index}]", version, may_be_empty=False)
    if found and not {"v1", "v1beta1"} & set(found):
        yield invalid(path, found, "must include at least one of v1, v1beta1")


def approval(obj: Object) -> Iterator[FieldProblem]:
    """Groups of Kubernetes' own are for those that its reviewers have approved."""
    group = _spec(obj).get("group", "")
    if not any(group == own or group.endswith(f".{own}") for own in ("k8s.io", "kubernetes.io")):
        return
    path = f"metadata.annotations[{_APPROVAL}]"
    value = ((obj.get("metadata") or {}).get("annotations") or {}).get(_APPROVAL, "")
    if not value:
        detail = "protected groups must have approval annotation"
        yield required(
            path, f'{detail} "{_APPROVAL}", see https://github.com/kubernetes/enhancements/pull/1111'
        )
    elif not value.startswith("unapproved") and not _is_address(value):
        detail = 'must be either a URL or a value starting with "unapproved"'
        yield invalid(
            path, value, f'protected groups must have approval annotation "{_APPROVAL}" with {detail}'
        )


def _is_address(value: str) -> bool:
    try:
        found = urlsplit(value)
    except ValueError:
        return False
    return bool(found.scheme and found.netloc)


def kept(old: Object, new: Object) -> Iterator[FieldProblem]:
    is_established = is_told(old, "Established")
    before, after = _spec(old), _spec(new)
    if is_established:
        yield from _same("spec.scope", before.get("scope"), after.get("scope"))
        yield from _same("spec.names.kind", _names(old).get("kind"), _names(new).get("kind"))
    yield from _same("spec.group", before.get("group"), after.get("group"))
    yield from _same("spec.names.plural", _names(old).get("plural"), _names(new).get("plural"))


def _same(path: str, before: Any, after: Any) -> Iterator[FieldProblem]:
    if before != after:
        yield invalid(path, after, "field is immutable")


# --- parts -------------------------------------------------------------------------------------------


def _spec(obj: Object) -> Fields:
    return obj.get("spec") or {}


def _names(obj: Object) -> Fields:
    return _spec(obj).get("names") or {}


def _versions(obj: Object) -> list[Fields]:
    return _spec(obj).get("versions") or []


def _shared(obj: Object, field: str, path: str) -> Iterator[tuple[Any, str]]:
    """The field of each version with its path; once, at `path`, where all have the same."""
    found = [version.get(field) for version in _versions(obj)]
    if found and all(one == found[0] for one in found):
        yield found[0], path
        return
    for index, one in enumerate(found):
        yield one, f"spec.versions[{index}].{field}"


RULES = (
    Rule("crd-names", "the name is plural.group, names are DNS labels, the group has a dot", names, _KIND),
    Rule("crd-versions", "one version is stored, served ones have a schema, names differ", versions, _KIND),
    Rule("crd-schemas", "schemas are structural, with the keywords that the server knows", schemas, _KIND),
    Rule("crd-subresources", "scale has paths under spec and status", subresources, _KIND),
    Rule("crd-columns", "printer columns have a name, a type and a path", columns, _KIND),
    Rule("crd-conversion", "a webhook is there where it converts, and only there", conversion, _KIND),
    Rule("crd-approval", "groups of Kubernetes' own carry their approval", approval, _KIND),
    UpdateRule("crd-kept", "group and plural stay, and once established scope and kind", kept, _KIND),
)
