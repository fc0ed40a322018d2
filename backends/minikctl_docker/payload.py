"""The port's specs as the Engine API wants them (the body of /containers/create). Pure.

Rules:
- What the daemon's or the image's own configuration could turn against a pod is written out: restart policy,
  health check, privileged.
- A limit on CPU is given as quota and period: Docker's NanoCpus refuses more CPUs than the machine has, which
  in Kubernetes is a limit like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minikctl.backend import (
    ContainerSpec,
    NetworkMode,
    PortMapping,
    ResourceLimits,
    SandboxSpec,
    SecurityContext,
)
from minikctl.backend.cgroups import CPU_PERIOD, MIN_CPU_SHARES, cpu_quota, cpu_shares
from minikctl.backend.labels import TYPE, TYPE_SANDBOX
from minikctl.backend.users import process_user


def container_payload(spec: ContainerSpec, *, image_user: str) -> dict[str, Any]:
    """`image_user` is the USER of the image, only looked at where the group is set and the user is not."""
    return {
        **_common(spec.image, spec.labels),
        **_process(spec),
        "Env": [f"{name}={value}" for name, value in spec.env],
        "OpenStdin": spec.stdin,
        "Tty": spec.tty,
        "User": process_user(spec.security, image_user),
        **_hostname(spec),
        **_exposed(_published(spec)),
        "HostConfig": {
            "RestartPolicy": {"Name": "no"},
            "NetworkMode": _network_mode(spec),
            "PortBindings": _bindings(_published(spec)),
            **_resources(spec.resources),
            **_security(spec.security),
        },
    }


def sandbox_payload(spec: SandboxSpec, *, image: str) -> dict[str, Any]:
    """The container that holds the network namespace; it may do nothing at all."""
    return {
        **_common(image, {**spec.labels, TYPE: TYPE_SANDBOX}),
        "Hostname": spec.hostname,
        **_exposed(spec.ports),
        "HostConfig": {
            "RestartPolicy": {"Name": "no"},
            "NetworkMode": "default",
            "PortBindings": _bindings(spec.ports),
            "CpuShares": MIN_CPU_SHARES,
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
        },
    }


def _common(image: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """Kubernetes ignores the image's health check: the pod's probes are the only ones."""
    return {"Image": image, "Labels": dict(labels), "Healthcheck": {"Test": ["NONE"]}}


def _process(spec: ContainerSpec) -> dict[str, Any]:
    """Kubernetes' rules, which are Docker's: an entrypoint of one's own leaves the image's CMD out."""
    process: dict[str, Any] = {}
    if spec.command:
        process |= {"Entrypoint": list(spec.command), "Cmd": []}
    if spec.args:
        process["Cmd"] = list(spec.args)
    if spec.working_dir:
        process["WorkingDir"] = spec.working_dir
    return process


def _hostname(spec: ContainerSpec) -> dict[str, Any]:
    """In a sandbox the name is the sandbox's; Docker refuses another."""
    if spec.network is NetworkMode.SANDBOX or not spec.hostname:
        return {}
    return {"Hostname": spec.hostname}


def _network_mode(spec: ContainerSpec) -> str:
    return f"container:{spec.sandbox_id}" if spec.network is NetworkMode.SANDBOX else "default"


def _published(spec: ContainerSpec) -> Sequence[PortMapping]:
    """In a sandbox the ports are the sandbox's."""
    return () if spec.network is NetworkMode.SANDBOX else spec.ports


def _exposed(ports: Sequence[PortMapping]) -> dict[str, Any]:
    return {"ExposedPorts": {_port_key(port): {} for port in ports}} if ports else {}


def _bindings(ports: Sequence[PortMapping]) -> dict[str, list[dict[str, str]]]:
    """Only a hostPort is published. One container port may stand at several of them."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        if port.host_port:
            binding = {"HostIp": port.host_ip, "HostPort": str(port.host_port)}
            bindings.setdefault(_port_key(port), []).append(binding)
    return bindings


def _port_key(port: PortMapping) -> str:
    return f"{port.container_port}/{port.protocol.lower()}"


def _resources(limits: ResourceLimits) -> dict[str, int]:
    """As the kubelet converts them. Swap is the sum of both: equal to memory it is none."""
    resources: dict[str, int] = {}
    if limits.cpu_request_millicores:
        resources["CpuShares"] = cpu_shares(limits.cpu_request_millicores)
    if limits.cpu_limit_millicores:
        resources |= {"CpuQuota": cpu_quota(limits.cpu_limit_millicores), "CpuPeriod": CPU_PERIOD}
    if limits.memory_limit_bytes:
        resources |= {"Memory": limits.memory_limit_bytes, "MemorySwap": limits.memory_limit_bytes}
    return resources


def _security(security: SecurityContext) -> dict[str, Any]:
    return {
        "Privileged": security.privileged,
        "ReadonlyRootfs": security.read_only_root_filesystem,
        "SecurityOpt": [] if security.allow_privilege_escalation else ["no-new-privileges"],
        "CapAdd": list(security.add_capabilities),
        "CapDrop": list(security.drop_capabilities),
        "GroupAdd": [str(group) for group in security.supplemental_groups],
    }
