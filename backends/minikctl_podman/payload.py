"""The port's specs as the libpod API wants them (its SpecGenerator and PodSpecGenerator). Pure.

Rules:
- Where containers.conf or the image could change what a pod means (proxy variables, privileged, systemd
  mode, log driver, health checks), the value is written out instead of left to the engine.
- Containers are on the engine's bridge, also where it is not root and would give each a network of its own:
  pods can reach each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import asdict

from minikctl.backend import (
    ContainerSpec,
    Mount,
    MountKind,
    NetworkMode,
    PodOptions,
    PortMapping,
    ResourceLimits,
    SandboxSpec,
    SecurityContext,
)
from minikctl.backend.cgroups import CPU_PERIOD, cpu_quota, cpu_shares
from minikctl.backend.users import process_user

INFRA_SUFFIX = "-infra"
"""A pod and its infra container can't have one name."""
_LOCALHOST = "localhost/"
_OPEN_MODE = "0777"
"""Of a tmpfs, as the kubelet makes its emptyDirs."""
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
        **_mounts(spec.mounts),
        **_host_namespaces(spec.pod),
        **({"stop_signal": signal_number(spec.stop_signal)} if spec.stop_signal else {}),
        **({} if spec.oom_score_adj is None else {"oom_score_adj": spec.oom_score_adj}),
        **({"oci_runtime": spec.pod.runtime_handler} if spec.pod.runtime_handler else {}),
    }
    if spec.network is NetworkMode.SANDBOX:
        return {**payload, "pod": pod_id}
    return {**payload, **_network(spec.pod, spec.hostname, spec.ports)}


def sandbox_payload(spec: SandboxSpec) -> dict[str, Any]:
    """The body of /pods/create. The infra container gets the pod's labels from Podman."""
    shared = ["net", "uts", *([] if spec.pod.host_ipc else ["ipc"])]
    if spec.pod.share_process_namespace and not spec.pod.host_pid:
        shared.append("pid")
    return {
        "name": spec.name,
        "infra_name": spec.name + INFRA_SUFFIX,
        "labels": dict(spec.labels),
        "shared_namespaces": shared,
        "exit_policy": "continue",
        **_network(spec.pod, spec.hostname, spec.ports),
        **({"utsns": {"nsmode": "host"}} if spec.pod.host_network else {}),
    }


def signal_number(name: str) -> int:
    """Linux's, wherever this runs. `SIGRTMIN` is the one that libc gives to programs."""
    bare = name.removeprefix("SIG")
    if bare in _SIGNALS:
        return _SIGNALS.index(bare) + 1
    first, _, further = bare.partition("+") if "+" in bare else bare.partition("-")
    known = {"RTMIN": _RTMIN + int(further or 0), "RTMAX": _RTMAX - int(further or 0)}
    return known[first]


_SIGNAL_NAMES = (
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN"
    " TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
)
_SIGNALS = _SIGNAL_NAMES.split()
_RTMIN, _RTMAX = 34, 64


def _network(pod: PodOptions, hostname: str, ports: Sequence[PortMapping]) -> dict[str, Any]:
    """Of who has the pod's network namespace; who joins it gets all of this with it."""
    bridge = {"nsmode": "bridge"}
    options: dict[str, Any] = {"hostname": hostname, "portmappings": _ports(ports), "netns": bridge}
    if pod.host_network:
        options = {"netns": {"nsmode": "host"}}
    if pod.dns is not None:
        # A search for "." is none at all: else the machine's are taken.
        nowhere = ["."] if pod.dns.servers else []
        options |= {
            "dns_server": list(pod.dns.servers),
            "dns_search": list(pod.dns.searches) or nowhere,
            "dns_option": list(pod.dns.options),
        }
    if pod.host_aliases:
        options["hostadd"] = [f"{name}:{alias.ip}" for alias in pod.host_aliases for name in alias.hostnames]
    if pod.sysctls:
        options["sysctl"] = dict(pod.sysctls)
    return options


def _host_namespaces(pod: PodOptions) -> dict[str, Any]:
    host = {"nsmode": "host"}
    return {**({"pidns": host} if pod.host_pid else {}), **({"ipcns": host} if pod.host_ipc else {})}


def _mounts(mounts: Sequence[Mount]) -> dict[str, Any]:
    volumes = [
        {
            "Name": mount.source,
            "Dest": mount.target,
            "Options": ["nocopy", _access(mount)],
            **({"SubPath": mount.sub_path} if mount.sub_path else {}),
        }
        for mount in mounts
        if mount.kind is MountKind.VOLUME
    ]
    others = [_mount(mount) for mount in mounts if mount.kind is not MountKind.VOLUME]
    return {**({"mounts": others} if others else {}), **({"volumes": volumes} if volumes else {})}


def _mount(mount: Mount) -> dict[str, Any]:
    """OCI's Mount."""
    if mount.kind is MountKind.TMPFS:
        size = [f"size={mount.size_bytes}"] if mount.size_bytes else []
        options = [_access(mount), "exec", "suid", "dev", "notmpcopyup", f"mode={_OPEN_MODE}", *size]
    else:
        options = ["rbind", _access(mount), mount.propagation or "rprivate"]
    return {
        "type": mount.kind.value,
        "source": mount.source or mount.kind.value,
        "destination": mount.target,
        "options": options,
    }


def _access(mount: Mount) -> str:
    return "ro" if mount.read_only else "rw"


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
        **_profiles(security),
    }


def _profiles(security: SecurityContext) -> dict[str, Any]:
    """The engine's own are in force where nothing is said."""
    found: dict[str, Any] = {}
    if security.seccomp_profile == "unconfined":
        found["seccomp_profile_path"] = "unconfined"
    elif security.seccomp_profile.startswith(_LOCALHOST):
        found["seccomp_profile_path"] = f"/{security.seccomp_profile.removeprefix(_LOCALHOST).lstrip('/')}"
    if security.apparmor_profile == "unconfined":
        found["apparmor_profile"] = "unconfined"
    elif security.apparmor_profile.startswith(_LOCALHOST):
        found["apparmor_profile"] = security.apparmor_profile.removeprefix(_LOCALHOST)
    if labels := [f"{name}:{value}" for name, value in asdict(security.selinux).items() if value]:
        found["selinux_opts"] = labels
    if security.proc_mount == "Unmasked":
        found["unmask"] = ["ALL"]
    return found
