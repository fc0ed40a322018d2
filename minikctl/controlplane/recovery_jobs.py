"""After state.db was lost: Jobs get the uid back that the labels of their pods speak of, so that what has
ended is counted and not done again.

Pods of an earlier Job of the same name (another uid, or made from another template) are nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable

from minikctl.controlplane.decision import Ids
from minikctl.controlplane.job_pods import new_pods, tracked
from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, controller_of, namespace_of, spec_of
from minikctl.model.defaults.batch import with_uid
from minikctl.model.jobs import index_of

_NO_IDS = Ids(lambda: "", lambda: "")


def recovered_jobs(pods: Iterable[Object], view: View) -> dict[str, Object]:
    """By uid: the declared Jobs of these pods."""
    jobs: dict[ObjectKey, Object] = {}
    for pod in sorted(pods, key=lambda one: str(one["metadata"]["creationTimestamp"]), reverse=True):
        owner = controller_of(pod)
        if owner is None or owner["kind"] != "Job":
            continue
        key = ObjectKey("Job", namespace_of(pod), owner["name"])
        declared = view.get(key)
        if key in jobs:
            _begin(jobs[key], pod, owner["uid"])
        elif declared is not None and (job := with_uid(declared, owner["uid"])) and _is_made_from(pod, job):
            jobs[key] = {**job, "status": {"startTime": pod["metadata"]["creationTimestamp"]}}
    return {job["metadata"]["uid"]: job for job in jobs.values()}


def _begin(job: Object, pod: Object, uid: str) -> None:
    """It began with the oldest of its pods that are still known."""
    if uid == job["metadata"]["uid"]:
        job["status"]["startTime"] = pod["metadata"]["creationTimestamp"]


def _is_made_from(pod: Object, job: Object) -> bool:
    (made,) = new_pods(job, [index_of(pod)], {}, 0.0, _NO_IDS)
    spec = {name: value for name, value in spec_of(pod).items() if name != "nodeName"}
    return spec == spec_of(made)


def known_again(pod: Object, jobs: dict[str, Object]) -> Object | None:
    """The pod, to be counted; None when its Job is not declared."""
    owner = controller_of(pod)
    if owner is None or owner["uid"] not in jobs:
        return None
    return tracked({**pod, "status": {"phase": "Pending"}})
