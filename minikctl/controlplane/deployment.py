"""The Deployment controller: a ReplicaSet per pod template, and the walk from the old ones to the new one.

A port of upstream's rules, in upstream's order:
- The newest ReplicaSet is the one whose template equals the Deployment's; its revision is the highest.
- While paused, or when only the size changed, ReplicaSets are scaled in proportion and nothing is rolled.
- RollingUpdate never has more than replicas + maxSurge pods, nor too few available ones.
- Progress is a condition with a deadline; nothing is rolled back by itself.
"""

from __future__ import annotations

from typing import Any

from minikctl.controlplane import deployment_status
from minikctl.controlplane.decision import Decision, Ids, with_metadata
from minikctl.controlplane.owned import claim
from minikctl.controlplane.podcontrol import beyond_quota
from minikctl.controlplane.rollout import (
    new_replicas,
    proportions,
    surge_and_unavailable,
    take,
    unhealthy_first,
)
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    annotations_of,
    controller_reference,
    copy,
    is_deleting,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.hashing import template_hash
from minikctl.model.pods import is_finished
from minikctl.model.revisions import HASH_LABEL, REVISION, revision_of, same_template
from minikctl.model.timestamps import format_time

COMPONENT = "deployment-controller"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_NOT_COPIED = frozenset(
    (
        LAST_APPLIED,
        REVISION,
        REVISION_HISTORY,
        DESIRED_REPLICAS,
        MAX_REPLICAS,
        "deprecated.deployment.rollback.to",
    )
)


def reconcile(key: ObjectKey, view: View, now: float, ids: Ids) -> Decision:
    deployment = view.get(key)
    if deployment is None:
        return Decision()
    return _Rollout(deployment, view, now, ids).decide()


def replicas_of(replica_set: Object) -> int:
    count: int = spec_of(replica_set)["replicas"]
    return count


def _available(replica_set: Object) -> int:
    count: int = status_of(replica_set).get("availableReplicas", 0)
    return count


def _by_age(replica_sets: list[Object]) -> list[Object]:
    return sorted(replica_sets, key=lambda one: (one["metadata"]["creationTimestamp"], name_of(one)))


class _Rollout:
    """One look at one Deployment. `self.sets` always holds the ReplicaSets as decided so far."""

    def __init__(self, deployment: Object, view: View, now: float, ids: Ids) -> None:
        self.deployment = deployment
        self.before = deployment
        self.spec = spec_of(deployment)
        self.view = view
        self.now = now
        self.ids = ids
        self.decision = Decision()
        claimed = claim(deployment, "ReplicaSet", view, self.decision)
        self.sets: dict[str, Object] = {name_of(one): one for one in _by_age(claimed)}
        self.new_name = self._find_new()

    # --- the parent: every branch is here

    def decide(self) -> Decision:
        if is_deleting(self.deployment):
            self._finish()
            return self.decision
        self._note_paused()
        if self.spec.get("paused") or self._is_scaling():
            self._adopt_revision()
            self._scale_in_proportion()
            self._clean_up(always=bool(self.spec.get("paused")))
        elif self._is_recreate():
            self._recreate()
        else:
            self._roll()
        self._finish()
        return self.decision

    def _recreate(self) -> None:
        self._adopt_revision()
        for old in self._active_old():
            self._scale(old, 0)
        if self._old_pods_run():
            return
        if not self._make_new():
            return
        if replicas_of(self._new()) != self.spec["replicas"]:
            self._scale(self._new(), self.spec["replicas"])
        self._clean_up()

    def _roll(self) -> None:
        if not self._make_new():
            return
        if not (self._scale_new() or self._scale_old()):
            self._clean_up()

    # --- the newest ReplicaSet

    def _find_new(self) -> str | None:
        template = self.spec["template"]
        for name, one in self.sets.items():
            if same_template(spec_of(one)["template"], template):
                return name
        return None

    def _new(self) -> Object:
        assert self.new_name is not None
        return self.sets[self.new_name]

    def _old(self) -> list[Object]:
        return [one for name, one in self.sets.items() if name != self.new_name]

    def _active_old(self) -> list[Object]:
        return [one for one in self._old() if replicas_of(one)]

    def _total(self) -> int:
        return sum(replicas_of(one) for one in self.sets.values())

    def _make_new(self) -> bool:
        """False: its namespace has no quota for another ReplicaSet."""
        if self.new_name is not None:
            self._adopt_revision()
            return True
        revision = max((revision_of(one) for one in self._old()), default=0) + 1
        count = new_replicas(self.spec, 0, self._total())
        new = self._new_replica_set(revision, count)
        if (why := beyond_quota(new, self.view)) is not None:
            text = f'Failed to create new replica set "{name_of(new)}": {why}'
            self.decision.tell(self.deployment, "ReplicaSetCreateError", text, COMPONENT, "Warning")
            return False
        self.new_name = name_of(new)
        self._put(new)
        self._annotate({REVISION: str(revision)})
        if count:
            self._tell_scaled("up", new, 0, count)
        deployment_status.note_created(self, name_of(new))
        return True

    def _new_replica_set(self, revision: int, count: int) -> Object:
        template = copy(self.spec["template"])
        pod_hash, name = self._free_name(template)
        template.setdefault("metadata", {}).setdefault("labels", {})[HASH_LABEL] = pod_hash
        selector = copy(self.spec["selector"])
        selector.setdefault("matchLabels", {})[HASH_LABEL] = pod_hash
        spec: dict[str, Any] = {"replicas": count, "selector": selector, "template": template}
        if self.spec.get("minReadySeconds"):
            spec["minReadySeconds"] = self.spec["minReadySeconds"]
        return {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": name,
                "namespace": namespace_of(self.deployment),
                "uid": self.ids.uid(),
                "creationTimestamp": format_time(self.now),
                "generation": 1,
                "labels": dict(template["metadata"]["labels"]),
                "annotations": {
                    **self._copied_annotations(),
                    **self._size_annotations(),
                    REVISION: str(revision),
                },
                "ownerReferences": [controller_reference(self.deployment)],
            },
            "spec": spec,
            "status": {"replicas": 0},
        }

    def _free_name(self, template: dict[str, Any]) -> tuple[str, str]:
        """A hash whose ReplicaSet name nobody uses; upstream counts collisions in the status the same way."""
        collisions = status_of(self.deployment).get("collisionCount", 0)
        while True:
            pod_hash = template_hash(template, collisions)
            name = f"{name_of(self.deployment)}-{pod_hash}"
            if self.view.get(ObjectKey("ReplicaSet", namespace_of(self.deployment), name)) is None:
                return pod_hash, name
            collisions += 1

    def _adopt_revision(self) -> None:
        """The newest ReplicaSet carries the highest revision and the Deployment's annotations."""
        if self.new_name is None:
            return
        new = self._new()
        newest = max((revision_of(one) for one in self._old()), default=0) + 1
        # Not the sizes: what it was allowed when it was last scaled is its weight when all are scaled.
        annotations = {**annotations_of(new), **self._copied_annotations()}
        if revision_of(new) < newest:
            if REVISION in annotations:
                history = [
                    *filter(None, annotations.get(REVISION_HISTORY, "").split(",")),
                    annotations[REVISION],
                ]
                annotations[REVISION_HISTORY] = ",".join(history)
            annotations[REVISION] = str(newest)
        wanted = self.spec.get("minReadySeconds", 0)
        if annotations != annotations_of(new) or spec_of(new).get("minReadySeconds", 0) != wanted:
            spec = {name: value for name, value in spec_of(new).items() if name != "minReadySeconds"}
            if wanted:
                spec["minReadySeconds"] = wanted
            self._put({**with_metadata(new, annotations=annotations), "spec": spec})
        self._annotate({REVISION: annotations[REVISION]})
        deployment_status.note_found(self, self.new_name)

    def _copied_annotations(self) -> dict[str, str]:
        own = annotations_of(self.deployment)
        return {name: value for name, value in own.items() if name not in _NOT_COPIED}

    def _size_annotations(self) -> dict[str, str]:
        replicas = self.spec["replicas"]
        maximum = replicas + surge_and_unavailable(self.spec)[0]
        return {DESIRED_REPLICAS: str(replicas), MAX_REPLICAS: str(maximum)}

    # --- sizes

    def _scale_new(self) -> bool:
        new = self._new()
        wanted = self.spec["replicas"]
        size = replicas_of(new)
        if size > wanted:
            return self._scale(new, wanted)
        return self._scale(new, new_replicas(self.spec, size, self._total()))

    def _scale_old(self) -> bool:
        old = self._active_old()
        if not old:
            return False
        minimum = self.spec["replicas"] - surge_and_unavailable(self.spec)[1]
        new_unavailable = replicas_of(self._new()) - _available(self._new())
        budget = self._total() - minimum - new_unavailable
        if budget <= 0:
            return False
        sizes = [replicas_of(one) for one in old]
        healthy = [min(_available(one), replicas_of(one)) for one in old]
        cleaned = unhealthy_first(sizes, healthy, budget)
        available = sum(_available(one) for one in self.sets.values())
        wanted = take(cleaned, max(0, available - minimum))
        scaled = [self._scale(one, size) for one, size in zip(old, wanted, strict=True)]
        return any(scaled)

    def _is_recreate(self) -> bool:
        return (self.spec.get("strategy") or {}).get("type") == "Recreate"

    def _is_scaling(self) -> bool:
        for one in self.sets.values():
            desired = annotations_of(one).get(DESIRED_REPLICAS)
            if replicas_of(one) and desired is not None and desired != str(self.spec["replicas"]):
                return True
        return False

    def _scale_in_proportion(self) -> None:
        active = [one for one in self.sets.values() if replicas_of(one)]
        if len(active) <= 1:
            only = active[0] if active else (self._new() if self.new_name else None)
            if only is None and self.sets:
                only = max(self.sets.values(), key=revision_of)
            if only is not None:
                self._scale(only, self.spec["replicas"])
            return
        if self._is_saturated() or self._is_recreate():
            for old in self._active_old():
                self._scale(old, 0)
        else:
            self._spread(active)

    def _is_saturated(self) -> bool:
        if self.new_name is None:
            return False
        new, wanted = self._new(), str(self.spec["replicas"])
        sized = annotations_of(new).get(DESIRED_REPLICAS) == wanted and str(replicas_of(new)) == wanted
        return sized and str(_available(new)) == wanted

    def _spread(self, active: list[Object]) -> None:
        surge = surge_and_unavailable(self.spec)[0]
        allowed = self.spec["replicas"] + surge if self.spec["replicas"] else 0
        growing = allowed > self._total()
        ordered = _by_age(active)
        if growing:
            ordered.reverse()
        ordered.sort(key=replicas_of, reverse=True)
        known = status_of(self.deployment).get("replicas", 0)
        maxima = [int(annotations_of(one).get(MAX_REPLICAS, known)) for one in ordered]
        sizes = proportions([replicas_of(one) for one in ordered], maxima, allowed)
        for one, size in zip(ordered, sizes, strict=True):
            self._scale(one, size)

    def _scale(self, replica_set: Object, size: int) -> bool:
        """Sets a ReplicaSet's size and notes what the Deployment wanted. True when the size changed."""
        before = replicas_of(replica_set)
        annotations = {**annotations_of(replica_set), **self._size_annotations()}
        if before == size and annotations == annotations_of(replica_set):
            return False
        changed = with_metadata(replica_set, annotations=annotations)
        if before != size:
            changed["metadata"]["generation"] = replica_set["metadata"].get("generation", 1) + 1
            self._tell_scaled("up" if size > before else "down", replica_set, before, size)
        self._put({**changed, "spec": {**spec_of(replica_set), "replicas": size}})
        return before != size

    def _tell_scaled(self, direction: str, replica_set: Object, before: int, after: int) -> None:
        text = f"Scaled {direction} replica set {name_of(replica_set)} from {before} to {after}"
        self.decision.tell(self.deployment, "ScalingReplicaSet", text, COMPONENT)

    # --- the rest

    def _old_pods_run(self) -> bool:
        return any(
            not is_finished(pod) for old in self._old() for pod in self.view.controlled(uid_of(old), "Pod")
        )

    def _clean_up(self, *, always: bool = False) -> None:
        """Old ReplicaSets beyond the history limit go, once the rollout is complete."""
        if not always and not deployment_status.is_complete(self.deployment, self._counts()):
            return
        limit = self.spec.get("revisionHistoryLimit", 10)
        excess = max(0, len(self._old()) - limit)
        for one in sorted(self._old(), key=revision_of)[:excess]:
            if not replicas_of(one) and not any(self.view.controlled(uid_of(one), "Pod")):
                self.decision.remove(_key(one))
                del self.sets[name_of(one)]

    def _counts(self) -> dict[str, Any]:
        new = self.sets.get(self.new_name or "")
        return deployment_status.counts(self.deployment, list(self.sets.values()), new)

    def _note_paused(self) -> None:
        deployment_status.note_paused(self, bool(self.spec.get("paused")))

    def _annotate(self, annotations: dict[str, str]) -> None:
        merged = {**annotations_of(self.deployment), **annotations}
        if merged != annotations_of(self.deployment):
            self.deployment = with_metadata(self.deployment, annotations=merged)

    def _put(self, replica_set: Object) -> None:
        self.sets[name_of(replica_set)] = self.decision.put(replica_set)

    def _finish(self) -> None:
        """Status last: it speaks of the sizes decided above."""
        new = self.sets.get(self.new_name or "")
        status = deployment_status.synced(self, list(self.sets.values()), new)
        if status != status_of(self.deployment):
            self.deployment = {**self.deployment, "status": status}
        if self.deployment is not self.before:
            self.decision.put(self.deployment)


def _key(obj: Object) -> ObjectKey:
    return ObjectKey(obj["kind"], namespace_of(obj), name_of(obj))
