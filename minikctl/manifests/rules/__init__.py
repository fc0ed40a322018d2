"""The rules that no schema can say, in the API server's words.

A rule has an id, the kinds that it is for, and a function from an object to problems. It sees the object with
its defaults set and of the types that the schema says; it never raises. Rules on pods run on a Pod's spec and
on a workload's template alike. One module a subject; a new rule is one function and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct

from minikctl.errors import FieldProblem
from minikctl.manifests.rules import (
    containers,
    metadata,
    pods,
    ports,
    resources,
    selectors,
    volumes,
    workloads,
)
from minikctl.model import Object

_WORKLOADS = frozenset({"Deployment", "ReplicaSet"})
_DEPLOYMENT = frozenset({"Deployment"})


class Rule(Struct, frozen=True):
    """A rule on whole objects; no `kinds` means every kind."""

    id: str
    check: Callable[[Object], Iterable[FieldProblem]]
    kinds: frozenset[str] = frozenset()


class PodRule(Struct, frozen=True):
    """A rule on a pod's spec, wherever it stands: `check(spec, path of the spec)`."""

    id: str
    check: Callable[[dict[str, Any], str], Iterable[FieldProblem]]


RULES = (
    Rule("metadata-name", metadata.names),
    Rule("metadata-namespace", metadata.namespaces),
    Rule("metadata-labels", metadata.label_syntax),
    Rule("metadata-annotations", metadata.annotation_syntax),
    Rule("workload-counts", workloads.counts, _WORKLOADS),
    Rule("workload-selector", selectors.workload_selector, _WORKLOADS),
    Rule("workload-template", workloads.template, _WORKLOADS),
    Rule("deployment-strategy", workloads.strategy, _DEPLOYMENT),
)
POD_RULES = (
    PodRule("container-identity", containers.containers),
    PodRule("container-environment", containers.environment),
    PodRule("container-security", containers.security),
    PodRule("container-restart-policy", containers.restart_policies),
    PodRule("container-ports", ports.ports),
    PodRule("container-resources", resources.resources),
    PodRule("container-probes", pods.probes),
    PodRule("pod-policies", pods.policies),
    PodRule("pod-identity", pods.identity),
    PodRule("pod-security", pods.security),
    PodRule("pod-placement", pods.placement),
    PodRule("pod-volumes", volumes.volumes),
)


def check_rules(obj: Object) -> Iterator[FieldProblem]:
    """The problems of `obj`, which has its defaults and the types of its schema."""
    kind = obj["kind"]
    for rule in RULES:
        if not rule.kinds or kind in rule.kinds:
            yield from rule.check(obj)
    found = pod_spec(obj)
    if found is not None:
        for pod_rule in POD_RULES:
            yield from pod_rule.check(*found)


def pod_spec(obj: Object) -> tuple[dict[str, Any], str] | None:
    """The pod's spec in a Pod or in a workload's template, with its path; None for other kinds."""
    spec = obj.get("spec") or {}
    if obj["kind"] == "Pod":
        return spec, "spec"
    if obj["kind"] in _WORKLOADS:
        return (spec.get("template") or {}).get("spec") or {}, "spec.template.spec"
    return None
