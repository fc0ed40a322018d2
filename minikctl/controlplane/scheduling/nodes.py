"""What nodes say of themselves, and what pods ask of that: readiness, cordon, taints, names and labels."""

from __future__ import annotations

from collections.abc import Sequence

from minikctl.controlplane.scheduling.cycle import Candidate, Cycle
from minikctl.model import conditions, spec_of, status_of
from minikctl.model.node_affinity import fits, preference
from minikctl.model.taints import CORDON, tolerates, untolerated

NOT_READY = "node(s) were not ready"
CORDONED = "node(s) were unschedulable"
TAINTED = "node(s) had untolerated taint(s)"
OTHER_LABELS = "node(s) didn't match Pod's node affinity/selector"
NOT_NAMED = "node(s) didn't satisfy plugin(s) [NodeAffinity]"
"""The affinity names nodes, and this is none of them."""


def refusal(cycle: Cycle, candidate: Candidate) -> str | None:
    pod, node = cycle.pod, candidate.node
    if not conditions.is_true(status_of(node), "Ready"):
        return NOT_READY
    if spec_of(node).get("unschedulable"):
        tolerations = spec_of(pod).get("tolerations") or ()
        if not any(tolerates(one, CORDON) for one in tolerations):
            return CORDONED
    if untolerated(pod, node, ("NoSchedule", "NoExecute")) is not None:
        return TAINTED
    return None if fits(pod, node) else OTHER_LABELS


def affinity_scores(cycle: Cycle, fitting: Sequence[Candidate]) -> Sequence[float]:
    """By the weights of the preferred node affinity's terms that a node meets."""
    return _of_most([float(preference(cycle.pod, one.node)) for one in fitting])


def taint_scores(cycle: Cycle, fitting: Sequence[Candidate]) -> Sequence[float]:
    """Fewer PreferNoSchedule taints that the pod does not tolerate are better."""
    counts = [_soft_taints(cycle, one) for one in fitting]
    return [100.0 - share for share in _of_most(counts)]


def _soft_taints(cycle: Cycle, candidate: Candidate) -> float:
    tolerations = spec_of(cycle.pod).get("tolerations") or ()
    soft = [one for one in spec_of(candidate.node).get("taints") or () if one["effect"] == "PreferNoSchedule"]
    return float(sum(not any(tolerates(one, taint) for one in tolerations) for taint in soft))


def _of_most(values: Sequence[float]) -> Sequence[float]:
    most = max(values)
    return [100.0 * value / most if most else 0.0 for value in values]
