"""Deployments and ReplicaSets: counts, the rolling update's arithmetic, and what a template may not say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.metadata import check_annotations, check_labels
from minikctl.manifests.rules.problems import forbidden, invalid, unsupported
from minikctl.manifests.rules.rule import Rule, UpdateRule
from minikctl.manifests.rules.selectors import workload_selector
from minikctl.model import Object

_WORKLOADS = frozenset({"Deployment", "ReplicaSet"})
_DEPLOYMENT = frozenset({"Deployment"})
_PERCENT = re.compile(r"([0-9]+)%\Z", re.ASCII)
_PERCENT_ADVICE = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex "
    "used for validation is '[0-9]+%')"
)
NOT_NEGATIVE = "must be greater than or equal to 0"


def counts(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    for name in ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        value = spec.get(name)
        if value is not None and value < 0:
            yield invalid(f"spec.{name}", value, NOT_NEGATIVE)
    deadline = spec.get("progressDeadlineSeconds")
    if obj["kind"] == "Deployment" and deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def strategy(obj: Object) -> Iterator[FieldProblem]:
    """Deployment."""
    found = (obj.get("spec") or {}).get("strategy") or {}
    kind, rolling = found.get("type", ""), found.get("rollingUpdate")
    if kind == "RollingUpdate":
        yield from _rolling_update(rolling or {}, "spec.strategy.rollingUpdate")
    elif kind != "Recreate":
        yield unsupported("spec.strategy", kind, ("Recreate", "RollingUpdate"))
    elif rolling is not None:
        yield forbidden(
            "spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'"
        )


def _rolling_update(rolling: dict[str, Any], path: str) -> Iterator[FieldProblem]:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    problems = [
        *_int_or_percent(unavailable, f"{path}.maxUnavailable"),
        *_int_or_percent(surge, f"{path}.maxSurge"),
    ]
    yield from problems
    if problems:
        return
    if _amount(unavailable) == 0 and _amount(surge) == 0:
        yield invalid(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")
    if isinstance(unavailable, str) and _amount(unavailable) > 100:
        yield invalid(f"{path}.maxUnavailable", unavailable, "must not be greater than 100%")


def _int_or_percent(value: int | str, path: str) -> Iterator[FieldProblem]:
    if isinstance(value, str):
        if not _PERCENT.match(value):
            yield invalid(path, value, _PERCENT_ADVICE)
    elif value < 0:
        yield invalid(path, value, NOT_NEGATIVE)


def _amount(value: int | str) -> int:
    return int(value.removesuffix("%")) if isinstance(value, str) else value


def template(obj: Object) -> Iterator[FieldProblem]:
    found = (obj.get("spec") or {}).get("template") or {}
    metadata, spec = found.get("metadata") or {}, found.get("spec") or {}
    # The server reports a template's labels at this path, without `metadata`.
    yield from check_labels(metadata.get("labels") or {}, "spec.template.labels")
    yield from check_annotations(metadata.get("annotations") or {}, "spec.template.annotations")
    policy = spec.get("restartPolicy")
    if policy in ("OnFailure", "Never"):
        yield unsupported("spec.template.spec.restartPolicy", policy, ("Always",))
    if "activeDeadlineSeconds" in spec:
        yield forbidden(
            "spec.template.spec.activeDeadlineSeconds",
            f"activeDeadlineSeconds in {obj['kind']} is not Supported",
        )


def immutable_selector(old: Object, new: Object) -> Iterator[FieldProblem]:
    before, after = (obj.get("spec") or {} for obj in (old, new))
    if before.get("selector") != after.get("selector"):
        yield invalid("spec.selector", after.get("selector"), "field is immutable")


RULES = (
    Rule("workload-counts", "counts and seconds are not negative", counts, _WORKLOADS),
    Rule(
        "workload-selector",
        "the selector is well formed and matches the template",
        workload_selector,
        _WORKLOADS,
    ),
    Rule("workload-template", "the template is one that may run for ever", template, _WORKLOADS),
    Rule("deployment-strategy", "the rolling update can make progress", strategy, _DEPLOYMENT),
    UpdateRule("workload-selector-immutable", "the selector stays", immutable_selector, _WORKLOADS),
)
