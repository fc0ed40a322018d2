"""The StatefulSet controller: one pod for each ordinal, each with its own name and claims.

A port of upstream's rules, in upstream's order:
- OrderedReady makes one pod after the other, each when all before it are ready, and removes from the highest
  ordinal down. Parallel does not wait, but replaces no pod before it is gone either.
- A rolling update deletes the pod with the highest ordinal that is not of the newest revision, waits until
  its successor is ready, and ends at `partition`. With OnDelete people delete the pods.
- An ordinal is a name, and a name is one object: a pod is only made where there is none of its name, so
  there is never a second one, whatever crashes.
"""

from __future__ import annotations

from typing import Any

from minikctl.controlplane import controller_revisions
from minikctl.controlplane.admission import admitted
from minikctl.controlplane.decision import Decision, Ids, earliest, with_status
from minikctl.controlplane.overlay import Overlay
from minikctl.controlplane.owned import claim
from minikctl.controlplane.podcontrol import beyond_quota, deleted, refused
from minikctl.controlplane.statefulset_pods import (
    condemn_claims,
    ensure_claims,
    has_claims_that_go,
    missing_claims,
    new_pod,
    ordinal_of,
    revision_of,
    start_of,
    with_identity,
)
from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, is_deleting, key_of, name_of, spec_of, status_of
from minikctl.model.pods import is_available, is_finished, is_ready, phase, ready_since

COMPONENT = "statefulset-controller"


def reconcile(key: ObjectKey, view: View, now: float, ids: Ids) -> Decision:
    stateful_set = view.get(key)
    if stateful_set is None:
        return Decision()
    return _Look(stateful_set, view, now, ids).decide()


class _Look:
    """One look at one StatefulSet. `self.pods` holds the pods by ordinal as decided so far."""

    def __init__(self, stateful_set: Object, view: View, now: float, ids: Ids) -> None:
        self.set = stateful_set
        self.spec = spec_of(stateful_set)
        self.view = view
        self.now = now
        self.made = 0
        self.claims: list[Object] = []
        """Those that this look makes, where somebody counts them."""
        self.ids = ids
        self.decision = Decision()
        self.minimum: int = self.spec.get("minReadySeconds", 0)
        self.waits = self.spec.get("podManagementPolicy") != "Parallel"
        start = start_of(stateful_set)
        self.wanted = range(start, start + self.spec["replicas"])
        mine = claim(stateful_set, "Pod", view, self.decision, accepts=self._is_member)
        self.pods = {ordinal_of(stateful_set, pod): pod for pod in mine if self._is_member(pod)}

    def _is_member(self, pod: Object) -> bool:
        return ordinal_of(self.set, pod) >= 0

    # --- the parent: every branch is here

    def decide(self) -> Decision:
        if is_deleting(self.set):
            return self.decision
        self.revisions, self.update = controller_revisions.synced(
            self.set, self.view, self.decision, self.now, self.ids
        )
        named = status_of(self.set).get("currentRevision")
        self.current = next((one for one in self.revisions if name_of(one) == named), self.update)
        if self._keep_replicas() and self._remove_surplus():
            self._roll()
        self._finish()
        return self.decision

    def _keep_replicas(self) -> bool:
        """Every ordinal has its pod. False: something must come first before anything else is done."""
        may_go_on = True
        for ordinal in self.wanted:
            if not self._keep(ordinal):
                may_go_on = False
                if self.waits:
                    return False
        return may_go_on

    def _keep(self, ordinal: int) -> bool:
        """True when the pod is as it should be, or nothing has to wait for it."""
        pod = self.pods.get(ordinal)
        if pod is None:
            return self._create(ordinal) and not self.waits
        if is_finished(pod):
            if not is_deleting(pod):
                word = "Failed" if phase(pod) == "Failed" else "Terminated"
                text = f"StatefulSet {self._path(self.set)} is recreating {word.lower()} Pod {name_of(pod)}"
                self.decision.tell(self.set, f"Recreating{word}Pod", text, COMPONENT, "Warning")
                self._delete(pod)
            return False
        if not is_deleting(pod):
            self._ensure_claims(pod)
        if self.waits and (is_deleting(pod) or not self._is_available(pod)):
            return False
        if not is_deleting(pod):
            self._put(with_identity(self.set, pod), pod)
        return True

    def _remove_surplus(self) -> bool:
        """Pods beyond the wanted ordinals go, the highest first. False: one that goes is waited for."""
        surplus = sorted((one for one in self.pods if one not in self.wanted), reverse=True)
        unhealthy = min((one for one in self.pods if not self._is_healthy(self.pods[one])), default=None)
        for ordinal in surplus:
            pod = self.pods[ordinal]
            if is_deleting(pod):
                if self.waits:
                    return False
                continue
            if self.waits and not self._is_available(pod) and ordinal != unhealthy:
                return False
            condemn_claims(self.set, pod, self.view, self.decision)
            self._delete(pod)
            if self.waits:
                return False
        return True

    def _roll(self) -> None:
        strategy = self.spec.get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        for ordinal in reversed(self.wanted[partition:]):
            pod = self.pods.get(ordinal)
            if pod is None:
                return
            if revision_of(pod) != name_of(self.update) and not is_deleting(pod):
                self._delete(pod)
                return
            if not self._is_healthy(pod) or not self._is_available(pod):
                return

    # --- one pod

    def _is_available(self, pod: Object) -> bool:
        return phase(pod) == "Running" and is_available(pod, self.minimum, self.now)

    def _is_healthy(self, pod: Object) -> bool:
        return phase(pod) == "Running" and is_ready(pod) and not is_deleting(pod)

    def _create(self, ordinal: int) -> bool:
        """False: it can't be made now."""
        revision = self.current if self._is_of_current(ordinal) else self.update
        pod = new_pod(self.set, revision, ordinal, self.now, self.ids.uid())
        why = refused(pod, self.view, made=self.made)
        if self.view.get(key_of(pod)) is not None:
            why = f'pods "{name_of(pod)}" already exists'
        if why is not None:
            text = f"create Pod {name_of(pod)} in StatefulSet {name_of(self.set)} failed error: {why}"
            self.decision.tell(self.set, "FailedCreate", text, COMPONENT, "Warning")
            return False
        if has_claims_that_go(self.set, pod, self.view) or not self._ensure_claims(pod):
            return False
        self.made += 1
        self.pods[ordinal] = self.decision.put(pod)
        self._tell(
            "SuccessfulCreate", f"create Pod {name_of(pod)} in StatefulSet {name_of(self.set)} successful"
        )
        return True

    def _is_of_current(self, ordinal: int) -> bool:
        """Whether a pod of that ordinal is made from the revision that an update is moving away from."""
        strategy = self.spec.get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return False
        partition = (strategy.get("rollingUpdate") or {}).get("partition")
        if partition is None:
            partition = status_of(self.set).get("currentReplicas", 0)
        return bool(ordinal < self.wanted.start + partition)

    def _may_claim(self, pod: Object) -> bool:
        """False: the namespace's quotas or LimitRanges have no room for all claims of the pod, beside those
        that this look makes."""
        if not any(self.view.has(kind, key_of(pod).namespace) for kind in ("ResourceQuota", "LimitRange")):
            return True
        coming = Overlay(self.view)
        for claimed in self.claims:
            coming.add(claimed)
        for wanted in missing_claims(self.set, pod, self.view, self.now):
            if (why := beyond_quota(wanted, coming)) is not None:
                where = f"Claim {name_of(wanted)} Pod {name_of(pod)} in StatefulSet {name_of(self.set)}"
                text = f"create {where} failed error: {why}"
                self.decision.tell(self.set, "FailedCreate", text, COMPONENT, "Warning")
                return False
            coming.add(admitted(wanted, coming))
        self.claims = coming.added()
        return True

    def _ensure_claims(self, pod: Object) -> bool:
        """False: there is no room for them."""
        if not self._may_claim(pod):
            return False
        for name in ensure_claims(self.set, pod, self.view, self.decision, self.now, self.ids):
            text = f"create Claim {name} Pod {name_of(pod)} in StatefulSet {name_of(self.set)} success"
            self._tell("SuccessfulCreate", text)
        return True

    def _delete(self, pod: Object) -> None:
        self._put(deleted(pod, self.now), pod)
        self._tell(
            "SuccessfulDelete", f"delete Pod {name_of(pod)} in StatefulSet {name_of(self.set)} successful"
        )

    def _put(self, pod: Object, before: Object) -> None:
        if pod is not before:
            self.pods[ordinal_of(self.set, pod)] = self.decision.put(pod)

    def _tell(self, reason: str, text: str) -> None:
        self.decision.tell(self.set, reason, text, COMPONENT)

    def _path(self, obj: Object) -> str:
        return f"{obj['metadata'].get('namespace', '')}/{name_of(obj)}"

    # --- the status

    def _finish(self) -> None:
        pods = list(self.pods.values())
        lasting = [pod for pod in pods if not is_deleting(pod)]
        ready = [pod for pod in pods if phase(pod) == "Running" and is_ready(pod)]
        newest = name_of(self.update)
        status: dict[str, Any] = {
            "observedGeneration": self.set["metadata"].get("generation", 1),
            "replicas": len(pods),
            "readyReplicas": len(ready),
            "currentReplicas": sum(1 for pod in lasting if revision_of(pod) == name_of(self.current)),
            "updatedReplicas": sum(1 for pod in lasting if revision_of(pod) == newest),
            "currentRevision": name_of(self.current),
            "updateRevision": newest,
            "collisionCount": 0,
            "availableReplicas": sum(1 for pod in ready if is_available(pod, self.minimum, self.now)),
        }
        if self._is_complete(status):
            status |= {"currentRevision": newest, "currentReplicas": status["updatedReplicas"]}
        kept = ("replicas", "availableReplicas", "collisionCount")
        status = {name: value for name, value in status.items() if value or name in kept}
        if new := with_status(self.set, status):
            self.decision.put(new)
        live = [*map(revision_of, pods), status["currentRevision"], newest]
        controller_revisions.truncate(self.set, self.revisions, live, self.decision)
        if self.minimum:
            moments = (since + self.minimum for pod in ready if (since := ready_since(pod)) is not None)
            self.decision.look_at(earliest(moment for moment in moments if moment > self.now))

    def _is_complete(self, status: dict[str, Any]) -> bool:
        wanted = self.spec["replicas"]
        if (self.spec.get("updateStrategy") or {}).get("type") == "OnDelete":
            return False
        return bool(wanted == status["updatedReplicas"] == status["readyReplicas"] == status["replicas"])
