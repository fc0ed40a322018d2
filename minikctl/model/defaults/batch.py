"""Workloads that end."""

from __future__ import annotations

from minikctl.model import Object, copy
from minikctl.model.defaults.compaction import Fields, types_of
from minikctl.model.defaults.pods import default_template, spec_in

_MOST = 2**31 - 1
JOB_NAME_LABELS = ("job-name", "batch.kubernetes.io/job-name")
CONTROLLER_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid")
_SELECTED = "batch.kubernetes.io/controller-uid"


def _default_job(obj: Fields) -> None:
    spec = spec_in(obj)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", _MOST if "backoffLimitPerIndex" in spec else 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    default_template(spec)
    _default_failure_policy(spec)
    metadata = obj.setdefault("metadata", {})
    if (labels := spec["template"]["metadata"].get("labels")) and not metadata.get("labels"):
        metadata["labels"] = dict(labels)


def _default_failure_policy(spec: Fields) -> None:
    for rule in spec.get("podFailurePolicy", {}).get("rules", ()):
        for pattern in rule.get("onPodConditions", ()):
            pattern.setdefault("status", "True")


def _default_cron_job(obj: Fields) -> None:
    spec = spec_in(obj)
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("failedJobsHistoryLimit", 1)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("suspend", False)
    job = spec.setdefault("jobTemplate", {})
    job.setdefault("metadata", {})
    default_template(spec_in(job))
    _default_failure_policy(job["spec"])


def with_generated_selector(job: Object) -> Object:
    """A Job (with its defaults) as the server creates it: labelled and selected by its name and its uid.

    Nothing is done where the selector is the user's business (`manualSelector`), and what is there already
    stays: that it is wrong is for validation to say.
    """
    if job["spec"].get("manualSelector"):
        return job
    job = copy(job)
    metadata, spec = job["metadata"], job["spec"]
    uid, template = metadata.get("uid", ""), spec["template"]["metadata"]
    # Labels that came from the template are the very same ones, in the server's memory too.
    shared = metadata.get("labels") is not None and metadata["labels"] == template.get("labels")
    labels = template.setdefault("labels", {})
    for name in JOB_NAME_LABELS:
        labels.setdefault(name, metadata.get("name", ""))
    for name in CONTROLLER_LABELS:
        labels.setdefault(name, uid)
    if shared:
        metadata["labels"] = dict(labels)
    spec.setdefault("selector", {}).setdefault("matchLabels", {}).setdefault(_SELECTED, uid)
    return job


def as_created(job: Object) -> Object:
    """`with_generated_selector`, and then as every reader sees it: defaults are set once more, so a Job
    without labels of its own has those that its template got."""
    job = with_generated_selector(job)
    labels = job["spec"]["template"]["metadata"].get("labels")
    if not labels or job["metadata"].get("labels"):
        return job
    return {**job, "metadata": {**job["metadata"], "labels": dict(labels)}}


def without_generated_selector(job: Object) -> Object:
    """The Job as its author wrote it: what `with_generated_selector` added is taken out again."""
    if job["spec"].get("manualSelector"):
        return job
    job = copy(job)
    metadata, spec = job["metadata"], job["spec"]
    _drop(metadata, "labels", _generated(metadata))
    _drop(spec["template"]["metadata"], "labels", _generated(metadata))
    if "selector" in spec:
        _drop(spec["selector"], "matchLabels", {_SELECTED: metadata.get("uid", "")})
        if not spec["selector"]:
            del spec["selector"]
    return job


def with_uid(job: Object, uid: str) -> Object:
    """The same Job under another uid: its selector and labels follow."""
    bare = without_generated_selector(job)
    return as_created({**bare, "metadata": {**bare["metadata"], "uid": uid}})


def _generated(metadata: Fields) -> dict[str, str]:
    name, uid = str(metadata.get("name", "")), str(metadata.get("uid", ""))
    return {**dict.fromkeys(JOB_NAME_LABELS, name), **dict.fromkeys(CONTROLLER_LABELS, uid)}


def _drop(place: Fields, field: str, generated: dict[str, str]) -> None:
    if field not in place:
        return
    left = {name: text for name, text in place[field].items() if generated.get(name) != text}
    if left:
        place[field] = left
    else:
        del place[field]


_JOB = types_of(
    pointers=(
        "backoffLimitPerIndex",
        "completionMode",
        "containerName",
        "managedBy",
        "maxFailedIndexes",
        "podReplacementPolicy",
        "succeededCount",
        "succeededIndexes",
        "timeZone",
    )
)
TYPES = {"CronJob": _JOB, "Job": _JOB}
DEFAULTS = {"CronJob": _default_cron_job, "Job": _default_job}
