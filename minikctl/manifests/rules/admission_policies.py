"""ValidatingAdmissionPolicies and their bindings. Expressions of CEL are not compiled; they must be there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import (
    duplicate,
    forbidden,
    invalid,
    path_segment_advice,
    qualified_name_advice,
    repeated_at,
    required,
    service_label_advice,
    subdomain_advice,
    unsupported,
)
from minikctl.manifests.rules.rule import Fields, Rule
from minikctl.manifests.rules.selectors import check_selector
from minikctl.manifests.rules.webhooks import check_conditions, check_rule
from minikctl.model import Object

_MATCH_POLICIES = ("Equivalent", "Exact")
_FAILURE_POLICIES = ("Fail", "Ignore")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS = ("Audit", "Deny", "Warn")
_NOT_FOUND_ACTIONS = ("Allow", "Deny")
_MAX_ANNOTATIONS = 20
_MAX_EXPRESSION = 5 * 1024
_IDENTIFIER = r"[_a-zA-Z][_a-zA-Z0-9]*"
# fmt: off
_RESERVED = frozenset((
    "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let",
    "loop", "namespace", "null", "package", "return", "true", "var", "void", "while",
))
# fmt: on


def policy(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    if spec.get("failurePolicy") not in _FAILURE_POLICIES:
        yield unsupported("spec.failurePolicy", spec.get("failurePolicy"), _FAILURE_POLICIES)
    if spec.get("paramKind") is not None:
        yield from _param_kind(spec["paramKind"], "spec.paramKind")
    constraints = spec.get("matchConstraints")
    if constraints is None:
        yield required("spec.matchConstraints")
    else:
        yield from _resources(constraints, "spec.matchConstraints")
        if not constraints.get("resourceRules"):
            yield required("spec.matchConstraints.resourceRules")
    yield from check_conditions(spec.get("matchConditions") or [], "spec.matchConditions")
    for index, variable in enumerate(spec.get("variables") or ()):
        yield from _variable(variable, f"spec.variables[{index}]")
    validations, annotations = spec.get("validations") or [], spec.get("auditAnnotations") or []
    if not validations and not annotations:
        for name in ("validations", "auditAnnotations"):
            yield required(f"spec.{name}", "validations or auditAnnotations must contain at least one item")
    for index, validation in enumerate(validations):
        yield from _validation(validation, f"spec.validations[{index}]")
    yield from _annotations(obj, annotations, "spec.auditAnnotations")


def _param_kind(found: Fields, path: str) -> Iterator[FieldProblem]:
    version, kind = found.get("apiVersion", ""), found.get("kind", "")
    if not version:
        yield required(f"{path}.apiVersion")
    elif problem := _version_advice(version):
        yield invalid(f"{path}.apiVersion", version, problem)
    if not kind:
        yield required(f"{path}.kind")
    elif problem := service_label_advice(kind.lower()):
        detail = f"may have mixed case, but should otherwise match: {problem}"
        yield invalid(f"{path}.kind", kind, detail)


def _version_advice(text: str) -> str | None:
    if text.count("/") > 1:
        return f"unexpected GroupVersion string: {text}"
    group, _, version = text.rpartition("/")
    if group and (problem := subdomain_advice(group)):
        return problem
    return service_label_advice(version) if version else "version must be specified"


def _resources(found: Fields, path: str) -> Iterator[FieldProblem]:
    if found.get("matchPolicy") not in _MATCH_POLICIES:
        yield unsupported(f"{path}.matchPolicy", found.get("matchPolicy"), _MATCH_POLICIES)
    for name in ("namespaceSelector", "objectSelector"):
        yield from check_selector(found.get(name) or {}, f"{path}.{name}")
    for side in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(found.get(side) or ()):
            yield from _resource_names(
                rule.get("resourceNames") or [], f"{path}.{side}[{index}].resourceNames"
            )
            yield from check_rule(rule, f"{path}.{side}[{index}]")


def _resource_names(names: list[str], path: str) -> Iterator[FieldProblem]:
    again = repeated_at(names)
    for index, name in enumerate(names):
        if problem := path_segment_advice(name):
            yield invalid(f"{path}[{index}]", name, problem)
        if index in again:
            yield duplicate(f"{path}[{index}]", name)


def _variable(variable: Fields, path: str) -> Iterator[FieldProblem]:
    name = variable.get("name", "")
    if not name.strip():
        yield required(f"{path}.name", "name is not specified")
    elif not re.fullmatch(_IDENTIFIER, name) or name in _RESERVED:
        yield invalid(f"{path}.name", name, "name is not a valid CEL identifier")
    if not variable.get("expression", "").strip():
        yield required(f"{path}.expression", "expression is not specified")


def _validation(validation: Fields, path: str) -> Iterator[FieldProblem]:
    if not validation.get("expression", "").strip():
        yield required(f"{path}.expression", "expression is not specified")
    for name in ("messageExpression", "message"):
        value = validation.get(name, "")
        if value and not value.strip():
            yield invalid(f"{path}.{name}", value, "must be non-empty if specified")
    message = validation.get("message", "")
    if "\n" in message.strip() or "\r" in message.strip():
        yield invalid(f"{path}.message", message, "message must not contain line breaks")
    reason = validation.get("reason")
    if reason is not None and reason not in _REASONS:
        yield unsupported(f"{path}.reason", reason, _REASONS)


def _annotations(obj: Object, annotations: list[Fields], path: str) -> Iterator[FieldProblem]:
    owner, keys = (obj.get("metadata") or {}).get("name", ""), set()
    if len(annotations) > _MAX_ANNOTATIONS:
        yield invalid(path, len(annotations), f"must not have more than {_MAX_ANNOTATIONS} auditAnnotations")
    for index, annotation in enumerate(annotations):
        key, where = annotation.get("key", ""), f"{path}[{index}].key"
        expression = annotation.get("valueExpression", "").strip()
        if not owner:
            yield invalid(where, key, "requires metadata.name be non-empty")
        elif problem := qualified_name_advice(f"{owner}/{key}"):
            yield invalid(where, key, problem)
        if not expression:
            yield required(f"{path}[{index}].valueExpression", "valueExpression is not specified")
        elif len(expression.encode(errors="surrogatepass")) > _MAX_EXPRESSION:
            detail = f"must not exceed {_MAX_EXPRESSION} bytes in length"
            yield required(f"{path}[{index}].valueExpression", detail)
        if key in keys:
            yield duplicate(where, key)
        keys.add(key)


# --- bindings -------------------------------------------------------------------------------------


def binding(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    name = spec.get("policyName", "")
    if not name:
        yield required("spec.policyName")
    elif problem := subdomain_advice(name):
        yield invalid("spec.policyName", name, problem)
    if spec.get("paramRef") is not None:
        yield from _param_ref(spec["paramRef"], "spec.paramRef")
    if spec.get("matchResources") is not None:
        # The server misspells it.
        yield from _resources(spec["matchResources"], "spec.matchResouces")
    yield from _actions(spec.get("validationActions") or [], "spec.validationActions")


def _param_ref(found: Fields, path: str) -> Iterator[FieldProblem]:
    name, selector = found.get("name", ""), found.get("selector")
    if name and (problem := path_segment_advice(name)):
        yield invalid(f"{path}.name", name, problem)
    if selector is not None:
        yield from check_selector(selector, f"{path}.selector")
    if name and selector is not None:
        for field in ("name", "selector"):
            yield forbidden(f"{path}.{field}", "name and selector are mutually exclusive")
    if not name and selector is None:
        yield required(path, "one of name or selector must be specified")
    action, where = found.get("parameterNotFoundAction"), f"{path}.parameterNotFoundAction"
    if not action:
        yield required(where)
    elif action not in _NOT_FOUND_ACTIONS:
        yield unsupported(where, action, _NOT_FOUND_ACTIONS)


def _actions(actions: list[str], path: str) -> Iterator[FieldProblem]:
    again = repeated_at(actions)
    for index, action in enumerate(actions):
        if action not in _ACTIONS:
            yield unsupported(f"{path}[{index}]", action, _ACTIONS)
        if index in again:
            yield duplicate(f"{path}[{index}]", action)
    if "Deny" in actions and "Warn" in actions:
        yield invalid(path, actions, "must not contain both Deny and Warn")
    if not actions:
        yield required(path, "at least one validation action is required")


RULES = (
    Rule(
        "admission-policy",
        "a policy says what it is asked about, and has something to say",
        policy,
        frozenset({"ValidatingAdmissionPolicy"}),
    ),
    Rule(
        "admission-policy-binding",
        "a binding names its policy, and what follows",
        binding,
        frozenset({"ValidatingAdmissionPolicyBinding"}),
    ),
)
