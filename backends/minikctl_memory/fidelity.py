"""What the simulated engine does with the pod fields that are handed to it: data.

What a process could find out about itself is emulated; what would need a machine is inert. That nothing
really runs is said by every command, so no field needs a word of its own for that.
"""

from __future__ import annotations

from minikctl.backend.fidelity import Fidelity, FidelityTable

_COMMAND = Fidelity("emulated", "shell scripts are acted out; what is not known runs until it is stopped")
_IMAGE = Fidelity("emulated", "nothing is pulled; what the image would run is imagined")
_PORT = Fidelity("emulated", "a port that is taken is refused; nothing listens")
_SEEN = Fidelity("emulated", "the process finds it")
_NON_ROOT = Fidelity("emulated", "checked against the user of the imagined image")
_NO_LOAD = Fidelity("inert", "no process uses any")
_NO_KERNEL = Fidelity("inert", "there is no kernel to enforce it")
_NO_INPUT = Fidelity("inert", "no process reads anything")

TABLE: FidelityTable = {
    "spec.containers.args": _COMMAND,
    "spec.containers.command": _COMMAND,
    "spec.containers.env": _SEEN,
    "spec.containers.image": _IMAGE,
    "spec.containers.ports": _PORT,
    "spec.containers.ports.containerPort": Fidelity("inert", "nothing listens"),
    "spec.containers.resources.limits": _NO_LOAD,
    "spec.containers.resources.requests.cpu": Fidelity(
        "emulated", "counts for the scheduler; no process uses any"
    ),
    "spec.containers.securityContext": _NO_KERNEL,
    "spec.containers.securityContext.runAsGroup": _SEEN,
    "spec.containers.securityContext.runAsNonRoot": _NON_ROOT,
    "spec.containers.securityContext.runAsUser": _SEEN,
    "spec.containers.stdin": _NO_INPUT,
    "spec.containers.stdinOnce": _NO_INPUT,
    "spec.containers.tty": _NO_INPUT,
    "spec.containers.workingDir": _SEEN,
    "spec.dnsConfig": Fidelity("inert", "no process looks up a name"),
    "spec.hostAliases": Fidelity("inert", "no process looks up a name"),
    "spec.hostNetwork": Fidelity("emulated", "its address is the machine's; nothing listens"),
    "spec.hostIPC": _NO_KERNEL,
    "spec.hostPID": _NO_KERNEL,
    "spec.hostname": _SEEN,
    "spec.securityContext": _NO_KERNEL,
    "spec.securityContext.runAsGroup": _SEEN,
    "spec.securityContext.runAsNonRoot": _NON_ROOT,
    "spec.securityContext.runAsUser": _SEEN,
    "spec.shareProcessNamespace": Fidelity("inert", "no process looks at another"),
}
