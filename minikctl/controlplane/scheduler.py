"""The scheduler: filter, score, bind. A pod that fits nowhere says why, as kube-scheduler does.

Rules:
- Filters and scores are upstream's, in upstream's order (`scheduling` has one module a family); a node is
  refused for the reasons of the first filter that refuses it. Ties go to the node that comes first by name,
  so that a decision can be repeated.
- Pods of a higher priority are looked at first (`manager`), and others may have to go for them
  (`scheduling.preemption`). Nobody is evicted for a pod that volumes keep waiting.
- A pod with scheduling gates is not looked at before the last one is taken away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from minikctl.controlplane.decision import Decision
from minikctl.controlplane.scheduling import affinity, nodes, resources, spreading, volumes
from minikctl.controlplane.scheduling.cycle import Candidate, Cycle, capacity_of, cycle_of
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    conditions,
    is_deleting,
    key_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from minikctl.model.node_affinity import named_nodes
from minikctl.model.timestamps import format_time

__all__ = ["COMPONENT", "capacity_of", "reconcile"]

COMPONENT = "default-scheduler"
GATED = "Scheduling is blocked due to non-empty scheduling gates"

Score: TypeAlias = Callable[[Cycle, Sequence[Candidate]], Sequence[float] | None]
SCORES: tuple[tuple[float, Score], ...] = (
    (3.0, nodes.taint_scores),
    (2.0, nodes.affinity_scores),
    (2.0, spreading.scores),
    (2.0, affinity.scores),
    (1.0, resources.least_scores),
    (1.0, resources.balance_scores),
)
"""Upstream's weights."""


def reconcile(key: ObjectKey, view: View, now: float) -> Decision:
    """Binds one pod, or says why it can't be bound."""
    decision = Decision()
    pod = view.get(key)
    if pod is None or is_deleting(pod) or spec_of(pod).get("nodeName"):
        return decision
    if spec_of(pod).get("schedulingGates"):
        _hold(pod, "SchedulingGated", GATED, decision, now)
        return decision
    cycle = cycle_of(pod, view)
    if volumes.awaits_own_claims(pod, view):
        return decision
    if (lacking := volumes.obstacle(pod, view)) is not None:
        _say(pod, f"0/{len(cycle.nodes)} nodes are available: {lacking}.", decision, now)
        return decision
    refusals = _refusals(cycle)
    fitting = [node for node in cycle.nodes if not refusals[node.name]]
    if fitting:
        best = _nominated(pod, fitting) or _best(cycle, fitting)
        for volume in volumes.gifts(pod, best.node, view) or ():
            decision.put(volume)
        _bind(pod, best.name, decision, now)
    else:
        _give_way(cycle, refusals, decision, now)
    return decision


def _nominated(pod: Object, fitting: Sequence[Candidate]) -> Candidate | None:
    """Where others went for it."""
    name = status_of(pod).get("nominatedNodeName")
    return next((node for node in fitting if node.name == name), None)


def _give_way(cycle: Cycle, refusals: dict[str, tuple[str, ...]], decision: Decision, now: float) -> None:
    """Pods of lower priority go where that helps; where it does not, the pod says why."""
    why = _why_nowhere(refusals.values())
    if refusals:
        from minikctl.controlplane.scheduling.preemption import preempt

        said = preempt(
            cycle, refusals, lambda other, node: _refusals(other, (node,))[node.name], decision, now
        )
        why += f" preemption: {said}" if said else ""
    waits = decision.written(key_of(cycle.pod)) or cycle.pod
    _say(waits, why, decision, now)


# --- filter


def _refusals(cycle: Cycle, asked: Sequence[Candidate] | None = None) -> dict[str, tuple[str, ...]]:
    """By node (all, or those that are asked for): why the pod can't go there; nothing where it can."""
    named = named_nodes(cycle.pod)
    ports = resources.port_filter(cycle)
    storage = volumes.filter_of(cycle)
    spread, others = spreading.filter_of(cycle), affinity.filter_of(cycle)

    def first(node: Candidate) -> tuple[str, ...]:
        if named is not None and node.name not in named:
            return (nodes.NOT_NAMED,)
        if (why := nodes.refusal(cycle, node) or ports(node)) is not None:
            return (why,)
        if lacking := resources.lacking(cycle, node):
            return lacking
        why = storage and storage(node)
        why = why or (spread and spread(node)) or (others and others(node)) or None
        return () if why is None else (why,)

    return {node.name: first(node) for node in (cycle.nodes if asked is None else asked)}


def _why_nowhere(refusals: Iterable[Sequence[str]]) -> str:
    found = list(refusals)
    if not found:
        return "no nodes available to schedule pods"
    counts = Counter(reason for reasons in found for reason in reasons)
    counted = sorted(f"{count} {reason}" for reason, count in counts.items())
    return f"0/{len(found)} nodes are available: {', '.join(counted)}."


# --- score


def _best(cycle: Cycle, fitting: Sequence[Candidate]) -> Candidate:
    totals = [0.0] * len(fitting)
    if len(fitting) > 1:
        for weight, score in SCORES:
            for index, value in enumerate(score(cycle, fitting) or ()):
                totals[index] += weight * value
    # index() finds the first of equals, and the nodes come in order of their names.
    return fitting[totals.index(max(totals))]


# --- bind


def _bind(pod: Object, node: str, decision: Decision, now: float) -> None:
    condition = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": format_time(now),
    }
    status = {name: value for name, value in status_of(pod).items() if name != "nominatedNodeName"}
    known = [one for one in status.get("conditions") or () if one["type"] != "PodScheduled"]
    bound = {
        **pod,
        "spec": {**spec_of(pod), "nodeName": node},
        "status": {**status, "conditions": [*known, condition]},
    }
    decision.put(bound)
    text = f"Successfully assigned {namespace_of(pod)}/{name_of(pod)} to {node}"
    decision.tell(pod, "Scheduled", text, COMPONENT)


def _say(pod: Object, message: str, decision: Decision, now: float) -> None:
    if _hold(pod, "Unschedulable", message, decision, now):
        decision.tell(pod, "FailedScheduling", message, COMPONENT, "Warning")


def _hold(pod: Object, reason: str, message: str, decision: Decision, now: float) -> bool:
    """Whether that is news."""
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": reason,
        "message": message,
        "lastProbeTime": None,
        "lastTransitionTime": format_time(now),
    }
    known = list(status_of(pod).get("conditions") or ())
    updated = conditions.put(known, condition)
    if updated == known:
        return False
    decision.put({**pod, "status": {**status_of(pod), "phase": "Pending", "conditions": updated}})
    return True
