"""Making room for a pod that fits nowhere: which pods of lower priority go (upstream's DefaultPreemption).

Rules:
- Only where their going helps: not on a node that the pod could not go to if it were empty.
- From a node without any of lower priority they are put back one after the other, the most important first,
  as long as the pod still fits: those that are left are the victims. Pods that a PodDisruptionBudget protects
  are put back before the others, and those that go anyway last.
- Of several nodes the one is taken where fewest budgets are broken, then where the victims are of the lowest
  priority, then the fewest, then those that run for the shortest time.
- The pod is not bound now: its node is nominated, and what its victims leave is kept for it from pods of
  lower priority.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from minikctl.controlplane.decision import Decision
from minikctl.controlplane.podcontrol import deleted, with_disruption
from minikctl.controlplane.scheduling import affinity, resources, spreading
from minikctl.controlplane.scheduling.cycle import Candidate, Cycle, with_usage
from minikctl.controlplane.view import NodeUsage, View, count_pod
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
    uid_of,
)
from minikctl.model.pods import is_finished
from minikctl.model.priorities import priority_of
from minikctl.model.timestamps import parse_time

COMPONENT = "default-scheduler"
REASON = "PreemptionByScheduler"
NEVER = "not eligible due to preemptionPolicy=Never."
UNDER_WAY = "not eligible due to a terminating pod on the nominated node."
NO_VICTIMS = "No preemption victims found for incoming pod"
NO_HELP = "Preemption is not helpful for scheduling"
_HELPS = (resources.NO_PORT, affinity.NOT_APART, affinity.OTHERS_APART, spreading.SKEWED, resources.TOO_MANY)
_LEAST_PRIORITY = 1 << 31

Refuses: TypeAlias = Callable[[Cycle, Candidate], Sequence[str]]
"""Why the pod can't go to a node; nothing where it can."""


class Victims(NamedTuple):
    """Who would have to go from a node; `violations` are those that a budget protects."""

    node: Candidate
    pods: tuple[Object, ...]
    violations: int


def preempt(
    cycle: Cycle,
    refusals: Mapping[str, Sequence[str]],
    refuses: Refuses,
    decision: Decision,
    now: float,
) -> str:
    """Decides who goes for the pod of this cycle. Returns why nobody does, and "" where somebody does.

    :param refusals: by node, why it does not fit there.
    """
    pod = cycle.pod
    if (why := ineligible(pod, cycle.view)) is not None:
        return why
    found: list[Victims] = []
    reasons: Counter[str] = Counter()
    for node in cycle.nodes:
        if not _may_help(cycle, node, refusals[node.name]):
            reasons[NO_HELP] += 1
        elif (victims := _victims_on(cycle, node, refuses)) is not None:
            found.append(victims)
        else:
            reasons[NO_VICTIMS] += 1
    if not found:
        _nominate(pod, "", decision)
        counted = sorted(f"{count} {reason}" for reason, count in reasons.items())
        return f"0/{len(cycle.nodes)} nodes are available: {', '.join(counted)}."
    chosen = min(found, key=lambda one: _cost(one, now))
    _take(chosen, cycle, decision, now)
    return ""


def ineligible(pod: Object, view: View) -> str | None:
    """Why nobody would go for that pod, whoever is there."""
    if spec_of(pod).get("preemptionPolicy") == "Never":
        return NEVER
    nominated = status_of(pod).get("nominatedNodeName")
    if nominated and any(_goes_for(pod, other) for other in view.pods_on(nominated)):
        return UNDER_WAY
    return None


def _goes_for(pod: Object, other: Object) -> bool:
    condition = conditions.find(status_of(other), "DisruptionTarget")
    is_victim = condition is not None and condition.get("reason") == REASON
    return is_victim and is_deleting(other) and priority_of(other) < priority_of(pod)


def _may_help(cycle: Cycle, node: Candidate, reasons: Sequence[str]) -> bool:
    asked, capacity = cycle.asked, node.capacity
    if asked.cpu_millicores > capacity.cpu_millicores or asked.memory_bytes > capacity.memory_bytes:
        return False
    return all(reason in _HELPS or reason.startswith(resources.INSUFFICIENT) for reason in reasons)


# --- the victims of one node


def _victims_on(cycle: Cycle, node: Candidate, refuses: Refuses) -> Victims | None:
    """None where the pod would not fit without them either, or there are none."""
    own = priority_of(cycle.pod)
    if not any(priority < own for priority in node.usage.priorities):
        return None
    lower = [pod for pod in cycle.view.pods_on(node.name) if priority_of(pod) < own and not is_finished(pod)]
    staying = _without(node.usage, lower)
    look = with_usage(cycle, node, staying)
    if refuses(*look):
        return None
    protected = _protected(lower, cycle.view)
    order = sorted(lower, key=lambda pod: (key_of(pod) not in protected, *_importance(pod)))
    victims = []
    for pod in order:
        count_pod(staying, pod, 1)
        if refuses(*look):
            count_pod(staying, pod, -1)
            victims.append(pod)
    return Victims(node, tuple(victims), sum(1 for pod in victims if key_of(pod) in protected))


def _importance(pod: Object) -> tuple[bool, int, str, str]:
    """Smaller is more important."""
    return is_deleting(pod), -priority_of(pod), _started(pod), name_of(pod)


def _started(pod: Object) -> str:
    found: str = status_of(pod).get("startTime") or pod["metadata"].get("creationTimestamp", "")
    return found


def _protected(pods: Sequence[Object], view: View) -> set[ObjectKey]:
    """Those whose going breaks a PodDisruptionBudget, if all of them go."""
    from minikctl.controlplane.disruption import KIND, selects

    left: dict[str, int] = {}
    found = set()
    for pod in sorted(pods, key=_importance):
        for budget in view.list(KIND, namespace_of(pod)):
            status = status_of(budget)
            if not selects(budget, pod) or name_of(pod) in (status.get("disruptedPods") or {}):
                continue
            uid = uid_of(budget)
            left[uid] = left.get(uid, status.get("disruptionsAllowed", 0)) - 1
            if left[uid] < 0:
                found.add(key_of(pod))
    return found


def _without(usage: NodeUsage, pods: Sequence[Object]) -> NodeUsage:
    result = usage.copy()
    for pod in pods:
        count_pod(result, pod, -1)
    return result


# --- which node, and what follows


def _cost(victims: Victims, now: float) -> tuple[int, int, int, int, float]:
    priorities = [priority_of(pod) for pod in victims.pods]
    highest = max(priorities, default=-_LEAST_PRIORITY)
    starts = [_started(pod) for pod in victims.pods if priority_of(pod) == highest]
    earliest = min((parse_time(text) for text in starts if text), default=now)
    total = sum(priority + _LEAST_PRIORITY for priority in priorities)
    return victims.violations, highest, total, len(victims.pods), -earliest


def _take(victims: Victims, cycle: Cycle, decision: Decision, now: float) -> None:
    pod, node = cycle.pod, victims.node.name
    scheduler = spec_of(pod).get("schedulerName", COMPONENT)
    message = f"{scheduler}: preempting to accommodate a higher priority pod"
    for victim in victims.pods:
        if not is_deleting(victim):
            decision.put(deleted(with_disruption(victim, REASON, message, now), now))
            text = f"Preempted by pod {uid_of(pod)} on node {node}"
            decision.tell(victim, "Preempted", text, COMPONENT)
    for key in cycle.view.nominated:
        other = cycle.view.get(key)
        is_there = other is not None and status_of(other).get("nominatedNodeName") == node
        if other is not None and is_there and priority_of(other) < priority_of(pod):
            _nominate(other, "", decision)
    _nominate(pod, node, decision)


def _nominate(pod: Object, node: str, decision: Decision) -> None:
    """Keeps a node for a pod, or lets go of it where the name is empty."""
    status = {name: value for name, value in status_of(pod).items() if name != "nominatedNodeName"}
    if node:
        status["nominatedNodeName"] = node
    if status != status_of(pod):
        decision.put({**pod, "status": status})
