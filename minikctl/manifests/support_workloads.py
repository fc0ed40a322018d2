"""The tables of the workload kinds: what their controllers do with each field. `support` joins them."""

from __future__ import annotations

from minikctl.manifests.handlings import ENFORCED, REFUSED, Table, declared, enforced

_OWN_CONTROLLER = enforced("only the built-in controller runs here", "kubernetes.io/job-controller")


def _job_spec(template: Table) -> Table:
    return {
        "activeDeadlineSeconds": ENFORCED,
        "backoffLimit": ENFORCED,
        "backoffLimitPerIndex": ENFORCED,
        "completionMode": ENFORCED,
        "completions": ENFORCED,
        "managedBy": _OWN_CONTROLLER,
        "manualSelector": ENFORCED,
        "maxFailedIndexes": ENFORCED,
        "parallelism": ENFORCED,
        "podFailurePolicy": ENFORCED,
        "podReplacementPolicy": ENFORCED,
        "scheduling": REFUSED,
        "selector": ENFORCED,
        "successPolicy": ENFORCED,
        "suspend": ENFORCED,
        "template": template,
        "ttlSecondsAfterFinished": ENFORCED,
    }


def workload_tables(template: Table) -> dict[str, Table]:
    """By kind. `template` is the table of a pod template."""
    return {
        "Job": declared(_job_spec(template)),
    }
