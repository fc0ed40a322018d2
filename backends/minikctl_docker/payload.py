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
from minikctl.backend.cgroups import CPU_PERIOD, MIN_CPU_SHARES, cpu_quota, cpu_shares
from minikctl.backend.labels import TYPE, TYPE_SANDBOX
from minikctl.backend.users import process_user

LOCALHOST = "localhost/"
_OPEN_MODE = "0777"
"""Of a tmpfs, as the kubelet makes its emptyDirs."""


def container_payload(spec: ContainerSpec, *, image_user: str, seccomp: str = "") -> dict[str, Any]:
    """`image_user` is the USER of the image, only looked at where the group is set and the user is not;
    `seccomp` is what the file of a `localhost/` profile says."""
    return {
        **_common(spec.image, spec.labels),
        **_process(spec),
        "Env": [f"{name}={value}" for name, value in spec.env],
        "OpenStdin": spec.stdin,
        "StdinOnce": spec.stdin_once,
        "Tty": spec.tty,
        "User": process_user(spec.security, image_user),
        **({"StopSignal": spec.stop_signal} if spec.stop_signal else {}),
        **_hostname(spec),
        **_exposed(_published(spec)),
        "HostConfig": {
            "RestartPolicy": {"Name": "no"},
            "PortBindings": _bindings(_published(spec)),
            **_namespaces(spec),
            **_runtime(spec.pod),
            **_mounts(spec.mounts),
            **_resources(spec.resources),
            **_security(spec.security, seccomp),
            **({} if spec.oom_score_adj is None else {"OomScoreAdj": spec.oom_score_adj}),
        },
    }


def sandbox_payload(spec: SandboxSpec, *, image: str) -> dict[str, Any]:
    """The container that holds the network namespace; it may do nothing at all."""
    return {
        **_common(image, {**spec.labels, TYPE: TYPE_SANDBOX}),
        **({} if spec.pod.host_network else {"Hostname": spec.hostname}),
        **_exposed(_unless_on_host(spec.pod, spec.ports)),
        "HostConfig": {
            "RestartPolicy": {"Name": "no"},
            "PortBindings": _bindings(_unless_on_host(spec.pod, spec.ports)),
            "IpcMode": "host" if spec.pod.host_ipc else "shareable",
            **_network(spec.pod),
            **_runtime(spec.pod),
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
    """In a sandbox the name is the sandbox's, on the machine's network the machine's."""
    if spec.network is NetworkMode.SANDBOX or spec.pod.host_network or not spec.hostname:
        return {}
    return {"Hostname": spec.hostname}


def _namespaces(spec: ContainerSpec) -> dict[str, Any]:
    pod = spec.pod
    joined = f"container:{spec.sandbox_id}"
    in_sandbox = spec.network is NetworkMode.SANDBOX
    modes: dict[str, Any] = {"NetworkMode": joined, "IpcMode": joined} if in_sandbox else _network(pod)
    if pod.host_pid:
        modes["PidMode"] = "host"
    elif pod.share_process_namespace and in_sandbox:
        modes["PidMode"] = joined
    if pod.host_ipc:
        modes["IpcMode"] = "host"
    return modes


def _network(pod: PodOptions) -> dict[str, Any]:
    """Of who has the pod's network namespace; Docker refuses all of it to who joins one."""
    options: dict[str, Any] = {"NetworkMode": "host" if pod.host_network else "default"}
    if pod.dns is not None:
        # A search for "." is none at all: else the machine's are taken.
        nowhere = ["."] if pod.dns.servers else []
        options |= {
            "Dns": list(pod.dns.servers),
            "DnsSearch": list(pod.dns.searches) or nowhere,
            "DnsOptions": list(pod.dns.options),
        }
    if pod.host_aliases:
        options["ExtraHosts"] = [
            f"{name}:{alias.ip}" for alias in pod.host_aliases for name in alias.hostnames
        ]
    if pod.sysctls:
        options["Sysctls"] = dict(pod.sysctls)
    return options


def _runtime(pod: PodOptions) -> dict[str, str]:
    return {"Runtime": pod.runtime_handler} if pod.runtime_handler else {}


def _mounts(mounts: Sequence[Mount]) -> dict[str, Any]:
    """A tmpfs as an option and not as a mount: so it can be one that programs may be run from."""
    in_memory = {mount.target: _tmpfs(mount) for mount in mounts if mount.kind is MountKind.TMPFS}
    others = [_mount(mount) for mount in mounts if mount.kind is not MountKind.TMPFS]
    return {**({"Mounts": others} if others else {}), **({"Tmpfs": in_memory} if in_memory else {})}


def _mount(mount: Mount) -> dict[str, Any]:
    common = {
        "Type": mount.kind.value,
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    }
    if mount.kind is MountKind.VOLUME:
        below = {"Subpath": mount.sub_path} if mount.sub_path else {}
        return {**common, "VolumeOptions": {"NoCopy": True, **below}}
    return {**common, "BindOptions": {"Propagation": mount.propagation or "rprivate"}}


def _tmpfs(mount: Mount) -> str:
    size = [f"size={mount.size_bytes}"] if mount.size_bytes else []
    return ",".join(["ro" if mount.read_only else "rw", "exec", "suid", "dev", f"mode={_OPEN_MODE}", *size])


def _published(spec: ContainerSpec) -> Sequence[PortMapping]:
    """In a sandbox the ports are the sandbox's."""
    return () if spec.network is NetworkMode.SANDBOX else _unless_on_host(spec.pod, spec.ports)


def _unless_on_host(pod: PodOptions, ports: Sequence[PortMapping]) -> Sequence[PortMapping]:
    return () if pod.host_network else ports


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


def _security(security: SecurityContext, seccomp: str) -> dict[str, Any]:
    return {
        "Privileged": security.privileged,
        "ReadonlyRootfs": security.read_only_root_filesystem,
        "SecurityOpt": _security_options(security, seccomp),
        "CapAdd": list(security.add_capabilities),
        "CapDrop": list(security.drop_capabilities),
        "GroupAdd": [str(group) for group in security.supplemental_groups],
        # An empty list is "nothing is masked", a missing one is the engine's own.
        **({"MaskedPaths": [], "ReadonlyPaths": []} if security.proc_mount == "Unmasked" else {}),
    }


def _security_options(security: SecurityContext, seccomp: str) -> list[str]:
    """The engine's own profiles are in force where nothing is said."""
    options = [] if security.allow_privilege_escalation else ["no-new-privileges"]
    if security.seccomp_profile == "unconfined":
        options.append("seccomp=unconfined")
    elif security.seccomp_profile.startswith(LOCALHOST):
        options.append(f"seccomp={seccomp}")
    if security.apparmor_profile == "unconfined":
        options.append("apparmor=unconfined")
    elif security.apparmor_profile.startswith(LOCALHOST):
        options.append(f"apparmor={security.apparmor_profile.removeprefix(LOCALHOST)}")
    labels = asdict(security.selinux).items()
    return options + [f"label={name}:{value}" for name, value in labels if value]
