"""Jobs' policies on pods that fail and on when a Job has succeeded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.jobs import job_spec
from minikctl.manifests.rules.problems import (
    check_not_negative,
    duplicate,
    invalid,
    qualified_name_advice,
    required,
    too_long,
    too_many,
    unsupported,
)
from minikctl.manifests.rules.rule import Fields, Rule
from minikctl.model import Object

_JOBS = frozenset({"CronJob", "Job"})
_MOST_RULES = 20
_MOST_PATTERNS = 20
_MOST_EXIT_CODES = 255
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_LONGEST_INDEXES = 64 * 1024


# --- failure ---------------------------------------------------------------------------------------


def failure_policy(obj: Object) -> Iterator[FieldProblem]:
    spec, path = job_spec(obj)
    if "podFailurePolicy" not in spec:
        return
    rules, path = spec["podFailurePolicy"].get("rules") or (), f"{path}.podFailurePolicy.rules"
    if len(rules) > _MOST_RULES:
        yield too_many(path, len(rules), _MOST_RULES)
    for index, rule in enumerate(rules):
        yield from _failure_rule(rule, spec, f"{path}[{index}]")


def _failure_rule(rule: Fields, spec: Fields, path: str) -> Iterator[FieldProblem]:
    action, codes = rule.get("action", ""), rule.get("onExitCodes")
    conditions = rule.get("onPodConditions") or ()
    if not action:
        yield required(f"{path}.action", _valid(_ACTIONS))
    elif action not in _ACTIONS:
        yield unsupported(f"{path}.action", action, _ACTIONS)
    elif action == "FailIndex" and "backoffLimitPerIndex" not in spec:
        yield invalid(f"{path}.action", action, "requires the backoffLimitPerIndex to be set")
    if codes is not None:
        yield from _exit_codes(codes, spec, f"{path}.onExitCodes")
    yield from _conditions(conditions, f"{path}.onPodConditions")
    if codes is not None and conditions:
        yield _whole(path, "specifying both OnExitCodes and OnPodConditions is not supported")
    if codes is None and not conditions:
        yield _whole(path, "specifying one of OnExitCodes and OnPodConditions is required")


def _whole(path: str, detail: str) -> FieldProblem:
    """A problem whose value the server doesn't show."""
    return FieldProblem(path, "FieldValueInvalid", f"Invalid value: {detail}")


def _valid(words: tuple[str, ...]) -> str:
    shown = " ".join(f'"{word}"' for word in words)
    return f"valid values: [{shown}]"


def _exit_codes(codes: Fields, spec: Fields, path: str) -> Iterator[FieldProblem]:
    operator, container = codes.get("operator", ""), codes.get("containerName")
    if not operator:
        yield required(f"{path}.operator", _valid(_OPERATORS))
    elif operator not in _OPERATORS:
        yield unsupported(f"{path}.operator", operator, _OPERATORS)
    if container is not None and container not in _container_names(spec):
        yield invalid(
            f"{path}.containerName",
            container,
            "must be one of the container or initContainer names in the pod template",
        )
    # A null is 0.
    values = [value or 0 for value in codes.get("values") or ()]
    yield from _exit_values(values, operator, f"{path}.values")


def _exit_values(values: list[int], operator: str, path: str) -> Iterator[FieldProblem]:
    if not values:
        yield invalid(path, values, "at least one value is required")
    elif len(values) > _MOST_EXIT_CODES:
        yield too_many(path, len(values), _MOST_EXIT_CODES)
    seen: set[int] = set()
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            yield invalid(f"{path}[{index}]", value, "must not be 0 for the In operator")
        if value in seen:
            yield duplicate(f"{path}[{index}]", value)
        seen.add(value)
    if values != sorted(values):
        yield invalid(path, values, "must be ordered")


def _container_names(spec: Fields) -> set[str]:
    pod = (spec.get("template") or {}).get("spec") or {}
    found = [*(pod.get("containers") or ()), *(pod.get("initContainers") or ())]
    return {container.get("name", "") for container in found}


def _conditions(patterns: list[Fields] | tuple[()], path: str) -> Iterator[FieldProblem]:
    if len(patterns) > _MOST_PATTERNS:
        yield too_many(path, len(patterns), _MOST_PATTERNS)
    for index, pattern in enumerate(patterns):
        kind, status = pattern.get("type", ""), pattern.get("status", "")
        if problem := qualified_name_advice(kind):
            yield invalid(f"{path}[{index}].type", kind, problem)
        if not status:
            yield required(f"{path}[{index}].status", _valid(_STATUSES))
        elif status not in _STATUSES:
            yield unsupported(f"{path}[{index}].status", status, _STATUSES)


# --- success ---------------------------------------------------------------------------------------


def success_policy(obj: Object) -> Iterator[FieldProblem]:
    spec, path = job_spec(obj)
    policy, path = spec.get("successPolicy"), f"{path}.successPolicy"
    if policy is None:
        return
    if spec.get("completionMode", "NonIndexed") != "Indexed":
        yield invalid(path, policy, "requires indexed completion mode")
        return
    rules = policy.get("rules") or ()
    if not rules:
        yield required(
            f"{path}.rules", "at least one rules must be specified when the successPolicy is specified"
        )
    if len(rules) > _MOST_RULES:
        yield too_many(f"{path}.rules", len(rules), _MOST_RULES)
    for index, rule in enumerate(rules):
        yield from _success_rule(rule, spec.get("completions"), f"{path}.rules[{index}]")


def _success_rule(rule: Fields, completions: int | None, path: str) -> Iterator[FieldProblem]:
    indexes, count = rule.get("succeededIndexes"), rule.get("succeededCount")
    if indexes is None and count is None:
        yield required(path, "at least one of succeededCount or succeededIndexes must be specified")
    if completions is None:
        # That they are missing is another rule's; nothing can be compared with them.
        return
    limits = [(completions, "the number of specified completions")]
    if indexes is not None:
        total, problems = _indexes(indexes, completions, f"{path}.succeededIndexes")
        yield from problems
        limits.append((total, "the number of indexes in the specified succeededIndexes field"))
    if count is not None:
        yield from _success_count(count, limits, f"{path}.succeededCount")


def _indexes(text: str, completions: int, path: str) -> tuple[int, list[FieldProblem]]:
    """How many they are, and what is wrong with them."""
    problems = [too_long(path, _LONGEST_INDEXES)] if len(text) > _LONGEST_INDEXES else []
    try:
        return count_indexes(text, completions), problems
    except ValueError as error:
        return 0, [*problems, invalid(path, text, f"error parsing succeededIndexes: {error}")]


def _success_count(count: int, limits: list[tuple[int, str]], path: str) -> Iterator[FieldProblem]:
    yield from check_not_negative(path, count)
    for limit, what in limits:
        if count > limit:
            yield invalid(path, count, f"must be less than or equal to {limit} ({what})")


def count_indexes(text: str, completions: int) -> int:
    """How many indexes below `completions` a list like `1,3-5` names.

    :raises ValueError: it is no such list, or not in increasing order.
    """
    total, last = 0, -1
    for interval in text.split(",") if text else ():
        first, end = _interval(interval, completions)
        if total and last >= first:
            raise ValueError(f"non-increasing order, previous: {last}, current: {first}")
        total, last = total + end - first + 1, end
    return total


def _interval(text: str, completions: int) -> tuple[int, int]:
    limits = text.split("-")
    if len(limits) > 2:
        raise ValueError(
            f'the fragment "{text}" violates the requirement that an index interval can have at most two '
            "parts separated by '-'"
        )
    first = _index(limits[0], completions)
    if len(limits) == 1:
        return first, first
    end = _index(limits[1], completions)
    if first >= end:
        raise ValueError(f"non-increasing order, previous: {first}, current: {end}")
    return first, end


def _index(text: str, completions: int) -> int:
    if not re.fullmatch(r"\+?[0-9]{1,18}", text, re.ASCII):
        raise ValueError(f'cannot convert string to integer for index: "{text}"')
    if int(text) >= completions:
        raise ValueError(f'too large index: "{text}"')
    return int(text)


RULES = (
    Rule(
        "job-failure-policy",
        "each rule has an action and one way to tell that it applies",
        failure_policy,
        _JOBS,
    ),
    Rule("job-success-policy", "an indexed Job says which indexes must succeed", success_policy, _JOBS),
)
