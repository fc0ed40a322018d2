"""Random lives with StatefulSets: names that stay, one pod an ordinal, updates from the highest one down."""

from __future__ import annotations

from collections import Counter
from typing import Any

from minikctl.backend import labels
from minikctl.model import (
    Object,
    ObjectKey,
    name_of,
    spec_of,
    status_of,
)
from minikctl.model.controller_revisions import REVISION_LABEL
from minikctl.model.pods import is_active

from .life import Life

NAMES = ("db", "queue")


class StatefulSetStory(Life):
    kinds = ("StatefulSet",)

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.world.stored_checks.append(self.check_ordinals)
        self.world.meddle = lambda: self.random.choice((self.apply, self.scale, self.restart))()

    def deeds(self) -> list[Any]:
        people = [self.apply, self.apply, self.scale, self.scale, self.restart, self.partition, self.delete]
        return [*people, self.delete_pod, self.cordon]

    # --- people

    def apply(self) -> None:
        name = self.random.choice(NAMES)
        self._try(lambda: self.world.api.apply([self._stateful_set(name)]))

    def scale(self) -> None:
        count = self.random.randint(0, 4)
        self._change(lambda one: {**one, "spec": {**spec_of(one), "replicas": count}})

    def partition(self) -> None:
        number = self.random.randint(0, 3)
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": number}}
        self._change(lambda one: {**one, "spec": {**spec_of(one), "updateStrategy": strategy}})

    def restart(self) -> None:
        text = str(self.random.random())

        def restarted(one: Object) -> Object:
            spec_of(one)["template"]["metadata"].setdefault("annotations", {})["again"] = text
            return one

        self._change(restarted)

    def delete(self) -> None:
        key = ObjectKey("StatefulSet", "default", self.random.choice(NAMES))
        propagation = self.random.choice(("background", "foreground"))
        self._try(lambda: self.world.api.delete(key, propagation=propagation))

    def _change(self, change: Any) -> None:
        key = ObjectKey("StatefulSet", "default", self.random.choice(NAMES))
        self._try(lambda: self.world.api.update(key, change))

    def _stateful_set(self, name: str) -> Object:
        pick = self.random.choice
        spec: dict[str, Any] = {
            "replicas": self.random.randint(0, 4),
            "selector": {"matchLabels": {"app": name}},
            "serviceName": name,
            "podManagementPolicy": {"db": "OrderedReady", "queue": "Parallel"}[name],
            "minReadySeconds": pick((0, 0, 2)),
            "revisionHistoryLimit": pick((0, 2, 10)),
            "template": {"metadata": {"labels": {"app": name}}, "spec": self._pod_spec()},
        }
        if pick((True, False, False)):
            spec["ordinals"] = {"start": pick((0, 3))}
        if pick((True, False, False)):
            spec["updateStrategy"] = {"type": "OnDelete"}
        metadata = {"name": name, "namespace": "default"}
        return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}

    # --- what must always hold

    def check_ordinals(self) -> None:
        """At no moment do two pods of one name run, unless people forced the first one out of the store."""
        running = {
            (one.labels[labels.POD_NAME], one.labels[labels.POD_UID])
            for one in self._running()
            if one.labels.get(labels.TYPE) == labels.TYPE_CONTAINER
        }
        twice = [name for name, count in Counter(name for name, _ in running).items() if count > 1]
        assert not set(twice) - self.forced, f"an ordinal runs twice: {twice}"

    # --- the end

    def what_is_wrong(self) -> str:
        return next(filter(None, map(self._is_wrong, self.world.database.list("StatefulSet"))), "")

    def _is_wrong(self, one: Object) -> str:
        spec, status, name = spec_of(one), status_of(one), name_of(one)
        start = (spec.get("ordinals") or {}).get("start", 0)
        pods = {name_of(pod): pod for pod in list(filter(is_active, self.pods_of(one)))}
        wanted = {f"{name}-{number}" for number in range(start, start + spec["replicas"])}
        if set(pods) != wanted:
            return f"{name} has {sorted(pods)} instead of {sorted(wanted)}"
        if status.get("observedGeneration") != one["metadata"]["generation"]:
            return f"{name} was not looked at"
        if status.get("readyReplicas", 0) != spec["replicas"]:
            return f"{name} has {status}"
        strategy = spec["updateStrategy"]
        if strategy["type"] == "OnDelete":
            return ""
        first = start + strategy["rollingUpdate"].get("partition", 0)
        for pod_name, pod in pods.items():
            number = int(pod_name.rpartition("-")[2])
            if number >= first and pod["metadata"]["labels"][REVISION_LABEL] != status["updateRevision"]:
                return f"{pod_name} is of an old revision"
        return ""
