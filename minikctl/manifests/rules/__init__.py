"""The rules that no schema can say, in the API server's words.

One module a subject, with the rules on creation and on change side by side; each module lists its own in
`RULES`, and a new module is one line here. Rules on pods run on a Pod's spec and on a workload's template.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from minikctl.errors import FieldProblem
from minikctl.manifests.rules import (
    admission_policies,
    api_services,
    autoscalers,
    claims,
    configuration,
    controller_revisions,
    cron_jobs,
    custom_resource_definitions,
    daemon_sets,
    disruption_budgets,
    endpoints,
    events,
    flow_control,
    ingresses,
    job_policies,
    jobs,
    metadata,
    namespaces,
    network_policies,
    nodes,
    persistent_volumes,
    pod,
    quotas,
    rbac,
    scheduling,
    selectors,
    service_cidrs,
    services,
    stateful_sets,
    storage,
    webhooks,
    workloads,
)
from minikctl.manifests.rules.rule import AnyRule, PodRule, Preparation, Rule, UpdateRule, pod_spec
from minikctl.manifests.rules.selectors import is_template_judged
from minikctl.model import Object

_MODULES = (
    metadata,
    admission_policies,
    api_services,
    claims,
    configuration,
    events,
    flow_control,
    namespaces,
    nodes,
    persistent_volumes,
    quotas,
    rbac,
    scheduling,
    storage,
    custom_resource_definitions,
    webhooks,
    selectors,
    workloads,
    daemon_sets,
    stateful_sets,
    jobs,
    job_policies,
    cron_jobs,
    autoscalers,
    disruption_budgets,
    controller_revisions,
    pod,
    endpoints,
    ingresses,
    network_policies,
    service_cidrs,
    services,
)
RULES: tuple[AnyRule, ...] = tuple(rule for module in _MODULES for rule in module.RULES)
# Kinds that rules of their own speak of: those say all that is required. Of an account nothing is.
RULED = frozenset({"ServiceAccount"}.union(*(rule.kinds for rule in RULES if isinstance(rule, Rule))))
_POD_RULES = tuple(rule for rule in RULES if isinstance(rule, PodRule))
# The server's own validation of these leaves metadata to what comes after it, if anything does.
_METADATA_LAST = frozenset({"PodDisruptionBudget"})
_PREPARATIONS: tuple[Preparation, ...] = (services.PREPARATION,)


def check_rules(obj: Object) -> Iterator[FieldProblem]:
    """The problems of `obj`, which has its defaults and the types of its schema, on creation."""
    checks = [_on_object(rule, obj) for rule in _rules(obj["kind"])]
    found = _told([*checks, *_on_pod(obj)])
    yield from _metadata_last(found) if obj["kind"] in _METADATA_LAST else found


def check_update(old: Object, new: Object) -> Iterator[FieldProblem]:
    """The problems of the change from `old` to `new`, and of `new` itself; both have their defaults."""
    for preparation in _PREPARATIONS:
        if new["kind"] in preparation.kinds:
            old, new = preparation.apply(old, new)
    checks = [_on_object(rule, new) for rule in _rules(new["kind"]) if rule.on_update]
    changes = [_Check(rule.id, rule.alone, rule.check(old, new)) for rule in _update_rules(new["kind"])]
    yield from _told([*checks, *_on_pod(new), *changes])


def _metadata_last(problems: Iterable[FieldProblem]) -> list[FieldProblem]:
    """Those of metadata only where there are no others."""
    found = list(problems)
    return [problem for problem in found if not problem.rule.startswith("metadata-")] or found


class _Check(NamedTuple):
    rule: str
    alone: bool
    problems: Iterable[FieldProblem]


def _on_object(rule: Rule, obj: Object) -> _Check:
    return _Check(rule.id, rule.alone, rule.check(obj))


def _on_pod(obj: Object) -> Iterator[_Check]:
    found = pod_spec(obj)
    if found is not None and is_template_judged(obj):
        for rule in _POD_RULES:
            yield _Check(rule.id, False, rule.check(*found))


def _told(checks: Iterable[_Check]) -> Iterator[FieldProblem]:
    for check in sorted(checks, key=lambda check: not check.alone):
        told = False
        for problem in check.problems:
            told = True
            yield FieldProblem(problem.path, problem.reason, problem.message, problem.position, check.rule)
        if told and check.alone:
            return


@cache
def _rules(kind: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if isinstance(rule, Rule) and (not rule.kinds or kind in rule.kinds))


@cache
def _update_rules(kind: str) -> tuple[UpdateRule, ...]:
    found = (rule for rule in RULES if isinstance(rule, UpdateRule))
    return tuple(rule for rule in found if not rule.kinds or kind in rule.kinds)
