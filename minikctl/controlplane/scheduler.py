"""The scheduler: filter, score, bind. A pod that fits nowhere says why, as kube-scheduler does.

Scores, in upstream's spirit (each 0…100, weighted): fewer pods of the same controller on the node (the
default topology spread), more free CPU and memory, both used evenly, no PreferNoSchedule taint. Ties go to
the node that comes first by name, so that a decision can be repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from minikctl.controlplane import claims
from minikctl.controlplane.decision import Decision
from minikctl.controlplane.node import ENGINE_LABEL
from minikctl.controlplane.view import NodeUsage, View
from minikctl.model import (
    Object,
    ObjectKey,
    conditions,
    controller_of,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from minikctl.model.node_affinity import fits
from minikctl.model.pods import PodRequests, pod_requests
from minikctl.model.quantity import milli, whole
from minikctl.model.taints import UNSCHEDULABLE, untolerated
from minikctl.model.timestamps import format_time

COMPONENT = "default-scheduler"
HostPort: TypeAlias = tuple[str, int]
SPREAD_WEIGHT, LEAST_WEIGHT, BALANCED_WEIGHT, TAINT_WEIGHT = 2.0, 1.0, 1.0, 3.0


class Capacity(NamedTuple):
    cpu_millicores: int
    memory_bytes: int
    pods: int


def capacity_of(node: Object) -> Capacity:
    allocatable = status_of(node).get("allocatable") or {}
    return Capacity(
        milli(allocatable.get("cpu", "0")),
        whole(allocatable.get("memory", "0")),
        whole(allocatable.get("pods", "0")),
    )


def reconcile(key: ObjectKey, view: View, now: float) -> Decision:
    """Binds one pod, or says why it can't be bound."""
    decision = Decision()
    pod = view.get(key)
    if pod is None or is_deleting(pod) or spec_of(pod).get("nodeName"):
        return decision
    nodes = sorted(view.list("Node"), key=name_of)
    if (lacking := claims.obstacle(pod, view)) is not None:
        _say(pod, f"0/{len(nodes)} nodes are available: {lacking}.", decision, now)
        return decision
    places = claims.engines_of(pod, view)
    taken = _taken_ports(nodes, view) if pod_requests(pod).host_ports else {}
    refusals = {
        name_of(node): _refusal(pod, node, view.usage(name_of(node)), taken.get(_engine_of(node), set()))
        or _misplaced(node, places)
        for node in nodes
    }
    fitting = [node for node in nodes if refusals[name_of(node)] is None]
    if fitting:
        best = _best(pod, fitting, view)
        _bind(pod, name_of(best), decision, now)
    else:
        _say_unschedulable(pod, [reason for reason in refusals.values() if reason], decision, now)
    return decision


# --- filter


def _engine_of(node: Object) -> str:
    return labels_of(node).get(ENGINE_LABEL, name_of(node))


def _misplaced(node: Object, places: set[str]) -> str | None:
    """`places`: the engines that have the pod's volumes."""
    return "node(s) had volume node affinity conflict" if places - {_engine_of(node)} else None


def _taken_ports(nodes: Iterable[Object], view: View) -> dict[str, set[HostPort]]:
    """By engine: the host ports that pods on any of its nodes hold. Shares of one machine share its ports."""
    taken: dict[str, set[HostPort]] = {}
    for node in nodes:
        taken.setdefault(_engine_of(node), set()).update(view.usage(name_of(node)).host_ports)
    return taken


def _refusal(pod: Object, node: Object, usage: NodeUsage, taken: set[HostPort]) -> str | None:
    """Why the pod can't go to the node, in kube-scheduler's words; None when it can."""
    if not conditions.is_true(status_of(node), "Ready"):
        return "node(s) were not ready"
    taint = untolerated(pod, node, ("NoSchedule", "NoExecute"))
    if taint is not None:
        if taint["key"] == UNSCHEDULABLE:
            return "node(s) were unschedulable"
        return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    if not fits(pod, node):
        return "node(s) didn't match Pod's node affinity/selector"
    asked = pod_requests(pod)
    if not taken.isdisjoint(asked.host_ports):
        return "node(s) didn't have free ports for the requested pod ports"
    return _lacking(asked, capacity_of(node), usage)


def _lacking(asked: PodRequests, capacity: Capacity, usage: NodeUsage) -> str | None:
    used = usage.requests
    if used.pods + 1 > capacity.pods:
        return "Too many pods"
    if asked.cpu_millicores and used.cpu_millicores + asked.cpu_millicores > capacity.cpu_millicores:
        return "Insufficient cpu"
    if asked.memory_bytes and used.memory_bytes + asked.memory_bytes > capacity.memory_bytes:
        return "Insufficient memory"
    return None


# --- score


def _best(pod: Object, nodes: list[Object], view: View) -> Object:
    owner = controller_of(pod)
    counts = {
        name_of(node): view.usage(name_of(node)).by_controller.get(owner["uid"], 0) if owner else 0
        for node in nodes
    }
    most = max(counts.values())
    asked = pod_requests(pod)

    def score(node: Object) -> float:
        used = view.usage(name_of(node)).requests
        capacity = capacity_of(node)
        cpu = _fraction(used.scoring_cpu + asked.scoring_cpu, capacity.cpu_millicores)
        memory = _fraction(used.scoring_memory + asked.scoring_memory, capacity.memory_bytes)
        spread = 100.0 * (most - counts[name_of(node)]) / most if most else 0.0
        least = 100.0 * (1 - (cpu + memory) / 2)
        balanced = 100.0 * (1 - abs(cpu - memory) / 2)
        calm = 0.0 if untolerated(pod, node, ("PreferNoSchedule",)) else 100.0
        return (
            SPREAD_WEIGHT * spread + LEAST_WEIGHT * least + BALANCED_WEIGHT * balanced + TAINT_WEIGHT * calm
        )

    # max() keeps the first of equals, and the nodes come in order of their names.
    return max(nodes, key=score)


def _fraction(used: int, capacity: int) -> float:
    return min(1.0, used / capacity) if capacity else 1.0


# --- bind


def _bind(pod: Object, node: str, decision: Decision, now: float) -> None:
    condition = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": format_time(now),
    }
    status = status_of(pod)
    known = [one for one in status.get("conditions") or () if one["type"] != "PodScheduled"]
    bound = {
        **pod,
        "spec": {**spec_of(pod), "nodeName": node},
        "status": {**status, "conditions": [*known, condition]},
    }
    decision.put(bound)
    text = f"Successfully assigned {namespace_of(pod)}/{name_of(pod)} to {node}"
    decision.tell(pod, "Scheduled", text, COMPONENT)


def _say_unschedulable(pod: Object, reasons: list[str], decision: Decision, now: float) -> None:
    counted = sorted(f"{count} {reason}" for reason, count in Counter(reasons).items())
    message = f"0/{len(reasons)} nodes are available: {', '.join(counted)}."
    if not reasons:
        message = "no nodes available to schedule pods"
    _say(pod, message, decision, now)


def _say(pod: Object, message: str, decision: Decision, now: float) -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastProbeTime": None,
        "lastTransitionTime": format_time(now),
    }
    known = list(status_of(pod).get("conditions") or ())
    updated = conditions.put(known, condition)
    if updated != known:
        decision.put({**pod, "status": {**status_of(pod), "phase": "Pending", "conditions": updated}})
        decision.tell(pod, "FailedScheduling", message, COMPONENT, "Warning")
