"""The API server's warnings about objects of other kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import label_advice
from minikctl.manifests.warnings.pods import claim_spec, node_term, warning
from minikctl.model import Object, annotations_of

_STORAGE_CLASS = "volume.beta.kubernetes.io/storage-class"
_MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"
_INGRESS_CLASS = "kubernetes.io/ingress.class"
_MOUNTABLE_SECRETS = "kubernetes.io/enforce-mountable-secrets"
_TOPOLOGY_HINTS = "service.kubernetes.io/topology-aware-hints"
_NODE_PORTS = range(30_000, 32_768)
# Kinds whose names become those of pods, and so their host names.
_NAME_PODS = frozenset(
    ("CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "ReplicationController")
)
_NAME = (
    "this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is "
    "recommended: "
)


def warnings(obj: Object) -> Iterator[FieldProblem]:
    name = (obj.get("metadata") or {}).get("name", "")
    if obj["kind"] in _NAME_PODS and name and (advice := label_advice(name)):
        yield warning("metadata.name", f"{_NAME}[{advice}]")
    yield from _owners(obj)
    check = _CHECKS.get(obj["kind"])
    if check is not None:
        yield from check(obj)


def creation_warnings(obj: Object) -> Iterator[FieldProblem]:
    """What is wrong with an object only where it is not there yet."""
    if (obj.get("metadata") or {}).get("resourceVersion"):
        yield warning("metadata.resourceVersion", "must not be set on an object that is to be created")


def _owners(obj: Object) -> Iterator[FieldProblem]:
    owners = (obj.get("metadata") or {}).get("ownerReferences") or ()
    twice = sorted(
        uid for uid, count in Counter(owner.get("uid", "") for owner in owners).items() if count > 1
    )
    if twice:
        message = f"contains duplicate entries; duplicate UID(s) observed: {', '.join(twice)}"
        yield warning("metadata.ownerReferences", message)


def _service(obj: Object) -> Iterator[FieldProblem]:
    spec, kind = obj.get("spec") or {}, (obj.get("spec") or {}).get("type", "")
    if _TOPOLOGY_HINTS in annotations_of(obj):
        message = 'deprecated in v1.27+; use "service.kubernetes.io/topology-mode" instead'
        yield warning(f"metadata.annotations[{_TOPOLOGY_HINTS}]", message)
    for index, port in enumerate(spec.get("ports") or ()):
        if (number := port.get("nodePort", 0)) and number not in _NODE_PORTS:
            message = f"{number} is not in the range that servers have where nobody sets one: 30000-32767"
            yield warning(f"spec.ports[{index}].nodePort", message)
    if spec.get("externalIPs"):
        if kind == "ExternalName":
            yield warning("spec.externalIPs", 'is ignored when spec.type is "ExternalName"')
        else:
            message = "deprecated in v1.36+; who may write it can take over any address's traffic"
            yield warning("spec.externalIPs", message)
    if spec.get("externalName") and kind != "ExternalName":
        yield warning("spec.externalName", 'is ignored when spec.type is not "ExternalName"')
    if spec.get("loadBalancerIP"):
        yield warning(
            "spec.loadBalancerIP", "deprecated in v1.24+; use annotations of the load balancer's own"
        )
    if spec.get("trafficDistribution") == "PreferClose":
        message = '"PreferClose" is deprecated in v1.35+; use "PreferSameZone" instead'
        yield warning("spec.trafficDistribution", message)


def _endpoints(obj: Object) -> Iterator[FieldProblem]:
    yield warning("apiVersion", "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")


def _ingress(obj: Object) -> Iterator[FieldProblem]:
    if _INGRESS_CLASS in annotations_of(obj):
        message = "deprecated, please use 'spec.ingressClassName' instead"
        yield warning(f"metadata.annotations[{_INGRESS_CLASS}]", message)


def _account(obj: Object) -> Iterator[FieldProblem]:
    if _MOUNTABLE_SECRETS in annotations_of(obj):
        message = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
        yield warning(f"metadata.annotations[{_MOUNTABLE_SECRETS}]", message)


def _claim(obj: Object) -> Iterator[FieldProblem]:
    yield from _class_annotation(obj)
    yield from claim_spec(obj.get("spec") or {}, "spec")


def _volume(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    yield from _class_annotation(obj)
    if _MOUNT_OPTIONS in annotations_of(obj):
        message = 'deprecated since v1.31; use "mountOptions" attribute instead'
        yield warning(f"metadata.annotations[{_MOUNT_OPTIONS}]", message)
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        message = (
            "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic "
            "provisioning."
        )
        yield warning("spec.persistentVolumeReclaimPolicy", message)
    terms = ((spec.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or ()
    for index, term in enumerate(terms):
        yield from node_term(term, f"spec.nodeAffinity.required.nodeSelectorTerms[{index}]")


def _class_annotation(obj: Object) -> Iterator[FieldProblem]:
    if _STORAGE_CLASS in annotations_of(obj):
        message = 'deprecated since v1.8; use "storageClassName" attribute instead'
        yield warning(f"metadata.annotations[{_STORAGE_CLASS}]", message)


def _stateful_set(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    if spec.get("revisionHistoryLimit", 0) < 0:
        message = "a negative value retains all historical revisions; a value >= 0 is recommended"
        yield warning("spec.revisionHistoryLimit", message)
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        yield from claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec")


_CHECKS: dict[str, Callable[[Object], Iterator[FieldProblem]]] = {
    "Endpoints": _endpoints,
    "Ingress": _ingress,
    "PersistentVolume": _volume,
    "PersistentVolumeClaim": _claim,
    "Service": _service,
    "ServiceAccount": _account,
    "StatefulSet": _stateful_set,
}
