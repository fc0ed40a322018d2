"""Random lives with storage: volumes that people wrote, claims, pods that use them or bring their own."""

from __future__ import annotations

from typing import Any

from minikctl.controlplane.volumes import mismatch
from minikctl.model import Object, ObjectKey, controller_of, is_deleting, name_of, spec_of, status_of, uid_of
from minikctl.model.claims import claim_reference, is_bound, is_provisioned
from minikctl.model.pods import is_finished

from .life import Life

CLAIMS = ("a", "b", "c")
VOLUMES = ("one", "two", "three")
CLASSES = ("manual", "waits", "standard")
KEPT = "c"
"""The claim of a class that keeps what claims leave."""


class StorageStory(Life):
    kinds = ("PersistentVolumeClaim",)

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.world.stored_checks.append(self.check_bindings)
        self.world.meddle = lambda: self.random.choice((self.apply_claim, self.apply_volume))()
        self.data: dict[str, str] = {}
        """By claim: where its data is, from when it was first bound until people deleted it."""
        self.given_up: set[str] = set()
        """Uids of claims that somebody began to delete: perhaps they are there for a while."""
        waits = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "waits"},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
        kept = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "kept"},
            "provisioner": "engine.minikctl.io",
            "reclaimPolicy": "Retain",
        }
        self.world.api.apply([waits, kept])

    def deeds(self) -> list[Any]:
        people = [self.apply_volume, self.apply_claim, self.apply_claim, self.run_pod, self.run_pod]
        people += [self.delete_pod, self.delete_claim, self.delete_volume, self.free_volume]
        return [*people, self.begin_anew]

    # --- people

    def apply_volume(self) -> None:
        name = self.random.choice(VOLUMES)
        spec: dict[str, Any] = {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": self.random.choice(("1Gi", "5Gi"))},
            "hostPath": {"path": f"/data/{name}"},
            "persistentVolumeReclaimPolicy": self.random.choice(("Retain", "Delete")),
            "storageClassName": self.random.choice(CLASSES[:2]),
        }
        if self.random.random() < 0.3:
            place = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-1"]}
            terms = [{"matchExpressions": [place]}]
            spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
        made = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
        self._try(lambda: self.world.api.apply([made]))

    def apply_claim(self, name: str = "") -> None:
        name = name or self.random.choice(CLAIMS)
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": self.random.choice(("1Gi", "2Gi"))}},
            "storageClassName": "kept" if name == KEPT else self.random.choice(CLASSES),
        }
        metadata = {"name": name, "namespace": "default"}
        made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
        self._try(lambda: self.world.api.apply([made]))

    def run_pod(self) -> None:
        name = f"p{self.random.randint(1, 4)}"
        claim = {"claimName": self.random.choice(CLAIMS)}
        asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        volume = self.random.choice(
            (
                {"name": "data", "persistentVolumeClaim": claim},
                {"name": "data", "persistentVolumeClaim": claim},
                {"name": "data", "ephemeral": {"volumeClaimTemplate": {"spec": asked}}},
            )
        )
        spec = {**self._pod_spec(), "volumes": [volume]}
        spec["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        metadata = {"name": name, "namespace": "default"}
        made = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        self._try(lambda: self.world.api.create(made))

    def delete_claim(self, name: str = "") -> None:
        name = name or self.random.choice(CLAIMS)
        self.data.pop(name, None)
        key = ObjectKey("PersistentVolumeClaim", "default", name)
        self.given_up.update(map(uid_of, filter(None, [self.world.database.get(key)])))
        self._try(lambda: self.world.api.delete(key))

    def begin_anew(self) -> None:
        """The claim and all that uses it go, and come again under the same names."""
        for pod in self.world.database.list("Pod"):
            if self._uses(pod, KEPT):
                self._try(lambda pod=pod: self.world.api.delete(ObjectKey("Pod", "default", name_of(pod))))
        self.delete_claim(KEPT)
        self.world.run(40)
        self.apply_claim(KEPT)

    def delete_volume(self) -> None:
        name = self.random.choice(VOLUMES)
        self.data = {claim: place for claim, place in self.data.items() if place != name}
        self._try(lambda: self.world.api.delete(ObjectKey("PersistentVolume", "", name)))

    def free_volume(self) -> None:
        """Somebody looked at what a claim left, and gives the volume to the next one."""
        key = ObjectKey("PersistentVolume", "", self.random.choice(VOLUMES))

        def freed(volume: Object) -> Object:
            if status_of(volume).get("phase") not in ("Released", "Failed"):
                return volume
            return {
                **volume,
                "spec": {name: one for name, one in spec_of(volume).items() if name != "claimRef"},
            }

        self._try(lambda: self.world.api.update(key, freed))

    def calm_down(self) -> None:
        """Claims that are to go wait for their pods."""
        for pod in self.world.database.list("Pod"):
            self._try(lambda pod=pod: self.world.api.delete(ObjectKey("Pod", "default", name_of(pod))))
        self.world.run(60)
        for _ in range(3):
            self.run_pod()
        self.world.run(10)

    # --- what must always hold

    def check_bindings(self) -> None:
        """No volume is two claims', and no claim's data is ever elsewhere, whatever was forgotten."""
        declared = {key.name for key in self.world.database.declared_keys() if key.kind == self.kinds[0]}
        owners: dict[str, str] = {}
        volumes = {name_of(one): one for one in self.world.database.list("PersistentVolume")}
        handles = [spec_of(one)["csi"]["volumeHandle"] for one in volumes.values() if is_provisioned(one)]
        assert len(handles) == len(set(handles)), f"one of the engine's volumes is two: {sorted(handles)}"
        for claim in self.world.database.list("PersistentVolumeClaim"):
            if not is_bound(claim):
                continue
            name, place = name_of(claim), spec_of(claim)["volumeName"]
            assert place not in owners, f"{place} is {name}'s and {owners[place]}'s"
            owners[place] = name
            volume = volumes.get(place)
            assert volume is not None, f"{name} has lost {place}"
            assert claim_reference(volume).get("uid") == uid_of(claim), f"{place} is not {name}'s"
            is_kept = name in declared and uid_of(claim) not in self.given_up
            if is_kept and not is_deleting(volume):  # who deletes a volume wants it forgotten
                data = spec_of(volume)["csi"]["volumeHandle"] if is_provisioned(volume) else place
                assert self.data.setdefault(name, data) == data, f"{name} had {self.data[name]}, has {data}"

    # --- the end

    def what_is_wrong(self) -> str:
        volumes = self.world.database.list("PersistentVolume")
        for claim in self.world.database.list("PersistentVolumeClaim"):
            if reason := self._is_wrong(claim, volumes):
                return reason
        for volume in volumes:
            reference = claim_reference(volume)
            phase = status_of(volume).get("phase")
            if not reference.get("uid") and phase != "Available":
                return f"{name_of(volume)} is nobody's and {phase}"
            if is_deleting(volume) and is_provisioned(volume):
                return f"{name_of(volume)} is still there"
        return ""

    def _is_wrong(self, claim: Object, volumes: list[Object]) -> str:
        name, owner = name_of(claim), controller_of(claim)
        pods = self.world.database.list("Pod")
        if owner is not None and owner["uid"] not in {uid_of(pod) for pod in pods}:
            return f"{name} outlives its pod"
        if is_bound(claim):
            return ""
        placed = [pod for pod in pods if spec_of(pod).get("nodeName") and not is_finished(pod)]
        if any(self._uses(pod, name) for pod in placed):
            return f"{name} is used and not bound"
        if name == KEPT:
            return f"{name} is beside what an earlier one left, and not bound"
        if spec_of(claim)["storageClassName"] != "manual":
            return ""
        free = (one for one in volumes if not claim_reference(one) and not is_deleting(one))
        fitting = [name_of(one) for one in free if mismatch(claim, "manual", one) is None]
        return f"{name} could have {fitting}" if fitting else ""

    def _uses(self, pod: Object, claim: str) -> bool:
        asked = [one.get("persistentVolumeClaim") or {} for one in spec_of(pod).get("volumes") or ()]
        return any(one.get("claimName") == claim for one in asked)
