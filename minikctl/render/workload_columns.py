"""The columns of the workload kinds other than Deployments and ReplicaSets, as `kubectl get` prints them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minikctl.model import Object, controller_of, is_deleting, spec_of, status_of
from minikctl.model.conditions import is_true
from minikctl.model.kinds import KINDS
from minikctl.model.selectors import format_selector
from minikctl.model.timestamps import parse_time
from minikctl.render.cells import Cell, Column, age_cell, name_cell
from minikctl.render.durations import human_duration, since

_NONE = "<none>"


def _status_number(field: str) -> Cell:
    return lambda obj, _now: str(status_of(obj).get(field) or 0)


def _template(obj: Object) -> dict[str, Any]:
    spec = spec_of(obj)
    if obj["kind"] == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    template: dict[str, Any] = (spec.get("template") or {}).get("spec") or {}
    return template


def _container_names(obj: Object, _now: float) -> str:
    return ",".join(one["name"] for one in _template(obj).get("containers") or ())


def _container_images(obj: Object, _now: float) -> str:
    return ",".join(one.get("image", "") for one in _template(obj).get("containers") or ())


def _selector(obj: Object, _now: float) -> str:
    selector = spec_of(obj).get("selector")
    return labels_text(selector) if obj["kind"] == "ReplicationController" else format_selector(selector)


def labels_text(labels: Mapping[str, str] | None) -> str:
    """`a=b,c=d`, `<none>` without any."""
    return format_selector({"matchLabels": labels or {}})


# --- jobs ------------------------------------------------------------------------------------------

_JOB_WORDS = (
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)


def job_status(job: Object, _now: float = 0) -> str:
    """The word of the STATUS column."""
    status = status_of(job)
    if is_true(status, "Complete"):
        return "Complete"
    if is_true(status, "Failed"):
        return "Failed"
    if is_deleting(job):
        return "Terminating"
    return next((word for kind, word in _JOB_WORDS if is_true(status, kind)), "Running")


def job_completions(job: Object, _now: float = 0) -> str:
    """`3/5`, `1/1 of 3` where any success is enough."""
    spec, succeeded = spec_of(job), status_of(job).get("succeeded") or 0
    if spec.get("completions") is not None:
        return f"{succeeded}/{spec['completions']}"
    parallelism = spec.get("parallelism") or 0
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _job_duration(job: Object, now: float) -> str:
    start, end = status_of(job).get("startTime"), status_of(job).get("completionTime")
    if start is None:
        return ""
    return human_duration((parse_time(end) if end else now) - parse_time(start))


def bool_text(value: bool | None) -> str:
    """As kubectl writes a flag that may be missing."""
    return "<unset>" if value is None else str(value)


def _last_schedule(cron_job: Object, now: float) -> str:
    last = status_of(cron_job).get("lastScheduleTime")
    return since(last, now) if last else _NONE


# --- the others ------------------------------------------------------------------------------------


def _stateful_set_ready(obj: Object, _now: float) -> str:
    return f"{status_of(obj).get('readyReplicas') or 0}/{spec_of(obj).get('replicas', 1)}"


def _controller(obj: Object, _now: float) -> str:
    owner = controller_of(obj)
    if owner is None:
        return _NONE
    kind = KINDS.get(owner["kind"])
    return f"{kind.qualified if kind else owner['kind'].lower()}/{owner['name']}"


_CONTAINERS = (
    Column("CONTAINERS", _container_names, wide=True),
    Column("IMAGES", _container_images, wide=True),
)
_TEMPLATE = (*_CONTAINERS, Column("SELECTOR", _selector, wide=True))

WORKLOAD_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "ControllerRevision": (
        Column("NAME", name_cell),
        Column("CONTROLLER", _controller),
        Column("REVISION", lambda obj, _now: str(obj.get("revision", 0))),
        Column("AGE", age_cell),
    ),
    "CronJob": (
        Column("NAME", name_cell),
        Column("SCHEDULE", lambda obj, _now: str(spec_of(obj).get("schedule", ""))),
        Column("TIMEZONE", lambda obj, _now: str(spec_of(obj).get("timeZone", _NONE))),
        Column("SUSPEND", lambda obj, _now: bool_text(spec_of(obj).get("suspend"))),
        Column("ACTIVE", lambda obj, _now: str(len(status_of(obj).get("active") or ()))),
        Column("LAST SCHEDULE", _last_schedule),
        Column("AGE", age_cell),
        *_CONTAINERS,
        Column("SELECTOR", lambda obj, _now: _NONE, wide=True),
    ),
    "DaemonSet": (
        Column("NAME", name_cell),
        Column("DESIRED", _status_number("desiredNumberScheduled")),
        Column("CURRENT", _status_number("currentNumberScheduled")),
        Column("READY", _status_number("numberReady")),
        Column("UP-TO-DATE", _status_number("updatedNumberScheduled")),
        Column("AVAILABLE", _status_number("numberAvailable")),
        Column("NODE SELECTOR", lambda obj, _now: labels_text(_template(obj).get("nodeSelector"))),
        Column("AGE", age_cell),
        *_TEMPLATE,
    ),
    "Job": (
        Column("NAME", name_cell),
        Column("STATUS", job_status),
        Column("COMPLETIONS", job_completions),
        Column("DURATION", _job_duration),
        Column("AGE", age_cell),
        *_TEMPLATE,
    ),
    "ReplicationController": (
        Column("NAME", name_cell),
        Column("DESIRED", lambda obj, _now: str(spec_of(obj).get("replicas", 1))),
        Column("CURRENT", _status_number("replicas")),
        Column("READY", _status_number("readyReplicas")),
        Column("AGE", age_cell),
        *_TEMPLATE,
    ),
    "StatefulSet": (
        Column("NAME", name_cell),
        Column("READY", _stateful_set_ready),
        Column("AGE", age_cell),
        *_CONTAINERS,
    ),
}
