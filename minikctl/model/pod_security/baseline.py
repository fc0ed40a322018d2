"""The level `baseline`: nothing that is known to break out of a container."""

from __future__ import annotations

from minikctl.model.field_names import APP_ARMOR
from minikctl.model.pod_security.violation import (
    Check,
    Fields,
    Violation,
    containers,
    context,
    has_own_users,
    named,
    names_of,
    plural,
    quoted,
    setters,
)

_CAPABILITIES = frozenset(
    (
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    )
)
_SELINUX_TYPES = frozenset(("", "container_engine_t", "container_init_t", "container_kvm_t", "container_t"))
_SYSCTLS = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    )
)
_PROFILES = ("RuntimeDefault", "Localhost")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def _app_armor(spec: Fields, metadata: Fields) -> Violation | None:
    def bad(owner: Fields) -> str | None:
        kind = (context(owner).get("appArmorProfile") or {}).get("type")
        return None if kind is None or kind in _PROFILES else str(kind)

    names = names_of(spec, lambda container: bad(container) is not None)
    values = {kind for owner in (spec, *containers(spec)) if (kind := bad(owner)) is not None}
    who = setters(bad(spec) is not None, names)
    notes = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if key.startswith(APP_ARMOR) and value not in ("", "runtime/default") and value[:10] != "localhost/"
    }
    if notes:
        who = " and ".join(filter(None, (who, named(sorted(notes), "annotation"))))
        values |= set(notes.values())
    if not who:
        return None
    reason = plural("forbidden AppArmor profile", "forbidden AppArmor profiles", len(values))
    return Violation(reason, f"{who} must not set AppArmor profile type to {quoted(sorted(values))}")


def _host_namespaces(spec: Fields, _: Fields) -> Violation | None:
    shared = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return Violation("host namespaces", ", ".join(shared)) if shared else None


def _host_ports(spec: Fields, _: Fields) -> Violation | None:
    def used(container: Fields) -> list[str]:
        return [str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")]

    names = names_of(spec, lambda container: bool(used(container)))
    if not names:
        return None
    ports = sorted({port for container in containers(spec) for port in used(container)})
    word = plural("hostPort", "hostPorts", len(ports))
    return Violation(
        "hostPort", f"{named(names)} {plural('uses', 'use', len(names))} {word} {', '.join(ports)}"
    )


def _host_probes(spec: Fields, _: Fields) -> Violation | None:
    def hosts(container: Fields) -> list[str]:
        hooks = container.get("lifecycle") or {}
        handlers = [container.get(name) for name in _PROBES] + [hooks.get("postStart"), hooks.get("preStop")]
        found = [(one or {}).get(kind) or {} for one in handlers for kind in ("httpGet", "tcpSocket")]
        return [action["host"] for action in found if action.get("host")]

    names = sorted(set(names_of(spec, lambda container: bool(hosts(container)))))
    if not names:
        return None
    bad = sorted({host for container in containers(spec) for host in hosts(container)})
    word = plural("probe or lifecycle host", "probe or lifecycle hosts", len(bad))
    detail = f"{named(names)} {plural('uses', 'use', len(names))} {word} {quoted(bad)}"
    return Violation("probe or lifecycle host", detail)


def _privileged(spec: Fields, _: Fields) -> Violation | None:
    names = names_of(spec, lambda container: bool(context(container).get("privileged")))
    detail = f"{named(names)} must not set securityContext.privileged=true"
    return Violation("privileged", detail) if names else None


def _proc_mount(spec: Fields, _: Fields) -> Violation | None:
    if has_own_users(spec):
        return None

    def mount(container: Fields) -> str:
        return str(context(container).get("procMount", "Default"))

    names = names_of(spec, lambda container: mount(container) != "Default")
    bad = sorted({mount(container) for container in containers(spec)} - {"Default"})
    detail = f"{named(names)} must not set securityContext.procMount to {quoted(bad)}"
    return Violation("procMount", detail) if names else None


def _selinux(spec: Fields, _: Fields) -> Violation | None:
    def options(owner: Fields) -> Fields:
        found: Fields = context(owner).get("seLinuxOptions") or {}
        return found

    def is_bad(owner: Fields) -> bool:
        found = options(owner)
        return found.get("type", "") not in _SELINUX_TYPES or bool(found.get("user") or found.get("role"))

    who = setters(is_bad(spec), names_of(spec, is_bad))
    if not who:
        return None
    owners = [options(owner) for owner in (spec, *containers(spec))]
    types = sorted({owner.get("type", "") for owner in owners} - _SELINUX_TYPES)
    data = [f"{plural('type', 'types', len(types))} {quoted(types)}"] if types else []
    data += [f"{name} may not be set" for name in ("user", "role") if any(one.get(name) for one in owners)]
    detail = f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}"
    return Violation("seLinuxOptions", detail)


def _sysctls(spec: Fields, _: Fields) -> Violation | None:
    names = [sysctl.get("name", "") for sysctl in context(spec).get("sysctls") or ()]
    bad = [name for name in names if name not in _SYSCTLS]
    return Violation("forbidden sysctls", ", ".join(bad)) if bad else None


def _host_process(spec: Fields, _: Fields) -> Violation | None:
    def is_bad(owner: Fields) -> bool:
        return bool((context(owner).get("windowsOptions") or {}).get("hostProcess"))

    who = setters(is_bad(spec), names_of(spec, is_bad))
    detail = f"{who} must not set securityContext.windowsOptions.hostProcess=true"
    return Violation("hostProcess", detail) if who else None


def _capabilities(spec: Fields, _: Fields) -> Violation | None:
    def added(container: Fields) -> set[str]:
        return set((context(container).get("capabilities") or {}).get("add") or ()) - _CAPABILITIES

    names = names_of(spec, lambda container: bool(added(container)))
    bad = sorted({one for container in containers(spec) for one in added(container)})
    detail = f"{named(names)} must not include {quoted(bad)} in securityContext.capabilities.add"
    return Violation("non-default capabilities", detail) if names else None


def _host_paths(spec: Fields, _: Fields) -> Violation | None:
    names = [one.get("name", "") for one in spec.get("volumes") or () if one.get("hostPath") is not None]
    return Violation("hostPath volumes", named(names, "volume")) if names else None


def bad_seccomp(owner: Fields) -> str | None:
    """The type of a seccomp profile that no level allows, of a pod's spec or a container."""
    profile = context(owner).get("seccompProfile")
    if profile is None or profile.get("type") in _PROFILES:
        return None
    return str(profile.get("type", ""))


def seccomp(spec: Fields, _: Fields) -> Violation | None:
    names = names_of(spec, lambda container: bad_seccomp(container) is not None)
    who = setters(bad_seccomp(spec) is not None, names)
    types = {kind for owner in (spec, *containers(spec)) if (kind := bad_seccomp(owner)) is not None}
    detail = f"{who} must not set securityContext.seccompProfile.type to {quoted(sorted(types))}"
    return Violation("seccompProfile", detail) if who else None


CHECKS: tuple[Check, ...] = (
    _app_armor,
    _host_namespaces,
    _host_ports,
    _host_probes,
    _privileged,
    _proc_mount,
    _selinux,
    _sysctls,
    _host_process,
)
OVERLAPPING: tuple[Check, ...] = (_capabilities, _host_paths, seccomp)
"""Those for which `restricted` has a stricter one."""
