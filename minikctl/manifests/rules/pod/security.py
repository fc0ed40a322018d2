"""Security contexts of pods and containers: users, profiles, sysctls."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.pod.walk import Fields, each_container, visit_containers
from minikctl.manifests.rules.problems import (
    MAX_INT32,
    check_range,
    check_syntax,
    duplicate,
    forbidden,
    invalid,
    required,
    subdomain_advice,
    too_long,
    unsupported,
)
from minikctl.manifests.rules.rule import PodRule

_PROC_MOUNTS = ("Default", "Unmasked")
_PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")
# Of the pod's own context: a field, and what it may say.
_POD_CHOICES = {
    "fsGroupChangePolicy": ("Always", "OnRootMismatch"),
    "supplementalGroupsPolicy": ("Merge", "Strict"),
    "seLinuxChangePolicy": ("MountOption", "Recursive"),
}
_MAX_PROFILE = 4095
_MAX_SYSCTL = 253
_SYSCTL_FORM = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL = re.compile(rf"{_SYSCTL_FORM}\Z", re.ASCII)
_NET_SYSCTLS = ("net.",)
_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "fs.mqueue.")


def container_security(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for place, container in each_container(spec, path):
        if (context := container.get("securityContext")) is not None:
            own_users = spec.get("hostUsers") is False
            yield from _container(context, f"{place}.securityContext", own_users=own_users)


def _container(context: Fields, path: str, *, own_users: bool) -> Iterator[FieldProblem]:
    yield from _ids(context, ("runAsUser", "runAsGroup"), path)
    mount = context.get("procMount", "Default")
    if mount not in _PROC_MOUNTS:
        yield unsupported(f"{path}.procMount", mount, _PROC_MOUNTS)
    elif mount == "Unmasked" and not own_users:
        yield invalid(f"{path}.procMount", mount, "`hostUsers` must be false to use `Unmasked`")
    yield from _seccomp(context.get("seccompProfile"), f"{path}.seccompProfile")
    if context.get("allowPrivilegeEscalation") is False:
        yield from _escalation(context, path)
    yield from _windows(context.get("windowsOptions") or {}, f"{path}.windowsOptions")
    yield from _app_armor(context.get("appArmorProfile"), f"{path}.appArmorProfile")


def _escalation(context: Fields, path: str) -> Iterator[FieldProblem]:
    if context.get("privileged"):
        detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        yield invalid(path, context, detail)
    if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
        detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
        yield invalid(path, context, detail)


def pod_security(spec: Fields, path: str) -> Iterator[FieldProblem]:
    context, place = spec.get("securityContext") or {}, f"{path}.securityContext"
    yield from _ids(context, ("fsGroup", "runAsUser", "runAsGroup"), place)
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        yield from check_range(f"{place}.supplementalGroups[{index}]", group, 0, MAX_INT32)
    yield from _sysctls(context, spec, f"{place}.sysctls")
    yield from _seccomp(context.get("seccompProfile"), f"{place}.seccompProfile")
    yield from _windows(context.get("windowsOptions") or {}, f"{place}.windowsOptions")
    yield from _app_armor(context.get("appArmorProfile"), f"{place}.appArmorProfile")
    for field, choices in _POD_CHOICES.items():
        if field in context and context[field] not in choices:
            yield unsupported(f"{place}.{field}", context[field], choices)
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield invalid(f"{path}.shareProcessNamespace", True, detail)


def _ids(context: Fields, names: tuple[str, ...], path: str) -> Iterator[FieldProblem]:
    for name in names:
        if name in context:
            yield from check_range(f"{path}.{name}", context[name], 0, MAX_INT32)


def _sysctls(context: Fields, spec: Fields, path: str) -> Iterator[FieldProblem]:
    seen: set[str] = set()
    for index, sysctl in enumerate(context.get("sysctls") or ()):
        place, name = f"{path}[{index}].name", sysctl.get("name", "")
        if not name:
            yield required(place)
        elif len(name) > _MAX_SYSCTL or not _SYSCTL.match(name):
            detail = f"must have at most {_MAX_SYSCTL} characters and match regex ^{_SYSCTL_FORM}$"
            yield invalid(place, name, detail)
        elif name in seen:
            yield duplicate(place, name)
        seen.add(name)
        dotted = _dotted(name)
        if spec.get("hostNetwork") and dotted.startswith(_NET_SYSCTLS):
            yield invalid(place, name, "may not be specified when 'hostNetwork' is true")
        elif spec.get("hostIPC") and (dotted == "kernel.sem" or dotted.startswith(_IPC_SYSCTLS)):
            yield invalid(place, name, "may not be specified when 'hostIPC' is true")


def _dotted(name: str) -> str:
    """`net/ipv4/a.b` → `net.ipv4.a/b`: the separator that comes first is the one between the parts."""
    first = re.search(r"[./]", name)
    if first is None or first.group() == ".":
        return name
    return name.translate(str.maketrans("./", "/."))


def _seccomp(profile: Fields | None, path: str) -> Iterator[FieldProblem]:
    if profile is None:
        return
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    if not kind:
        yield required(f"{path}.type", "type is required when seccompProfile is set")
    elif kind not in _PROFILE_TYPES:
        yield unsupported(f"{path}.type", kind, _PROFILE_TYPES)
    if kind != "Localhost":
        if local is not None:
            yield invalid(
                f"{path}.localhostProfile", profile, "can only be set when seccomp type is Localhost"
            )
    elif local is None:
        yield required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost")
    else:
        if local.startswith("/"):
            yield invalid(f"{path}.localhostProfile", local, "must be a relative path")
        if ".." in local.split("/"):
            yield invalid(f"{path}.localhostProfile", local, "must not contain '..'")


def _app_armor(profile: Fields | None, path: str) -> Iterator[FieldProblem]:
    if profile is None:
        return
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    if not kind:
        yield required(f"{path}.type", "type is required when appArmorProfile is set")
    elif kind not in _PROFILE_TYPES:
        yield unsupported(f"{path}.type", kind, _PROFILE_TYPES)
    elif kind == "Localhost":
        yield from _app_armor_file(local, f"{path}.localhostProfile")
    elif local is not None:
        yield invalid(f"{path}.localhostProfile", local, "can only be set when AppArmor type is Localhost")


def _app_armor_file(local: str | None, path: str) -> Iterator[FieldProblem]:
    if not local:
        yield required(path, "must be set when AppArmor type is Localhost")
    elif local != local.strip():
        yield invalid(path, local, "must not be padded with whitespace")
    if local is not None and len(local) > _MAX_PROFILE:
        yield too_long(path, _MAX_PROFILE)


def host_users(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """Users of its own and the node's namespaces don't go together. Two of the paths are the server's own."""
    if spec.get("hostUsers") is not False:
        return
    for field, name in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if spec.get(field):
            yield forbidden(f"{path}.{name}", "when `hostUsers` is false")
    for place, container in visit_containers(spec, path):
        if container.get("volumeDevices"):
            yield forbidden(f"{place}.volumeDevices", "when `hostUsers` is false")


# --- Windows --------------------------------------------------------------------------------------

_MAX_CREDENTIAL_KIB = 64
_MAX_DOMAIN, _MAX_USER = 256, 104
_NET_BIOS = re.compile(r"""[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}\Z""")
_DNS_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DNS = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*\Z", re.ASCII)
_BAD_USER = re.compile(r"""["/\\:;|=,+*?<>@\[\]]""")


def _windows(options: Fields, path: str) -> Iterator[FieldProblem]:
    if (name := options.get("gmsaCredentialSpecName")) is not None:
        yield from check_syntax(f"{path}.gmsaCredentialSpecName", name, subdomain_advice)
    if (credential := options.get("gmsaCredentialSpec")) is not None:
        size = len(credential.encode(errors="surrogatepass"))
        if size == 0:
            yield invalid(f"{path}.gmsaCredentialSpec", "", "gmsaCredentialSpec cannot be an empty string")
        elif size > _MAX_CREDENTIAL_KIB * 1024:
            detail = f"gmsaCredentialSpec size must be under {_MAX_CREDENTIAL_KIB} KiB"
            yield invalid(f"{path}.gmsaCredentialSpec", credential, detail)
    if (user := options.get("runAsUserName")) is not None:
        for detail in _user_advice(user):
            yield invalid(f"{path}.runAsUserName", user, f"runAsUserName{detail}")


def _user_advice(whole: str) -> Iterator[str]:
    """What is wrong with `[DOMAIN\\]USER`; the words begin behind the field's name."""
    domain, _, user = whole.rpartition("\\")
    if not whole:
        yield " cannot be an empty string"
    elif re.search(r"[\x00-\x1f\x7f]", whole):
        yield " cannot contain control characters"
    elif "\\" in domain:
        yield " cannot contain more than one backslash"
    else:
        if len(domain) >= _MAX_DOMAIN:
            yield f"'s Domain length must be under {_MAX_DOMAIN} characters"
        if "\\" in whole and not (_NET_BIOS.match(domain) or _DNS.match(domain)):
            yield "'s Domain doesn't match the NetBios nor the DNS format"
        yield from _user_name_advice(user)


def _user_name_advice(user: str) -> Iterator[str]:
    if not user:
        yield "'s User cannot be empty"
    elif len(user) > _MAX_USER:
        yield f"'s User length must not be longer than {_MAX_USER} characters"
    if user and not user.strip(". "):
        yield "'s User cannot contain only periods or spaces"
    if _BAD_USER.search(user):
        yield "'s User cannot contain the following characters: \"/\\:;|=,+*?<>@[]"


def _runs_on_host(context: Fields | None) -> bool | None:
    found: bool | None = ((context or {}).get("windowsOptions") or {}).get("hostProcess")
    return found


def host_processes(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """HostProcess containers of Windows: all of a pod or none, and in the node's network."""
    of_pod = _runs_on_host(spec.get("securityContext"))
    answers = []
    for place, container in visit_containers(spec, path):
        own = _runs_on_host(container.get("securityContext"))
        if of_pod is not None and own is not None and of_pod != own:
            detail = (
                f"pod hostProcess value must be identical if both are specified, was {str(of_pod).lower()}"
            )
            yield invalid(f"{place}.securityContext.windowsOptions.hostProcess", own, detail)
        answers.append(bool(of_pod if own is None else own))
    if not any(answers):
        return
    if not all(answers):
        detail = (
            "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        )
        yield invalid(path, "", detail)
    if not spec.get("hostNetwork"):
        detail = "hostNetwork must be true if pod contains any hostProcess containers"
        yield invalid(f"{path}.hostNetwork", False, detail)


_NOT_ON_WINDOWS_POD = (
    *("appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls"),
    *("runAsUser", "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy"),
)
_NOT_ON_WINDOWS_CONTAINER = (
    *("appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem"),
    *("privileged", "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup"),
)


def operating_system(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """What the operating system does not know, nobody may ask it for."""
    system = spec.get("os")
    name = (system or {}).get("name", "")
    if system is None or name in ("linux", "windows"):
        yield from _of_linux(spec, path) if name == "linux" else ()
        yield from _of_windows(spec, path) if name == "windows" else ()
    elif name:
        yield unsupported(f"{path}.os", name, ("linux", "windows"))
    else:
        yield required(f"{path}.os.name")


def _of_linux(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for place, owner in ((path, spec), *visit_containers(spec, path)):
        if "windowsOptions" in (owner.get("securityContext") or {}):
            detail = "windows options cannot be set for a linux pod"
            yield forbidden(f"{place}.securityContext.windowsOptions", detail)


def _of_windows(spec: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _not_there(spec.get("securityContext") or {}, _NOT_ON_WINDOWS_POD, f"{path}.securityContext")
    yield from _not_there(spec, ("hostUsers", "hostPID", "hostIPC", "shareProcessNamespace"), path)
    for place, container in visit_containers(spec, path):
        context = container.get("securityContext") or {}
        yield from _not_there(context, _NOT_ON_WINDOWS_CONTAINER, f"{place}.securityContext")


def _not_there(found: Fields, names: tuple[str, ...], path: str) -> Iterator[FieldProblem]:
    for name in names:
        if name in found:
            yield forbidden(f"{path}.{name}", "cannot be set for a windows pod")


RULES = (
    PodRule(
        "container-security", "a container's security context does not contradict itself", container_security
    ),
    PodRule("pod-security", "the pod's security context is within the allowed ranges", pod_security),
    PodRule("pod-host-users", "a pod with users of its own shares no namespace of the node", host_users),
    PodRule("pod-host-processes", "HostProcess containers are alone in their pod", host_processes),
    PodRule("pod-os", "nothing is asked of an operating system that it does not know", operating_system),
)
