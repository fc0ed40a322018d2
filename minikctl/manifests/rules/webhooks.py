"""Webhooks on admission: which requests they are asked about, where they answer, and how.

Expressions of CEL are not compiled here; they only have to be there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.networks import check_port
from minikctl.manifests.rules.problems import (
    duplicate,
    invalid,
    qualified_name_advice,
    repeated_at,
    required,
    service_label_advice,
    subdomain_advice,
    too_many,
    unsupported,
)
from minikctl.manifests.rules.rule import Fields, Rule
from minikctl.manifests.rules.selectors import check_selector
from minikctl.model import Object

_CONFIGURATIONS = frozenset({"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"})
_REVIEW_VERSIONS = ("v1", "v1beta1")
_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")
_CHOICES = {
    "failurePolicy": ("Fail", "Ignore"),
    "matchPolicy": ("Equivalent", "Exact"),
    "reinvocationPolicy": ("IfNeeded", "Never"),
    "sideEffects": ("None", "NoneOnDryRun"),
}
_MAX_CONDITIONS = 64


def webhooks(obj: Object) -> Iterator[FieldProblem]:
    names: set[str] = set()
    for index, hook in enumerate(obj.get("webhooks") or ()):
        path, name = f"webhooks[{index}]", hook.get("name", "")
        yield from _full_name(name, f"{path}.name")
        yield from _webhook(hook, path)
        yield from _review_versions(
            hook.get("admissionReviewVersions") or [], f"{path}.admissionReviewVersions"
        )
        if name and name in names:
            yield duplicate(f"{path}.name", name)
        names.add(name)


def _webhook(hook: Fields, path: str) -> Iterator[FieldProblem]:
    for index, rule in enumerate(hook.get("rules") or ()):
        yield from check_rule(rule, f"{path}.rules[{index}]")
    if hook.get("sideEffects") is None:
        yield required(f"{path}.sideEffects", "must specify one of None, NoneOnDryRun")
    for name, choices in _CHOICES.items():
        if hook.get(name) is not None and hook[name] not in choices:
            yield unsupported(f"{path}.{name}", hook[name], choices)
    seconds = hook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        detail = "the timeout value must be between 1 and 30 seconds"
        yield invalid(f"{path}.timeoutSeconds", seconds, detail)
    for name in ("namespaceSelector", "objectSelector"):
        yield from check_selector(hook.get(name) or {}, f"{path}.{name}")
    yield from check_client(hook.get("clientConfig") or {}, f"{path}.clientConfig")
    yield from check_conditions(hook.get("matchConditions") or [], f"{path}.matchConditions")


def _full_name(name: str, path: str) -> Iterator[FieldProblem]:
    if not name:
        yield required(path)
    elif problem := subdomain_advice(name):
        yield invalid(path, name, problem)
    elif name.count(".") < 2:
        yield invalid(path, name, "should be a domain with at least three segments separated by dots")


def _review_versions(versions: list[str], path: str) -> Iterator[FieldProblem]:
    if not versions:
        yield required(path, f"must specify one of {', '.join(_REVIEW_VERSIONS)}")
        return
    again = repeated_at(versions)
    for index, version in enumerate(versions):
        if index in again:
            yield invalid(f"{path}[{index}]", version, "duplicate version")
        elif problem := service_label_advice(version):
            yield invalid(f"{path}[{index}]", version, problem)
    if not set(_REVIEW_VERSIONS) & set(versions):
        yield invalid(path, versions, f"must include at least one of {', '.join(_REVIEW_VERSIONS)}")


def check_conditions(conditions: list[Fields], path: str) -> Iterator[FieldProblem]:
    if len(conditions) > _MAX_CONDITIONS:
        yield too_many(path, len(conditions), _MAX_CONDITIONS)
    names: set[str] = set()
    for index, condition in enumerate(conditions):
        name, where = condition.get("name", ""), f"{path}[{index}].name"
        if not condition.get("expression", "").strip():
            yield required(f"{path}[{index}].expression")
        if not name:
            yield required(where)
        elif problem := qualified_name_advice(name):
            yield invalid(where, name, problem)
        if name and name in names:
            yield duplicate(where, name)
        names.add(name)


# --- what is asked about --------------------------------------------------------------------------


def check_rule(rule: Fields, path: str) -> Iterator[FieldProblem]:
    """A rule with its operations."""
    operations = rule.get("operations") or []
    yield from _all_or_some(operations, f"{path}.operations", "operations")
    for index, operation in enumerate(operations):
        if operation not in _OPERATIONS:
            yield unsupported(f"{path}.operations[{index}]", operation, _OPERATIONS)
    versions = rule.get("apiVersions") or []
    yield from _all_or_some(rule.get("apiGroups") or [], f"{path}.apiGroups", "API groups")
    yield from _all_or_some(versions, f"{path}.apiVersions", "API versions")
    for index, version in enumerate(versions):
        if not version:
            yield required(f"{path}.apiVersions[{index}]")
    yield from _resources(rule.get("resources") or [], f"{path}.resources")
    scope = rule.get("scope")
    if scope is not None and scope not in _SCOPES:
        yield unsupported(f"{path}.scope", scope, _SCOPES)


def _all_or_some(values: list[str], path: str, what: str) -> Iterator[FieldProblem]:
    if not values:
        yield required(path)
    if len(values) > 1 and "*" in values:
        yield invalid(path, values, f"if '*' is present, must not specify other {what}")


def _resources(resources: list[str], path: str) -> Iterator[FieldProblem]:
    if not resources:
        yield required(path)
    seen: set[str] = set()
    plain = False
    for index, resource in enumerate(resources):
        where = f"{path}[{index}]"
        name, slash, sub = resource.partition("/")
        if not resource:
            yield required(where)
        elif not slash:
            plain = resource != "*"
        else:
            for pattern in (f"{name}/*", f"*/{sub}"):
                if pattern in seen:
                    yield invalid(where, resource, f"if '{pattern}' is present, must not specify {resource}")
        seen.add(resource)
    if len(resources) > 1 and "*/*" in resources:
        yield invalid(path, resources, "if '*/*' is present, must not specify other resources")
    if plain and "*" in resources:
        detail = "if '*' is present, must not specify other resources without subresources"
        yield invalid(path, resources, detail)


# --- where it answers -----------------------------------------------------------------------------


def check_client(client: Fields, path: str) -> Iterator[FieldProblem]:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        yield required(path, "exactly one of url or service is required")
    elif url is not None:
        yield from check_url(url, f"{path}.url")
    elif service is not None:
        yield from check_service(service, f"{path}.service")


def check_url(url: str, path: str) -> Iterator[FieldProblem]:
    from urllib.parse import urlsplit

    form = "; desired format: https://host[/path]"
    try:
        parts = urlsplit(url)
    except ValueError as error:
        yield required(path, f"url must be a valid URL: {error}{form}")
        return
    if parts.scheme != "https":
        yield invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{form}")
    user, at, host = parts.netloc.rpartition("@")
    if not host:
        yield invalid(path, host, f"host must be specified{form}")
    if at:
        yield invalid(path, user, "user information is not permitted in the URL")
    if parts.fragment:
        yield invalid(path, parts.fragment, "fragments are not permitted in the URL")
    if parts.query:
        yield invalid(path, parts.query, "query parameters are not permitted in the URL")


def check_service(service: Fields, path: str) -> Iterator[FieldProblem]:
    for name in ("name", "namespace"):
        if not service.get(name):
            yield required(f"{path}.{name}")
    yield from check_port(f"{path}.port", service.get("port", 0))
    yield from _service_path(service.get("path") or "", f"{path}.path")


def _service_path(value: str, path: str) -> Iterator[FieldProblem]:
    if value in ("", "/"):
        return
    if value == "//":
        yield invalid(path, value, "segment[0] may not be empty")
        return
    if not value.startswith("/"):
        yield invalid(path, value, "must start with a '/'")
    for index, step in enumerate(value[1:].removesuffix("/").split("/")):
        problem: Any = subdomain_advice(step) if step else "may not be empty"
        if problem:
            yield invalid(path, value, f"segment[{index}]: {problem}")


RULES = (
    Rule(
        "webhooks", "webhooks say what they are asked about, and where they answer", webhooks, _CONFIGURATIONS
    ),
)
