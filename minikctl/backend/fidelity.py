"""What becomes of a pod's fields on one engine: the vocabulary, and the shape of a backend's table.

Rules:
- The control plane does its part of each field itself (`minikctl.manifests.support` says how); what it hands
  to the engine is the backend's to say: an entry for each field whose meaning is the engine's.
- A key is the field's path in a Pod, without indices, as `kubectl explain` has it
  (`spec.containers.resources.limits.cpu`); an entry also speaks for the fields below it that have none.
- A field that the table does not name is enforced: the port's promises ask for that, and the contract suite
  looks. A backend that does everything needs no table.
- A table is read by `validate`, `apply` and the documentation, without an engine: it stands in a module that
  imports no SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

Handling: TypeAlias = Literal["enforced", "emulated", "inert", "rejected"]
"""`enforced`: means what it means in Kubernetes. `emulated`: its effect can be seen, but something else
brings it about. `inert`: taken, and changes nothing. `rejected`: refused before anything happens."""


class Fidelity(Struct, frozen=True):
    """How one field is handled, and in one short line why or how, where that is not plain."""

    handling: Handling
    note: str = ""


FidelityTable: TypeAlias = Mapping[str, Fidelity]

ENFORCED = Fidelity("enforced")
EVERYTHING_ENFORCED: FidelityTable = {}
"""For a backend without an opinion."""


_SECCOMP = Fidelity(
    "enforced", "RuntimeDefault, as nothing, is the engine's own; Localhost is below /var/lib/kubelet/seccomp"
)
_APPARMOR = Fidelity("enforced", "RuntimeDefault is the engine's own; on hosts with AppArmor")
_SELINUX = Fidelity("enforced", "on hosts with SELinux")
_SYSCTL = Fidelity("enforced", "of the pod's namespaces; a rootless engine can't set all of them")
_ROOTLESS = "a rootless engine needs cgroup v2 with the controller delegated to it"
_HOST_PORT = Fidelity("enforced", "a rootless engine can't publish ports below 1024")
_DNS = Fidelity("enforced", "with policy None these alone; else after the machine's own, three in all")
_NON_ROOT = Fidelity("enforced", "looked up in the image before the container is made")

CONTAINER_ENGINE: FidelityTable = {
    "spec.containers.args": ENFORCED,
    "spec.containers.command": ENFORCED,
    "spec.containers.env.name": ENFORCED,
    "spec.containers.env.value": ENFORCED,
    "spec.containers.image": ENFORCED,
    "spec.containers.ports.containerPort": ENFORCED,
    "spec.containers.ports.hostIP": ENFORCED,
    "spec.containers.ports.hostPort": _HOST_PORT,
    "spec.containers.ports.protocol": ENFORCED,
    "spec.containers.resources.limits.cpu": Fidelity("enforced", f"as CFS quota and period; {_ROOTLESS}"),
    "spec.containers.resources.limits.memory": Fidelity("enforced", f"without swap on top; {_ROOTLESS}"),
    "spec.containers.resources.requests.cpu": Fidelity("enforced", "by the scheduler, and as CPU weight"),
    "spec.containers.securityContext.allowPrivilegeEscalation": Fidelity(
        "enforced", "false is no-new-privileges"
    ),
    "spec.containers.securityContext.appArmorProfile": _APPARMOR,
    "spec.containers.securityContext.capabilities.add": ENFORCED,
    "spec.containers.securityContext.capabilities.drop": ENFORCED,
    "spec.containers.securityContext.privileged": Fidelity("enforced", "never beyond what the engine may do"),
    "spec.containers.securityContext.procMount": ENFORCED,
    "spec.containers.securityContext.readOnlyRootFilesystem": ENFORCED,
    "spec.containers.securityContext.runAsGroup": ENFORCED,
    "spec.containers.securityContext.runAsNonRoot": _NON_ROOT,
    "spec.containers.securityContext.runAsUser": ENFORCED,
    "spec.containers.securityContext.seLinuxOptions": _SELINUX,
    "spec.containers.securityContext.seccompProfile": _SECCOMP,
    "spec.containers.stdin": ENFORCED,
    "spec.containers.stdinOnce": ENFORCED,
    "spec.containers.tty": ENFORCED,
    "spec.containers.workingDir": Fidelity("enforced", "in /proc it is refused when the pod runs"),
    "spec.dnsConfig.nameservers": _DNS,
    "spec.dnsConfig.options.name": ENFORCED,
    "spec.dnsConfig.options.value": ENFORCED,
    "spec.dnsConfig.searches": ENFORCED,
    "spec.hostAliases.hostnames": ENFORCED,
    "spec.hostAliases.ip": ENFORCED,
    "spec.hostIPC": ENFORCED,
    "spec.hostNetwork": Fidelity(
        "enforced", "the network of the engine's machine, or of its virtual machine"
    ),
    "spec.hostPID": ENFORCED,
    "spec.hostname": ENFORCED,
    "spec.securityContext.appArmorProfile": _APPARMOR,
    "spec.securityContext.runAsGroup": ENFORCED,
    "spec.securityContext.runAsNonRoot": _NON_ROOT,
    "spec.securityContext.runAsUser": ENFORCED,
    "spec.securityContext.seLinuxOptions": _SELINUX,
    "spec.securityContext.seccompProfile": _SECCOMP,
    "spec.securityContext.supplementalGroups": ENFORCED,
    "spec.securityContext.sysctls.name": _SYSCTL,
    "spec.securityContext.sysctls.value": _SYSCTL,
    "spec.shareProcessNamespace": ENFORCED,
}
"""What an engine of OCI containers enforces; a backend of one begins with it."""


def entry_for(table: FidelityTable, path: str) -> Fidelity:
    """The entry of the field or of its nearest parent."""
    while path:
        if path in table:
            return table[path]
        path = path.rpartition(".")[0]
    return ENFORCED
