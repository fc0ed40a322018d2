"""The disruption controller: how many of a PodDisruptionBudget's pods may be taken away now.

Rules, which are upstream's:
- Healthy is who is Ready, not on its way out, and not named in `disruptedPods`: whom an eviction has taken
  and the API has not marked yet.
- A number in `minAvailable` is counted against the pods that are there. Percentages and `maxUnavailable` are
  of what the pods' controllers want, so that a pod which was just taken away still counts.
- What can't be counted allows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from minikctl.controlplane.decision import Decision, Ids, with_status
from minikctl.controlplane.rollout import resolve
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    conditions,
    controller_of,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    selectors,
    spec_of,
    status_of,
)
from minikctl.model.kinds import KINDS, SCALABLE
from minikctl.model.pods import is_ready
from minikctl.model.timestamps import format_time, parse_time

KIND = "PodDisruptionBudget"
COMPONENT = "controllermanager"
ALLOWED = "DisruptionAllowed"
DELETION_SECONDS = 120.0
"""So long an eviction may need to mark its pod."""


class _Uncountable(Exception):
    """What a budget is a share of can't be known."""


def reconcile(key: ObjectKey, view: View, now: float, _ids: Ids) -> Decision:
    """Keeps the budget's status. Looks again when an eviction has had its time."""
    decision = Decision()
    budget = view.get(key)
    if budget is None:
        return decision
    pods = [pod for pod in view.list("Pod", key.namespace) if selects(budget, pod)]
    if not pods and "conditions" not in status_of(budget):
        decision.tell(budget, "NoPods", "No matching pods found", COMPONENT)
    disrupted = _disrupted(budget, pods, decision, now)
    try:
        expected, desired = _wanted(budget, pods, view)
    except _Uncountable as error:
        _fail_safe(budget, str(error), decision, now)
        return decision
    healthy = sum(1 for pod in pods if _is_healthy(pod, disrupted))
    allowed = max(0, healthy - desired) if expected else 0
    status: dict[str, Any] = {
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        "observedGeneration": budget["metadata"].get("generation", 1),
        "conditions": _conditions(budget, allowed > 0, now),
    }
    if disrupted:
        status["disruptedPods"] = disrupted
    if new := with_status(budget, status):
        decision.put(new)
    return decision


def concerned(obj: Object, old: Object | None, view: View) -> Iterator[ObjectKey]:
    """The budgets whose status may differ when `old` has become `obj` (either may be what is left of it)."""
    if obj["kind"] != "Pod" and obj["kind"] not in SCALABLE:
        return
    namespace = namespace_of(obj)
    for budget in view.list(KIND, namespace):
        if obj["kind"] != "Pod" or selects(budget, obj) or (old is not None and selects(budget, old)):
            yield ObjectKey(KIND, namespace, name_of(budget))


def selects(budget: Object, pod: Object) -> bool:
    """An empty selector is everybody's, and none is nobody's."""
    selector = spec_of(budget).get("selector")
    return selector is not None and selectors.matches(selectors.from_object(selector), labels_of(pod))


def budgets_of(pod: Object, budgets: Iterable[Object]) -> list[Object]:
    """Those that protect the pod, of all budgets or of those of its namespace."""
    return [one for one in budgets if namespace_of(one) == namespace_of(pod) and selects(one, pod)]


# --- how many there should be


def _wanted(budget: Object, pods: list[Object], view: View) -> tuple[int, int]:
    """How many pods are expected, and how many of them must be healthy."""
    spec = spec_of(budget)
    if "maxUnavailable" in spec:
        expected = _expected(pods, view)
        return expected, max(0, expected - resolve(spec["maxUnavailable"], expected, round_up=True))
    if "minAvailable" not in spec:
        return 0, 0  # who says nothing allows nothing
    least = spec["minAvailable"]
    if isinstance(least, int):
        return len(pods), least
    expected = _expected(pods, view)
    return expected, resolve(least, expected, round_up=True)


def _expected(pods: Iterable[Object], view: View) -> int:
    """What the controllers of the pods want together; pods that nobody controls do not count."""
    scales: dict[str, int] = {}
    for pod in pods:
        owner = controller_of(pod)
        if owner is not None and owner["uid"] not in scales:
            scales |= _scale(pod, owner, view)
    return sum(scales.values())


def _scale(pod: Object, owner: dict[str, Any], view: View) -> dict[str, int]:
    """By the uid of who has a size: that size. The owner's own uid counts for nothing more."""
    found = view.by_uid(owner["uid"])
    if found is None:
        if owner["kind"] in SCALABLE:
            raise _Uncountable(f'found no controllers for pod "{name_of(pod)}"')
        found = {"kind": owner["kind"], "metadata": {}}
    above = controller_of(found) if found["kind"] == "ReplicaSet" else None
    deployment = view.by_uid(above["uid"]) if above is not None else None
    if deployment is not None:
        return {owner["uid"]: 0, deployment["metadata"]["uid"]: spec_of(deployment).get("replicas", 1)}
    if found["kind"] not in SCALABLE:
        kind = KINDS.get(found["kind"])
        resource = kind.resource if kind is not None else found["kind"]
        raise _Uncountable(f"{resource} does not implement the scale subresource")
    return {owner["uid"]: spec_of(found).get("replicas", 1)}


def _is_healthy(pod: Object, disrupted: dict[str, str]) -> bool:
    return not is_deleting(pod) and name_of(pod) not in disrupted and is_ready(pod)


def _disrupted(budget: Object, pods: Iterable[Object], decision: Decision, now: float) -> dict[str, str]:
    """Whom evictions have taken and nobody has marked yet, with the time of it."""
    known = status_of(budget).get("disruptedPods") or {}
    left = {}
    for pod in pods:
        since = known.get(name_of(pod))
        if since is None or is_deleting(pod):
            continue
        end = parse_time(since) + DELETION_SECONDS
        if end > now:
            left[name_of(pod)] = since
            decision.look_at(end)
        else:
            place = f"{namespace_of(budget)}/{name_of(budget)}"
            text = f"Pod was expected by PDB {place} to be deleted but it wasn't"
            decision.tell(pod, "NotDeleted", text, COMPONENT, "Warning")
    return left


# --- what is said


def _conditions(budget: Object, is_allowed: bool, now: float) -> list[conditions.Condition]:
    facts = ("True", "SufficientPods") if is_allowed else ("False", "InsufficientPods")
    return _with_condition(budget, *facts, "", now)


def _with_condition(
    budget: Object, status: str, reason: str, message: str, now: float
) -> list[conditions.Condition]:
    condition = {
        "type": ALLOWED,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": format_time(now),
        "observedGeneration": budget["metadata"].get("generation", 1),
    }
    return conditions.put(status_of(budget).get("conditions") or [], condition)


def _fail_safe(budget: Object, why: str, decision: Decision, now: float) -> None:
    known = conditions.find(status_of(budget), ALLOWED)
    if known is None or known.get("message") != why:
        text = f"Failed to calculate the number of expected pods: {why}"
        decision.tell(budget, "CalculateExpectedPodCountFailed", text, COMPONENT, "Warning")
    status = {
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "expectedPods": 0,
        **status_of(budget),
        "disruptionsAllowed": 0,
        "observedGeneration": budget["metadata"].get("generation", 1),
        "conditions": _with_condition(budget, "False", "SyncFailed", why, now),
    }
    if new := with_status(budget, status):
        decision.put(new)


# --- an eviction


def with_eviction(budget: Object, pod: Object, now: float) -> Object:
    """The budget after it has paid for that pod; its `disruptionsAllowed` must not be 0."""
    status = status_of(budget)
    left = status["disruptionsAllowed"] - 1
    disrupted = {**(status.get("disruptedPods") or {}), name_of(pod): format_time(now)}
    paid = {**status, "disruptionsAllowed": left, "disruptedPods": disrupted}
    if not left:
        paid["conditions"] = _conditions(budget, False, now)
    return {**budget, "status": paid}
