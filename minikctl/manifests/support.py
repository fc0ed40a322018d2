"""Which fields of the kinds this version acts on: the table, as data. `fidelity` reads it.

Rules:
- No field is silently ignored. Each field that Kubernetes knows has a handling: **enforced** (acted on),
  **inert** (it has no meaning here), **engine** (handed to the engine: the backend's own table says what
  becomes of it), or **rejected**: refused with its path, except for values that ask for nothing (false,
  empty).
- A nested table says that the parts of a field are classified one by one; a single word covers all below it.
- Lists are passed through: `containers.image` speaks of every container.
- A field that is not in the table is rejected. A test proves that none of the schemas' fields is missing.
"""

from __future__ import annotations

from msgspec.structs import replace

from minikctl.manifests.handlings import (
    ENFORCED,
    ENGINE,
    ENGINE_WORD,
    OBJECT_META,
    REFUSED,
    Support,
    Table,
    declared,
    enforced,
    inert,
    inert_but_relied_on,
    plain,
    refused_except,
)
from minikctl.manifests.support_inert import inert_tables
from minikctl.manifests.support_policies import policy_tables
from minikctl.manifests.support_services import service_tables
from minikctl.manifests.support_storage import CLAIM_SPEC, VOLUMES, storage_tables
from minikctl.manifests.support_workloads import workload_tables

__all__ = [
    "CONTAINER",
    "ENGINE_WORD",
    "INIT_CONTAINER",
    "OBJECT_META",
    "POD_SPEC",
    "REFUSED",
    "TABLES",
    "TEMPLATE_META",
    "Support",
    "Table",
]

_FIELD_PATH = Support(
    "enforced",
    only=(
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    ),
    prefixes=("metadata.labels['", "metadata.annotations['"),
)
# Kubernetes takes only labels, annotations and finalizers of a template over to its pods.
_NOT_OF_TEMPLATES = inert("not taken over to the pods, as in Kubernetes")
TEMPLATE_META: Table = {
    **dict.fromkeys(OBJECT_META, _NOT_OF_TEMPLATES),
    "annotations": ENFORCED,
    "finalizers": REFUSED,
    "labels": ENFORCED,
}

_CONTAINER_SECURITY: Table = {
    "allowPrivilegeEscalation": ENGINE,
    "appArmorProfile": ENGINE,
    "capabilities": {"add": ENGINE, "drop": ENGINE},
    "privileged": ENGINE,
    "procMount": ENGINE,
    "readOnlyRootFilesystem": ENGINE,
    "runAsGroup": ENGINE,
    "runAsNonRoot": ENGINE,
    "runAsUser": ENGINE,
    "seLinuxOptions": ENGINE,
    "seccompProfile": ENGINE,
    "windowsOptions": REFUSED,
}
_POD_SECURITY: Table = {
    "appArmorProfile": ENGINE,
    "fsGroup": enforced(
        "of the files that are made for the pod, and of the root of a claim's volume while it is empty; what"
        " is made there inherits it. Every process is a member"
    ),
    "fsGroupChangePolicy": inert_but_relied_on(
        "a claim's volume that has something in it is not changed", "OnRootMismatch"
    ),
    "runAsGroup": ENGINE,
    "runAsNonRoot": ENGINE,
    "runAsUser": ENGINE,
    "seLinuxChangePolicy": REFUSED,
    "seLinuxOptions": ENGINE,
    "seccompProfile": ENGINE,
    "supplementalGroups": ENGINE,
    "supplementalGroupsPolicy": refused_except("", "Merge"),
    "sysctls": {"name": ENGINE, "value": ENGINE},
    "windowsOptions": REFUSED,
}
_PROBE = enforced("while an agent runs, or a command that waits: nobody else would ask")
_HOOK: Table = {
    "exec": ENFORCED,
    "httpGet": ENFORCED,
    "sleep": ENFORCED,
    "tcpSocket": replace(REFUSED, why_refused="as a hook it fails at run time, in Kubernetes too"),
}
CONTAINER: Table = {
    "args": ENGINE,
    "command": ENGINE,
    "env": {
        "name": ENGINE,
        "value": ENGINE,
        "valueFrom": {
            "configMapKeyRef": ENFORCED,
            "fieldRef": {"apiVersion": inert("pods have one version"), "fieldPath": _FIELD_PATH},
            "fileKeyRef": REFUSED,
            "resourceFieldRef": ENFORCED,
            "secretKeyRef": ENFORCED,
        },
    },
    "envFrom": ENFORCED,
    "image": ENGINE,
    "imagePullPolicy": ENFORCED,
    "lifecycle": {"postStart": _HOOK, "preStop": _HOOK, "stopSignal": ENFORCED},
    "livenessProbe": _PROBE,
    "name": ENFORCED,
    "ports": {
        "containerPort": ENGINE,
        "hostIP": ENGINE,
        "hostPort": ENGINE,
        "name": ENFORCED,
        "protocol": ENGINE,
    },
    "readinessProbe": _PROBE,
    "resizePolicy": REFUSED,
    "resources": {
        "claims": REFUSED,
        "limits": {"cpu": ENGINE, "memory": ENGINE},
        "requests": {
            "cpu": ENGINE,
            "memory": enforced("by the scheduler; engines are not told, as in Kubernetes without MemoryQoS"),
        },
    },
    "restartPolicy": REFUSED,
    "restartPolicyRules": REFUSED,
    "securityContext": _CONTAINER_SECURITY,
    "startupProbe": _PROBE,
    "stdin": ENGINE,
    "stdinOnce": ENGINE,
    "terminationMessagePath": enforced("of an engine on another machine, not below /dev"),
    "terminationMessagePolicy": ENFORCED,
    "tty": ENGINE,
    "volumeDevices": REFUSED,
    "volumeMounts": {
        "bindMountOptions": REFUSED,
        "mountPath": enforced("the simulated engine has no files"),
        "mountPropagation": ENFORCED,
        "name": ENFORCED,
        "readOnly": ENFORCED,
        "recursiveReadOnly": inert(
            "what is mounted below is as the engine makes it", "", "Disabled", "IfPossible"
        ),
        "subPath": enforced("resolved when the container is made, never out of the volume"),
        "subPathExpr": ENFORCED,
    },
    "workingDir": ENGINE,
}
INIT_CONTAINER: Table = {
    **CONTAINER,
    "restartPolicy": enforced("Always is a sidecar; else the pod's own policy says", "", "Always"),
}
_NO_ACCOUNTS = "nothing checks accounts, and there is no API server that a pod could talk to"
_OVERHEAD = enforced("by the scheduler; Kubernetes takes it from a RuntimeClass only")
POD_SPEC: Table = {
    "activeDeadlineSeconds": ENFORCED,
    "affinity": ENFORCED,
    "automountServiceAccountToken": inert_but_relied_on("none is mounted but by a projected volume", False),
    "containers": CONTAINER,
    "dnsConfig": {
        "nameservers": ENGINE,
        "options": {"name": ENGINE, "value": ENGINE},
        "searches": ENGINE,
    },
    "dnsPolicy": enforced(
        "names of Services stand in hosts files; all others are asked of the machine's servers"
    ),
    "enableServiceLinks": ENFORCED,
    "ephemeralContainers": REFUSED,
    "evictionResponders": REFUSED,
    "hostAliases": {"hostnames": ENGINE, "ip": ENGINE},
    "hostIPC": ENGINE,
    "hostNetwork": ENGINE,
    "hostPID": ENGINE,
    "hostUsers": refused_except(True, note="true is the user namespace of the engine"),
    "hostname": ENGINE,
    "hostnameOverride": REFUSED,
    "imagePullSecrets": ENFORCED,
    "initContainers": INIT_CONTAINER,
    "nodeName": ENFORCED,
    "nodeSelector": ENFORCED,
    "os": refused_except({}, {"name": "linux"}),
    "overhead": {"cpu": _OVERHEAD, "memory": _OVERHEAD},
    "preemptionPolicy": enforced("that of the class, as in Kubernetes"),
    "priority": enforced("that of the class, as in Kubernetes"),
    "priorityClassName": enforced("who is scheduled first, and who gives way where there is no room"),
    "readinessGates": enforced("a pod is not Ready before somebody has set these conditions in its status"),
    "resourceClaims": REFUSED,
    "resources": REFUSED,
    "restartPolicy": ENFORCED,
    "runtimeClassName": enforced(
        "its handler is an OCI runtime that the engine's configuration names; a Podman whose API ignores"
        " the choice refuses to make the container"
    ),
    "schedulerName": enforced("minikctl's own scheduler plays it", "", "default-scheduler"),
    "schedulingGates": ENFORCED,
    "schedulingGroup": REFUSED,
    "securityContext": _POD_SECURITY,
    "serviceAccount": inert_but_relied_on(_NO_ACCOUNTS, "", "default"),
    "serviceAccountName": inert_but_relied_on(_NO_ACCOUNTS, "", "default"),
    "setHostnameAsFQDN": ENFORCED,
    "shareProcessNamespace": ENGINE,
    "subdomain": Support("emulated", "by the pods' hosts files, beside a headless Service of that name"),
    "terminationGracePeriodSeconds": ENFORCED,
    "tolerations": {
        "effect": ENFORCED,
        "key": ENFORCED,
        "operator": enforced("", "", "Equal", "Exists"),
        # The seconds of the tolerations that every pod gets.
        "tolerationSeconds": inert_but_relied_on("no taint ends a pod that runs", 300),
        "value": ENFORCED,
    },
    "topologySpreadConstraints": ENFORCED,
    "volumes": VOLUMES,
}
_TEMPLATE: Table = {"metadata": TEMPLATE_META, "spec": POD_SPEC}


_NO_TOKENS = inert("no account has a token")
TABLES: dict[str, Table] = {
    "ConfigMap": plain({"binaryData": ENFORCED, "data": ENFORCED, "immutable": ENFORCED}),
    "Deployment": declared(
        {
            "minReadySeconds": ENFORCED,
            "paused": ENFORCED,
            "progressDeadlineSeconds": ENFORCED,
            "replicas": ENFORCED,
            "revisionHistoryLimit": ENFORCED,
            "selector": ENFORCED,
            "strategy": ENFORCED,
            "template": _TEMPLATE,
        }
    ),
    "Namespace": declared({"finalizers": inert("the namespace controller needs none", [], ["kubernetes"])}),
    "Pod": declared(POD_SPEC),
    "PriorityClass": plain(
        {
            "description": inert("for people"),
            "globalDefault": ENFORCED,
            "preemptionPolicy": ENFORCED,
            "value": ENFORCED,
        }
    ),
    **policy_tables(),
    **service_tables(),
    **inert_tables(),
    **storage_tables(),
    **workload_tables(_TEMPLATE, CLAIM_SPEC),
    "ReplicaSet": declared(
        {
            "minReadySeconds": ENFORCED,
            "replicas": ENFORCED,
            "selector": ENFORCED,
            "template": _TEMPLATE,
        }
    ),
    "Secret": plain({"data": ENFORCED, "immutable": ENFORCED, "stringData": ENFORCED, "type": ENFORCED}),
    "ServiceAccount": plain(
        {
            "automountServiceAccountToken": _NO_TOKENS,
            "imagePullSecrets": enforced("of pods that name none themselves"),
            "secrets": inert("a list for people; nothing mounts what is in it, as in Kubernetes"),
        }
    ),
}
