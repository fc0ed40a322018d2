"""Tokens of service accounts in projected volumes."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Any

from controlplane_builders import metadata

from minikctl.controlplane.kubelet.configuration import Surroundings
from minikctl.controlplane.kubelet.volumes import FileVolume, plan
from minikctl.model import Object


def pod(**token: Any) -> Object:
    sources = [
        {"serviceAccountToken": {"path": "token", **token}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    volume = {"name": "api", "projected": {"sources": sources, "defaultMode": 0o440}}
    spec = {"containers": [], "volumes": [volume], "serviceAccountName": "robot"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata("p"), "spec": spec}


def files(made: Object) -> dict[str, bytes]:
    (volume,) = plan(Surroundings(made)).volumes
    assert isinstance(volume, FileVolume)
    assert {one.mode for one in volume.files} == {0o440}
    return {one.path: one.content for one in volume.files}


def parts(token: bytes) -> list[Any]:
    *texts, signature = token.split(b".")
    assert signature == b"", "nobody signed it"
    return [json.loads(urlsafe_b64decode(text + b"==")) for text in texts]


def test_what_every_pod_of_a_cluster_finds() -> None:
    found = files(pod())
    assert (found["ca.crt"], found["namespace"]) == (b"", b"default")
    header, claims = parts(found["token"])
    assert header["alg"] == "none"
    assert claims["sub"] == "system:serviceaccount:default:robot"
    assert claims["kubernetes.io"]["pod"] == {"name": "p", "uid": "uid-of-p"}
    assert "exp" not in claims


def test_it_is_for_who_is_asked_for_and_always_the_same() -> None:
    first = files(pod(audience="vault", expirationSeconds=600))["token"]
    assert parts(first)[1]["aud"] == ["vault"]
    assert files(pod(audience="vault"))["token"] == first
