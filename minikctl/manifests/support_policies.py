"""The tables of what bounds and sizes workloads: budgets, quotas, autoscalers. `support` joins them."""

from __future__ import annotations

from minikctl.manifests.handlings import ENFORCED, Table, declared, enforced


def policy_tables() -> dict[str, Table]:
    """By kind."""
    return {
        "PodDisruptionBudget": declared(
            {
                "maxUnavailable": enforced("by `drain`, and as well as it can be by preemption"),
                "minAvailable": enforced("by `drain`, and as well as it can be by preemption"),
                "selector": ENFORCED,
                "unhealthyPodEvictionPolicy": ENFORCED,
            }
        ),
    }
