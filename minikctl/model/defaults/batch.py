"""Workloads that end."""

from __future__ import annotations

from minikctl.model.defaults.compaction import Fields
from minikctl.model.defaults.pods import default_template, spec_in


def _default_cron_job(obj: Fields) -> None:
    spec = spec_in(obj)
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("failedJobsHistoryLimit", 1)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("suspend", False)
    job = spec.setdefault("jobTemplate", {})
    job.setdefault("metadata", {})
    default_template(spec_in(job))


DEFAULTS = {"CronJob": _default_cron_job}
