"""The Job controller: pods until enough of them have succeeded, or too many have failed.

A port of upstream's rules, in upstream's order. What differs is the accounting, and only in its means:
- A pod carries the finalizer `batch.kubernetes.io/job-tracking` until it is counted. Counting it and taking
  the finalizer off is one commit, so each pod counts once, whatever crashes, and no list of pods that are
  counted by half (`uncountedTerminatedPods`) is needed.
- How long to wait after failures is read from the pods that failed, not remembered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikctl.controlplane import job_failures, job_status
from minikctl.controlplane.decision import Decision, Ids, with_status
from minikctl.controlplane.job_pods import claim_pods, new_pods, to_remove, untracked
from minikctl.controlplane.podcontrol import deleted, room_for
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    conditions,
    is_deleting,
    key_of,
    name_of,
    spec_of,
    status_of,
)
from minikctl.model.indexes import format_indexes, parse_indexes
from minikctl.model.jobs import (
    UNKNOWN_INDEX,
    finished_condition,
    index_of,
    is_failed,
    is_indexed,
    is_terminating,
    is_tracked,
    only_failed_are_replaced,
)
from minikctl.model.pods import is_active, is_ready, phase, restarts
from minikctl.model.timestamps import format_time

COMPONENT = "job-controller"


def reconcile(key: ObjectKey, view: View, now: float, ids: Ids) -> Decision:
    decision = Decision()
    job = view.get(key)
    if job is None:
        return decision
    if is_deleting(job):
        _let_go(job, view, decision)
        return decision
    if (finished := finished_condition(job)) is not None:
        _let_go(job, view, decision)
        _expire(job, finished, decision, now)
        return decision
    return _Look(job, view, now, ids, decision).decide()


def _let_go(job: Object, view: View, decision: Decision) -> None:
    """Nobody counts the pods of a Job that has ended, or is on its way out."""
    for pod in view.controlled(job["metadata"]["uid"], "Pod"):
        if is_tracked(pod):
            decision.put(untracked(pod))


def _expire(job: Object, finished: conditions.Condition, decision: Decision, now: float) -> None:
    moment = job_status.expiry(job, finished)
    if moment is not None and moment <= now:
        decision.remove(key_of(job))
    else:
        decision.look_at(moment)


class _Look:
    """One look at one Job that has not finished."""

    def __init__(self, job: Object, view: View, now: float, ids: Ids, decision: Decision) -> None:
        self.job = job
        self.spec = spec_of(job)
        self.view = view
        self.now = now
        self.ids = ids
        self.decision = decision
        self.conditions = list(status_of(job).get("conditions") or ())
        self.start = status_of(job).get("startTime")
        self.pods = claim_pods(job, view, decision)
        self.active = [pod for pod in self.pods if is_active(pod)]
        self.is_indexed = is_indexed(job)
        self.per_index = "backoffLimitPerIndex" in self.spec
        self.succeeded_indexes: set[int] = set()
        self.failed_indexes: set[int] = set()
        self.unreplaced: dict[int, Object] = {}
        self.end: conditions.Condition | None = None
        self._count()

    # --- the parent: every branch is here

    def decide(self) -> Decision:
        if self.start is None and not self.spec.get("suspend"):
            self.start = format_time(self.now)
        self.end = job_status.ending(self.job, self.now) or self._failure() or self._success()
        if self.end is not None:
            self._delete(self.active, counted=True)
        else:
            self._manage()
            if self._is_complete():
                self.end = self._ending("SuccessCriteriaMet", *job_status.COMPLETED)
            else:
                self._note_suspended()
        self._track()
        self._finish()
        return self.decision

    # --- counts

    def _count(self) -> None:
        status = status_of(self.job)
        new = [pod for pod in self.pods if is_tracked(pod)]
        self.new_failed = [pod for pod in new if is_failed(pod, self.job)]
        new_succeeded = [pod for pod in new if phase(pod) == "Succeeded"]
        counted = [pod for pod in self.new_failed if job_failures.judge(self.job, pod).counts]
        self.failed: int = status.get("failed", 0) + len(counted)
        self.succeeded: int = status.get("succeeded", 0) + len(new_succeeded)
        if self.is_indexed:
            self._count_indexes(new_succeeded)

    def _count_indexes(self, new_succeeded: list[Object]) -> None:
        status, completions = status_of(self.job), self.spec["completions"]
        self.succeeded_indexes = parse_indexes(status.get("completedIndexes"), completions)
        self.succeeded_indexes |= {i for i in map(index_of, new_succeeded) if 0 <= i < completions}
        self.succeeded = len(self.succeeded_indexes)
        if not self.per_index:
            return
        self.failed_indexes = parse_indexes(status.get("failedIndexes"), completions)
        for pod in self.new_failed:
            if 0 <= index_of(pod) < completions and job_failures.is_index_failed(self.job, pod):
                self.failed_indexes.add(index_of(pod))
        self.failed_indexes -= self.succeeded_indexes
        settled = self.succeeded_indexes | self.failed_indexes
        active = {index_of(pod) for pod in self.active}
        self.unreplaced = job_failures.unreplaced(self.job, self.new_failed, settled, active)

    # --- how it ends

    def _ending(self, kind: str, reason: str, message: str) -> conditions.Condition:
        return job_status.condition(kind, True, reason, message, self.now)

    def _failure(self) -> conditions.Condition | None:
        for pod in self.pods:
            if is_failed(pod, self.job):
                verdict = job_failures.judge(self.job, pod)
                if verdict.action == "FailJob":
                    return self._ending("FailureTarget", "PodFailurePolicy", verdict.message)
        if self.failed > self.spec["backoffLimit"] or self._restarted_too_often():
            return self._ending("FailureTarget", *job_status.BACKOFF_LIMIT)
        deadline = job_status.deadline({**self.job, "status": {"startTime": self.start}})
        if deadline is not None and deadline <= self.now:
            return self._ending("FailureTarget", *job_status.DEADLINE)
        self.decision.look_at(deadline)
        return self._failure_of_indexes()

    def _restarted_too_often(self) -> bool:
        """Where containers are restarted in place, restarts are failures."""
        if self.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
            return False
        total = sum(restarts(pod) for pod in self.active)
        limit: int = self.spec["backoffLimit"]
        return total > 0 if limit == 0 else total >= limit

    def _failure_of_indexes(self) -> conditions.Condition | None:
        failed = len(self.failed_indexes)
        most = self.spec.get("maxFailedIndexes")
        if most is not None and failed > most:
            return self._ending("FailureTarget", *job_status.MAX_FAILED_INDEXES)
        if failed and failed + len(self.succeeded_indexes) >= self.spec["completions"]:
            return self._ending("FailureTarget", *job_status.FAILED_INDEXES)
        return None

    def _success(self) -> conditions.Condition | None:
        if not self.is_indexed:
            return None
        message = job_status.met_success_rule(self.job, self.succeeded_indexes)
        if message is None:
            return None
        return self._ending("SuccessCriteriaMet", "SuccessPolicy", message)

    def _is_complete(self) -> bool:
        if self.active:
            return False
        completions = self.spec.get("completions")
        return self.succeeded > 0 if completions is None else self.succeeded >= completions

    # --- pods

    def _manage(self) -> None:
        if self.spec.get("suspend"):
            self._delete(self.active)
            return
        wanted = self._wanted()
        surplus = to_remove(self.job, self.active, max(0, len(self.active) - wanted), self.now)
        if surplus:
            self._delete(surplus)
            return
        ending = sum(map(is_terminating, self.pods)) if only_failed_are_replaced(self.job) else 0
        missing = wanted - ending - len(self.active)
        if missing > 0:
            self._create(missing)

    def _wanted(self) -> int:
        parallelism: int = self.spec["parallelism"]
        completions = self.spec.get("completions")
        if completions is None:
            return len(self.active) if self.succeeded else parallelism
        return max(0, min(parallelism, int(completions) - self.succeeded))

    def _create(self, missing: int) -> None:
        indexes = [UNKNOWN_INDEX] * missing
        if not self.per_index:
            due = job_failures.retry_at(self.pods, self.now)
            if due > self.now:
                self.decision.look_at(due)
                return
        if self.is_indexed:
            indexes = self._pending_indexes(missing)
        made = new_pods(self.job, indexes, self.unreplaced, self.now, self.ids)
        count, why = room_for(made[0], len(made), self.view) if made else (0, None)
        if why is not None:
            text = f"Error creating: {why}"
            self.decision.tell(self.job, "FailedCreate", text, COMPONENT, "Warning")
        for pod in made[:count]:
            self.active.append(self.decision.put(pod))
            self._tell("SuccessfulCreate", f"Created pod: {name_of(pod)}")
            self.unreplaced.pop(index_of(pod), None)

    def _pending_indexes(self, missing: int) -> list[int]:
        taken = self.succeeded_indexes | self.failed_indexes | {index_of(pod) for pod in self.active}
        if only_failed_are_replaced(self.job):
            taken |= {index_of(pod) for pod in self.pods if is_terminating(pod)}
        free = (index for index in range(self.spec["completions"]) if index not in taken)
        first = [index for index, _ in zip(free, range(missing), strict=False)]
        due = {
            index: job_failures.replacement_at(self.job, failed, self.now)
            for index in first
            if (failed := self.unreplaced.get(index)) is not None
        }
        for moment in due.values():
            if moment > self.now:
                self.decision.look_at(moment)
        return [index for index in first if due.get(index, 0.0) <= self.now]

    def _delete(self, pods: Iterable[Object], *, counted: bool = False) -> None:
        """Pods that are too many, or suspended, are no failures; those of a Job that fails are."""
        going = {key_of(pod): pod for pod in pods}
        self.active = [pod for pod in self.active if key_of(pod) not in going]
        for pod in going.values():
            ended = self.decision.put(deleted(pod if counted else untracked(pod), self.now))
            self.pods = [ended if key_of(one) == key_of(ended) else one for one in self.pods]
            self._tell("SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    # --- what is written

    def _track(self) -> None:
        """Counts the pods that ended and takes their finalizer off: both are in this one decision."""
        status = status_of(self.job)
        self.status_failed: int = status.get("failed", 0)
        self.status_succeeded: int = status.get("succeeded", 0)
        waiting = {key_of(pod) for pod in self.unreplaced.values()} if self.end is None else set()
        for pod in self.pods:
            if not is_tracked(pod) or key_of(pod) in waiting:
                continue
            if phase(pod) == "Succeeded":
                self.status_succeeded += 1
            elif is_failed(pod, self.job) or self._fails_with_the_job(pod):
                self.status_failed += job_failures.judge(self.job, pod).counts
            else:
                continue
            self.decision.put(untracked(pod))
        if self.is_indexed:
            self.status_succeeded = len(self.succeeded_indexes)

    def _fails_with_the_job(self, pod: Object) -> bool:
        return self.end is not None and self.end["type"] == "FailureTarget" and is_deleting(pod)

    def _note_suspended(self) -> None:
        known = conditions.find({"conditions": self.conditions}, "Suspended")
        if self.spec.get("suspend"):
            if known is None or known["status"] != "True":
                self._put_condition("Suspended", True, "JobSuspended", "Job suspended")
                self._tell("Suspended", "Job suspended")
        elif known is not None and known["status"] == "True":
            self._put_condition("Suspended", False, "JobResumed", "Job resumed")
            self._tell("Resumed", "Job resumed")
            self.start = format_time(self.now)

    def _put_condition(self, kind: str, status: bool, reason: str, message: str) -> None:
        new = job_status.condition(kind, status, reason, message, self.now)
        self.conditions = conditions.put(self.conditions, new)

    def _finish(self) -> None:
        terminating = sum(map(is_terminating, self.pods))
        status: dict[str, Any] = {
            "active": len(self.active),
            "completedIndexes": format_indexes(self.succeeded_indexes),
            "failed": self.status_failed,
            "ready": sum(map(is_ready, self.active)),
            "startTime": self.start,
            "succeeded": self.status_succeeded,
            "terminating": terminating,
            "uncountedTerminatedPods": {},
        }
        kept = ("ready", "terminating", "uncountedTerminatedPods")
        status = {name: value for name, value in status.items() if value or name in kept}
        if self.per_index:
            status["failedIndexes"] = format_indexes(self.failed_indexes)
        if self.end is not None:
            self._note_end(self.end, terminating, status)
        if self.conditions:
            status["conditions"] = self.conditions
        if new := with_status(self.job, status):
            self.decision.put(new)

    def _note_end(self, end: conditions.Condition, terminating: int, status: dict[str, Any]) -> None:
        """The interim condition now; the final one when the last pod has ended."""
        if not conditions.is_true({"conditions": self.conditions}, end["type"]):
            self.conditions = conditions.put(self.conditions, end)
        if terminating or self.active:
            return
        last = job_status.final(end, self.now)
        self.conditions = conditions.put(self.conditions, last)
        if last["type"] == "Complete":
            status["completionTime"] = last["lastTransitionTime"]
            self._tell("Completed", "Job completed")
        else:
            self.decision.tell(self.job, last["reason"], last["message"], COMPONENT, "Warning")

    def _tell(self, reason: str, message: str) -> None:
        self.decision.tell(self.job, reason, message, COMPONENT)
