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

from collections.abc import Mapping
from typing import Any, Union

from msgspec import Struct
from msgspec.structs import replace

from minikctl.backend.fidelity import Fidelity

_NOTHING: tuple[Any, ...] = (False, "", [], {})
ENGINE_WORD = "engine"


class Support(Struct, frozen=True):
    """How a field is handled. Where `only` is given, all other values are refused, except for text that
    begins with one of `prefixes`."""

    handling: str
    """enforced, emulated, inert, rejected or engine. What is rejected may still take values (`only`) that ask
    for nothing but what is so anyway."""
    note: str = ""
    """Why or how, in one short line, where that is not plain."""
    only: tuple[Any, ...] | None = None
    prefixes: tuple[str, ...] = ()
    unremarkable: tuple[Any, ...] | None = None
    """Of an inert field that people may rely on: the values that nobody needs to be told about. None: nobody
    relies on the field."""
    why_refused: str = "this version does not run it yet: it would have to be ignored"

    def takes(self, value: Any) -> bool:
        return self.only is None or self._is_one_of(self.only, value)

    def is_worth_a_word(self, value: Any) -> bool:
        """Whether somebody who wrote this value may expect something that will not happen."""
        return self.unremarkable is not None and not self._is_one_of(self.unremarkable, value)

    def _is_one_of(self, values: tuple[Any, ...], value: Any) -> bool:
        if self.prefixes and isinstance(value, str) and value.startswith(self.prefixes):
            return True
        # The types are compared too: `0 == False`, but `fsGroup: 0` asks for something.
        return any(value == one and type(value) is type(one) for one in values)

    def on(self, backend: str, told: Fidelity) -> Support:
        """With what a backend says of it. What it rejects may still be empty."""
        if told.handling != "rejected":
            return replace(self, handling=told.handling, note=told.note)
        why = f"the {backend} backend does not do it" + (f": {told.note}" if told.note else "")
        return replace(self, handling="rejected", note=told.note, only=_NOTHING, why_refused=why)


Table = Mapping[str, Union[Support, "Table"]]

ENFORCED = Support("enforced")
REFUSED = Support("rejected", only=_NOTHING)
ENGINE = Support(ENGINE_WORD)


def enforced(note: str, *values: Any) -> Support:
    """Enforced in a way that needs a word, where `values` are given for these only."""
    return Support("enforced", note, only=values or None)


def inert(note: str, *values: Any) -> Support:
    """The field means nothing here; where `values` are given, only they are taken."""
    return Support("inert", note, only=values or None)


def inert_but_relied_on(note: str, *unremarkable: Any) -> Support:
    """Who writes it may rely on it, and is told, except for these values."""
    return Support("inert", note, unremarkable=unremarkable)


def refused_except(*values: Any, note: str = "") -> Support:
    """The field is not handled, but these values of it ask for nothing that is not so anyway."""
    return Support("rejected", note, only=values)


def engine_only(*values: Any) -> Support:
    """Handed to the engine, these values only."""
    return Support(ENGINE_WORD, only=values)


_RUNTIME_DEFAULT = engine_only({"type": "RuntimeDefault"})
_FIELD_PATH = Support(
    "enforced",
    only=(
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
    ),
    prefixes=("metadata.labels['", "metadata.annotations['"),
)
_SERVERS = inert("set by the API server, as in Kubernetes")

OBJECT_META: Table = {
    "annotations": ENFORCED,
    "creationTimestamp": _SERVERS,
    "deletionGracePeriodSeconds": _SERVERS,
    "deletionTimestamp": _SERVERS,
    "finalizers": REFUSED,
    "generateName": enforced("by `create`; `apply` needs a name, as in kubectl"),
    "generation": _SERVERS,
    "labels": ENFORCED,
    "managedFields": inert("nobody's ownership of fields is tracked"),
    "name": ENFORCED,
    "namespace": ENFORCED,
    "ownerReferences": enforced(
        "when the object is created; what a later manifest says of it is not taken over"
    ),
    "resourceVersion": inert("a write is based on the newest revision, whatever the manifest says"),
    "selfLink": _SERVERS,
    "uid": _SERVERS,
}
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
    "appArmorProfile": _RUNTIME_DEFAULT,
    "capabilities": {"add": ENGINE, "drop": ENGINE},
    "privileged": ENGINE,
    "procMount": engine_only("Default"),
    "readOnlyRootFilesystem": ENGINE,
    "runAsGroup": ENGINE,
    "runAsNonRoot": ENGINE,
    "runAsUser": ENGINE,
    "seLinuxOptions": REFUSED,
    "seccompProfile": _RUNTIME_DEFAULT,
    "windowsOptions": REFUSED,
}
_POD_SECURITY: Table = {
    "appArmorProfile": _RUNTIME_DEFAULT,
    "fsGroup": REFUSED,
    "fsGroupChangePolicy": REFUSED,
    "runAsGroup": ENGINE,
    "runAsNonRoot": ENGINE,
    "runAsUser": ENGINE,
    "seLinuxChangePolicy": REFUSED,
    "seLinuxOptions": REFUSED,
    "seccompProfile": _RUNTIME_DEFAULT,
    "supplementalGroups": ENGINE,
    "supplementalGroupsPolicy": refused_except("", "Merge"),
    "sysctls": REFUSED,
    "windowsOptions": REFUSED,
}
CONTAINER: Table = {
    "args": ENGINE,
    "command": ENGINE,
    "env": {
        "name": ENGINE,
        "value": ENGINE,
        "valueFrom": {
            "configMapKeyRef": REFUSED,
            "fieldRef": {"apiVersion": inert("pods have one version"), "fieldPath": _FIELD_PATH},
            "fileKeyRef": REFUSED,
            "resourceFieldRef": REFUSED,
            "secretKeyRef": REFUSED,
        },
    },
    "envFrom": REFUSED,
    "image": ENGINE,
    "imagePullPolicy": ENFORCED,
    "lifecycle": REFUSED,
    "livenessProbe": REFUSED,
    "name": ENFORCED,
    "ports": {
        "containerPort": ENGINE,
        "hostIP": ENGINE,
        "hostPort": ENGINE,
        "name": inert("nothing refers to a port by its name yet"),
        "protocol": ENGINE,
    },
    "readinessProbe": REFUSED,
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
    "startupProbe": REFUSED,
    "stdin": ENGINE,
    "stdinOnce": REFUSED,
    "terminationMessagePath": inert("no message is read from there", "", "/dev/termination-log"),
    "terminationMessagePolicy": inert("no message is read", "", "File"),
    "tty": ENGINE,
    "volumeDevices": REFUSED,
    "volumeMounts": REFUSED,
    "workingDir": ENGINE,
}
INIT_CONTAINER: Table = {
    **CONTAINER,
    "restartPolicy": enforced("Always is a sidecar; else the pod's own policy says", "", "Always"),
}
_NO_ACCOUNTS = "nothing checks accounts, and there is no API server that a pod could talk to"
POD_SPEC: Table = {
    "activeDeadlineSeconds": REFUSED,
    "affinity": REFUSED,
    "automountServiceAccountToken": inert_but_relied_on("there is no token to mount", False),
    "containers": CONTAINER,
    "dnsConfig": REFUSED,
    "dnsPolicy": inert("names are resolved as the engine is set up", "", "ClusterFirst", "Default"),
    "enableServiceLinks": inert("there are no Services to link to yet"),
    "ephemeralContainers": REFUSED,
    "evictionResponders": REFUSED,
    "hostAliases": REFUSED,
    "hostIPC": REFUSED,
    "hostNetwork": REFUSED,
    "hostPID": REFUSED,
    "hostUsers": refused_except(True, note="true is the user namespace of the engine"),
    "hostname": ENGINE,
    "hostnameOverride": REFUSED,
    "imagePullSecrets": REFUSED,
    "initContainers": INIT_CONTAINER,
    "nodeName": ENFORCED,
    "nodeSelector": ENFORCED,
    "os": refused_except({}, {"name": "linux"}),
    "overhead": REFUSED,
    "preemptionPolicy": inert("no pod is preempted: all have the priority 0"),
    "priority": enforced("all pods have the same", 0),
    "priorityClassName": REFUSED,
    "readinessGates": REFUSED,
    "resourceClaims": REFUSED,
    "resources": REFUSED,
    "restartPolicy": ENFORCED,
    "runtimeClassName": REFUSED,
    "schedulerName": enforced("minikctl's own scheduler plays it", "", "default-scheduler"),
    "schedulingGates": REFUSED,
    "schedulingGroup": REFUSED,
    "securityContext": _POD_SECURITY,
    "serviceAccount": inert_but_relied_on(_NO_ACCOUNTS, "", "default"),
    "serviceAccountName": inert_but_relied_on(_NO_ACCOUNTS, "", "default"),
    "setHostnameAsFQDN": REFUSED,
    "shareProcessNamespace": REFUSED,
    "subdomain": REFUSED,
    "terminationGracePeriodSeconds": ENFORCED,
    "tolerations": {
        "effect": ENFORCED,
        "key": ENFORCED,
        "operator": enforced("", "", "Equal", "Exists"),
        # The seconds of the tolerations that every pod gets.
        "tolerationSeconds": inert_but_relied_on("no taint ends a pod that runs", 300),
        "value": ENFORCED,
    },
    "topologySpreadConstraints": REFUSED,
    "volumes": REFUSED,
}
_TEMPLATE: Table = {"metadata": TEMPLATE_META, "spec": POD_SPEC}


def _object(spec: Table) -> Table:
    return {
        "apiVersion": ENFORCED,
        "kind": ENFORCED,
        "metadata": OBJECT_META,
        "spec": spec,
        "status": inert("what somebody wrote is dropped, as in every API server"),
    }


TABLES: dict[str, Table] = {
    "Deployment": _object(
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
    "Namespace": _object({"finalizers": inert("the namespace controller needs none", [], ["kubernetes"])}),
    "Pod": _object(POD_SPEC),
    "ReplicaSet": _object(
        {
            "minReadySeconds": ENFORCED,
            "replicas": ENFORCED,
            "selector": ENFORCED,
            "template": _TEMPLATE,
        }
    ),
}
