"""The tables of what bounds and sizes workloads: budgets, quotas, autoscalers. `support` joins them."""

from __future__ import annotations

from minikctl.manifests.handlings import ENFORCED, Table, declared, enforced, plain


def policy_tables() -> dict[str, Table]:
    """By kind."""
    return {
        "LimitRange": plain({"spec": {"limits": ENFORCED}}),
        "PodDisruptionBudget": declared(
            {
                "maxUnavailable": enforced("by `drain`, and as well as it can be by preemption"),
                "minAvailable": enforced("by `drain`, and as well as it can be by preemption"),
                "selector": ENFORCED,
                "unhealthyPodEvictionPolicy": ENFORCED,
            }
        ),
        "ResourceQuota": declared(
            {
                "hard": enforced(
                    "objects that controllers make other than pods (count/replicasets.apps) are counted, and"
                    " not refused"
                ),
                "scopeSelector": ENFORCED,
                "scopes": ENFORCED,
            }
        ),
    }
