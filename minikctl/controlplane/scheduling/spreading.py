"""topologySpreadConstraints (upstream's PodTopologySpread), and what is done where a pod has none.

Rules:
- Pods of the pod's own namespace that the selector matches are counted by the value of the `topologyKey`;
  those that are being deleted are not. Nodes that lack one of the keys count for none.
- `DoNotSchedule`: with the pod, a domain may have at most `maxSkew` more than the domain with the fewest.
  With fewer domains than `minDomains` the fewest are taken as 0.
- By default nodes that the pod's node affinity excludes are no domains, and tainted nodes are.
- `ScheduleAnyway` scores: fewer are better, and keys with many domains count more.
- A pod without constraints that has a controller is spread by it over the nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import log
from typing import Any

from msgspec import Struct

from minikctl.controlplane.scheduling.cycle import Candidate, Cycle
from minikctl.model import Object, controller_of, spec_of
from minikctl.model.node_affinity import fits
from minikctl.model.pod_terms import selector_or_nothing
from minikctl.model.selectors import Selector, matches
from minikctl.model.taints import untolerated

SKEWED = "node(s) didn't match pod topology spread constraints"
NO_LABEL = "node(s) didn't match pod topology spread constraints (missing required label)"
HOSTNAME = "kubernetes.io/hostname"


class Constraint(Struct, frozen=True):
    topology_key: str
    most_skew: int
    selector: Selector | None
    least_domains: int
    honors_affinity: bool
    honors_taints: bool

    def counts(self, pod: Object, node: Object) -> bool:
        """Whether the node is part of a domain."""
        if self.honors_affinity and not fits(pod, node):
            return False
        return not self.honors_taints or untolerated(pod, node, ("NoSchedule", "NoExecute")) is None

    def on(self, candidate: Candidate, namespace: str) -> int:
        """How many pods on the node it speaks of."""
        if self.selector is None:
            return 0
        return sum(
            number
            for pod, number in candidate.usage.alike.items()
            if pod.namespace == namespace and not pod.is_deleting and matches(self.selector, dict(pod.labels))
        )


def constraints_of(pod: Object, action: str) -> Sequence[Constraint]:
    """`action`: DoNotSchedule or ScheduleAnyway."""
    found = spec_of(pod).get("topologySpreadConstraints") or ()
    return [_constraint(one) for one in found if one["whenUnsatisfiable"] == action]


def _constraint(found: dict[str, Any]) -> Constraint:
    return Constraint(
        found["topologyKey"],
        found["maxSkew"],
        selector_or_nothing(found.get("labelSelector")),
        found.get("minDomains") or 1,
        found.get("nodeAffinityPolicy", "Honor") == "Honor",
        found.get("nodeTaintsPolicy", "Ignore") == "Honor",
    )


def _with_all(constraints: Iterable[Constraint], candidates: Iterable[Candidate]) -> list[Candidate]:
    keys = [one.topology_key for one in constraints]
    return [one for one in candidates if all(key in one.labels for key in keys)]


# --- filter


def filter_of(cycle: Cycle) -> Callable[[Candidate], str | None] | None:
    """None when the pod has no constraints that must hold."""
    constraints = constraints_of(cycle.pod, "DoNotSchedule")
    if not constraints:
        return None
    nodes = _with_all(constraints, cycle.nodes)
    limits = [_limits(cycle, one, nodes) for one in constraints]

    def refusal(candidate: Candidate) -> str | None:
        for constraint, full in zip(constraints, limits, strict=True):
            value = candidate.labels.get(constraint.topology_key)
            if value is None:
                return NO_LABEL
            if full.has(value):
                return SKEWED
        return None

    return refusal


class Full(Struct, frozen=True):
    """The domains that can't take the pod: those with more than `most` already."""

    counts: dict[str, int]
    most: int

    def has(self, value: str) -> bool:
        return self.counts.get(value, 0) > self.most


def _limits(cycle: Cycle, constraint: Constraint, nodes: Iterable[Candidate]) -> Full:
    counts: dict[str, int] = {}
    for one in nodes:
        if constraint.counts(cycle.pod, one.node):
            value = one.labels[constraint.topology_key]
            counts[value] = counts.get(value, 0) + constraint.on(one, cycle.alike.namespace)
    least = 0 if len(counts) < constraint.least_domains else min(counts.values(), default=0)
    itself = constraint.selector is not None and matches(constraint.selector, dict(cycle.alike.labels))
    return Full(counts, least + constraint.most_skew - itself)


# --- score


def scores(cycle: Cycle, fitting: Sequence[Candidate]) -> Sequence[float] | None:
    """None where nothing is to be spread."""
    if not spec_of(cycle.pod).get("topologySpreadConstraints"):
        return _of_controller(cycle, fitting)
    constraints = constraints_of(cycle.pod, "ScheduleAnyway")
    if not constraints:
        return None
    places = _with_all(constraints, fitting)
    costs = dict.fromkeys((one.name for one in places), 0.0)
    for constraint in constraints:
        counts = _domains(cycle, constraint, constraints, places)
        weight = log(len(counts) + 2)
        for one in places:
            costs[one.name] += counts[one.labels[constraint.topology_key]] * weight + constraint.most_skew - 1
    least, most = min(costs.values(), default=0.0), max(costs.values(), default=0.0)
    return [
        0.0 if one.name not in costs else 100.0 * (most + least - costs[one.name]) / most if most else 100.0
        for one in fitting
    ]


def _domains(
    cycle: Cycle, constraint: Constraint, constraints: Sequence[Constraint], places: Sequence[Candidate]
) -> dict[str, int]:
    """Pods by domain, for the domains that the pod can go to."""
    key = constraint.topology_key
    counts = dict.fromkeys((one.labels[key] for one in places), 0)
    # Of single nodes those count that are left; a wider domain counts as a whole.
    for one in places if key == HOSTNAME else _with_all(constraints, cycle.nodes):
        if one.labels[key] in counts and constraint.counts(cycle.pod, one.node):
            counts[one.labels[key]] += constraint.on(one, cycle.alike.namespace)
    return counts


def _of_controller(cycle: Cycle, fitting: Sequence[Candidate]) -> Sequence[float] | None:
    owner = controller_of(cycle.pod)
    if owner is None:
        return None
    counts = [one.usage.by_controller.get(owner["uid"], 0) for one in fitting]
    most = max(counts)
    return [100.0 * (most - count) / most for count in counts] if most else None
