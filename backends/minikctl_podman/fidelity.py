"""What Podman does with the pod fields that are handed to it: data, read without the SDK.

What the fields become is in `payload`; the contract suite looks at the running containers.
"""

from __future__ import annotations

from minikctl.backend.fidelity import ENFORCED, Fidelity, FidelityTable

_DEFAULT_SECCOMP = Fidelity("enforced", "the engine's own profile, as its configuration has it")
_DEFAULT_APPARMOR = Fidelity("enforced", "the engine's own profile, on hosts with AppArmor")
_ROOTLESS = "a rootless engine needs cgroup v2 with the controller delegated to it"
_HOST_PORT = Fidelity("enforced", "a rootless engine can't publish ports below 1024")
_NON_ROOT = Fidelity("enforced", "looked up in the image before the container is made")

TABLE: FidelityTable = {
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
    "spec.containers.securityContext.appArmorProfile": _DEFAULT_APPARMOR,
    "spec.containers.securityContext.capabilities.add": ENFORCED,
    "spec.containers.securityContext.capabilities.drop": ENFORCED,
    "spec.containers.securityContext.privileged": Fidelity("enforced", "never beyond what the engine may do"),
    "spec.containers.securityContext.procMount": ENFORCED,
    "spec.containers.securityContext.readOnlyRootFilesystem": ENFORCED,
    "spec.containers.securityContext.runAsGroup": ENFORCED,
    "spec.containers.securityContext.runAsNonRoot": _NON_ROOT,
    "spec.containers.securityContext.runAsUser": ENFORCED,
    "spec.containers.securityContext.seccompProfile": _DEFAULT_SECCOMP,
    "spec.containers.stdin": ENFORCED,
    "spec.containers.tty": ENFORCED,
    "spec.containers.workingDir": ENFORCED,
    "spec.hostname": ENFORCED,
    "spec.securityContext.appArmorProfile": _DEFAULT_APPARMOR,
    "spec.securityContext.runAsGroup": ENFORCED,
    "spec.securityContext.runAsNonRoot": _NON_ROOT,
    "spec.securityContext.runAsUser": ENFORCED,
    "spec.securityContext.seccompProfile": _DEFAULT_SECCOMP,
    "spec.securityContext.supplementalGroups": ENFORCED,
}
