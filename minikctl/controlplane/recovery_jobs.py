"""After state.db was lost: Jobs get the uid back that the labels of their pods speak of, so that what has
ended is counted and not done again.

- Pods of an earlier Job of the same name (another uid, or made from another template) are nobody's.
- The Jobs of a CronJob have no files: they are made again from their pods, and no slot is taken twice.
"""

from __future__ import annotations

from collections.abc import Iterable

from minikctl.controlplane.cronjobs import job_for, slot_of
from minikctl.controlplane.decision import Ids
from minikctl.controlplane.job_pods import new_pods, tracked
from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, controller_of, key_of, name_of, namespace_of, spec_of, uid_of
from minikctl.model.defaults.batch import with_uid
from minikctl.model.jobs import index_of
from minikctl.model.priorities import without_priority
from minikctl.model.timestamps import format_time, parse_time

_NO_IDS = Ids(lambda: "", lambda: "")


def recovered_jobs(pods: Iterable[Object], view: View) -> tuple[dict[str, Object], list[Object]]:
    """By uid, the Jobs of these pods that are declared or a CronJob's; and those CronJobs, which say again
    what their last slot was."""
    jobs: dict[ObjectKey, Object] = {}
    for pod in sorted(pods, key=lambda one: str(one["metadata"]["creationTimestamp"]), reverse=True):
        owner = controller_of(pod)
        if owner is None or owner["kind"] != "Job":
            continue
        key = ObjectKey("Job", namespace_of(pod), owner["name"])
        if key in jobs:
            _begin(jobs[key], pod, owner["uid"])
        elif (job := _job_of(pod, key, owner["uid"], view)) is not None and _is_made_from(pod, job):
            jobs[key] = {**job, "status": {"startTime": pod["metadata"]["creationTimestamp"]}}
    return {uid_of(job): job for job in jobs.values()}, _cron_jobs(jobs.values(), view)


def _job_of(pod: Object, key: ObjectKey, uid: str, view: View) -> Object | None:
    declared = view.get(key)
    if declared is not None:
        return with_uid(declared, uid)
    for cron_job in view.list("CronJob", key.namespace):
        slot = slot_of(cron_job, key.name)
        if slot is not None:
            return job_for(cron_job, slot, parse_time(pod["metadata"]["creationTimestamp"]), uid)
    return None


def _cron_jobs(jobs: Iterable[Object], view: View) -> list[Object]:
    last: dict[ObjectKey, float] = {}
    for job in jobs:
        owner = controller_of(job)
        if owner is not None and owner["kind"] == "CronJob" and (cron_job := view.by_uid(owner["uid"])):
            slot = slot_of(cron_job, name_of(job)) or 0.0
            last[key_of(cron_job)] = max(slot, last.get(key_of(cron_job), 0.0))
    found = ((view.get(key), slot) for key, slot in last.items())
    return [
        {**one, "status": {"lastScheduleTime": format_time(slot)}} for one, slot in found if one is not None
    ]


def _begin(job: Object, pod: Object, uid: str) -> None:
    """It began with the oldest of its pods that are still known."""
    if uid == uid_of(job):
        job["status"]["startTime"] = pod["metadata"]["creationTimestamp"]


def _is_made_from(pod: Object, job: Object) -> bool:
    (made,) = new_pods(job, [index_of(pod)], {}, 0.0, _NO_IDS)
    spec = {name: value for name, value in spec_of(pod).items() if name != "nodeName"}
    said = spec_of(job)["template"]["spec"]
    return without_priority(spec, said) == without_priority(spec_of(made), said)


def known_again(pod: Object, jobs: dict[str, Object]) -> Object | None:
    """The pod, to be counted; None when its Job is not declared."""
    owner = controller_of(pod)
    if owner is None or owner["uid"] not in jobs:
        return None
    return tracked({**pod, "status": {"phase": "Pending"}})
