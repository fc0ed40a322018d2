"""A pod's spec, alone and in templates."""

from __future__ import annotations

import re
from functools import lru_cache

from minikctl.model.defaults.compaction import Fields
from minikctl.model.quantity import canonical_quantity


def spec_in(obj: Fields) -> Fields:
    spec: Fields = obj.setdefault("spec", {})
    return spec


def _default_pod(obj: Fields) -> None:
    spec = spec_in(obj)
    _default_pod_spec(spec)
    for container in _all_containers(spec):
        _default_requests(container["resources"])
        if spec.get("hostNetwork"):
            for port in container.get("ports", ()):
                if "containerPort" in port:
                    port.setdefault("hostPort", port["containerPort"])
    spec.setdefault("enableServiceLinks", True)
    _refine_selectors(spec, obj.get("metadata", {}).get("labels", {}))
    _admit_pod(spec)


def _refine_selectors(spec: Fields, labels: Fields) -> None:
    """A term's `matchLabelKeys` become expressions of its selector, with the values of the pod's labels."""
    terms = list(spec.get("topologySpreadConstraints", ()))
    for kind in ("podAffinity", "podAntiAffinity"):
        found = spec.get("affinity", {}).get(kind, {})
        terms += found.get("requiredDuringSchedulingIgnoredDuringExecution", ())
        preferred = found.get("preferredDuringSchedulingIgnoredDuringExecution", ())
        terms += [weighted.get("podAffinityTerm", {}) for weighted in preferred]
    for term in terms:
        for field, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")):
            for key in term.get(field, ()) if "labelSelector" in term else ():
                if key in labels:
                    _add_once(
                        term["labelSelector"], {"key": key, "operator": operator, "values": [labels[key]]}
                    )


def _add_once(selector: Fields, expression: Fields) -> None:
    # The server does it on creation alone; here a stored pod passes through the defaults again.
    found = selector.setdefault("matchExpressions", [])
    if expression not in found:
        found.append(expression)


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


def default_template(spec: Fields) -> None:
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    pod = spec_in(template)
    _default_pod_spec(pod)
    if account := pod.get("serviceAccountName") or pod.get("serviceAccount"):
        pod["serviceAccountName"] = pod["serviceAccount"] = account


def _default_pod_spec(spec: Fields) -> None:
    spec.setdefault("dnsPolicy", "ClusterFirst")
    # Of a container an empty policy is a wrong one; of a pod it is none.
    spec["restartPolicy"] = spec.get("restartPolicy") or "Always"
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    for container in _all_containers(spec):
        _default_container(container)
    for volume in spec.get("volumes", ()):
        _default_volume(volume)
    if "overhead" in spec:
        spec["overhead"] = _canonical(spec["overhead"])
    _canonical_sides(spec.get("resources", {}))


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
    _canonical_sides(resources)
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


def _canonical_sides(resources: Fields) -> None:
    for side in ("limits", "requests"):
        if side in resources:
            resources[side] = _canonical(resources[side])


def _canonical(quantities: Fields) -> Fields:
    # A null in a map of quantities became "" above; the decoder makes it zero.
    return {name: canonical_quantity(value) if value != "" else "0" for name, value in quantities.items()}


def _default_variable(variable: Fields) -> None:
    source = variable.get("valueFrom", {})
    if "fieldRef" in source:
        source["fieldRef"].setdefault("apiVersion", "v1")
    if "resourceFieldRef" in source:
        reference = source["resourceFieldRef"]
        reference["divisor"] = canonical_quantity(reference.get("divisor", "0"))


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


_SOURCE_DEFAULTS: dict[str, Fields] = {
    "azureDisk": {"cachingMode": "ReadWrite", "fsType": "ext4", "kind": "Shared", "readOnly": False},
    "hostPath": {"type": ""},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"keyring": "/etc/ceph/keyring", "pool": "rbd", "user": "admin"},
    "scaleIO": {"fsType": "xfs", "storageMode": "ThinProvisioned"},
}
_FILE_SOURCES = ("configMap", "downwardAPI", "projected", "secret")


def _default_volume(volume: Fields) -> None:
    if not volume.keys() - {"name"}:
        volume["emptyDir"] = {}
    for source in _FILE_SOURCES:
        if source in volume:
            volume[source].setdefault("defaultMode", 420)
    for source, defaults in _SOURCE_DEFAULTS.items():
        if source in volume:
            volume[source] = {**defaults, **volume[source]}
    _default_claim(volume.get("ephemeral", {}).get("volumeClaimTemplate"))
    if "sizeLimit" in volume.get("emptyDir", {}):
        volume["emptyDir"]["sizeLimit"] = canonical_quantity(volume["emptyDir"]["sizeLimit"])
    if "image" in volume:
        volume["image"].setdefault("pullPolicy", pull_policy(volume["image"].get("reference", "")))
    for item in volume.get("downwardAPI", {}).get("items", ()):
        _default_variable({"valueFrom": item})
    for source in volume.get("projected", {}).get("sources", ()):
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
        for item in source.get("downwardAPI", {}).get("items", ()):
            _default_variable({"valueFrom": item})


def _default_claim(template: Fields | None) -> None:
    if template is not None:
        spec = spec_in(template)
        spec.setdefault("volumeMode", "Filesystem")
        _canonical_sides(spec.get("resources", {}))


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


DEFAULTS = {"Pod": _default_pod}
