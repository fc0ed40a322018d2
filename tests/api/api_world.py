"""An API over a store in memory, with a clock that stands still and names that are counted."""

from __future__ import annotations

from itertools import count
from typing import Any

from msgspec import Struct

from minikctl.api import Api, DesiredCodec
from minikctl.controlplane.decision import Ids
from minikctl.manifests.yaml_reader import load
from minikctl.model import Object, ObjectKey
from minikctl.model.writes import Put
from minikctl.store import DatabaseStore, open_memory
from minikctl.store.files import MemoryFiles

NOW = 1_800_000_000.0
NOW_TEXT = "2027-01-15T08:00:00Z"


class Clock(Struct):
    time: float = NOW

    def now(self) -> float:
        return self.time


class ApiWorld:
    def __init__(self, files: MemoryFiles | None = None) -> None:
        serial = count(1)
        self.clock = Clock()
        self.ids = Ids(lambda: f"uid-{next(serial)}", lambda: f"s{next(serial):04}")
        self.files = files or MemoryFiles()
        self.store: DatabaseStore = open_memory(DesiredCodec(), self.files)
        self.api = Api(self.store, self.clock, self.ids)

    def text(self, path: str) -> str:
        return self.files.texts[path]

    def file(self, path: str) -> Any:
        return load(self.text(path))

    def write(self, path: str, text: str) -> None:
        self.files.replace({path: text})

    def seize(self, obj: Object) -> Object:
        """What a controller would write."""
        return self.store.commit([Put(obj)])[0]


def key(kind: str, name: str, namespace: str = "default") -> ObjectKey:
    return ObjectKey(kind, "" if kind in ("Namespace", "Node") else namespace, name)


WEB = key("Deployment", "web")
WEB_PATH = "default/deployment.web.yaml"


def deployment(name: str = "web", /, namespace: str = "", **spec: Any) -> Object:
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": "nginx:1"}]},
            },
            **spec,
        },
    }


def pod(name: str = "p", **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "app", "image": "nginx:1"}], **spec},
    }


def namespace(name: str, **labels: str) -> Object:
    metadata: dict[str, Any] = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def node(name: str = "node-1") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "generation": 1,
            "creationTimestamp": NOW_TEXT,
            "labels": {"kubernetes.io/hostname": name},
        },
        "spec": {},
        "status": {"capacity": {"cpu": "4"}},
    }
