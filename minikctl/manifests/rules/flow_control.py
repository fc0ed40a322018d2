"""FlowSchemas and PriorityLevelConfigurations: which requests wait for which, and how many at a time.

What the server's own (`exempt`, `catch-all`) must say is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import (
    forbidden,
    invalid,
    label_advice,
    required,
    subdomain_advice,
    unsupported,
)
from minikctl.manifests.rules.rule import Fields, Rule
from minikctl.model import Object

_DISTINGUISHERS = ("ByNamespace", "ByUser")
_MAX_PRECEDENCE = 10000
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
# Kind of a subject → its field.
_SUBJECTS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}


def flow_schema(obj: Object) -> Iterator[FieldProblem]:
    spec, name = obj.get("spec") or {}, (obj.get("metadata") or {}).get("name", "")
    precedence = spec.get("matchingPrecedence", 0)
    if not 0 < precedence <= _MAX_PRECEDENCE:
        detail = f"must be positive and not greater than {_MAX_PRECEDENCE}"
        yield invalid("spec.matchingPrecedence", precedence, detail)
    if precedence == 1 and name != "exempt":
        detail = "only the schema named 'exempt' may have matchingPrecedence 1"
        yield invalid("spec.matchingPrecedence", precedence, detail)
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type", "") not in _DISTINGUISHERS:
        yield unsupported("spec.distinguisherMethod.type", method.get("type", ""), _DISTINGUISHERS)
    level, where = (
        (spec.get("priorityLevelConfiguration") or {}).get("name", ""),
        "spec.priorityLevelConfiguration.name",
    )
    if not level:
        yield required(where, "must reference a priority level")
    elif problem := subdomain_advice(level):
        yield invalid(where, level, problem)
    for index, rule in enumerate(spec.get("rules") or ()):
        yield from _rule(rule, f"spec.rules[{index}]")


def _rule(rule: Fields, path: str) -> Iterator[FieldProblem]:
    if not rule.get("subjects"):
        yield required(f"{path}.subjects", "subjects must contain at least one value")
    for index, subject in enumerate(rule.get("subjects") or ()):
        yield from _subject(subject, f"{path}.subjects[{index}]")
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        yield required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")
    for index, inner in enumerate(rule.get("resourceRules") or ()):
        yield from _resource_rule(inner, f"{path}.resourceRules[{index}]")
    for index, inner in enumerate(rule.get("nonResourceRules") or ()):
        yield from _url_rule(inner, f"{path}.nonResourceRules[{index}]")


def _subject(subject: Fields, path: str) -> Iterator[FieldProblem]:
    kind = subject.get("kind", "")
    if kind not in _SUBJECTS:
        yield unsupported(f"{path}.kind", kind, _SUBJECTS)
        return
    for other, field in _SUBJECTS.items():
        where, found = f"{path}.{field}", subject.get(field)
        if other != kind:
            if found is not None:
                yield forbidden(where, f"{field} is forbidden when subject kind is not '{other}'")
        elif found is None:
            yield required(where, f"{field} is required when subject kind is '{kind}'")
        else:
            yield from _name(found, where, is_account=kind == "ServiceAccount")


def _name(subject: Fields, path: str, *, is_account: bool) -> Iterator[FieldProblem]:
    name, namespace = subject.get("name", ""), subject.get("namespace", "")
    if not name:
        yield required(f"{path}.name")
    elif is_account and name != "*" and (problem := subdomain_advice(name)):
        yield invalid(f"{path}.name", name, problem)
    if is_account and not namespace:
        yield required(f"{path}.namespace", "must specify namespace for service account")
    elif is_account and (problem := label_advice(namespace)):
        yield invalid(f"{path}.namespace", namespace, problem)


def _resource_rule(rule: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _verbs(rule.get("verbs") or [], f"{path}.verbs")
    for name in ("apiGroups", "resources"):
        yield from _all_or_some(rule.get(name) or [], f"{path}.{name}")
    namespaces, where = rule.get("namespaces") or [], f"{path}.namespaces"
    if namespaces or not rule.get("clusterScope"):
        yield from _all_or_some(namespaces, where)
    if "*" not in namespaces:
        for index, namespace in enumerate(namespaces):
            if problem := label_advice(namespace):
                yield invalid(f"{where}[{index}]", namespace, problem)


def _url_rule(rule: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _verbs(rule.get("verbs") or [], f"{path}.verbs")
    urls, where = rule.get("nonResourceURLs") or [], f"{path}.nonResourceURLs"
    yield from _all_or_some(urls, where)
    if "*" not in urls:
        for index, url in enumerate(urls):
            if problem := _url_advice(url):
                yield invalid(f"{where}[{index}]", url, problem)


def _verbs(verbs: list[str], path: str) -> Iterator[FieldProblem]:
    yield from _all_or_some(verbs, path)
    if "*" not in verbs and not set(verbs) <= set(_VERBS):
        yield unsupported(path, verbs, _VERBS)


def _all_or_some(values: list[str], path: str) -> Iterator[FieldProblem]:
    if not values:
        yield required(path, "must contain at least one value")
    if len(values) > 1 and "*" in values:
        yield invalid(path, values, "if '*' is present, must not specify others")


def _url_advice(url: str) -> str | None:
    if url == "/":
        return None
    if not url.startswith("/"):
        return "must start with slash"
    for part, name in ((" ", "white-space"), ("//", "double slash")):
        if part in url:
            return f"must not contain {name}"
    if "*" in url.removesuffix("/*"):
        return "wildcard can only do suffix matching"
    return None


# --- priority levels ------------------------------------------------------------------------------

_RESPONSES = ("Queue", "Reject")
_MAX_QUEUES = 10_000_000
_MAX_HASH_BITS = 60


def priority_level(obj: Object) -> Iterator[FieldProblem]:
    spec, name = obj.get("spec") or {}, (obj.get("metadata") or {}).get("name", "")
    kind = spec.get("type", "")
    if (name == "exempt") != (kind == "Exempt"):
        yield invalid("spec.type", kind, "type must be 'Exempt' if and only if name is 'exempt'")
    if kind not in ("Exempt", "Limited"):
        yield unsupported("spec.type", kind, ("Exempt", "Limited"))
        return
    mine, other = kind.lower(), "limited" if kind == "Exempt" else "exempt"
    if spec.get(other) is not None:
        yield forbidden(f"spec.{other}", f"must be nil if the type is {kind}")
    if spec.get(mine) is not None:
        yield from _shares(spec[mine], f"spec.{mine}")
    elif kind == "Limited":
        yield required("spec.limited", "must not be empty when type is Limited")
    if kind == "Limited" and spec.get("limited") is not None:
        yield from _response(spec["limited"].get("limitResponse") or {}, "spec.limited.limitResponse")


def _shares(found: Fields, path: str) -> Iterator[FieldProblem]:
    for name in ("nominalConcurrencyShares", "borrowingLimitPercent"):
        value = found.get(name)
        if value is not None and value < 0:
            yield invalid(f"{path}.{name}", value, "must be a non-negative integer")
    lent = found.get("lendablePercent")
    if lent is not None and not 0 <= lent <= 100:
        yield invalid(f"{path}.lendablePercent", lent, "must be between 0 and 100, inclusive")


def _response(response: Fields, path: str) -> Iterator[FieldProblem]:
    kind, queuing = response.get("type", ""), response.get("queuing")
    if kind not in _RESPONSES:
        yield unsupported(f"{path}.type", kind, _RESPONSES)
    elif kind == "Reject" and queuing is not None:
        yield forbidden(f"{path}.queuing", "must be nil if limited.limitResponse.type is not Limited")
    elif kind == "Queue" and queuing is None:
        yield required(f"{path}.queuing", "must not be empty if limited.limitResponse.type is Limited")
    elif kind == "Queue" and queuing is not None:
        yield from _queuing(queuing, f"{path}.queuing")


def _queuing(queuing: Fields, path: str) -> Iterator[FieldProblem]:
    length, queues, hand = (queuing.get(name, 0) for name in ("queueLengthLimit", "queues", "handSize"))
    if length <= 0:
        yield invalid(f"{path}.queueLengthLimit", length, "must be positive")
    if not 0 < queues <= _MAX_QUEUES:
        yield invalid(f"{path}.queues", queues, f"must be positive and not greater than {_MAX_QUEUES}")
    if not 0 < hand <= queues:
        yield invalid(f"{path}.handSize", hand, f"must be positive and not greater than queues ({queues})")
    elif math.ceil(math.log2(queues) * hand) > _MAX_HASH_BITS:
        detail = f"required entropy bits of the hands should not be greater than {_MAX_HASH_BITS}"
        yield invalid(f"{path}.handSize", hand, detail)


RULES = (
    Rule(
        "flow-schema",
        "a schema has a precedence and a level, and its rules have subjects",
        flow_schema,
        frozenset({"FlowSchema"}),
    ),
    Rule(
        "priority-level",
        "a level is limited, and its queues can be dealt",
        priority_level,
        frozenset({"PriorityLevelConfiguration"}),
    ),
)
