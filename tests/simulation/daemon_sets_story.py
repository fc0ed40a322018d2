"""Random lives with DaemonSets: one pod a node as nodes are labelled, tainted, cordoned, lost and found."""

from __future__ import annotations

from typing import Any

from minikctl.model import (
    Object,
    ObjectKey,
    is_deleting,
    labels_of,
    name_of,
    spec_of,
    status_of,
)
from minikctl.model.controller_revisions import REVISION_LABEL
from minikctl.model.node_affinity import pinned_to
from minikctl.model.pods import is_active
from minikctl.model.taints import untolerated

from .life import Life

NAMES = ("agent", "logs")


class DaemonSetStory(Life):
    kinds = ("DaemonSet",)

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.world.stored_checks.append(self.check_one_a_node)
        self.world.meddle = lambda: self.random.choice((self.apply, self.restart, self.label))()

    def deeds(self) -> list[Any]:
        people = [self.apply, self.apply, self.restart, self.delete, self.delete_pod, self.cordon]
        return [*people, self.label, self.taint]

    # --- people

    def apply(self) -> None:
        name = self.random.choice(NAMES)
        self._try(lambda: self.world.api.apply([self._daemon_set(name)]))

    def restart(self) -> None:
        text = str(self.random.random())

        def restarted(one: Object) -> Object:
            spec_of(one)["template"]["metadata"].setdefault("annotations", {})["again"] = text
            return one

        key = ObjectKey("DaemonSet", "default", self.random.choice(NAMES))
        self._try(lambda: self.world.api.update(key, restarted))

    def delete(self) -> None:
        key = ObjectKey("DaemonSet", "default", self.random.choice(NAMES))
        propagation = self.random.choice(("background", "foreground"))
        self._try(lambda: self.world.api.delete(key, propagation=propagation))

    def label(self) -> None:
        value = self.random.choice(("fast", "slow"))

        def labelled(node: Object) -> Object:
            return {**node, "metadata": {**node["metadata"], "labels": {**labels_of(node), "disk": value}}}

        self._try(lambda: self.world.api.update(self._some_node(), labelled))

    def taint(self) -> None:
        effect = self.random.choice(("NoSchedule", "NoExecute", ""))
        taints = [{"key": "busy", "effect": effect}] if effect else []

        def tainted(node: Object) -> Object:
            return {**node, "spec": {**spec_of(node), "taints": taints}}

        self._try(lambda: self.world.api.update(self._some_node(), tainted))

    def _some_node(self) -> ObjectKey:
        return ObjectKey("Node", "", self.random.choice(self.world.nodes).name)

    def _daemon_set(self, name: str) -> Object:
        pick = self.random.choice
        template: dict[str, Any] = {"metadata": {"labels": {"app": name}}, "spec": self._pod_spec()}
        if pick((True, False)):
            template["spec"]["nodeSelector"] = {"disk": "fast"}
        if pick((True, False, False)):
            template["spec"]["tolerations"] = [{"key": "busy", "operator": "Exists"}]
        strategy = pick(
            (
                {"type": "OnDelete"},
                {"type": "RollingUpdate"},
                {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}},
                {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            )
        )
        spec: dict[str, Any] = {
            "selector": {"matchLabels": {"app": name}},
            "updateStrategy": strategy,
            "minReadySeconds": pick((0, 0, 2)),
            "revisionHistoryLimit": pick((0, 2, 10)),
            "template": template,
        }
        metadata = {"name": name, "namespace": "default"}
        return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec}

    # --- what must always hold

    def check_one_a_node(self) -> None:
        """Never two active pods on a node, but the old and the new one in a surge. One that people forced out
        of the store may come back with its container, if state.db is lost before that is removed."""
        for one in self.world.database.list("DaemonSet"):
            if is_deleting(one):
                continue
            seen: set[tuple[str, str]] = set()
            for pod in list(filter(is_active, self.pods_of(one))):
                if name_of(pod) in self.forced:
                    continue
                place = (pinned_to(pod), labels_of(pod)[REVISION_LABEL])
                assert place not in seen, f"{name_of(one)} has two pods of one template on {place[0]}"
                seen.add(place)

    # --- the end

    def what_is_wrong(self) -> str:
        return next(filter(None, map(self._is_wrong, self.world.database.list("DaemonSet"))), "")

    def _is_wrong(self, one: Object) -> str:
        spec, status, name = spec_of(one), status_of(one), name_of(one)
        pods = list(filter(is_active, self.pods_of(one)))
        places = sorted(map(pinned_to, pods))
        wanted = [node for node in self.world.database.list("Node") if self._fits(spec, node)]
        closed = {name_of(node) for node in self.world.database.list("Node") if self._is_closed(spec, node)}
        missing = {name_of(node) for node in wanted} - set(places)
        surplus = set(places) - {name_of(node) for node in wanted} - closed
        if missing or surplus or len(set(places)) != len(places):
            return f"{name} is on {places}: lacks {missing}, should not be on {surplus}"
        if status.get("observedGeneration") != one["metadata"]["generation"]:
            return f"{name} was not looked at"
        if status.get("numberReady") != len(wanted):
            return f"{name} has {status}"
        rolls = spec["updateStrategy"]["type"] == "RollingUpdate"
        if rolls and status.get("updatedNumberScheduled", 0) != len(wanted):
            return f"{name} has old pods: {status}"
        return ""

    def _fits(self, spec: dict[str, Any], node: Object) -> bool:
        """By other means than the controller's."""
        labels = spec["template"]["spec"].get("nodeSelector") or {}
        return labels.items() <= labels_of(node).items() and not self._bars(
            spec, node, "NoSchedule", "NoExecute"
        )

    def _is_closed(self, spec: dict[str, Any], node: Object) -> bool:
        """A pod that is there may stay, and no other one comes."""
        return not self._fits(spec, node) and self._bars(spec, node, "NoSchedule")

    def _bars(self, spec: dict[str, Any], node: Object, *effects: str) -> bool:
        taints = [one for one in spec_of(node).get("taints") or () if one["effect"] in effects]
        pod = {"spec": spec["template"]["spec"]}
        return bool(taints) and untolerated(pod, {**node, "spec": {"taints": taints}}, effects) is not None
