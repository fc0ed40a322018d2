"""What the tree of `minikctl watch` says of workloads other than Deployments: how many are ready, and what
is still to come."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from minikctl.model import Object, conditions, is_deleting, spec_of, status_of
from minikctl.render.escape import escape
from minikctl.render.rollout_sets import daemon_set_waits_for, is_observed, stateful_set_waits_for
from minikctl.render.style import Mood
from minikctl.render.workload_columns import job_completions


class Summary(Struct, frozen=True):
    mood: Mood
    ready: str
    state: str = ""


def summary_of(obj: Object, *, has_bad_pod: bool) -> Summary:
    """Of an object of one of the kinds in `KINDS`. A workload that waits for a pod that can't run is bad."""
    summary = _SUMMARIES[obj["kind"]](obj)
    if is_deleting(obj):
        return Summary(Mood.LEAVING, summary.ready, "deleting")
    if summary.mood is Mood.BUSY and has_bad_pod:
        return Summary(Mood.BAD, summary.ready, summary.state)
    return summary


def has_ended(job: Object) -> bool:
    return any(conditions.is_true(status_of(job), kind) for kind in ("Complete", "Failed"))


def _rolling(obj: Object, ready: int, wanted: int, waits_for: str) -> Summary:
    count = f"{ready}/{wanted}"
    if not is_observed(obj):
        return Summary(Mood.BUSY, count, "waiting for the controller")
    if waits_for:
        return Summary(Mood.BUSY, count, waits_for[:1].lower() + waits_for[1:])
    return Summary(Mood.GOOD, count, "" if wanted else "scaled to zero")


def _stateful_set(obj: Object) -> Summary:
    ready, wanted = status_of(obj).get("readyReplicas") or 0, spec_of(obj).get("replicas", 1)
    return _rolling(obj, ready, wanted, stateful_set_waits_for(obj))


def _daemon_set(obj: Object) -> Summary:
    status = status_of(obj)
    wanted = status.get("desiredNumberScheduled") or 0
    summary = _rolling(obj, status.get("numberReady") or 0, wanted, daemon_set_waits_for(obj))
    if is_observed(obj) and not wanted:
        return Summary(summary.mood, summary.ready, "no node is selected")
    return summary


def _replication_controller(obj: Object) -> Summary:
    ready, wanted = status_of(obj).get("readyReplicas") or 0, spec_of(obj).get("replicas", 1)
    return _rolling(obj, ready, wanted, "" if ready >= wanted else f"{ready} of {wanted} replicas are ready")


def _job(obj: Object) -> Summary:
    status, count = status_of(obj), job_completions(obj)
    if conditions.is_true(status, "Failed"):
        reason = (conditions.find(status, "Failed") or {}).get("reason", "")
        return Summary(Mood.BAD, count, f"failed: {escape(str(reason))}")
    if conditions.is_true(status, "Complete"):
        return Summary(Mood.DONE, count, "complete")
    if spec_of(obj).get("suspend"):
        return Summary(Mood.QUIET, count, "suspended")
    return Summary(Mood.BUSY, count, f"{status.get('active') or 0} active")


def _cron_job(obj: Object) -> Summary:
    schedule = escape(str(spec_of(obj).get("schedule", "")))
    if spec_of(obj).get("suspend"):
        return Summary(Mood.QUIET, "", f"{schedule}, suspended")
    return Summary(Mood.GOOD, "", schedule)


_SUMMARIES: dict[str, Callable[[Object], Summary]] = {
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "ReplicationController": _replication_controller,
    "CronJob": _cron_job,
    "Job": _job,
}
KINDS = tuple(_SUMMARIES)
