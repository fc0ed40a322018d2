"""What a Job makes of failed pods: the failure policy, counts per index, and how long to wait.

Everything is read from the pods that are still there, so a control plane that starts anew waits as long as
the one before it would have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from minikctl.model import Object, annotations_of, name_of, namespace_of, spec_of, status_of
from minikctl.model.jobs import (
    FAILURE_COUNT,
    IGNORED_FAILURE_COUNT,
    UNKNOWN_INDEX,
    ended_at,
    index_of,
    is_failed,
    is_tracked,
)
from minikctl.model.pods import is_finished, phase

BACKOFF_SECONDS = 10.0
LONGEST_BACKOFF_SECONDS = 600.0


class Verdict(NamedTuple):
    """What the failure policy says of a failed pod."""

    action: str
    """FailJob, FailIndex, Ignore, Count; "" where no rule speaks of it."""
    message: str = ""

    @property
    def counts(self) -> bool:
        return self.action != "Ignore"


def judge(job: Object, pod: Object) -> Verdict:
    """The first rule of the failure policy that matches."""
    rules = (spec_of(job).get("podFailurePolicy") or {}).get("rules") or ()
    for index, rule in enumerate(rules):
        asked = rule.get("onExitCodes")
        found = _exit(asked, pod) if asked else _condition(rule.get("onPodConditions") or (), pod)
        if found:
            action = str(rule["action"])
            return Verdict(action, f"{found} matching {action} rule at index {index}")
    return Verdict("")


def _exit(asked: dict[str, Any], pod: Object) -> str:
    for group in ("containerStatuses", "initContainerStatuses"):
        for status in status_of(pod).get(group) or ():
            ended = (status.get("state") or {}).get("terminated")
            if ended is None or asked.get("containerName") not in (None, status["name"]):
                continue
            code = ended.get("exitCode", 0)
            if code and (code in asked["values"]) == (asked["operator"] == "In"):
                where = f"{namespace_of(pod)}/{name_of(pod)}"
                return f"Container {status['name']} for pod {where} failed with exit code {code}"
    return ""


def _condition(patterns: Iterable[dict[str, Any]], pod: Object) -> str:
    for pattern in patterns:
        for condition in status_of(pod).get("conditions") or ():
            if (condition["type"], condition["status"]) == (pattern["type"], pattern.get("status", "True")):
                return f"Pod {namespace_of(pod)}/{name_of(pod)} has condition {condition['type']}"
    return ""


# --- waiting ---------------------------------------------------------------------------------------


def retry_at(pods: Iterable[Object], now: float) -> float:
    """When the next pod may be made: 10 s after the last failure, doubled for each one since a success.

    A pod that somebody deleted is replaced at once.
    """
    ended = [(ended_at(pod, now), phase(pod) == "Failed") for pod in pods if is_finished(pod)]
    last_success = max((moment for moment, failed in ended if not failed), default=0.0)
    failures = [moment for moment, failed in ended if failed and moment >= last_success]
    return max(failures) + backoff(len(failures)) if failures else 0.0


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    if failures <= 0:
        return 0.0
    return min(BACKOFF_SECONDS * 2.0 ** min(failures - 1, 20), LONGEST_BACKOFF_SECONDS)


# --- per index -------------------------------------------------------------------------------------


def failure_count(pod: Object) -> int:
    return _number(pod, FAILURE_COUNT)


def ignored_failure_count(pod: Object) -> int:
    return _number(pod, IGNORED_FAILURE_COUNT)


def _number(pod: Object, annotation: str) -> int:
    text = annotations_of(pod).get(annotation, "")
    return int(text) if text.isdecimal() else 0


def next_counts(job: Object, pod: Object) -> tuple[int, int]:
    """The failures of its index, this one included: counted, and ignored by the policy."""
    counts = judge(job, pod).counts
    return failure_count(pod) + counts, ignored_failure_count(pod) + (not counts)


def is_index_failed(job: Object, pod: Object) -> bool:
    """Whether with this failed pod its index has failed for good."""
    if judge(job, pod).action == "FailIndex":
        return True
    limit: int = spec_of(job)["backoffLimitPerIndex"]
    return next_counts(job, pod)[0] > limit


def unreplaced(job: Object, pods: Sequence[Object], settled: set[int], active: set[int]) -> dict[int, Object]:
    """By index, the last failed pod of each that is still to be replaced: it holds the count of failures."""
    last: dict[int, Object] = {}
    for pod in pods:
        index = index_of(pod)
        if index == UNKNOWN_INDEX or index in settled or index in active:
            continue
        if is_tracked(pod) and is_failed(pod, job):
            known = last.get(index)
            if known is None or sum(next_counts(job, known)) < sum(next_counts(job, pod)):
                last[index] = pod
    return last


def replacement_at(job: Object, failed: Object, now: float) -> float:
    """When the index of that pod may get another one."""
    return ended_at(failed, now) + backoff(sum(next_counts(job, failed)))
