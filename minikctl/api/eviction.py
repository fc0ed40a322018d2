"""What evicting a pod writes (kube-apiserver's eviction subresource), or why it is refused.

Rules:
- A pod that has ended, has not begun or is on its way out is deleted whatever its budget says.
- A pod that is not ready may go while its budget is met without it, or always, as
  `unhealthyPodEvictionPolicy` says; that costs the budget nothing.
- The budget pays and the pod is asked to go in one commit.
"""

from __future__ import annotations

from collections.abc import Iterable

from minikctl.api import deletion
from minikctl.controlplane.disruption import budgets_of, with_eviction
from minikctl.controlplane.podcontrol import with_disruption
from minikctl.errors import Forbidden, TooManyRequests
from minikctl.model import Object, is_deleting, spec_of, status_of
from minikctl.model.pods import is_finished, is_ready, phase
from minikctl.model.writes import Put, Write

REFUSAL = "Cannot evict pod as it would violate the pod's disruption budget."
SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
REASON, MESSAGE = "EvictionByEvictionAPI", "Eviction API: evicting"


def writes(pod: Object, budgets: Iterable[Object], now: float, grace_seconds: int | None) -> list[Write]:
    """:raises TooManyRequests: its budget does not allow it now.
    :raises Forbidden: it has several budgets."""
    going = deletion.writes(
        with_disruption(pod, REASON, MESSAGE, now),
        [],
        now,
        grace_seconds=grace_seconds,
        propagation="background",
        force=False,
    )
    if is_finished(pod) or is_deleting(pod) or phase(pod) == "Pending":
        return going
    mine = budgets_of(pod, budgets)
    if len(mine) > 1:
        raise Forbidden(SEVERAL)
    if not mine or _goes_free(pod, mine[0]):
        return going
    _check(mine[0])
    return [Put(with_eviction(mine[0], pod, now)), *going]


def _goes_free(pod: Object, budget: Object) -> bool:
    if is_ready(pod):
        return False
    if spec_of(budget).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = status_of(budget)
    desired = status.get("desiredHealthy", 0)
    return bool(desired > 0 and status.get("currentHealthy", 0) >= desired)


def _check(budget: Object) -> None:
    status = status_of(budget)
    is_observed = status.get("observedGeneration", 0) >= budget["metadata"].get("generation", 1)
    if not is_observed or status.get("disruptionsAllowed", 0) <= 0:
        raise TooManyRequests(REFUSAL)
