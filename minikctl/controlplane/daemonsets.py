"""The DaemonSet controller: one pod on every node that the template fits.

A port of upstream's rules, in upstream's order:
- A pod is made for a node (its affinity names it) and bound by the scheduler. Daemon pods tolerate a cordon
  and nodes in trouble, so draining a node does not end them.
- A node that does not fit any more loses its pod; one that is only closed to new pods keeps it.
- A rolling update deletes old pods (at most `maxUnavailable` nodes without one at a time), or makes new ones
  beside them (`maxSurge`). Then `_keep_node` puts a pod where there is none. With OnDelete people delete.
- A pod that ended is deleted, and made anew when it is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikctl.controlplane import controller_revisions
from minikctl.controlplane.decision import Decision, Ids, earliest, with_status
from minikctl.controlplane.owned import claim
from minikctl.controlplane.podcontrol import deleted, pod_from, refused
from minikctl.controlplane.rollout import resolve
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    conditions,
    copy,
    is_deleting,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from minikctl.model.controller_revisions import REVISION_LABEL, hash_of
from minikctl.model.node_affinity import fits, pinned, pinned_to, unpinned
from minikctl.model.pods import is_available, is_finished, is_ready, phase, ready_since
from minikctl.model.taints import UNSCHEDULABLE, untolerated

COMPONENT = "daemonset-controller"
_TROUBLES = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    (UNSCHEDULABLE, "NoSchedule"),
)
"""What every daemon pod tolerates."""


def reconcile(key: ObjectKey, view: View, now: float, ids: Ids) -> Decision:
    daemon_set = view.get(key)
    if daemon_set is None:
        return Decision()
    return _Look(daemon_set, view, now, ids).decide()


class _Look:
    """One look at one DaemonSet. `self.pods` holds its pods as decided so far, by the node they are for."""

    def __init__(self, daemon_set: Object, view: View, now: float, ids: Ids) -> None:
        self.set = daemon_set
        self.spec = spec_of(daemon_set)
        self.view = view
        self.now = now
        self.ids = ids
        self.decision = Decision()
        self.minimum: int = self.spec.get("minReadySeconds", 0)
        self.nodes = sorted(view.list("Node"), key=name_of)
        self.pods: dict[str, list[Object]] = {}
        for pod in sorted(claim(daemon_set, "Pod", view, self.decision), key=_age):
            self.pods.setdefault(pinned_to(pod), []).append(pod)
        self.changed = False
        self.made = 0
        rolling = self._rolling()
        self.surges = rolling is not None and resolve(rolling.get("maxSurge", 0), 100, round_up=True) > 0

    # --- the parent: every branch is here

    def decide(self) -> Decision:
        if is_deleting(self.set):
            return self.decision
        self.revisions, self.update = controller_revisions.synced(
            self.set, self.view, self.decision, self.now, self.ids
        )
        self.prototype = self._prototype()
        self.wanted = [node for node in self.nodes if self._should_run(node)]
        for node in self.nodes:
            self._keep_node(node)
        self._leave_lost_nodes()
        if not self.changed and self._rolling() is not None:
            self._roll_beside() if self.surges else self._roll()
        self._finish()
        return self.decision

    def _keep_node(self, node: Object) -> None:
        pods = self._on(node)
        if node in self.wanted and not pods:
            self._create(node)
        elif node in self.wanted or self._may_stay(node):
            self._prune(node, [pod for pod in pods if not is_deleting(pod)])
        else:
            self._delete(pod for pod in pods if not is_deleting(pod))

    def _prune(self, node: Object, pods: list[Object]) -> None:
        """Pods that ended go, and all but one (or two, in a surge) of those that run."""
        ended = [pod for pod in pods if is_finished(pod)]
        for pod in ended:
            self._tell_ended(pod, node)
        self._delete(ended)
        running = [pod for pod in pods if not is_finished(pod)]
        if self.surges:
            self._prune_surge(running)
        else:
            self._delete(running[1:])

    def _prune_surge(self, running: list[Object]) -> None:
        new, old = self._split(running)
        self._delete([*new[1:], *old[1:]])
        if new and old and (not is_ready(old[0]) or self._is_available(new[0])):
            self._delete(old[:1])

    # --- which nodes

    def _should_run(self, node: Object) -> bool:
        ready = conditions.is_true(status_of(node), "Ready")
        return ready and self._suits(node) and not self._forbids(node, ("NoSchedule", "NoExecute"))

    def _may_stay(self, node: Object) -> bool:
        return self._suits(node) and not self._forbids(node, ("NoExecute",))

    def _suits(self, node: Object) -> bool:
        named = self.spec["template"]["spec"].get("nodeName", "")
        return named in ("", name_of(node)) and fits({"spec": self.spec["template"]["spec"]}, node)

    def _forbids(self, node: Object, effects: Iterable[str]) -> bool:
        return untolerated(self.prototype, node, tuple(effects)) is not None

    def _on(self, node: Object) -> list[Object]:
        return self.pods.get(name_of(node), [])

    def _leave_lost_nodes(self) -> None:
        """Pods that wait for a node which is gone. Those that were bound to one, garbage collection takes."""
        known = {name_of(node) for node in self.nodes}
        for node in [name for name in self.pods if name not in known]:
            self._delete(pod for pod in self.pods[node] if not is_deleting(pod))

    # --- one pod

    def _prototype(self) -> Object:
        template = self.spec["template"]
        own = template["spec"].get("tolerations") or []
        troubles = [{"effect": effect, "key": key, "operator": "Exists"} for key, effect in _TROUBLES]
        tolerations = [*own, *(one for one in troubles if one not in own)]
        spec = {**template["spec"], "tolerations": tolerations}
        pod = pod_from(self.set, {**template, "spec": spec}, self.now)
        pod["metadata"]["labels"][REVISION_LABEL] = hash_of(self.update)
        return pod

    def _create(self, node: Object) -> None:
        pod = copy(self.prototype)
        pod["metadata"] |= {"name": f"{name_of(self.set)}-{self.ids.suffix()}", "uid": self.ids.uid()}
        pod["spec"] = pinned(pod["spec"], name_of(node))
        why = refused(pod, self.view, made=self.made)
        if why is not None:
            self.decision.tell(self.set, "FailedCreate", f"Error creating: {why}", COMPONENT, "Warning")
            return
        self.changed = True
        self.made += 1
        self.pods.setdefault(name_of(node), []).append(self.decision.put(pod))
        self._tell("SuccessfulCreate", f"Created pod: {name_of(pod)}")

    def _delete(self, pods: Iterable[Object]) -> None:
        for pod in list(pods):
            self.changed = True
            going = self.decision.put(deleted(pod, self.now))
            mates = self.pods[pinned_to(pod)]
            mates[[key_of(one) for one in mates].index(key_of(pod))] = going
            self._tell("SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _tell_ended(self, pod: Object, node: Object) -> None:
        where = f"daemon pod {namespace_of(pod)}/{name_of(pod)} on node {name_of(node)}"
        if phase(pod) == "Failed":
            text = f"Found failed {where}, will try to kill it"
            self.decision.tell(self.set, "FailedDaemonPod", text, COMPONENT, "Warning")
        else:
            self._tell("SucceededDaemonPod", f"Found succeeded {where}, will try to delete it")

    def _tell(self, reason: str, text: str) -> None:
        self.decision.tell(self.set, reason, text, COMPONENT)

    def _is_available(self, pod: Object) -> bool:
        return is_available(pod, self.minimum, self.now)

    def _split(self, pods: Iterable[Object]) -> tuple[list[Object], list[Object]]:
        """Those of the newest template, and the others; those on their way out are neither."""
        new: list[Object] = []
        old: list[Object] = []
        for pod in pods:
            if not is_deleting(pod):
                (new if self._is_updated(pod) else old).append(pod)
        return new, old

    def _is_updated(self, pod: Object) -> bool:
        return labels_of(pod).get(REVISION_LABEL) == hash_of(self.update)

    # --- rolling updates

    def _rolling(self) -> dict[str, Any] | None:
        strategy = self.spec.get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return None
        rolling: dict[str, Any] = strategy.get("rollingUpdate") or {}
        return rolling

    def _allowed(self, field: str, default: int) -> int:
        """maxUnavailable or maxSurge in nodes; both count percentages up."""
        value = (self._rolling() or {}).get(field, default)
        return resolve(value, len(self.wanted), round_up=True)

    def _roll(self) -> None:
        unavailable = 0
        replaceable: list[Object] = []
        candidates: list[Object] = []
        for pods in self.pods.values():
            new, old = self._split(pods)
            if len(new) + len(old) != 1:
                unavailable += 1
            elif new:
                unavailable += not self._is_available(new[0])
            elif not self._is_available(old[0]):
                replaceable.append(old[0])
            else:
                candidates.append(old[0])
        left = max(0, max(1, self._allowed("maxUnavailable", 1)) - unavailable)
        self._delete([*replaceable, *candidates[:left]])

    def _roll_beside(self) -> None:
        surging = 0
        allowed: list[str] = []
        candidates: list[str] = []
        wanted_nodes = {name_of(node) for node in self.wanted}
        for node, pods in list(self.pods.items()):
            new, old = self._split(pods)
            if len(new) > 1 or len(old) > 1:
                surging += 1
            elif new and old:
                surging += not self._is_available(new[0])
            elif old and not self._is_available(old[0]):
                allowed.append(node)
            elif old and node in wanted_nodes:
                candidates.append(node)
            elif old:  # it may stay, but no new one may come: of this one nothing is updated but by its end
                self._delete(old)
        left = max(0, self._allowed("maxSurge", 0) - surging)
        chosen = {*allowed, *candidates[:left]}
        for wanted in self.wanted:
            if name_of(wanted) in chosen:
                self._create(wanted)

    # --- the status

    def _finish(self) -> None:
        first = {name_of(node): sorted(self._on(node), key=_age)[0] for node in self.nodes if self._on(node)}
        wanted = [first.get(name_of(node)) for node in self.wanted]
        current = [pod for pod in wanted if pod is not None]
        ready = [pod for pod in current if is_ready(pod)]
        available = sum(map(self._is_available, ready))
        status: dict[str, Any] = {
            "currentNumberScheduled": len(current),
            "numberMisscheduled": len(first) - len(current),
            "desiredNumberScheduled": len(wanted),
            "numberReady": len(ready),
            "observedGeneration": self.set["metadata"].get("generation", 1),
            "updatedNumberScheduled": sum(map(self._is_updated, current)),
            "numberAvailable": available,
            "numberUnavailable": len(wanted) - available,
        }
        kept = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
        status = {name: value for name, value in status.items() if value or name in kept}
        if new := with_status(self.set, status):
            self.decision.put(new)
        in_use = {labels_of(pod).get(REVISION_LABEL) for pods in self.pods.values() for pod in pods}
        live = [name_of(one) for one in self.revisions if hash_of(one) in in_use]
        controller_revisions.truncate(self.set, self.revisions, [*live, name_of(self.update)], self.decision)
        if self.minimum:
            pods = (pod for mates in self.pods.values() for pod in mates if is_ready(pod))
            moments = (since + self.minimum for pod in pods if (since := ready_since(pod)) is not None)
            self.decision.look_at(earliest(moment for moment in moments if moment > self.now))


def without_what_all_have(pod: Object) -> Object:
    """A daemon pod without its node and what every daemon pod tolerates: as its template has it."""
    spec = unpinned(spec_of(pod))
    given = [{"effect": effect, "key": key, "operator": "Exists"} for key, effect in _TROUBLES]
    tolerations = [one for one in spec.get("tolerations") or () if one not in given]
    spec = {name: value for name, value in spec.items() if name != "tolerations"}
    return {**pod, "spec": {**spec, "tolerations": tolerations} if tolerations else spec}


def _age(pod: Object) -> tuple[bool, str, str]:
    """Bound ones first, then the oldest."""
    return (not spec_of(pod).get("nodeName"), pod["metadata"]["creationTimestamp"], name_of(pod))
