"""After state.db was lost: the sizes that autoscalers had given, from how many pods run.

A manifest of what an autoscaler sizes says no size. Its default would end healthy pods, only for the
autoscaler to make others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minikctl.controlplane.autoscaling import KIND, target_of
from minikctl.controlplane.owned import selector_of
from minikctl.controlplane.view import View
from minikctl.model import Object, labels_of, namespace_of, selectors, spec_of, uid_of


def recovered_sizes(pods: Sequence[Object], view: View) -> dict[str, Object]:
    """By uid: what autoscalers size, as it was when these pods were made. What has no pod is not known."""
    found: dict[str, Object] = {}
    for autoscaler in view.list(KIND):
        target = target_of(autoscaler, view)
        if target is None:
            continue
        if not (there := _count(target, pods)):
            continue
        spec = spec_of(autoscaler)
        count = min(max(there, spec.get("minReplicas", 1)), spec["maxReplicas"])
        if count > spec_of(target).get("replicas", 1):
            found[uid_of(target)] = {**target, "spec": {**spec_of(target), "replicas": count}}
    return found


def _count(target: Object, pods: Iterable[Object]) -> int:
    selector = selector_of(target)
    return sum(
        1
        for pod in pods
        if namespace_of(pod) == namespace_of(target) and selectors.matches(selector, labels_of(pod))
    )
