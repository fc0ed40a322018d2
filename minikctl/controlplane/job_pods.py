"""The pods of a Job: which are its own, how new ones look, which are too many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minikctl.controlplane.decision import Decision, Ids, with_metadata
from minikctl.controlplane.job_failures import next_counts
from minikctl.controlplane.owned import claim
from minikctl.controlplane.podcontrol import deletion_rank, pod_from
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    controller_of,
    copy,
    key_of,
    name_of,
    spec_of,
    uid_of,
)
from minikctl.model.jobs import (
    COMPLETION_INDEX,
    FAILURE_COUNT,
    IGNORED_FAILURE_COUNT,
    TRACKING,
    UNKNOWN_INDEX,
    index_of,
    is_tracked,
)
from minikctl.model.writes import Put

INDEX_VARIABLE = "JOB_COMPLETION_INDEX"


def claim_pods(job: Object, view: View, decision: Decision) -> list[Object]:
    """The Job's pods. Those that it adopts are tracked from now on, those that it releases no longer."""
    pods = {key_of(pod): pod for pod in claim(job, "Pod", view, decision)}
    for number, write in enumerate(decision.writes):
        if not isinstance(write, Put) or write.obj["kind"] != "Pod":
            continue
        is_own = (controller_of(write.obj) or {}).get("uid") == uid_of(job)
        decision.writes[number] = Put(tracked(write.obj) if is_own else untracked(write.obj))
        if is_own:
            pods[key_of(write.obj)] = tracked(write.obj)
    return list(pods.values())


def tracked(pod: Object) -> Object:
    if is_tracked(pod):
        return pod
    return with_metadata(pod, finalizers=[*(pod["metadata"].get("finalizers") or ()), TRACKING])


def untracked(pod: Object) -> Object:
    left = [one for one in pod["metadata"].get("finalizers") or () if one != TRACKING]
    return with_metadata(pod, finalizers=left or None)


# --- new ones --------------------------------------------------------------------------------------


def new_pods(
    job: Object, indexes: Sequence[int], failed: Mapping[int, Object], now: float, ids: Ids
) -> list[Object]:
    """A pod for each index (UNKNOWN_INDEX: without one).

    :param failed: by index, the failed pod that the new one replaces.
    """
    template = spec_of(job)["template"]
    if indexes and indexes[0] != UNKNOWN_INDEX:
        template = _with_index_variable(template)
    prototype = tracked(pod_from(job, template, now))
    per_index = "backoffLimitPerIndex" in spec_of(job)
    pods = []
    for index in indexes:
        pod = copy(prototype)
        if index != UNKNOWN_INDEX:
            _number(pod, job, index, _counts(job, failed.get(index)) if per_index else None)
        prefix = pod["metadata"]["generateName"]
        pod["metadata"] |= {"name": f"{prefix}{ids.suffix()}", "uid": ids.uid()}
        pods.append(pod)
    return pods


def _counts(job: Object, failed: Object | None) -> tuple[int, int]:
    return (0, 0) if failed is None else next_counts(job, failed)


def _number(pod: Object, job: Object, index: int, counts: tuple[int, int] | None) -> None:
    metadata = pod["metadata"]
    metadata["generateName"] = f"{name_of(job)}-{index}-"
    metadata["labels"][COMPLETION_INDEX] = str(index)
    annotations = metadata.setdefault("annotations", {})
    annotations[COMPLETION_INDEX] = str(index)
    if counts is not None:
        annotations[FAILURE_COUNT] = str(counts[0])
        if counts[1]:
            annotations[IGNORED_FAILURE_COUNT] = str(counts[1])
    pod["spec"]["hostname"] = f"{name_of(job)}-{index}"


def _with_index_variable(template: dict[str, Any]) -> dict[str, Any]:
    """Every container knows its index, unless it has a variable of that name."""
    template = copy(template)
    field = {"apiVersion": "v1", "fieldPath": f"metadata.labels['{COMPLETION_INDEX}']"}
    spec = template["spec"]
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        variables = container.setdefault("env", [])
        if all(one["name"] != INDEX_VARIABLE for one in variables):
            variables.append({"name": INDEX_VARIABLE, "valueFrom": {"fieldRef": dict(field)}})
    return template


# --- too many --------------------------------------------------------------------------------------


def to_remove(job: Object, active: Sequence[Object], at_least: int, now: float) -> list[Object]:
    """Active pods that have to go: those whose index another one has or that have none, then as many as are
    too many."""
    ranked = sorted(active, key=deletion_rank((), now))
    going: list[Object] = []
    if "completions" in spec_of(job) and spec_of(job).get("completionMode") == "Indexed":
        going = _duplicates(ranked, spec_of(job)["completions"])
    left = [pod for pod in ranked if pod not in going]
    return [*going, *left[: max(0, at_least - len(going))]]


def _duplicates(ranked: Iterable[Object], completions: int) -> list[Object]:
    """All but the last of each index, which is the one worth most."""
    going: list[Object] = []
    kept: dict[int, Object] = {}
    for pod in ranked:
        index = index_of(pod)
        if not 0 <= index < completions:
            going.append(pod)
            continue
        if index in kept:
            going.append(kept[index])
        kept[index] = pod
    return going
