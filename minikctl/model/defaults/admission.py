"""Webhooks and policies on admission."""

from __future__ import annotations

from minikctl.model.defaults.compaction import Fields, types_of
from minikctl.model.defaults.pods import spec_in


def _default_webhooks(obj: Fields) -> None:
    for hook in obj.get("webhooks", ()):
        hook.setdefault("failurePolicy", "Fail")
        hook.setdefault("timeoutSeconds", 10)
        _default_matching(hook)
        service = hook.get("clientConfig", {}).get("service")
        if service is not None:
            service.setdefault("port", 443)
        for rule in hook.get("rules", ()):
            rule.setdefault("scope", "*")


def _default_mutating(obj: Fields) -> None:
    _default_webhooks(obj)
    for hook in obj.get("webhooks", ()):
        hook.setdefault("reinvocationPolicy", "Never")


def _default_matching(matching: Fields) -> None:
    matching.setdefault("matchPolicy", "Equivalent")
    matching.setdefault("namespaceSelector", {})
    matching.setdefault("objectSelector", {})


def _default_policy(obj: Fields) -> None:
    spec = spec_in(obj)
    spec.setdefault("failurePolicy", "Fail")
    if "matchConstraints" in spec:
        _default_resources(spec["matchConstraints"])


def _default_policy_binding(obj: Fields) -> None:
    spec = spec_in(obj)
    if "matchResources" in spec:
        _default_resources(spec["matchResources"])


def _default_resources(matching: Fields) -> None:
    _default_matching(matching)
    for side in ("resourceRules", "excludeResourceRules"):
        for rule in matching.get(side, ()):
            rule.setdefault("scope", "*")


_TYPES = types_of(
    pointers=(
        "failurePolicy",
        "matchPolicy",
        "parameterNotFoundAction",
        "path",
        "port",
        "reason",
        "reinvocationPolicy",
        "scope",
        "sideEffects",
        "timeoutSeconds",
        "url",
    ),
    lists_of_strings=(
        "admissionReviewVersions",
        "apiGroups",
        "apiVersions",
        "operations",
        "resourceNames",
        "resources",
        "validationActions",
    ),
)
DEFAULTS = {
    "MutatingWebhookConfiguration": _default_mutating,
    "ValidatingAdmissionPolicy": _default_policy,
    "ValidatingAdmissionPolicyBinding": _default_policy_binding,
    "ValidatingWebhookConfiguration": _default_webhooks,
}
TYPES = dict.fromkeys(DEFAULTS, _TYPES)
