"""What kube-apiserver fills into an object that somebody wrote.

Rules:
- The object first passes through Kubernetes' types, as in the server: nulls, empty lists and empty maps
  vanish, and zero values too, except where the field is optional there (a pointer in Go). So `restartPolicy:
  ""` gets its default and `replicas: 0` stays.
- Then the defaults of the kind, in the server's order; quantities take their canonical form.
- Pods also get what the server's admission adds (tolerations, priority, service account), except the
  volume with the account's token.
- The result shares nothing with the argument. Objects are expected to have the types of their schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from minikctl.model import Object
from minikctl.model.quantity import canonical_quantity

Fields = dict[str, Any]


def set_defaults(obj: Object) -> Object:
    """`obj` as the API server would store it on creation, without what it assigns (uid, times, revision).

    Kinds without defaults of their own come back compacted only.
    """
    result = compact(obj)
    apply = _KIND_DEFAULTS.get(result.get("kind", ""))
    if apply is not None:
        apply(result)
    return result


# --- through the types ----------------------------------------------------------------------------

# Numbers and booleans whose zero says something: in Kubernetes' types they are pointers, or always written.
_KEPT_WHEN_ZERO = frozenset(
    (
        "activeDeadlineSeconds",
        "allowPrivilegeEscalation",
        "automountServiceAccountToken",
        "backoffLimit",
        "blockOwnerDeletion",
        "completions",
        "containerPort",
        "controller",
        "defaultMode",
        "deletionGracePeriodSeconds",
        "enableServiceLinks",
        "expirationSeconds",
        "failedJobsHistoryLimit",
        "fsGroup",
        "hostUsers",
        "immutable",
        "manualSelector",
        "maxSurge",
        "maxUnavailable",
        "mode",
        "optional",
        "parallelism",
        "partition",
        "port",
        "priority",
        "privileged",
        "progressDeadlineSeconds",
        "readOnlyRootFilesystem",
        "replicas",
        "revisionHistoryLimit",
        "runAsGroup",
        "runAsNonRoot",
        "runAsUser",
        "setHostnameAsFQDN",
        "shareProcessNamespace",
        "startingDeadlineSeconds",
        "successfulJobsHistoryLimit",
        "suspend",
        "targetPort",
        "terminationGracePeriodSeconds",
        "tolerationSeconds",
        "ttlSecondsAfterFinished",
    )
)
# A null in one of these lists is the empty string, in any other one an empty object.
_LISTS_OF_STRINGS = frozenset(
    ("add", "args", "command", "drop", "finalizers", "hostnames", "nameservers", "searches", "values")
)
_KEPT_WHEN_EMPTY = frozenset(("maxSurge", "maxUnavailable", "name", "service", "storageClassName"))
# Maps of the user's own keys: every value stays, whatever it is.
_MAPS = frozenset(
    (
        "annotations",
        "binaryData",
        "data",
        "labels",
        "limits",
        "matchLabels",
        "nodeSelector",
        "overhead",
        "requests",
        "stringData",
    )
)


def compact(value: Fields) -> Fields:
    """A deep copy as Kubernetes' types would write it: without null, empty and (mostly) zero fields."""
    result: Fields = {}
    for key, item in value.items():
        kind = type(item)
        if kind is str:
            if item or key in _KEPT_WHEN_EMPTY:
                result[key] = item
        elif kind is dict:
            if key in _MAPS:
                if item:
                    result[key] = _compact_map(item)
            else:
                result[key] = compact(item)
        elif kind is list:
            if item:
                result[key] = [_compact_item(entry, key) for entry in item]
        elif item is not None and (item or key in _KEPT_WHEN_ZERO):
            result[key] = item
    return result


def _compact_item(item: Any, key: str) -> Any:
    if type(item) is dict:
        return compact(item)
    if item is not None:
        return item
    if key == "supplementalGroups":
        return 0
    return "" if key in _LISTS_OF_STRINGS else {}


def _compact_map(value: Fields) -> Fields:
    return {key: "" if item is None else item for key, item in value.items()}


# --- kinds ----------------------------------------------------------------------------------------


def _spec(obj: Fields) -> Fields:
    spec: Fields = obj.setdefault("spec", {})
    return spec


def _default_namespace(obj: Fields) -> None:
    metadata = obj.setdefault("metadata", {})
    if name := metadata.get("name"):
        metadata.setdefault("labels", {})["kubernetes.io/metadata.name"] = name
    if "deletionTimestamp" not in metadata:
        _spec(obj).setdefault("finalizers", ["kubernetes"])


def _default_deployment(obj: Fields) -> None:
    spec = _spec(obj)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")
    _default_template(spec)


def _default_replica_set(obj: Fields) -> None:
    spec = _spec(obj)
    spec.setdefault("replicas", 1)
    _default_template(spec)


def _default_daemon_set(obj: Fields) -> None:
    spec = _spec(obj)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", 0)
        rolling.setdefault("maxUnavailable", 1)
    _default_template(spec)


def _default_stateful_set(obj: Fields) -> None:
    spec = _spec(obj)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    _default_template(spec)


def _default_cron_job(obj: Fields) -> None:
    spec = _spec(obj)
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("failedJobsHistoryLimit", 1)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("suspend", False)
    job = spec.setdefault("jobTemplate", {})
    job.setdefault("metadata", {})
    _default_template(_spec(job))


def _default_service(obj: Fields) -> None:
    spec = _spec(obj)
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("type", "ClusterIP")
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    for port in spec.get("ports", ()):
        port.setdefault("protocol", "TCP")
        if port.get("targetPort", "") in ("", 0):
            port["targetPort"] = port.get("port")


def _default_pod(obj: Fields) -> None:
    spec = _spec(obj)
    _default_pod_spec(spec)
    for container in _all_containers(spec):
        _default_requests(container["resources"])
        if spec.get("hostNetwork"):
            for port in container.get("ports", ()):
                port.setdefault("hostPort", port.get("containerPort"))
    spec.setdefault("enableServiceLinks", True)
    _admit_pod(spec)


_KIND_DEFAULTS: dict[str, Callable[[Fields], None]] = {
    "CronJob": _default_cron_job,
    "DaemonSet": _default_daemon_set,
    "Deployment": _default_deployment,
    "Namespace": _default_namespace,
    "Pod": _default_pod,
    "ReplicaSet": _default_replica_set,
    "Service": _default_service,
    "StatefulSet": _default_stateful_set,
}


# --- pods -----------------------------------------------------------------------------------------

_UNREACHABLE_KEYS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def _admit_pod(spec: Fields) -> None:
    """What the admission plug-ins ServiceAccount, Priority and DefaultTolerationSeconds add."""
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = account
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = spec.get("tolerations", [])
    missing = [key for key in _UNREACHABLE_KEYS if not any(_tolerates(entry, key) for entry in tolerations)]
    if missing:
        spec["tolerations"] = tolerations + [
            {"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300}
            for key in missing
        ]


def _tolerates(toleration: Fields, key: str) -> bool:
    same_key: bool = toleration.get("key", key) == key
    return same_key and toleration.get("effect", "NoExecute") == "NoExecute"


def _default_requests(resources: Fields) -> None:
    """A limit without a request is the request too."""
    if limits := resources.get("limits"):
        resources["requests"] = {**limits, **resources.get("requests", {})}


def _default_template(spec: Fields) -> None:
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    pod = _spec(template)
    _default_pod_spec(pod)
    if account := pod.get("serviceAccountName") or pod.get("serviceAccount"):
        pod["serviceAccountName"] = pod["serviceAccount"] = account


def _default_pod_spec(spec: Fields) -> None:
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    for container in _all_containers(spec):
        _default_container(container)
    for volume in spec.get("volumes", ()):
        _default_volume(volume)
    if "overhead" in spec:
        spec["overhead"] = _canonical(spec["overhead"])


def _all_containers(spec: Fields) -> list[Fields]:
    containers: list[Fields] = spec.get("containers", [])
    if "initContainers" in spec:
        containers = containers + spec["initContainers"]
    if "ephemeralContainers" in spec:
        containers = containers + spec["ephemeralContainers"]
    return containers


def _default_container(container: Fields) -> None:
    container.setdefault("imagePullPolicy", pull_policy(container.get("image", "")))
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    resources = container.setdefault("resources", {})
    for side in ("limits", "requests"):
        if side in resources:
            resources[side] = _canonical(resources[side])
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")
    for variable in container.get("env", ()):
        _default_variable(variable)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            _default_probe(container[name])
    for handler in container.get("lifecycle", {}).values():
        if isinstance(handler, dict):
            _default_http_get(handler)


def _canonical(quantities: Fields) -> Fields:
    # A null in a map of quantities became "" above; the decoder makes it zero.
    return {name: canonical_quantity(value) if value != "" else "0" for name, value in quantities.items()}


def _default_variable(variable: Fields) -> None:
    source = variable.get("valueFrom", {})
    if "fieldRef" in source:
        source["fieldRef"].setdefault("apiVersion", "v1")
    if "resourceFieldRef" in source:
        source["resourceFieldRef"].setdefault("divisor", "0")


def _default_probe(probe: Fields) -> None:
    probe.setdefault("failureThreshold", 3)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("timeoutSeconds", 1)
    _default_http_get(probe)
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")


def _default_http_get(handler: Fields) -> None:
    if "httpGet" in handler:
        handler["httpGet"].setdefault("path", "/")
        handler["httpGet"].setdefault("scheme", "HTTP")


_FILE_SOURCES = ("configMap", "downwardAPI", "projected", "secret")


def _default_volume(volume: Fields) -> None:
    if not volume.keys() - {"name"}:
        volume["emptyDir"] = {}
    for source in _FILE_SOURCES:
        if source in volume:
            volume[source].setdefault("defaultMode", 420)
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    for item in volume.get("downwardAPI", {}).get("items", ()):
        _default_variable({"valueFrom": item})
    for source in volume.get("projected", {}).get("sources", ()):
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
        for item in source.get("downwardAPI", {}).get("items", ()):
            _default_variable({"valueFrom": item})


# A reference as the engines' grammar has it: [host[:port]/]path[:tag][@digest].
# Patterns are texts: Python compiles one at its first use and keeps it, and most commands use none.
_REFERENCE = (
    r"(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*"
    r"|\[[a-fA-F0-9:]+\])(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?P<digest>@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?\Z"
)


@lru_cache(maxsize=1024)
def pull_policy(image: str) -> str:
    """`Always` for the tag `latest` and for no tag at all (without a digest), else `IfNotPresent`."""
    reference = re.match(_REFERENCE, image, re.ASCII)
    if reference is None:
        return "IfNotPresent"
    tag, digest = reference["tag"], reference["digest"]
    return "Always" if tag == "latest" or (not tag and not digest) else "IfNotPresent"
