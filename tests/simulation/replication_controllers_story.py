"""Random lives with ReplicationControllers: always as many pods as declared."""

from __future__ import annotations

from typing import Any

from minikctl.model import ObjectKey, is_deleting, name_of, spec_of, status_of
from minikctl.model.pods import is_active

from .life import Life

NAMES = ("api", "web")


class ReplicationControllerStory(Life):
    kinds = ("ReplicationController",)

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.world.seen_checks.append(self.check_bounds)
        self.world.meddle = lambda: self.random.choice((self.apply, self.scale))()

    def deeds(self) -> list[Any]:
        return [self.apply, self.apply, self.scale, self.scale, self.delete, self.delete_pod, self.cordon]

    # --- people

    def apply(self) -> None:
        name = self.random.choice(NAMES)
        template = {"metadata": {"labels": {"app": name}}, "spec": self._pod_spec()}
        manifest = {
            "apiVersion": "v1",
            "kind": "ReplicationController",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"replicas": self.random.randint(0, 5), "template": template},
        }
        self._try(lambda: self.world.api.apply([manifest]))

    def scale(self) -> None:
        count = self.random.randint(0, 5)
        self.resize("ReplicationController", self.random.choice(NAMES), count)

    def delete(self) -> None:
        key = ObjectKey("ReplicationController", "default", self.random.choice(NAMES))
        propagation = self.random.choice(("background", "foreground"))
        self._try(lambda: self.world.api.delete(key, propagation=propagation))

    # --- what must always hold

    def check_bounds(self) -> None:
        """Never more pods than declared, once the loop has seen the newest spec."""
        for one in self.world.database.list("ReplicationController"):
            count = sum(map(is_active, self.pods_of(one)))
            assert is_deleting(one) or count <= spec_of(one)["replicas"], f"{name_of(one)} has {count} pods"

    # --- the end

    def what_is_wrong(self) -> str:
        for one in self.world.database.list("ReplicationController"):
            wanted, status = spec_of(one)["replicas"], status_of(one)
            count = sum(map(is_active, self.pods_of(one)))
            if count != wanted or status.get("readyReplicas", 0) != wanted:
                return f"{name_of(one)} has {status}, wanted are {wanted}"
            if status.get("observedGeneration") != one["metadata"]["generation"]:
                return f"{name_of(one)} was not looked at"
        return ""
