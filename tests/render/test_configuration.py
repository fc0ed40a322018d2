"""ConfigMaps, Secrets, claims and their like in tables and descriptions, as kubectl prints them."""

from __future__ import annotations

from typing import Any

import pytest

from minikctl.model import Object
from minikctl.render.describe import describe
from minikctl.render.tables import table

NOW = 1_790_000_000.0


def obj(kind: str, name: str = "x", **parts: Any) -> Object:
    metadata = {"name": name, "namespace": "default", "creationTimestamp": "2026-09-21T14:13:18Z"}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **parts}


class Pods:
    """A Lookup with one pod that uses the claim `x`."""

    def list(self, kind: str, namespace: str) -> list[Object]:
        volume = {"name": "d", "persistentVolumeClaim": {"claimName": "x"}}
        return [obj("Pod", "p", spec={"containers": [], "volumes": [volume]})]


SECRET = obj("Secret", type="Opaque", data={"password": "aHVudGVyMg==", "b": ""})
CONFIG_MAP = obj("ConfigMap", data={"mode": "fast", "text": "a\nb"}, binaryData={"raw": "AAEC"})
CLAIM = obj(
    "PersistentVolumeClaim",
    spec={"volumeName": "pvc-1", "storageClassName": "standard", "volumeMode": "Filesystem"},
    status={
        "phase": "Bound",
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
    },
)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (CONFIG_MAP, "NAME DATA AGE x 3 2s"),
        (SECRET, "NAME TYPE DATA AGE x Opaque 2 2s"),
        (obj("ServiceAccount"), "NAME SECRETS AGE x 0 2s"),
        (
            CLAIM,
            "NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS VOLUMEATTRIBUTESCLASS AGE"
            " x Bound pvc-1 1Gi RWO,RWX standard <unset> 2s",
        ),
    ],
)
def test_tables(shown: Object, words: str) -> None:
    assert table(shown["kind"], [shown], NOW).split() == words.split()


def test_a_config_map_shows_all_of_it() -> None:
    assert describe(CONFIG_MAP, Pods(), [], NOW) == (
        "Name:         x\nNamespace:    default\nLabels:       <none>\nAnnotations:  <none>\n"
        "\nData\n====\nmode:\n----\nfast\n\ntext:\n----\na\nb\n\n"
        "\nBinaryData\n====\nraw: 3 bytes\n\nEvents:  <none>\n"
    )


def test_a_secret_shows_sizes() -> None:
    assert describe(SECRET, Pods(), [], NOW) == (
        "Name:         x\nNamespace:    default\nLabels:       <none>\nAnnotations:  <none>\n"
        "\nType:  Opaque\n\nData\n====\nb:         0 bytes\npassword:  7 bytes\n"
    )


def test_a_claim_shows_who_uses_it() -> None:
    lines = [line.split(maxsplit=1) for line in describe(CLAIM, Pods(), None, NOW).splitlines()]
    found = {words[0]: words[1] for words in lines if len(words) == 2}
    assert (found["Status:"], found["Volume:"], found["Used"]) == ("Bound", "pvc-1", "By:       p")


def test_where_a_hand_written_volume_is() -> None:
    folder = obj("PersistentVolume", spec={"hostPath": {"path": "/data"}}, status={"phase": "Available"})
    shown = describe(folder, Pods(), [], NOW)
    assert "Type: HostPath (bare host directory volume) Path: /data" in " ".join(shown.split())
    disk = obj("PersistentVolume", spec={"local": {"path": "/disk"}}, status={"phase": "Available"})
    shown = describe(disk, Pods(), [], NOW)
    words = " ".join(shown.split())
    assert "LocalVolume (a persistent volume backed by local storage on a node) Path: /disk" in words


def test_volumes_that_a_pod_brings_itself() -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"storageClassName": "fast"}}
    items = [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]
    volumes = [
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}},
        {"name": "info", "downwardAPI": {"items": items}},
    ]
    shown = describe(obj("Pod", spec={"containers": [], "volumes": volumes}, status={}), Pods(), [], NOW)
    words = " ".join(shown.split())
    assert "EphemeralVolume (an inline specification for a volume that gets" in words
    assert "StorageClass: fast Volume: Labels: a=b Annotations: <none>" in words
    assert "Items: metadata.labels -> l" in words
