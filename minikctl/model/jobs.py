"""Typed views of Jobs and of the pods that are made for them."""

from __future__ import annotations

from minikctl.model import Object, annotations_of, conditions, is_deleting, spec_of, status_of
from minikctl.model.pods import is_finished, phase
from minikctl.model.timestamps import parse_time

TRACKING = "batch.kubernetes.io/job-tracking"
"""The finalizer on a pod that its Job has not counted yet."""
COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"
FAILURE_COUNT = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURE_COUNT = "batch.kubernetes.io/job-index-ignored-failure-count"
SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
UNKNOWN_INDEX = -1


def is_indexed(job: Object) -> bool:
    return spec_of(job).get("completionMode") == "Indexed"


def finished_condition(job: Object) -> conditions.Condition | None:
    """The condition that says how the Job ended; None while it has not."""
    for kind in ("Complete", "Failed"):
        if conditions.is_true(status_of(job), kind):
            return conditions.find(status_of(job), kind)
    return None


def is_tracked(pod: Object) -> bool:
    return TRACKING in (pod["metadata"].get("finalizers") or ())


def index_of(pod: Object) -> int:
    """The completion index, or UNKNOWN_INDEX."""
    text = annotations_of(pod).get(COMPLETION_INDEX, "")
    return int(text) if text.isdecimal() else UNKNOWN_INDEX


def only_failed_are_replaced(job: Object) -> bool:
    return spec_of(job).get("podReplacementPolicy") == "Failed" or "podFailurePolicy" in spec_of(job)


def is_failed(pod: Object, job: Object) -> bool:
    """Whether the pod counts as a failure. One that is asked to go does, unless only pods that really failed
    are replaced: it may never reach a phase."""
    if phase(pod) == "Failed" or only_failed_are_replaced(job):
        return phase(pod) == "Failed"
    return is_deleting(pod) and phase(pod) != "Succeeded"


def is_terminating(pod: Object) -> bool:
    return is_deleting(pod) and not is_finished(pod)


def ended_at(pod: Object, now: float) -> float:
    """When the pod ended, as well as its status tells; never later than now."""
    groups = ("initContainerStatuses", "containerStatuses")
    statuses = [one for group in groups for one in status_of(pod).get(group) or ()]
    ends = [((one.get("state") or {}).get("terminated") or {}).get("finishedAt") for one in statuses]
    moments = [parse_time(end) for end in ends if end]
    if not moments and is_deleting(pod):
        grace = pod["metadata"].get("deletionGracePeriodSeconds", 0)
        moments = [parse_time(pod["metadata"]["deletionTimestamp"]) - grace]
    ready = conditions.find(status_of(pod), "Ready")
    if not moments and ready is not None:
        moments = [parse_time(ready["lastTransitionTime"])]
    return min(now, max(moments, default=now))
