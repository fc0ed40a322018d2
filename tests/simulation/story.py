"""Random lives of a cluster: what people declare and change, what befalls the engine, and what must hold."""

from __future__ import annotations

import re
from typing import Any

from minikctl.controlplane.rollout import surge_and_unavailable
from minikctl.model import (
    Object,
    ObjectKey,
    controller_of,
    is_deleting,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.pods import is_active
from minikctl.model.revisions import same_template

from .life import Life

NAMES = ("api", "web")


class Story(Life):
    kinds = ("Deployment",)

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.world.seen_checks.append(self.check_bounds)
        self.world.meddle = lambda: self.random.choice((self.apply, self.scale, self.restart))()

    def deeds(self) -> list[Any]:
        people = [self.apply, self.apply, self.scale, self.delete, self.restart, self.pause, self.edit_file]
        return [*people, self.run_pod, self.delete_pod, self.cordon]

    # --- people

    def apply(self) -> None:
        name = self.random.choice(NAMES)
        self._try(lambda: self.world.api.apply([self._deployment(name)]))

    def scale(self) -> None:
        count = self.random.randint(0, 6)
        self._change(lambda one: {**one, "spec": {**spec_of(one), "replicas": count}})

    def pause(self) -> None:
        paused = self.random.random() < 0.5
        self._change(lambda one: {**one, "spec": {**spec_of(one), "paused": paused}})

    def restart(self) -> None:
        def restarted(one: Object) -> Object:
            template = spec_of(one)["template"]
            template["metadata"].setdefault("annotations", {})["again"] = str(self.random.random())
            return one

        self._change(restarted)

    def _change(self, change: Any) -> None:
        key = ObjectKey("Deployment", "default", self.random.choice(NAMES))
        self._try(lambda: self.world.api.update(key, change))

    def edit_file(self) -> None:
        """Somebody edits a desired file, or removes one."""
        paths = sorted(self.world.files.texts)
        if not paths:
            return
        path = self.random.choice(paths)
        text: str | None = self.world.files.texts[path]
        if text is not None and self.random.random() < 0.7:
            wanted = f'"replicas": {self.random.randint(0, 15)}'
            change = self.random.choice(((r'"replicas": \d+', wanted), ("sleep", "echo hi; sleep")))
            text = re.sub(*change, text)
        else:
            text = None
        self._try(lambda: self.world.files.replace({path: text}))

    def delete(self) -> None:
        key = ObjectKey("Deployment", "default", self.random.choice(NAMES))
        propagation = self.random.choice(("background", "foreground"))
        self._try(lambda: self.world.api.delete(key, propagation=propagation))

    def run_pod(self) -> None:
        self._try(lambda: self.world.api.create(self._pod(f"bare-{self.random.randint(1, 3)}")))

    # --- manifests

    def _deployment(self, name: str) -> Object:
        strategy = self.random.choice(
            (
                {"type": "Recreate"},
                {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
                {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": "50%"}},
                {"type": "RollingUpdate"},
            )
        )
        spec: dict[str, Any] = {
            "selector": {"matchLabels": {"app": name}},
            "strategy": strategy,
            "minReadySeconds": self.random.choice((0, 0, 2)),
            "revisionHistoryLimit": self.random.choice((0, 2, 10)),
            "template": {"metadata": {"labels": {"app": name}}, "spec": self._pod_spec()},
        }
        if self.random.random() < 0.8:
            spec["replicas"] = self.random.randint(0, 6)
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "default"},
            "spec": spec,
        }

    def _pod(self, name: str) -> Object:
        metadata = {"name": name, "namespace": "default", "labels": {"run": name}}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": self._pod_spec()}

    # --- what must always hold

    def check_bounds(self) -> None:
        """At no moment more than replicas + maxSurge pods, once the loop has seen the newest spec."""
        for deployment in self.world.database.list("Deployment"):
            spec = spec_of(deployment)
            if is_deleting(deployment):
                continue
            allowed = spec["replicas"] + surge_and_unavailable(spec)[0]
            active = [pod for pod in self.pods_of_deployment(deployment) if is_active(pod)]
            assert len(active) <= allowed, (
                f"{name_of(deployment)} has {len(active)} pods where {allowed} are allowed"
            )

    # --- the end

    def what_is_wrong(self) -> str:
        return next(filter(None, map(self._is_wrong, self.world.database.list("Deployment"))), "")

    def _is_wrong(self, deployment: Object) -> str:
        spec = spec_of(deployment)
        active = [pod for pod in self.pods_of_deployment(deployment) if is_active(pod)]
        if spec.get("paused"):  # as many as there were when it was paused: the bounds are checked throughout
            return ""
        if len(active) != spec["replicas"]:
            return f"{name_of(deployment)} has {len(active)} of {spec['replicas']} pods"
        status = status_of(deployment)
        if status.get("observedGeneration") != deployment["metadata"]["generation"]:
            return f"{name_of(deployment)} was not looked at"
        for one in self.world.database.list("ReplicaSet"):
            if (controller_of(one) or {}).get("uid") != uid_of(deployment):
                continue
            newest = same_template(spec_of(one)["template"], spec["template"])
            if spec_of(one)["replicas"] != (spec["replicas"] if newest else 0):
                return f"{name_of(one)} has {spec_of(one)['replicas']}"
        return ""
