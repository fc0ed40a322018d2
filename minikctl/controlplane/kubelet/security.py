"""What a pod says of security and of namespaces, as an engine is asked for it."""

from __future__ import annotations

import posixpath
from typing import Any

from minikctl.backend import Dns, HostAlias, PodOptions, SecurityContext, SelinuxOptions
from minikctl.controlplane.kubelet.configuration import Missing
from minikctl.controlplane.kubelet.network import dns, is_on_host
from minikctl.model import Object, spec_of

SECCOMP_PROFILES = "/var/lib/kubelet/seccomp"
"""Where a kubelet looks for the profiles that pods name, on the engine's machine."""
NOTHING_READ = Dns()
_PROFILES = {"RuntimeDefault": "runtime/default", "Unconfined": "unconfined"}


def security(pod: Object, container: dict[str, Any]) -> SecurityContext:
    """The pod's and the container's securityContext; what the container says goes before."""
    pod_level = spec_of(pod).get("securityContext") or {}
    own = container.get("securityContext") or {}
    merged = {**pod_level, **{field: value for field, value in own.items() if value is not None}}
    capabilities = own.get("capabilities") or {}
    return SecurityContext(
        run_as_user=merged.get("runAsUser"),
        run_as_group=merged.get("runAsGroup"),
        run_as_non_root=bool(merged.get("runAsNonRoot")),
        supplemental_groups=_groups(pod_level),
        privileged=bool(own.get("privileged")),
        read_only_root_filesystem=bool(own.get("readOnlyRootFilesystem")),
        allow_privilege_escalation=own.get("allowPrivilegeEscalation", True),
        add_capabilities=tuple(capabilities.get("add") or ()),
        drop_capabilities=tuple(capabilities.get("drop") or ()),
        seccomp_profile=_profile(merged.get("seccompProfile"), f"{SECCOMP_PROFILES}/"),
        apparmor_profile=_profile(merged.get("appArmorProfile")),
        selinux=SelinuxOptions(**(merged.get("seLinuxOptions") or {})),
        proc_mount=own.get("procMount") or "",
    )


def forbidden_directory(container: dict[str, Any]) -> Missing | None:
    """A process that begins in /proc/self/fd/N begins wherever the runtime still holds a folder open: in the
    machine's own files (CVE-2024-21626). No program needs to begin in /proc at all."""
    path = container.get("workingDir") or "/"
    if posixpath.normpath("/" + path.lstrip("/")).split("/")[1] != "proc":
        return None
    return Missing(f"workingDir {path} is in /proc, from where a process can reach the machine's files")


def pod_options(pod: Object, resolver: Dns = NOTHING_READ, runtime_handler: str = "") -> PodOptions:
    """The same for the sandbox and for every container. `resolver`: what the machine's own reads."""
    spec = spec_of(pod)
    aliases = spec.get("hostAliases") or ()
    sysctls = (spec.get("securityContext") or {}).get("sysctls") or ()
    return PodOptions(
        dns=dns(pod, resolver),
        host_network=is_on_host(pod),
        host_aliases=tuple(HostAlias(one["ip"], tuple(one.get("hostnames") or ())) for one in aliases),
        sysctls=tuple((one["name"], one["value"]) for one in sysctls),
        host_pid=bool(spec.get("hostPID")),
        host_ipc=bool(spec.get("hostIPC")),
        runtime_handler=runtime_handler,
        share_process_namespace=bool(spec.get("shareProcessNamespace")),
    )


def _profile(profile: dict[str, Any] | None, folder: str = "") -> str:
    """In CRI's words."""
    kind = (profile or {}).get("type", "")
    if profile is not None and kind == "Localhost":
        return f"localhost/{folder}{profile.get('localhostProfile', '')}"
    return _PROFILES.get(kind, "")


def _groups(pod_level: dict[str, Any]) -> tuple[int, ...]:
    own = [pod_level["fsGroup"]] if pod_level.get("fsGroup") is not None else []
    return tuple(dict.fromkeys((*(pod_level.get("supplementalGroups") or ()), *own)))
