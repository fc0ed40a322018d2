"""Nodes: what an engine (or a share of one) offers, as the kubelet registers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from minikctl import __version__
from minikctl.backend import EngineInfo
from minikctl.model import Object, conditions, labels_of, spec_of, status_of
from minikctl.model.hashing import spec_hash
from minikctl.model.timestamps import format_time

MAX_PODS = 110
"""The kubelet's own default."""
CONTROL_PLANE = "control-plane"
ENGINE_LABEL = "minikctl.io/engine"
"""Nodes with the same value are shares of one machine: a host port there is one for all of them."""


class NodeConfig(Struct, frozen=True):
    """One node as cluster.yaml declares it."""

    name: str
    backend: str
    endpoint: str = ""
    role: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[dict[str, str], ...] = ()
    capacity: dict[str, str] = field(default_factory=dict)
    """cpu, memory, pods; what is missing is the engine's, divided by the nodes that share it."""


def engine_label(config: NodeConfig) -> str:
    """What the nodes on one engine have in common."""
    return f"{config.backend}-{spec_hash([config.backend, config.endpoint])[:8]}"


def registered(
    config: NodeConfig,
    info: EngineInfo,
    shares: int,
    existing: Object | None,
    uid: Callable[[], str],
    now: float,
) -> Object:
    """The Node, ready. `existing` keeps what people changed of it (labels, taints, cordon)."""
    capacity = {
        "cpu": _cores(info.cpu_millicores // shares),
        "memory": f"{info.memory_bytes // shares // 1024}Ki",
        "pods": str(MAX_PODS),
        **config.capacity,
    }
    node = existing or _new(config, uid(), now)
    status: dict[str, Any] = {
        "capacity": capacity,
        "allocatable": capacity,
        "conditions": _with_ready(node, True, info.name, now),
        "addresses": [
            {"type": "InternalIP", "address": info.host_ip},
            {"type": "Hostname", "address": config.name},
        ],
        "nodeInfo": {
            "architecture": info.architecture,
            "operatingSystem": info.operating_system,
            "osImage": info.os_image,
            "kernelVersion": info.kernel_version,
            "containerRuntimeVersion": f"{info.name}://{info.version}",
            "kubeletVersion": f"v{__version__}",
        },
    }
    # What cluster.yaml says of a label or a taint wins over what was there; the rest stays as people left it.
    labels = {**_labels(config, info), **labels_of(node), **config.labels}
    spec = _with_taints(spec_of(node), config.taints)
    if info.pod_network:
        spec = {**spec, "podCIDR": info.pod_network, "podCIDRs": [info.pod_network]}
    return {**node, "metadata": {**node["metadata"], "labels": labels}, "spec": spec, "status": status}


def _with_taints(spec: dict[str, Any], taints: tuple[dict[str, str], ...]) -> dict[str, Any]:
    if not taints:
        return spec
    said = {(taint["key"], taint["effect"]) for taint in taints}
    others = [one for one in spec.get("taints") or () if (one["key"], one["effect"]) not in said]
    return {**spec, "taints": [*others, *(dict(taint) for taint in taints)]}


def unreachable(node: Object, message: str, now: float) -> Object:
    """The engine does not answer: nothing is known about the node, and nothing new goes there."""
    return {
        **node,
        "status": {**status_of(node), "conditions": _with_ready(node, False, message, now)},
    }


def _new(config: NodeConfig, uid: str, now: float) -> Object:
    spec: dict[str, Any] = {"taints": [dict(taint) for taint in config.taints]} if config.taints else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": config.name,
            "uid": uid,
            "creationTimestamp": format_time(now),
            "generation": 1,
            "labels": {},
        },
        "spec": spec,
        "status": {},
    }


def _labels(config: NodeConfig, info: EngineInfo) -> dict[str, str]:
    labels = {
        ENGINE_LABEL: engine_label(config),
        "kubernetes.io/arch": info.architecture,
        "kubernetes.io/hostname": config.name,
        "kubernetes.io/os": info.operating_system,
        **config.labels,
    }
    if config.role:
        labels[f"node-role.kubernetes.io/{config.role}"] = ""
    return labels


def _with_ready(node: Object, ready: bool, about: str, now: float) -> list[conditions.Condition]:
    moment = format_time(now)
    condition: conditions.Condition = {
        "type": "Ready",
        "status": "True" if ready else "Unknown",
        "reason": "KubeletReady" if ready else "NodeStatusUnknown",
        "message": f"{about} answers" if ready else about,
        "lastHeartbeatTime": moment,
        "lastTransitionTime": moment,
    }
    return conditions.put(list(status_of(node).get("conditions") or ()), condition)


def _cores(millicores: int) -> str:
    return str(millicores // 1000) if millicores % 1000 == 0 else f"{millicores}m"
