"""The port's specs as the libpod API wants them (its SpecGenerator and PodSpecGenerator). Pure.

Rules:
- Where containers.conf or the image could change what a pod means (proxy variables, privileged, systemd
  mode, log driver, health checks), the value is written out instead of left to the engine.
- The network of a container is left to the engine: a bridge where it is root, a user-mode one where not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikctl.backend import (
    ContainerSpec,
    NetworkMode,
    PortMapping,
    ResourceLimits,
    SandboxSpec,
    SecurityContext,
)
from minikctl.backend.cgroups import CPU_PERIOD, cpu_quota, cpu_shares
from minikctl.backend.users import process_user

INFRA_SUFFIX = "-infra"
"""A pod and its infra container can't have one name."""
IMAGE_ANNOTATION = "minikctl.io/image"
"""Keeps the image's reference as it was given: Podman only tells what it resolved it to."""


def container_payload(spec: ContainerSpec, *, pod_id: str, image_user: str) -> dict[str, Any]:
    """The body of /containers/create.

    `pod_id` is the pod of `spec.sandbox_id`, "" outside of one; `image_user` is the USER of the image, only
    looked at where the group is set and the user is not.
    """
    payload: dict[str, Any] = {
        "name": spec.name,
        "image": spec.image,
        "labels": dict(spec.labels),
        "annotations": {IMAGE_ANNOTATION: spec.image},
        "env": dict(spec.env),
        "stdin": spec.stdin,
        "terminal": spec.tty,
        "restart_policy": "no",
        "healthconfig": {"Test": ["NONE"]},
        "log_configuration": {"driver": "k8s-file"},
        "image_volume_mode": "anonymous",
        "httpproxy": False,
        "systemd": "false",
        "sdnotifyMode": "ignore",
        "resource_limits": _resources(spec.resources),
        **_security(spec.security, image_user),
        **_process(spec),
    }
    if spec.network is NetworkMode.SANDBOX:
        return {**payload, "pod": pod_id}
    return {**payload, "hostname": spec.hostname, "portmappings": _ports(spec.ports)}


def sandbox_payload(spec: SandboxSpec) -> dict[str, Any]:
    """The body of /pods/create. The infra container gets the pod's labels from Podman."""
    return {
        "name": spec.name,
        "infra_name": spec.name + INFRA_SUFFIX,
        "hostname": spec.hostname,
        "labels": dict(spec.labels),
        "portmappings": _ports(spec.ports),
        "shared_namespaces": ["net", "uts", "ipc"],
        "exit_policy": "continue",
    }


def _process(spec: ContainerSpec) -> dict[str, Any]:
    """Kubernetes' rules, which are libpod's: an entrypoint of one's own leaves the image's CMD out."""
    process: dict[str, Any] = {}
    if spec.command:
        process["entrypoint"] = list(spec.command)
    if spec.args:
        process["command"] = list(spec.args)
    if spec.working_dir:
        process |= {"work_dir": spec.working_dir, "create_working_dir": True}
    return process


def _ports(ports: Sequence[PortMapping]) -> list[dict[str, Any]]:
    return [
        {
            "container_port": port.container_port,
            "host_port": port.host_port,
            "protocol": port.protocol.lower(),
            "host_ip": port.host_ip,
        }
        for port in ports
        if port.host_port
    ]


def _resources(limits: ResourceLimits) -> dict[str, Any]:
    """OCI's LinuxResources. Swap is the sum of both: equal to memory it is none, as in Kubernetes."""
    cpu: dict[str, int] = {}
    if limits.cpu_request_millicores:
        cpu["shares"] = cpu_shares(limits.cpu_request_millicores)
    if limits.cpu_limit_millicores:
        cpu |= {"quota": cpu_quota(limits.cpu_limit_millicores), "period": CPU_PERIOD}
    memory = limits.memory_limit_bytes
    return {
        **({"cpu": cpu} if cpu else {}),
        **({"memory": {"limit": memory, "swap": memory}} if memory else {}),
    }


def _security(security: SecurityContext, image_user: str) -> dict[str, Any]:
    return {
        "user": process_user(security, image_user),
        "groups": [str(group) for group in security.supplemental_groups],
        "privileged": security.privileged,
        "read_only_filesystem": security.read_only_root_filesystem,
        "read_write_tmpfs": False,
        "no_new_privileges": not security.allow_privilege_escalation,
        "cap_add": list(security.add_capabilities),
        "cap_drop": list(security.drop_capabilities),
    }
