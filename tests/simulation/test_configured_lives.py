"""Random lives of pods that live on ConfigMaps and Secrets, which come, change and go: see seeds."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest

from minikctl.controlplane.kubelet import provision
from minikctl.model import Object, ObjectKey, is_deleting, name_of, namespace_of, spec_of, uid_of

from .life import Life
from .seeds import batches, live

SOURCES = ("ConfigMap", "Secret")


class ConfiguredStory(Life):
    kinds = SOURCES

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.world.meddle = lambda: self.random.choice((self.configure, self.run_pod))()

    def deeds(self) -> list[Any]:
        return [
            self.configure,
            self.configure,
            self.forget,
            self.edit_file,
            self.run_pod,
            self.run_pod,
            self.delete_pod,
        ]

    # --- people

    def configure(self) -> None:
        kind = self.random.choice(SOURCES)
        self._try(lambda: self.world.api.apply([self._source(kind)]))

    def forget(self) -> None:
        key = ObjectKey(self.random.choice(SOURCES), "default", "web")
        self._try(lambda: self.world.api.delete(key))

    def edit_file(self) -> None:
        """Somebody edits a source in its desired file."""
        path = "default/configmap.web.yaml"
        text = self.world.files.texts.get(path)
        if text is not None:
            edited = json.loads(text)
            edited["data"]["mode"] = str(self.random.random())
            self._try(lambda: self.world.files.replace({path: json.dumps(edited)}))

    def run_pod(self) -> None:
        self._try(lambda: self.world.api.create(self._pod(f"p-{self.random.randint(1, 4)}")))

    def _source(self, kind: str) -> Object:
        metadata = {"name": "web", "namespace": "default"}
        field = "data" if kind == "ConfigMap" else "stringData"
        return {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": metadata,
            field: {"mode": str(self.random.random())},
        }

    def _pod(self, name: str) -> Object:
        spec = self._pod_spec()
        spec["volumes"] = [
            {"name": "config", "configMap": {"name": "web", "optional": self.random.random() < 0.3}},
            {"name": "keys", "secret": {"secretName": "web"}},
        ]
        reference = {"name": "web", "key": "mode", "optional": self.random.random() < 0.3}
        for container in spec["containers"]:
            container["env"] = [{"name": "MODE", "valueFrom": {"configMapKeyRef": reference}}]
            container["volumeMounts"] = [
                {"name": "config", "mountPath": "/config"},
                {"name": "keys", "mountPath": "/keys", "subPath": "mode"},
            ]
        metadata = {"name": name, "namespace": "default", "labels": {"run": name}}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    # --- the end

    def why_not(self) -> str:
        for kind in SOURCES:  # in the end everybody gets what he waits for
            if self.world.database.get(ObjectKey(kind, "default", "web")) is None:
                self.world.api.apply([self._source(kind)])
        return super().why_not()

    def what_is_wrong(self) -> str:
        pods = {uid_of(pod): pod for pod in self.world.database.list("Pod")}
        for uid, files in self.world.volumes.made.items():
            if uid not in pods:
                return f"files of {uid}, which is no pod"
            for volume in spec_of(pods[uid])["volumes"]:
                if not is_deleting(pods[uid]) and files.get(volume["name"]) != self._content(
                    pods[uid], volume
                ):
                    return f"{name_of(pods[uid])} has old files in {volume['name']}: {files}"
        return ""

    def _content(self, pod: Object, volume: dict[str, Any]) -> dict[str, bytes]:
        kind = "ConfigMap" if "configMap" in volume else "Secret"
        source = self.world.database.get(ObjectKey(kind, namespace_of(pod), "web"))
        data = (source or {}).get("data") or {}
        decode = (lambda text: text.encode()) if kind == "ConfigMap" else b64decode
        return {key: decode(text) for key, text in data.items()}


@pytest.mark.parametrize("seeds", batches(), ids=str)
def test_configured_lives_end_as_declared(seeds: range) -> None:
    live(ConfiguredStory, seeds)


def test_files_that_do_not_follow_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provision, "digest", lambda around: uid_of(around.pod))
    with pytest.raises(AssertionError, match="has old files"):
        for seed in range(200):
            ConfiguredStory(seed).live()


def test_files_that_are_left_behind_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from minikctl.agent.kubelets import Kubelets

    monkeypatch.setattr(Kubelets, "_is_forgotten", lambda self, uid, engine: False)
    with pytest.raises(AssertionError, match="is no pod"):
        for seed in range(200):
            ConfiguredStory(seed).live()
