"""`kubectl describe job` and `cronjob`."""

from __future__ import annotations

from collections.abc import Sequence

from minikctl.model import (
    Object,
    annotations_of,
    controller_of,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from minikctl.model.selectors import format_selector
from minikctl.model.timestamps import parse_time
from minikctl.render.describe.containers import pod_template
from minikctl.render.describe.events import describe_events
from minikctl.render.describe.writer import NONE, Page
from minikctl.render.durations import human_duration, rfc1123
from minikctl.render.workload_columns import bool_text

UNSET = "<unset>"
_LONGEST_INDEXES = 50


def describe_job(job: Object, events: Sequence[Object] | None, now: float) -> str:
    page = Page()
    spec, status = spec_of(job), status_of(job)
    page.row(0, "Name:", name_of(job))
    page.row(0, "Namespace:", namespace_of(job))
    page.row(0, "Selector:", format_selector(spec.get("selector")))
    page.labels(0, "Labels", labels_of(job))
    page.annotations(0, "Annotations", annotations_of(job))
    if owner := controller_of(job):
        page.row(0, "Controlled By:", f"{owner['kind']}/{owner['name']}")
    page.row(0, "Parallelism:", spec.get("parallelism", UNSET))
    page.row(0, "Completions:", spec.get("completions", UNSET))
    for field, title in (
        ("completionMode", "Completion Mode:"),
        ("suspend", "Suspend:"),
        ("backoffLimit", "Backoff Limit:"),
        ("ttlSecondsAfterFinished", "TTL Seconds After Finished:"),
    ):
        if spec.get(field) is not None:
            page.row(0, title, _word(spec[field]))
    _times(page, job)
    if "activeDeadlineSeconds" in spec:
        page.row(0, "Active Deadline Seconds:", f"{spec['activeDeadlineSeconds']}s")
    active, ended = status.get("active", 0), (status.get("succeeded", 0), status.get("failed", 0))
    ready = f" ({status['ready']} Ready)" if "ready" in status else ""
    page.row(0, "Pods Statuses:", f"{active} Active{ready} / {ended[0]} Succeeded / {ended[1]} Failed")
    if spec.get("completionMode") == "Indexed":
        page.row(0, "Completed Indexes:", _capped(status.get("completedIndexes", "")))
    pod_template(page, spec.get("template") or {})
    describe_events(page, events, now)
    return page.aligned()


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _times(page: Page, job: Object) -> None:
    start, end = status_of(job).get("startTime"), status_of(job).get("completionTime")
    if start:
        page.row(0, "Start Time:", rfc1123(start))
    if end:
        page.row(0, "Completed At:", rfc1123(end))
    if start and end:
        page.row(0, "Duration:", human_duration(parse_time(end) - parse_time(start)))


def _capped(indexes: str) -> str:
    if len(indexes) <= _LONGEST_INDEXES:
        return indexes or NONE
    whole, _, _ = indexes[: _LONGEST_INDEXES + 1].rpartition(",")
    return f"{whole},..."


def describe_cron_job(cron_job: Object, events: Sequence[Object] | None, now: float) -> str:
    page = Page()
    spec, status = spec_of(cron_job), status_of(cron_job)
    page.row(0, "Name:", name_of(cron_job))
    page.row(0, "Namespace:", namespace_of(cron_job))
    page.labels(0, "Labels", labels_of(cron_job))
    page.annotations(0, "Annotations", annotations_of(cron_job))
    page.row(0, "Schedule:", spec.get("schedule", ""))
    page.row(0, "Concurrency Policy:", spec.get("concurrencyPolicy", ""))
    page.row(0, "Suspend:", bool_text(spec.get("suspend")))
    page.row(0, "Successful Job History Limit:", spec.get("successfulJobsHistoryLimit", UNSET))
    page.row(0, "Failed Job History Limit:", spec.get("failedJobsHistoryLimit", UNSET))
    deadline = spec.get("startingDeadlineSeconds")
    page.row(0, "Starting Deadline Seconds:", UNSET if deadline is None else f"{deadline}s")
    _job_template(page, (spec.get("jobTemplate") or {}).get("spec") or {})
    last = status.get("lastScheduleTime")
    page.row(0, "Last Schedule Time:", rfc1123(last) if last else UNSET)
    names = ", ".join(one["name"] for one in status.get("active") or ())
    page.row(0, "Active Jobs:", names or NONE)
    describe_events(page, events, now)
    return page.aligned()


def _job_template(page: Page, spec: dict[str, object]) -> None:
    selector = spec.get("selector")
    page.row(0, "Selector:", format_selector(selector) if isinstance(selector, dict) else UNSET)
    page.row(0, "Parallelism:", spec.get("parallelism", UNSET))
    page.row(0, "Completions:", spec.get("completions", UNSET))
    if "activeDeadlineSeconds" in spec:
        page.row(0, "Active Deadline Seconds:", f"{spec['activeDeadlineSeconds']}s")
    template = spec.get("template")
    pod_template(page, template if isinstance(template, dict) else {})
