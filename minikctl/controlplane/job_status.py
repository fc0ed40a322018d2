"""A Job's conditions, and the policies that decide how it ends."""

from __future__ import annotations

from typing import Any

from minikctl.model import Object, conditions, spec_of, status_of
from minikctl.model.indexes import parse_indexes
from minikctl.model.timestamps import format_time, parse_time

DEADLINE = ("DeadlineExceeded", "Job was active longer than specified deadline")
BACKOFF_LIMIT = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
FAILED_INDEXES = ("FailedIndexes", "Job has failed indexes")
MAX_FAILED_INDEXES = (
    "MaxFailedIndexesExceeded",
    "Job has exceeded the specified maximal number of failed indexes",
)
COMPLETED = ("CompletionsReached", "Reached expected number of succeeded pods")


def condition(kind: str, status: bool, reason: str, message: str, now: float) -> conditions.Condition:
    moment = format_time(now)
    return {
        "type": kind,
        "status": "True" if status else "False",
        "lastProbeTime": moment,
        "lastTransitionTime": moment,
        "reason": reason,
        "message": message,
    }


def ending(job: Object, now: float) -> conditions.Condition | None:
    """The condition that said in an earlier look how the Job is going to end."""
    for kind in ("SuccessCriteriaMet", "FailureTarget"):
        if conditions.is_true(status_of(job), kind):
            return conditions.find(status_of(job), kind)
    return None


def deadline(job: Object) -> float | None:
    """The moment at which the Job has been active for too long; None while it is not active."""
    seconds, start = spec_of(job).get("activeDeadlineSeconds"), status_of(job).get("startTime")
    if seconds is None or start is None or spec_of(job).get("suspend"):
        return None
    return parse_time(start) + float(seconds)


def expiry(job: Object, finished: conditions.Condition) -> float | None:
    """The moment at which a finished Job goes by itself."""
    seconds = spec_of(job).get("ttlSecondsAfterFinished")
    return None if seconds is None else parse_time(finished["lastTransitionTime"]) + float(seconds)


def met_success_rule(job: Object, succeeded: set[int]) -> str | None:
    """What the success policy says of these indexes; None while no rule is met."""
    spec = spec_of(job)
    for number, rule in enumerate((spec.get("successPolicy") or {}).get("rules") or ()):
        if _is_met(rule, succeeded, spec["completions"]):
            return f"Matched rules at index {number}"
    return None


def _is_met(rule: dict[str, Any], succeeded: set[int], completions: int) -> bool:
    count: int | None = rule.get("succeededCount")
    if "succeededIndexes" not in rule:
        return count is not None and len(succeeded) >= count
    wanted = parse_indexes(rule["succeededIndexes"], completions)
    if count is None:
        return wanted <= succeeded
    return len(wanted & succeeded) >= count


def final(end: conditions.Condition, now: float) -> conditions.Condition:
    """The terminal condition after SuccessCriteriaMet or FailureTarget."""
    kind = "Complete" if end["type"] == "SuccessCriteriaMet" else "Failed"
    return condition(kind, True, end["reason"], end["message"], now)
