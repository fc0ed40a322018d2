"""From a pod to what an engine is asked for: names, labels, environment, limits, security."""

from __future__ import annotations

from typing import Any

from minikctl.backend import (
    ContainerSpec,
    NetworkMode,
    PodOptions,
    PortMapping,
    ResourceLimits,
    SandboxSpec,
    labels,
)
from minikctl.controlplane.kubelet.environment import Environment, expand, needs_pod_ip
from minikctl.controlplane.kubelet.memo import SANDBOX
from minikctl.controlplane.kubelet.network import is_on_host, kernel_hostname
from minikctl.controlplane.kubelet.seal import seal
from minikctl.controlplane.kubelet.security import pod_options, security
from minikctl.model import Object, annotations_of, labels_of, name_of, namespace_of, spec_of, uid_of
from minikctl.model.hashing import canonical, spec_hash
from minikctl.model.pods import is_sidecar
from minikctl.model.quantity import milli, whole

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def needs_sandbox(pod: Object) -> bool:
    """Several containers share a network namespace, which must outlive each of them; one shares nothing,
    but may ask for the pod's address before it begins, or for a process namespace with another PID 1. The
    machine's network is there anyway, and its address is known."""
    spec = spec_of(pod)
    containers = (*spec["containers"], *(spec.get("initContainers") or ()))
    shares = len(containers) > 1 or bool(spec.get("shareProcessNamespace"))
    return shares or (not is_on_host(pod) and any(map(needs_pod_ip, containers)))


def container_hash(container: dict[str, Any]) -> str:
    """Of everything that the engine's container is made from: a change means that it must be made anew."""
    return spec_hash(container)


def container_spec(
    pod: Object,
    container: dict[str, Any],
    *,
    attempt: int,
    backoff: int | None,
    sandbox_id: str,
    cluster_id: str,
    seal_key: bytes,
    environment: Environment | None = None,
    oom_score_adj: int | None = None,
    options: PodOptions | None = None,
) -> ContainerSpec:
    """`environment`: what `environment.environment` made; command and arguments refer to it. `options`: what
    `security.pod_options` made."""
    values = environment or {}
    name = engine_name(pod, container["name"], attempt)
    own = _labels(pod, container["name"], attempt, cluster_id) | {
        labels.TYPE: labels.TYPE_CONTAINER,
        labels.SPEC_HASH: container_hash(container),
    }
    if backoff is not None:
        own[labels.BACKOFF] = str(backoff)
    own[labels.SEAL] = seal(name, own, seal_key)
    return ContainerSpec(
        name=name,
        image=container["image"],
        labels=own,
        command=_words(container.get("command"), values),
        args=_words(container.get("args"), values),
        env=tuple(values.items()),
        working_dir=container.get("workingDir", ""),
        hostname="" if sandbox_id else kernel_hostname(pod),
        ports=() if sandbox_id else _ports(container),
        resources=_resources(container),
        security=security(pod, container),
        network=NetworkMode.SANDBOX if sandbox_id else NetworkMode.POD,
        sandbox_id=sandbox_id,
        stdin=bool(container.get("stdin")),
        stdin_once=bool(container.get("stdinOnce")),
        tty=bool(container.get("tty")),
        pod=options or pod_options(pod),
        oom_score_adj=oom_score_adj,
        stop_signal=(container.get("lifecycle") or {}).get("stopSignal", ""),
    )


def sandbox_spec(
    pod: Object, *, cluster_id: str, seal_key: bytes, options: PodOptions | None = None
) -> SandboxSpec:
    name = engine_name(pod, SANDBOX, 0)
    own = _labels(pod, SANDBOX, 0, cluster_id) | {labels.TYPE: labels.TYPE_SANDBOX}
    own[labels.SEAL] = seal(name, own, seal_key)
    sidecars = [one for one in spec_of(pod).get("initContainers") or () if is_sidecar(one)]
    ports = tuple(port for one in (*sidecars, *spec_of(pod)["containers"]) for port in _ports(one))
    return SandboxSpec(
        name=name,
        hostname=kernel_hostname(pod),
        labels=own,
        ports=ports,
        pod=options or pod_options(pod),
    )


def engine_name(pod: Object, container: str, attempt: int) -> str:
    """As every kubelet names containers: unique per attempt, so that creating twice finds the first."""
    return f"k8s_{container}_{name_of(pod)}_{namespace_of(pod)}_{uid_of(pod)}_{attempt}"


def _labels(pod: Object, container: str, attempt: int, cluster_id: str) -> dict[str, str]:
    return {
        labels.POD_NAME: name_of(pod),
        labels.POD_NAMESPACE: namespace_of(pod),
        labels.POD_UID: uid_of(pod),
        labels.CONTAINER_NAME: container,
        labels.RESTART_COUNT: str(attempt),
        labels.CLUSTER: cluster_id,
        labels.NODE: spec_of(pod).get("nodeName", ""),
        labels.POD: canonical(_record(pod)).decode(),
    }


def _record(pod: Object) -> dict[str, Any]:
    """What is needed to know the pod again without state.db."""
    metadata = pod["metadata"]
    kept = ("name", "namespace", "uid", "generateName", "generation", "creationTimestamp", "ownerReferences")
    record = {field: metadata[field] for field in kept if field in metadata}
    record["labels"] = labels_of(pod)
    annotations = {name: text for name, text in annotations_of(pod).items() if name != LAST_APPLIED}
    if annotations:
        record["annotations"] = annotations
    return {"metadata": record, "spec": spec_of(pod)}


def _words(words: list[str] | None, values: dict[str, str]) -> tuple[str, ...] | None:
    return tuple(expand(word, values) for word in words) if words else None


def _ports(container: dict[str, Any]) -> tuple[PortMapping, ...]:
    """Only what has a hostPort is published; a containerPort alone is documentation, as in Kubernetes."""
    return tuple(
        PortMapping(
            port["containerPort"], port["hostPort"], port.get("protocol", "TCP"), port.get("hostIP", "")
        )
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )


def _resources(container: dict[str, Any]) -> ResourceLimits:
    resources = container.get("resources") or {}
    limits = resources.get("limits") or {}
    requests = {**limits, **(resources.get("requests") or {})}
    return ResourceLimits(
        cpu_request_millicores=milli(requests.get("cpu", 0)),
        cpu_limit_millicores=milli(limits.get("cpu", 0)),
        memory_limit_bytes=whole(limits.get("memory", 0)),
    )
