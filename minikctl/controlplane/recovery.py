"""After state.db was lost: pods (and the ReplicaSets that own them) from what stands on the containers.

Nothing is restarted: a pod that is known again with its uid finds its containers where they are. What nobody
declares any more is not brought back; its containers are then orphans, and go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikctl.backend import Container
from minikctl.controlplane.decision import with_metadata
from minikctl.controlplane.kubelet.seal import recorded_pod
from minikctl.controlplane.podcontrol import deleted
from minikctl.controlplane.programs import owner_again
from minikctl.controlplane.proxies import is_proxy
from minikctl.controlplane.recovery_jobs import known_again, recovered_jobs
from minikctl.controlplane.recovery_sets import recovered_revisions
from minikctl.controlplane.recovery_sizes import recovered_sizes
from minikctl.controlplane.restarts import CONFIGURATION_HASH
from minikctl.controlplane.rollout import surge_and_unavailable
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    annotations_of,
    controller_of,
    controller_reference,
    copy,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    selectors,
    spec_of,
    uid_of,
)
from minikctl.model.defaults import set_defaults
from minikctl.model.priorities import without_priority
from minikctl.model.revisions import HASH_LABEL, REVISION, same_template


def recover(containers: Iterable[Container], view: View, now: float) -> list[Object]:
    """New objects for the store. `view` holds what the desired files declare."""
    pods: dict[ObjectKey, Object] = {}
    for container in sorted(containers, key=lambda one: one.created_at):
        pod = recorded_pod(container)
        if pod is not None:
            pods[key_of(pod)] = pod  # of several of one name, the newest
    sets = _replica_sets(pods.values(), view)
    jobs, cron_jobs = recovered_jobs(pods.values(), view)
    ordered = sorted(sets.values(), key=lambda one: one["metadata"]["creationTimestamp"])
    found = (_known_again(pod, sets, jobs, view) for pod in pods.values())
    known = [pod for pod in found if pod is not None]
    sized = recovered_sizes(list(pods.values()), view) if view.has_any("HorizontalPodAutoscaler") else {}
    going = _surplus(known, ordered, [sized.get(uid_of(one), one) for one in view.list("Deployment")])
    for pod in known:
        if key_of(pod) in going:
            sets[going[key_of(pod)]]["spec"]["replicas"] -= 1
    ended = [deleted(pod, now) if key_of(pod) in going else pod for pod in known]
    revisions = recovered_revisions(known, view)
    return [*sized.values(), *cron_jobs, *jobs.values(), *revisions, *_numbered(ordered), *ended]


def _surplus(pods: list[Object], sets: list[Object], deployments: Iterable[Object]) -> dict[ObjectKey, str]:
    """Pods beyond what their Deployment ever allows, with their ReplicaSet's uid; oldest templates first.

    They had been asked to end when state.db was lost: that they had is not known any more.
    """
    going: dict[ObjectKey, str] = {}
    for deployment in deployments:
        mine = [one for one in sets if (controller_of(one) or {}).get("uid") == uid_of(deployment)]
        mine.sort(key=lambda one: same_template(spec_of(one)["template"], spec_of(deployment)["template"]))
        owned = [(pod, uid_of(one)) for one in mine for pod in pods if _is_of(pod, one)]
        allowed = spec_of(deployment)["replicas"] + surge_and_unavailable(spec_of(deployment))[0]
        going.update({key_of(pod): uid for pod, uid in owned[: max(0, len(owned) - allowed)]})
    return going


def _is_of(pod: Object, replica_set: Object) -> bool:
    return (controller_of(pod) or {}).get("uid") == uid_of(replica_set)


def _known_again(pod: Object, sets: dict[str, Object], jobs: dict[str, Object], view: View) -> Object | None:
    """The pod as the store should have it; None when nobody declares it, directly or through its owner."""
    owner = controller_of(pod)
    if owner is None:
        return _declared_again(pod, view)
    if view.get(key_of(pod)) is not None:
        return None
    if owner["kind"] == "Job":
        return known_again(pod, jobs)
    pending = {**pod, "status": {"phase": "Pending"}}
    if owner["uid"] in sets:
        return pending
    heir = _named(owner["name"], pod, sets)
    heir = heir or _owner_again(pod, owner, view)
    if heir is None:
        return None
    return with_metadata(pending, ownerReferences=[controller_reference(heir)])


def _owner_again(pod: Object, owner: dict[str, Any], view: View) -> Object | None:
    """Proxies live in another namespace than their owner."""
    if is_proxy(pod):
        return owner_again(pod, view)
    return view.get(ObjectKey(owner["kind"], namespace_of(pod), owner["name"]))


def _declared_again(pod: Object, view: View) -> Object | None:
    """A pod with a desired file was made anew from it, with a new uid: it gets its old self back."""
    declared = view.get(key_of(pod))
    if declared is None or spec_of(declared).get("nodeName"):
        return None
    created = pod["metadata"]["creationTimestamp"]
    same = with_metadata(declared, uid=uid_of(pod), creationTimestamp=created)
    return {**same, "spec": {**spec_of(declared), "nodeName": spec_of(pod).get("nodeName", "")}}


def _replica_sets(pods: Iterable[Object], view: View) -> dict[str, Object]:
    """By uid: the ReplicaSets of these pods whose Deployment is declared."""
    sets: dict[str, Object] = {}
    for pod in pods:
        owner = controller_of(pod)
        if owner is None or owner["kind"] != "ReplicaSet":
            continue
        found = sets.get(owner["uid"]) or _named(owner["name"], pod, sets)
        if found is not None:
            found["spec"]["replicas"] += 1
            _keep_oldest(found, pod)
            continue
        known = view.get(ObjectKey("ReplicaSet", namespace_of(pod), owner["name"]))
        deployment = _deployment_of(pod, view)
        if known is None and deployment is not None:
            sets[owner["uid"]] = _replica_set(owner["name"], owner["uid"], pod, deployment)
    return sets


def _named(name: str, pod: Object, sets: dict[str, Object]) -> Object | None:
    """One name is one ReplicaSet, also where pods remember an earlier one that had it."""
    for one in sets.values():
        if (name_of(one), namespace_of(one)) == (name, namespace_of(pod)):
            return one
    return None


def _keep_oldest(found: Object, pod: Object) -> None:
    created = pod["metadata"]["creationTimestamp"]
    found["metadata"]["creationTimestamp"] = min(found["metadata"]["creationTimestamp"], created)


def _deployment_of(pod: Object, view: View) -> Object | None:
    for deployment in view.list("Deployment", namespace_of(pod)):
        selector = selectors.from_object(spec_of(deployment).get("selector"))
        if HASH_LABEL in labels_of(pod) and selectors.matches(selector, labels_of(pod)):
            return deployment
    return None


def _replica_set(name: str, uid: str, pod: Object, deployment: Object) -> Object:
    selector = copy(spec_of(deployment)["selector"])
    selector.setdefault("matchLabels", {})[HASH_LABEL] = labels_of(pod)[HASH_LABEL]
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": namespace_of(pod),
            "uid": uid,
            "creationTimestamp": pod["metadata"]["creationTimestamp"],
            "generation": 1,
            "labels": dict(labels_of(pod)),
            "ownerReferences": [controller_reference(deployment)],
        },
        "spec": {"replicas": 1, "selector": selector, "template": _template(pod, deployment)},
        "status": {"replicas": 0},
    }


def _template(pod: Object, deployment: Object) -> dict[str, Any]:
    """The Deployment's own template where the pod was made from it, else what the pod shows of it."""
    pod_hash = labels_of(pod)[HASH_LABEL]
    template: dict[str, Any] = copy(spec_of(deployment)["template"])
    if CONFIGURATION_HASH in annotations_of(pod):  # the template gets it again, from what is configured
        template["metadata"].setdefault("annotations", {})[CONFIGURATION_HASH] = annotations_of(pod)[
            CONFIGURATION_HASH
        ]
    if _is_made_from(pod, template):
        template["metadata"]["labels"][HASH_LABEL] = pod_hash
        return template
    metadata = {"labels": dict(labels_of(pod)), "annotations": dict(annotations_of(pod))}
    spec = {name: value for name, value in copy(spec_of(pod)).items() if name != "nodeName"}
    return {"metadata": metadata, "spec": spec}


def _is_made_from(pod: Object, template: dict[str, Any]) -> bool:
    """By what the pod is, not by its hash: that also depends on names that were taken once."""
    made = set_defaults({**pod, "spec": copy(template["spec"])})
    spec = {name: value for name, value in spec_of(pod).items() if name != "nodeName"}
    labels = {name: value for name, value in labels_of(pod).items() if name != HASH_LABEL}
    same_metadata = (labels, annotations_of(pod)) == (labels_of(template), annotations_of(template))
    said = template["spec"]
    return same_metadata and without_priority(spec, said) == without_priority(spec_of(made), said)


def _numbered(replica_sets: list[Object]) -> list[Object]:
    """Revisions in the order of age: the history itself is lost, the order of what runs is not."""
    counts: dict[str, int] = {}
    result = []
    for one in replica_sets:
        owner = controller_of(one)
        uid = owner["uid"] if owner else name_of(one)
        counts[uid] = counts.get(uid, 0) + 1
        result.append(with_metadata(one, annotations={REVISION: str(counts[uid])}))
    return result
