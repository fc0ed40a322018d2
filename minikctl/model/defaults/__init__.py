"""What kube-apiserver fills into an object that somebody wrote.

Rules:
- The object first passes through Kubernetes' types, as in the server: nulls, empty lists and empty maps
  vanish, and zero values too, except where the field is optional there (a pointer in Go). So `restartPolicy:
  ""` gets its default and `replicas: 0` stays.
- Then the defaults of the kind, in the server's order; quantities take their canonical form.
- Pods also get what the server's admission adds (tolerations, priority, service account), except the
  volume with the account's token.
- One module a family of kinds, each with its table `DEFAULTS` (and `TYPES`, where the names of fields don't
  tell their types), imported with the first object of such a kind.
- The result shares nothing with the argument. Objects are expected to have the types of their schema.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from minikctl.model import Object
from minikctl.model.defaults.compaction import Fields, Types, compact
from minikctl.model.defaults.pods import pull_policy

__all__ = ["pull_policy", "set_defaults"]

_FAMILIES = {
    "admission": (
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    ),
    "autoscaling": ("HorizontalPodAutoscaler", "PodDisruptionBudget"),
    "batch": ("CronJob", "Job"),
    "configuration": ("ConfigMap", "Secret"),
    "definitions": ("CustomResourceDefinition",),
    "flow_control": ("FlowSchema", "PriorityLevelConfiguration"),
    "namespaces": ("Namespace",),
    "pods": ("Pod",),
    "quotas": ("LimitRange", "ResourceQuota"),
    "rbac": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    "scheduling": ("Lease", "Node", "PriorityClass", "RuntimeClass"),
    "services": (
        "EndpointSlice",
        "Endpoints",
        "Ingress",
        "IngressClass",
        "NetworkPolicy",
        "Service",
        "ServiceCIDR",
    ),
    "storage": (
        "CSIDriver",
        "CSINode",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "StorageClass",
        "VolumeAttachment",
        "VolumeAttributesClass",
    ),
    "workloads": (
        "ControllerRevision",
        "DaemonSet",
        "Deployment",
        "PodTemplate",
        "ReplicaSet",
        "ReplicationController",
        "StatefulSet",
    ),
}
_HOMES = {kind: family for family, kinds in _FAMILIES.items() for kind in kinds}


def set_defaults(obj: Object) -> Object:
    """`obj` as the API server would store it on creation, without what it assigns (uid, times, revision).

    Kinds without defaults of their own come back compacted only.
    """
    types, apply = _of_kind(obj.get("kind") or "")
    result = compact(obj, types)
    if apply is not None:
        apply(result)
    return result


@cache
def _of_kind(kind: str) -> tuple[Types, Callable[[Fields], None] | None]:
    family = _HOMES.get(kind)
    if family is None:
        return Types(), None
    module = import_module(f"{__name__}.{family}")
    return getattr(module, "TYPES", {}).get(kind, Types()), module.DEFAULTS.get(kind)
