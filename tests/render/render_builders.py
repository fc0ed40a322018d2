"""Small API objects for tests."""

from __future__ import annotations

from typing import Any

from minikctl.model import Object
from minikctl.model.timestamps import format_time, parse_time

NOW = parse_time("2026-11-20T04:00:00Z")


def ago(seconds: float) -> str:
    return format_time(NOW - seconds)


def metadata(name: str, age: float = 5, **fields: Any) -> dict[str, Any]:
    return {"name": name, "namespace": "samples", "creationTimestamp": ago(age), **fields}


def owned(owner: Object) -> list[dict[str, Any]]:
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"]}
    return [{**reference, "uid": owner["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}]


def pod(name: str = "web", *, containers: int = 1, **status: Any) -> Object:
    """A pod whose status is given; its containers are c0, c1, …"""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(name, uid=f"uid-{name}"),
        "spec": {"containers": [{"name": f"c{index}", "image": "nginx"} for index in range(containers)]},
        "status": {"phase": "Running", **status},
    }


def running(name: str = "c0", *, ready: bool = True, **fields: Any) -> dict[str, Any]:
    state = {"running": {"startedAt": ago(5)}}
    return {"name": name, "ready": ready, "restartCount": 0, "state": state, "lastState": {}, **fields}


def waiting(reason: str, name: str = "c0", **fields: Any) -> dict[str, Any]:
    return running(name, ready=False, **{"state": {"waiting": {"reason": reason}}, **fields})


def ended(code: int, reason: str = "", name: str = "c0", **fields: Any) -> dict[str, Any]:
    state = {
        "exitCode": code,
        "finishedAt": ago(3),
        "startedAt": ago(4),
        **({"reason": reason} if reason else {}),
    }
    signal = fields.pop("signal", None)
    if signal:
        state["signal"] = signal
    return running(name, ready=False, **{"state": {"terminated": state}, **fields})


def deployment(name: str = "web", desired: int = 2, /, **status: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(name, uid=f"uid-{name}", generation=1),
        "spec": {
            "replicas": desired,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "c0", "image": "nginx:1.26"}]},
            },
        },
        "status": {"observedGeneration": 1, **status},
    }


def replica_set(
    owner: Object, suffix: str, revision: int, *, image: str = "nginx:1.26", **fields: Any
) -> Object:
    """A ReplicaSet of a Deployment. `fields`: replicas, ready, cause."""
    replicas, name = fields.get("replicas", 0), f"{owner['metadata']['name']}-{suffix}"
    annotations = {"deployment.kubernetes.io/revision": str(revision)}
    if "cause" in fields:
        annotations["kubernetes.io/change-cause"] = fields["cause"]
    labels = {**owner["spec"]["selector"]["matchLabels"], "pod-template-hash": suffix}
    container = {**owner["spec"]["template"]["spec"]["containers"][0], "image": image}
    spec = {**owner["spec"]["template"]["spec"], "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": metadata(
            name,
            labels=labels,
            annotations=annotations,
            ownerReferences=owned(owner),
            uid=f"uid-{name}",
        ),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
        "status": {"replicas": replicas, "readyReplicas": fields.get("ready", replicas)},
    }


def node(name: str = "node-1", **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "creationTimestamp": ago(6)},
        "spec": spec,
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "127.0.1.1"}],
            "nodeInfo": {
                "kubeletVersion": "v1.36.2",
                "osImage": "fake",
                "kernelVersion": "fake (amd64)",
                "containerRuntimeVersion": "fake://1",
            },
        },
    }


def event(
    message: str, *, reason: str = "Created", kind: str = "Pod", name: str = "web", **fields: Any
) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": metadata(f"{name}.1"),
        "involvedObject": {"kind": kind, "name": name, "namespace": "samples", "uid": f"uid-{name}"},
        "type": "Normal",
        "reason": reason,
        "message": message,
        "source": {"component": "kubelet"},
        "firstTimestamp": ago(3),
        "lastTimestamp": ago(3),
        "count": 1,
        **fields,
    }
