"""Jobs, and the Jobs in CronJobs: counts, completion mode, pods that may end, and what may change.

The server gives a Job its selector and its pods' labels when it is created, and only then: a changed Job must
bring them along.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.amounts import check_counts
from minikctl.manifests.rules.metadata import check_labels
from minikctl.manifests.rules.problems import (
    check_domain_path,
    invalid,
    label_advice,
    required,
    too_long,
    unsupported,
)
from minikctl.manifests.rules.rule import Fields, Rule, UpdateRule
from minikctl.manifests.rules.selectors import MISMATCH, check_selector, is_malformed, selects
from minikctl.manifests.rules.told import is_told
from minikctl.manifests.rules.workloads import check_template
from minikctl.model import Object, copy
from minikctl.model.defaults.batch import CONTROLLER_LABELS, JOB_NAME_LABELS, with_generated_selector

_JOB = frozenset({"Job"})
_JOBS = frozenset({"CronJob", "Job"})
_COUNTS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
_MODES = ("Indexed", "NonIndexed")
_LONGEST_PREFIX = 58
# The server takes one of its own, whatever a manifest says.
_SOME_UID = "00000000-0000-0000-0000-000000000000"
_LONGEST_MANAGER = 63
_MOST_INDEXES = 100_000
_MOST_WITH_MANY_COMPLETIONS = 10_000
_ENDING_POLICIES = ("Never", "OnFailure")
_REPLACEMENT_POLICIES = ("Failed", "TerminatingOrFailed")


def job_spec(obj: Object) -> tuple[Fields, str]:
    """The spec of a Job, also of the one in a CronJob, with its path."""
    spec: Fields = obj.get("spec") or {}
    if obj["kind"] == "Job":
        return spec, "spec"
    return (spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec"


def created_name(metadata: Fields) -> str:
    """The name with which the object would be created; the five random letters are only as long as such."""
    name: str = metadata.get("name", "")
    prefix: str = metadata.get("generateName", "")
    return name or (f"{prefix[:_LONGEST_PREFIX]}xxxxx" if prefix else "")


# --- counts and modes ------------------------------------------------------------------------------


def counts(obj: Object) -> Iterator[FieldProblem]:
    spec, path = job_spec(obj)
    yield from check_counts(spec, path, _COUNTS)
    if "maxFailedIndexes" in spec and "backoffLimitPerIndex" not in spec:
        yield required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    if "managedBy" in spec:
        yield from _managed_by(spec["managedBy"], f"{path}.managedBy")


def _managed_by(value: str, path: str) -> Iterator[FieldProblem]:
    yield from check_domain_path(path, value) if value else (required(path),)
    if len(value.encode(errors="surrogatepass")) > _LONGEST_MANAGER:
        yield too_long(path, _LONGEST_MANAGER)


def completion(obj: Object) -> Iterator[FieldProblem]:
    spec, path = job_spec(obj)
    mode = spec.get("completionMode", "NonIndexed")
    if mode not in _MODES:
        yield unsupported(f"{path}.completionMode", mode, _MODES)
    elif mode == "Indexed":
        yield from _indexed(spec, path)
    else:
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if name in spec:
                yield invalid(f"{path}.{name}", spec[name], "requires indexed completion mode")


def _indexed(spec: Fields, path: str) -> Iterator[FieldProblem]:
    completions, failed = spec.get("completions"), spec.get("maxFailedIndexes")
    parallelism = spec.get("parallelism", 0)
    if completions is None:
        yield required(f"{path}.completions", "when completion mode is Indexed")
    if parallelism > _MOST_INDEXES:
        detail = f"must be less than or equal to {_MOST_INDEXES} when completion mode is Indexed"
        yield invalid(f"{path}.parallelism", parallelism, detail)
    if failed is not None and completions is not None and failed > completions:
        yield invalid(f"{path}.maxFailedIndexes", failed, "must be less than or equal to completions")
    if failed is not None and failed > _MOST_INDEXES:
        yield invalid(f"{path}.maxFailedIndexes", failed, f"must be less than or equal to {_MOST_INDEXES}")
    if completions is not None and completions > _MOST_INDEXES and "backoffLimitPerIndex" in spec:
        yield from _many_completions(spec, path)


def _many_completions(spec: Fields, path: str) -> Iterator[FieldProblem]:
    detail = (
        f"must be less than or equal to {_MOST_WITH_MANY_COMPLETIONS} when completions are above "
        f"{_MOST_INDEXES} and used with backoff limit per index"
    )
    failed, parallelism = spec.get("maxFailedIndexes"), spec.get("parallelism", 0)
    if failed is None:
        yield required(
            f"{path}.maxFailedIndexes", f"must be specified when completions is above {_MOST_INDEXES}"
        )
    if parallelism > _MOST_WITH_MANY_COMPLETIONS:
        yield invalid(f"{path}.parallelism", parallelism, detail)
    if failed is not None and failed > _MOST_WITH_MANY_COMPLETIONS:
        yield invalid(f"{path}.maxFailedIndexes", failed, detail)


def pods(obj: Object) -> Iterator[FieldProblem]:
    """What becomes of pods that end: which replace them, and the template's restart policy."""
    spec, path = job_spec(obj)
    replacement = spec.get("podReplacementPolicy")
    supported = ("Failed",) if "podFailurePolicy" in spec else _REPLACEMENT_POLICIES
    if replacement is not None and replacement not in supported:
        yield unsupported(f"{path}.podReplacementPolicy", replacement, supported)
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy", "")
    where = f"{path}.template.spec.restartPolicy"
    if policy in ("", "Always"):
        yield required(where, 'valid values: "OnFailure", "Never"')
    elif policy not in _ENDING_POLICIES:
        yield unsupported(where, policy, _ENDING_POLICIES)
    elif "podFailurePolicy" in spec and policy != "Never":
        yield invalid(where, policy, 'only "Never" is supported when podFailurePolicy is specified')


# --- selector and labels ---------------------------------------------------------------------------


def created_labels(obj: Object) -> Iterator[FieldProblem]:
    """A new Job, as the server has given it a uid, a selector and labels."""
    given = obj["metadata"]
    job = with_generated_selector(
        {**obj, "metadata": {**given, "name": created_name(given), "uid": _SOME_UID}}
    )
    if not job["spec"].get("manualSelector"):
        yield from _generated(job)
    own = given.get("labels") or {}
    added = {key: value for key, value in (job["metadata"].get("labels") or {}).items() if key not in own}
    yield from check_labels(added, "metadata.labels")
    yield from labels(job)


def _generated(job: Object) -> Iterator[FieldProblem]:
    metadata, spec = job["metadata"], job["spec"]
    found = spec["template"]["metadata"]["labels"]
    path = "spec.template.metadata.labels"
    expected = {
        **dict.fromkeys(CONTROLLER_LABELS, metadata.get("uid", "")),
        **dict.fromkeys(JOB_NAME_LABELS, metadata.get("name", "")),
    }
    for key, value in expected.items():
        if found[key] != value:
            yield invalid(path, found, f"must be '{value}'")
    if not is_malformed(spec["selector"]) and not selects(spec["selector"], expected):
        yield invalid("spec.selector", spec["selector"], "`selector` not auto-generated")


def labels(job: Object) -> Iterator[FieldProblem]:
    """A Job whose selector is there, if it is anywhere."""
    spec = job.get("spec") or {}
    found = spec.get("template") or {}
    yield from check_template(found, "spec.template")
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
    else:
        yield from check_selector(selector, "spec.selector")
    template_labels = (found.get("metadata") or {}).get("labels") or {}
    if not is_malformed(selector) and not selects(selector, template_labels):
        yield invalid("spec.template.metadata.labels", template_labels, MISMATCH)


def changed_labels(_old: Object, new: Object) -> Iterator[FieldProblem]:
    yield from labels(new)


def host_names(obj: Object) -> Iterator[FieldProblem]:
    """The pods of an indexed Job have its name and their index for a host name."""
    spec, name = obj["spec"], created_name(obj["metadata"])
    completions = spec.get("completions") or 0
    if spec.get("completionMode") != "Indexed" or completions <= 0:
        return
    longest = f"{name}-{completions - 1}"
    if label_advice(longest):
        yield invalid("metadata.name", name, f"will not able to create pod with invalid DNS label: {longest}")


# --- changes ---------------------------------------------------------------------------------------


def changes(old: Object, new: Object) -> Iterator[FieldProblem]:
    before, after = with_generated_selector(old)["spec"], new["spec"]
    yield from _completions(before, after)
    if before.get("selector") != after.get("selector"):
        yield invalid("spec.selector", after.get("selector"), "field is immutable")
    template, found = before["template"], after["template"]
    if _is_suspended(old):
        template = _with_free_fields(template, found)
    if template != found:
        yield invalid("spec.template", found, "field is immutable")
    for name in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"):
        if before.get(name) != after.get(name):
            yield invalid(f"spec.{name}", after.get(name), "field is immutable")


def _completions(before: Fields, after: Fields) -> Iterator[FieldProblem]:
    """Fixed, but an indexed Job's follow its parallelism. That it has none is another rule's."""
    was, now = before.get("completions"), after.get("completions")
    if was == now:
        return
    if after.get("completionMode") != "Indexed":
        yield invalid("spec.completions", now, "field is immutable")
    elif now is not None and now != after.get("parallelism"):
        yield invalid("spec.completions", now, "can only be modified in tandem with spec.parallelism")


def _is_suspended(job: Object) -> bool:
    """Suspended and without pods: it never started, or all have ended."""
    status = job.get("status") or {}
    told = is_told(job, "Suspended")
    started = status.get("startTime") is not None
    return bool(job["spec"].get("suspend")) and (not started or (told and not status.get("active")))


def _with_free_fields(template: Fields, new: Fields) -> Fields:
    """`template` with all that may change in a suspended Job as it is in `new`."""
    result: Fields = copy(template)
    for name in ("annotations", "labels"):
        _take(result["metadata"], new["metadata"], name)
    spec, found = result["spec"], new["spec"]
    for name in ("nodeSelector", "tolerations", "schedulingGates"):
        _take(spec, found, name)
    _take_node_affinity(spec, found)
    for field in ("containers", "initContainers"):
        # Containers that come or go are a difference anyway.
        pairs = zip(spec.get(field) or (), found.get(field) or (), strict=False)
        for container, other in pairs:
            _take(container, other, "resources")
    return result


def _take_node_affinity(spec: Fields, new: Fields) -> None:
    affinity, found = dict(spec.get("affinity") or {}), new.get("affinity")
    _take(affinity, found or {}, "nodeAffinity")
    if affinity or found is not None:
        spec["affinity"] = affinity
    else:
        spec.pop("affinity", None)


def _take(target: Fields, source: Fields, name: str) -> None:
    value: Any = source.get(name)
    if value is None:
        target.pop(name, None)
    else:
        target[name] = value


# --- in a CronJob ----------------------------------------------------------------------------------


def template_selector(obj: Object) -> Iterator[FieldProblem]:
    """CronJob: its Jobs get their selectors from the server."""
    spec, path = job_spec(obj)
    if "selector" in spec:
        yield invalid(f"{path}.selector", spec["selector"], "`selector` will be auto-generated")
    if spec.get("manualSelector"):
        yield unsupported(f"{path}.manualSelector", True, ("nil", "false"))


RULES = (
    Rule("job-counts", "counts and seconds are not negative", counts, _JOBS),
    Rule("job-completion", "an indexed Job says how many indexes it has, within limits", completion, _JOBS),
    Rule("job-pods", "the template is one whose pods may end", pods, _JOBS),
    Rule(
        "job-selector",
        "selector and labels leave room for the generated ones, or match",
        created_labels,
        _JOB,
        on_update=False,
    ),
    Rule(
        "job-host-names", "an indexed Job's name leaves room for the index", host_names, _JOB, on_update=False
    ),
    Rule("cron-job-selector", "nobody selects for Jobs to come", template_selector, frozenset({"CronJob"})),
    UpdateRule("job-selector-matches", "the selector still matches the template", changed_labels, _JOB),
    UpdateRule("job-immutable", "a Job's template, selector and modes stay", changes, _JOB),
)
