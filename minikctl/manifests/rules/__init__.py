"""The rules that no schema can say, in the API server's words.

One module a subject, with the rules on creation and on change side by side; each module lists its own in
`RULES`, and a new module is one line here. Rules on pods run on a Pod's spec and on a workload's template.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from minikctl.errors import FieldProblem
from minikctl.manifests.rules import metadata, pod, workloads
from minikctl.manifests.rules.rule import AnyRule, PodRule, Rule, UpdateRule, pod_spec
from minikctl.model import Object

_MODULES = (metadata, workloads, pod)
RULES: tuple[AnyRule, ...] = tuple(rule for module in _MODULES for rule in module.RULES)
_POD_RULES = tuple(rule for rule in RULES if isinstance(rule, PodRule))


def check_rules(obj: Object, *, on_update: bool = False) -> Iterator[FieldProblem]:
    """The problems of `obj`, which has its defaults and the types of its schema.

    :param on_update: the object replaces another one: rules on creation alone are left out.
    """
    for rule in _rules(obj["kind"]):
        if rule.on_update or not on_update:
            yield from _named(rule.id, rule.check(obj))
    found = pod_spec(obj)
    if found is not None:
        for pod_rule in _POD_RULES:
            yield from _named(pod_rule.id, pod_rule.check(*found))


def check_update(old: Object, new: Object) -> Iterator[FieldProblem]:
    """The problems of the change from `old` to `new`; both have their defaults."""
    for rule in _update_rules(new["kind"]):
        yield from _named(rule.id, rule.check(old, new))


@cache
def _rules(kind: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if isinstance(rule, Rule) and (not rule.kinds or kind in rule.kinds))


@cache
def _update_rules(kind: str) -> tuple[UpdateRule, ...]:
    found = (rule for rule in RULES if isinstance(rule, UpdateRule))
    return tuple(rule for rule in found if not rule.kinds or kind in rule.kinds)


def _named(rule_id: str, problems: Iterable[FieldProblem]) -> Iterator[FieldProblem]:
    for problem in problems:
        yield FieldProblem(problem.path, problem.reason, problem.message, problem.position, rule_id)
