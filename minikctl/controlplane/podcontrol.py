"""Pods as controllers make and delete them (upstream's PodControl): from a template, with an owner.

What an API server would refuse is asked before: pods that their namespace's Pod Security level, LimitRanges
or quotas forbid are not made, and their owner says why.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from minikctl.controlplane import admission
from minikctl.controlplane.decision import with_metadata
from minikctl.controlplane.reader import Reader
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    annotations_of,
    conditions,
    controller_reference,
    copy,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from minikctl.model.defaults import set_defaults
from minikctl.model.kinds import KINDS
from minikctl.model.pods import is_finished, is_ready, phase, ready_since, restarts
from minikctl.model.timestamps import format_time

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


def pod_from(
    owner: Object, template: dict[str, Any], now: float, *, generate_name: str | None = None
) -> Object:
    """A pod from a template, owned by `owner`, as the API server would store it; name and uid are still to
    be given.

    :param generate_name: what its name begins with; by default the owner's name and a hyphen, and for pods
        whose whole name is known "".
    """
    prefix = f"{name_of(owner)}-" if generate_name is None else generate_name
    metadata: dict[str, Any] = {
        "name": "",
        **({"generateName": prefix} if prefix else {}),
        "namespace": namespace_of(owner),
        "uid": "",
        "creationTimestamp": format_time(now),
        "generation": 1,
        "labels": copy(labels_of(template)),
        "ownerReferences": [controller_reference(owner)],
    }
    if annotations := annotations_of(template):
        metadata["annotations"] = copy(annotations)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": copy(template["spec"])}
    return {**set_defaults(pod), "status": {"phase": "Pending"}}


def refused(pod: Object, view: View, *, made: int = 0) -> str | None:
    """What an API server would answer who wants to create that pod, where it would refuse it.

    :param made: so many such pods were made in this look before it.
    """
    why = admission.refusal(admission.admitted(pod, view), view, made=made)
    name = pod["metadata"].get("generateName") or name_of(pod)
    return None if why is None else f'pods "{name}" is forbidden: {why}'


def beyond_quota(obj: Object, reader: Reader) -> str | None:
    """The same of what is no pod (a ReplicaSet, a claim, a Job): quotas and LimitRanges can refuse it."""
    why = admission.refusal(admission.admitted(obj, reader), reader)
    return None if why is None else f'{KINDS[obj["kind"]].resource} "{name_of(obj)}" is forbidden: {why}'


def room_for(pod: Object, count: int, view: View) -> tuple[int, str | None]:
    """How many such pods would be let in, at most `count`, and why not all of them."""
    if (why := refused(pod, view)) is not None:
        return 0, why
    why = refused(pod, view, made=count - 1) if count > 1 else None
    if why is None:
        return count, None
    # The more there are the less fits in: the last one that is let in comes before `fails`.
    fits, fails = 0, count - 1
    while fails - fits > 1:
        middle = (fits + fails) // 2
        reason = refused(pod, view, made=middle)
        if reason is None:
            fits = middle
        else:
            fails, why = middle, reason
    return fails, why


def deleted(pod: Object, now: float, grace_seconds: int | None = None) -> Object:
    """The pod, asked to go: `deletionTimestamp` lies one grace period ahead, as Kubernetes writes it."""
    grace = spec_of(pod).get("terminationGracePeriodSeconds", 30) if grace_seconds is None else grace_seconds
    return with_metadata(
        pod, deletionTimestamp=format_time(math.ceil(now + grace)), deletionGracePeriodSeconds=grace
    )


def ended(pod: Object) -> Object | None:
    """What is left of a deleted pod when nothing of it runs: None, or, while somebody's finalizer holds it,
    the pod with a phase that says that it has ended."""
    if not pod["metadata"].get("finalizers"):
        return None
    return pod if is_finished(pod) else {**pod, "status": {**status_of(pod), "phase": "Failed"}}


def with_disruption(pod: Object, reason: str, message: str, now: float) -> Object:
    """The pod with the condition that says that it goes because of what happens around it."""
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": reason,
        "message": message,
        "lastProbeTime": None,
        "lastTransitionTime": format_time(now),
    }
    known = conditions.put(list(status_of(pod).get("conditions") or ()), condition)
    return {**pod, "status": {**status_of(pod), "conditions": known}}


# --- which pod goes first ----------------------------------------------------------------------------


def deletion_rank(related: Iterable[Object], now: float) -> Any:
    """Which pod goes first (upstream's ActivePodsWithRanks): the one with the smallest rank.

    :param related: the pods whose spread over the nodes counts; without any, the spread does not count.
    """
    per_node: dict[str, int] = {}
    for pod in related:
        node = spec_of(pod).get("nodeName", "")
        per_node[node] = per_node.get(node, 0) + 1

    def rank(pod: Object) -> tuple[Any, ...]:
        node = spec_of(pod).get("nodeName", "")
        since = ready_since(pod)
        return (
            bool(node),
            ("Pending", "Unknown", "Running").index(phase(pod)),
            is_ready(pod),
            _deletion_cost(pod),
            -per_node.get(node, 0),
            -(since if since is not None else now),
            -restarts(pod),
            _descending(pod["metadata"]["creationTimestamp"]),
            name_of(pod),
        )

    return rank


def _deletion_cost(pod: Object) -> int:
    """What is not a number counts as 0, as upstream."""
    try:
        return int(annotations_of(pod).get(DELETION_COST, "0"))
    except ValueError:
        return 0


def _descending(text: str) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in text)
