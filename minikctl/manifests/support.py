"""Which fields of the kinds this version acts on: the table, as data, and the check against it.

Rules:
- No field is silently ignored. Each field that Kubernetes knows is one of three: **enforced** (acted on),
  **inert** (has no meaning here, or only the values that change nothing are taken), or **not handled**:
  refused with its path, except for values that ask for nothing (false, empty).
- A nested table says that the parts of a field are classified one by one; a single word covers all below it.
- Lists are passed through: `containers.image` speaks of every container.
- A field that is not in the table is not handled. A test proves that none of the schemas' fields is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Union

from msgspec import Struct

from minikctl.errors import FieldProblem
from minikctl.manifests.paths import format_path
from minikctl.manifests.rules.problems import show
from minikctl.model import Object, labels_of

POD_SECURITY = "pod-security.kubernetes.io/enforce"
_NOTHING: tuple[Any, ...] = (None, False, "", [], {})
NOT_HANDLED = "NotHandled"


class Support(Struct, frozen=True):
    """How a field is handled; where `only` is given, all other values are refused, except for text that
    begins with one of `prefixes`."""

    handling: str
    only: tuple[Any, ...] | None = None
    prefixes: tuple[str, ...] = ()

    def takes(self, value: Any) -> bool:
        if self.only is None:
            return True
        if self.prefixes and isinstance(value, str) and value.startswith(self.prefixes):
            return True
        # The types are compared too: `0 == False`, but `fsGroup: 0` asks for something.
        return any(value == one and type(value) is type(one) for one in self.only)


Table = Mapping[str, Union[Support, "Table"]]

ENFORCED = Support("enforced")
INERT = Support("inert")
REFUSED = Support("not handled", _NOTHING)


def inert_at(*values: Any) -> Support:
    """The field means nothing here as long as it has one of these values."""
    return Support("inert", values)


def refused_except(*values: Any) -> Support:
    """The field is not handled, but these values of it ask for nothing that is not so anyway."""
    return Support("not handled", (None, *values))


_FIELD_PATH = Support(
    "enforced",
    ("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName"),
    ("metadata.labels['", "metadata.annotations['"),
)
_RUNTIME_DEFAULT = {"type": "RuntimeDefault"}

OBJECT_META: Table = {
    "annotations": ENFORCED,
    "creationTimestamp": INERT,
    "deletionGracePeriodSeconds": INERT,
    "deletionTimestamp": INERT,
    "finalizers": REFUSED,
    "generateName": ENFORCED,
    "generation": INERT,
    "labels": ENFORCED,
    "managedFields": INERT,
    "name": ENFORCED,
    "namespace": ENFORCED,
    "ownerReferences": ENFORCED,
    "resourceVersion": ENFORCED,
    "selfLink": INERT,
    "uid": ENFORCED,
}
# Kubernetes takes only labels, annotations and finalizers of a template over to its pods.
TEMPLATE_META: Table = {
    **dict.fromkeys(OBJECT_META, INERT),
    "annotations": ENFORCED,
    "finalizers": REFUSED,
    "labels": ENFORCED,
}

_CONTAINER_SECURITY: Table = {
    "allowPrivilegeEscalation": ENFORCED,
    "appArmorProfile": refused_except(_RUNTIME_DEFAULT),
    "capabilities": ENFORCED,
    "privileged": ENFORCED,
    "procMount": refused_except("Default"),
    "readOnlyRootFilesystem": ENFORCED,
    "runAsGroup": ENFORCED,
    "runAsNonRoot": ENFORCED,
    "runAsUser": ENFORCED,
    "seLinuxOptions": REFUSED,
    "seccompProfile": refused_except(_RUNTIME_DEFAULT),
    "windowsOptions": REFUSED,
}
_POD_SECURITY: Table = {
    "appArmorProfile": refused_except(_RUNTIME_DEFAULT),
    "fsGroup": REFUSED,
    "fsGroupChangePolicy": REFUSED,
    "runAsGroup": ENFORCED,
    "runAsNonRoot": ENFORCED,
    "runAsUser": ENFORCED,
    "seLinuxChangePolicy": REFUSED,
    "seLinuxOptions": REFUSED,
    "seccompProfile": refused_except(_RUNTIME_DEFAULT),
    "supplementalGroups": ENFORCED,
    "supplementalGroupsPolicy": refused_except("", "Merge"),
    "sysctls": REFUSED,
    "windowsOptions": REFUSED,
}
_AMOUNTS: Table = {"cpu": ENFORCED, "memory": ENFORCED}
CONTAINER: Table = {
    "args": ENFORCED,
    "command": ENFORCED,
    "env": {
        "name": ENFORCED,
        "value": ENFORCED,
        "valueFrom": {
            "configMapKeyRef": REFUSED,
            "fieldRef": {"apiVersion": INERT, "fieldPath": _FIELD_PATH},
            "fileKeyRef": REFUSED,
            "resourceFieldRef": REFUSED,
            "secretKeyRef": REFUSED,
        },
    },
    "envFrom": REFUSED,
    "image": ENFORCED,
    "imagePullPolicy": ENFORCED,
    "lifecycle": REFUSED,
    "livenessProbe": REFUSED,
    "name": ENFORCED,
    "ports": {
        "containerPort": ENFORCED,
        "hostIP": ENFORCED,
        "hostPort": ENFORCED,
        "name": ENFORCED,
        "protocol": ENFORCED,
    },
    "readinessProbe": REFUSED,
    "resizePolicy": REFUSED,
    "resources": {"claims": REFUSED, "limits": _AMOUNTS, "requests": _AMOUNTS},
    "restartPolicy": REFUSED,
    "restartPolicyRules": REFUSED,
    "securityContext": _CONTAINER_SECURITY,
    "startupProbe": REFUSED,
    "stdin": ENFORCED,
    "stdinOnce": REFUSED,
    "terminationMessagePath": inert_at(None, "", "/dev/termination-log"),
    "terminationMessagePolicy": inert_at(None, "", "File"),
    "tty": ENFORCED,
    "volumeDevices": REFUSED,
    "volumeMounts": REFUSED,
    "workingDir": ENFORCED,
}
POD_SPEC: Table = {
    "activeDeadlineSeconds": REFUSED,
    "affinity": REFUSED,
    "automountServiceAccountToken": INERT,
    "containers": CONTAINER,
    "dnsConfig": REFUSED,
    "dnsPolicy": inert_at(None, "", "ClusterFirst", "Default"),
    "enableServiceLinks": INERT,
    "ephemeralContainers": REFUSED,
    "evictionResponders": REFUSED,
    "hostAliases": REFUSED,
    "hostIPC": REFUSED,
    "hostNetwork": REFUSED,
    "hostPID": REFUSED,
    "hostUsers": refused_except(True),
    "hostname": ENFORCED,
    "hostnameOverride": REFUSED,
    "imagePullSecrets": REFUSED,
    "initContainers": REFUSED,
    "nodeName": ENFORCED,
    "nodeSelector": ENFORCED,
    "os": refused_except({}, {"name": "linux"}),
    "overhead": REFUSED,
    "preemptionPolicy": INERT,
    "priority": inert_at(None, 0),
    "priorityClassName": REFUSED,
    "readinessGates": REFUSED,
    "resourceClaims": REFUSED,
    "resources": REFUSED,
    "restartPolicy": ENFORCED,
    "runtimeClassName": REFUSED,
    "schedulerName": inert_at(None, "", "default-scheduler"),
    "schedulingGates": REFUSED,
    "schedulingGroup": REFUSED,
    "securityContext": _POD_SECURITY,
    "serviceAccount": INERT,
    "serviceAccountName": INERT,
    "setHostnameAsFQDN": REFUSED,
    "shareProcessNamespace": REFUSED,
    "subdomain": REFUSED,
    "terminationGracePeriodSeconds": ENFORCED,
    "tolerations": ENFORCED,
    "topologySpreadConstraints": REFUSED,
    "volumes": REFUSED,
}
_TEMPLATE: Table = {"metadata": TEMPLATE_META, "spec": POD_SPEC}


def _object(spec: Table) -> Table:
    """apiVersion and kind choose the table; a status that somebody wrote is dropped, as in every server."""
    return {
        "apiVersion": ENFORCED,
        "kind": ENFORCED,
        "metadata": OBJECT_META,
        "spec": spec,
        "status": INERT,
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
    "Namespace": _object({"finalizers": inert_at(None, [], ["kubernetes"])}),
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


def unhandled(obj: Object) -> list[FieldProblem]:
    """The fields of `obj` that this version would have to ignore. `obj` has the types of its schema; kinds
    without a table (nobody writes them) have no such fields."""
    table = TABLES.get(obj["kind"])
    problems = list(_check(obj, table, ())) if table is not None else []
    return [*problems, *_unenforced_levels(obj)]


def _unenforced_levels(obj: Object) -> Iterator[FieldProblem]:
    """A level that nothing enforces yet must not look as if something did."""
    level = labels_of(obj).get(POD_SECURITY, "privileged") if obj["kind"] == "Namespace" else "privileged"
    if level != "privileged":
        message = f'level "{level}" is not enforced by this version yet: it would have to be ignored'
        yield FieldProblem(f"metadata.labels[{POD_SECURITY}]", "NotHandled", message)


def _check(value: Any, support: Support | Table, path: tuple[str | int, ...]) -> Iterator[FieldProblem]:
    if isinstance(support, Support):
        if not support.takes(value):
            yield _problem(value, support, path)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _check(member, support.get(name, REFUSED), (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _check(item, support, (*path, index))


def _problem(value: Any, support: Support, path: tuple[str | int, ...]) -> FieldProblem:
    if support.handling == "not handled":
        message = "this version does not run it yet: it would have to be ignored"
    else:
        taken = ", ".join(show(one) for one in support.only or () if one not in (None, "", []))
        message = f"this version does not run {show(value)} yet, only {taken}"
    return FieldProblem(format_path(path), NOT_HANDLED, message)
