"""The CronJob controller: a Job for each time that the schedule names, each at most once.

A port of upstream's rules, in upstream's order:
- A slot's Job is named after it (`NAME-MINUTES`, minutes since the epoch), and `lastScheduleTime` moves to it
  in the same commit: no crash makes a second one, and no clock that goes back makes an old one again.
- Of several missed slots only the last is made up for, within `startingDeadlineSeconds`; more than 100 are
  worth a warning.
- Forbid lets a slot pass while a Job of an earlier one runs; it is tried again until the next slot.
  Replace deletes the Job that runs.
"""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from minikctl.controlplane.decision import Decision, Ids, with_status
from minikctl.controlplane.podcontrol import beyond_quota
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    annotations_of,
    controller_of,
    controller_reference,
    copy,
    is_deleting,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.cron import Schedule, parse
from minikctl.model.cron_times import count, last_time, next_time, zone
from minikctl.model.defaults import set_defaults
from minikctl.model.defaults.batch import as_created
from minikctl.model.jobs import SCHEDULED_AT, finished_condition
from minikctl.model.timestamps import format_time, parse_time

COMPONENT = "cronjob-controller"
TOO_MANY = 100


def reconcile(key: ObjectKey, view: View, now: float, ids: Ids) -> Decision:
    cron_job = view.get(key)
    if cron_job is None:
        return Decision()
    return _Look(cron_job, view, now, ids).decide()


def job_name(cron_job: Object, slot: float) -> str:
    return f"{name_of(cron_job)}-{int(slot) // 60}"


def slot_of(cron_job: Object, name: str) -> float | None:
    """The slot that a Job of that name is for; None where the CronJob gives no such names."""
    prefix, _, minutes = name.rpartition("-")
    return float(minutes) * 60 if prefix == name_of(cron_job) and minutes.isdecimal() else None


def job_for(cron_job: Object, slot: float, now: float, uid: str) -> Object:
    """The Job of a slot, as the API server would store it."""
    template = spec_of(cron_job)["jobTemplate"]
    metadata: dict[str, Any] = {
        "name": job_name(cron_job, slot),
        "namespace": namespace_of(cron_job),
        "uid": uid,
        "creationTimestamp": format_time(now),
        "generation": 1,
        "annotations": {**annotations_of(template), SCHEDULED_AT: format_time(slot)},
        "ownerReferences": [controller_reference(cron_job)],
    }
    if labels := labels_of(template):
        metadata["labels"] = dict(labels)
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": copy(template["spec"])}
    return {**as_created(set_defaults(job)), "status": {}}


class _Look:
    """One look at one CronJob."""

    def __init__(self, cron_job: Object, view: View, now: float, ids: Ids) -> None:
        self.cron_job = cron_job
        self.spec = spec_of(cron_job)
        self.view = view
        self.now = now
        self.ids = ids
        self.decision = Decision()
        self.jobs = sorted(view.controlled(uid_of(cron_job), "Job"), key=_started)
        self.running = [one for one in self.jobs if finished_condition(one) is None]
        status = status_of(cron_job)
        self.last: str | None = status.get("lastScheduleTime")
        self.last_success: str | None = status.get("lastSuccessfulTime")

    # --- the parent: every branch is here

    def decide(self) -> Decision:
        if is_deleting(self.cron_job):
            return self.decision
        self._note_ends()
        self._clear_history()
        if not self.spec.get("suspend"):
            self._follow_schedule()
        self._finish()
        return self.decision

    def _follow_schedule(self) -> None:
        try:
            schedule = parse(self.spec["schedule"])
            place = zone(self.spec.get("timeZone") or schedule.zone)
        except ValueError as error:
            text = f"unparseable schedule: {self.spec['schedule']!r} : {error}"
            self.decision.tell(self.cron_job, "UnparseableSchedule", text, COMPONENT, "Warning")
            return
        slot = self._missed(schedule, place)
        if slot is not None:
            self._take(slot)
        self.decision.look_at(self._next(schedule, place))

    def _take(self, slot: float) -> None:
        """The slot's Job is made, or it is said why not."""
        policy = self.spec.get("concurrencyPolicy", "Allow")
        if policy == "Forbid" and self.running:
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self._tell("JobAlreadyActive", text)
            return
        if policy == "Replace":
            for job in self.running:
                self._delete(job)
            self.running = []
        self._start(slot)

    # --- slots

    def _earliest(self) -> float:
        """Slots up to here are done with."""
        moment = parse_time(self.last or self.cron_job["metadata"]["creationTimestamp"])
        deadline = self.spec.get("startingDeadlineSeconds")
        # A slot that lies exactly on the deadline is still in time.
        return moment if deadline is None else max(moment, self.now - deadline - 0.001)

    def _missed(self, schedule: Schedule, place: tzinfo) -> float | None:
        """The last slot that is due and was not taken."""
        earliest = self._earliest()
        slot = last_time(schedule, earliest, self.now, place)
        if slot is not None and count(schedule, earliest, self.now, place, TOO_MANY + 1) > TOO_MANY:
            text = (
                "too many missed start times. Set or decrease .spec.startingDeadlineSeconds"
                " or check clock skew"
            )
            self.decision.tell(self.cron_job, "TooManyMissedTimes", text, COMPONENT, "Warning")
        return slot

    def _next(self, schedule: Schedule, place: tzinfo) -> float | None:
        base = self.now
        if schedule.every is not None:  # counts from the last one
            base = last_time(schedule, self._earliest(), self.now, place) or self._earliest()
        return next_time(schedule, base, place)

    # --- Jobs

    def _start(self, slot: float) -> None:
        job = job_for(self.cron_job, slot, self.now, self.ids.uid())
        if (why := beyond_quota(job, self.view)) is not None:
            text = f"Error creating job: {why}"
            self.decision.tell(self.cron_job, "FailedCreate", text, COMPONENT, "Warning")
            return
        self.last = format_time(slot)
        known = self.view.get(key_of(job))
        if known is not None:
            if (controller_of(known) or {}).get("uid") == uid_of(self.cron_job):
                return  # an earlier slot of the same minute: one name, one Job
            text = f'Error creating job: jobs.batch "{name_of(job)}" already exists'
            self.decision.tell(self.cron_job, "FailedCreate", text, COMPONENT, "Warning")
            return
        self.running.append(self.decision.put(job))
        self.jobs.append(job)
        self._tell("SuccessfulCreate", f"Created job {name_of(job)}")

    def _delete(self, job: Object) -> None:
        self.decision.remove(key_of(job))
        self.jobs = [one for one in self.jobs if key_of(one) != key_of(job)]
        self._tell("SuccessfulDelete", f"Deleted job {name_of(job)}")

    def _note_ends(self) -> None:
        listed = {one.get("uid") for one in status_of(self.cron_job).get("active") or ()}
        for job in self.jobs:
            end = finished_condition(job)
            if end is None:
                continue
            if uid_of(job) in listed:
                word = "Complete" if end["type"] == "Complete" else "Failed"
                self._tell("SawCompletedJob", f"Saw completed job: {name_of(job)}, condition: {word}")
            completed = status_of(job).get("completionTime")
            if end["type"] == "Complete" and completed:
                self.last_success = max(self.last_success or "", completed)
        listed -= {uid_of(job) for job in self.jobs}
        for one in status_of(self.cron_job).get("active") or ():
            if one.get("uid") in listed:
                self._tell("MissingJob", f"Active job went missing: {one['name']}")

    def _clear_history(self) -> None:
        """The oldest Jobs that ended go, beyond what is kept of the good and of the bad ones."""
        for kind, field in (
            ("Complete", "successfulJobsHistoryLimit"),
            ("Failed", "failedJobsHistoryLimit"),
        ):
            ended = [one for one in self.jobs if (finished_condition(one) or {}).get("type") == kind]
            limit = self.spec.get(field)
            if limit is not None:
                for job in ended[: max(0, len(ended) - limit)]:
                    self._delete(job)

    def _tell(self, reason: str, text: str) -> None:
        self.decision.tell(self.cron_job, reason, text, COMPONENT)

    # --- the status

    def _finish(self) -> None:
        status: dict[str, Any] = {}
        if self.running:
            status["active"] = [_reference(job) for job in self.running]
        if self.last:
            status["lastScheduleTime"] = self.last
        if self.last_success:
            status["lastSuccessfulTime"] = self.last_success
        if new := with_status(self.cron_job, status):
            self.decision.put(new)


def _started(job: Object) -> tuple[str, str]:
    return (status_of(job).get("startTime") or job["metadata"]["creationTimestamp"], name_of(job))


def _reference(job: Object) -> dict[str, Any]:
    """Without a resourceVersion: it would be an old one as soon as it is written."""
    return {
        "apiVersion": job["apiVersion"],
        "kind": job["kind"],
        "name": name_of(job),
        "namespace": namespace_of(job),
        "uid": uid_of(job),
    }
