"""The tables of the workload kinds: what their controllers do with each field. `support` joins them."""

from __future__ import annotations

from minikctl.manifests.handlings import (
    ENFORCED,
    OBJECT_META,
    REFUSED,
    Table,
    declared,
    enforced,
    inert,
    inert_but_relied_on,
)

_OWN_CONTROLLER = enforced("only the built-in controller runs here", "kubernetes.io/job-controller")
_NOT_TAKEN_OVER = inert("not taken over, as in Kubernetes")
_OF_TEMPLATES: Table = {
    **dict.fromkeys(OBJECT_META, _NOT_TAKEN_OVER),
    "annotations": ENFORCED,
    "finalizers": REFUSED,
    "labels": ENFORCED,
}
_OF_CLAIMS: Table = {**_OF_TEMPLATES, "name": ENFORCED}


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


def _cron_job_spec(template: Table) -> Table:
    return {
        "concurrencyPolicy": ENFORCED,
        "failedJobsHistoryLimit": ENFORCED,
        "jobTemplate": {"metadata": _OF_TEMPLATES, "spec": _job_spec(template)},
        "schedule": enforced("while an agent runs; missed times are made up for as in Kubernetes"),
        "startingDeadlineSeconds": ENFORCED,
        "successfulJobsHistoryLimit": ENFORCED,
        "suspend": ENFORCED,
        "timeZone": ENFORCED,
    }


def _stateful_set_spec(template: Table, claim_spec: Table) -> Table:
    claim: Table = {
        "apiVersion": ENFORCED,
        "kind": ENFORCED,
        "metadata": _OF_CLAIMS,
        "spec": claim_spec,
        "status": inert("claims get a status of their own"),
    }
    return {
        "minReadySeconds": ENFORCED,
        "ordinals": ENFORCED,
        "persistentVolumeClaimRetentionPolicy": ENFORCED,
        "podManagementPolicy": ENFORCED,
        "replicas": ENFORCED,
        "revisionHistoryLimit": ENFORCED,
        "selector": ENFORCED,
        "serviceName": ENFORCED,
        "template": template,
        "updateStrategy": {
            "rollingUpdate": {
                "maxUnavailable": inert_but_relied_on("Kubernetes 1.36 drops it: its feature is off", 1),
                "partition": ENFORCED,
            },
            "type": ENFORCED,
        },
        "volumeClaimTemplates": claim,
    }


def workload_tables(template: Table, claim_spec: Table) -> dict[str, Table]:
    """By kind. `template` is the table of a pod template, `claim_spec` of what a claim asks for."""
    return {
        "CronJob": declared(_cron_job_spec(template)),
        "DaemonSet": declared(
            {
                "minReadySeconds": ENFORCED,
                "revisionHistoryLimit": ENFORCED,
                "selector": ENFORCED,
                "template": template,
                "updateStrategy": ENFORCED,
            }
        ),
        "Job": declared(_job_spec(template)),
        "ReplicationController": declared(
            {
                "minReadySeconds": ENFORCED,
                "replicas": ENFORCED,
                "selector": ENFORCED,
                "template": template,
            }
        ),
        "StatefulSet": declared(_stateful_set_spec(template, claim_spec)),
    }
