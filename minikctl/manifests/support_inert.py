"""The tables of kinds that mean something only in a cluster: they are kept and shown, and change nothing."""

from __future__ import annotations

from collections.abc import Mapping

from minikctl.manifests.handlings import ENFORCED, Table, enforced, inert, plain
from minikctl.model.kinds import INERT_KINDS

_PARTS: Mapping[str, tuple[str, ...]] = {
    "APIService": ("spec", "status"),
    "CSIStorageCapacity": ("capacity", "maximumVolumeSize", "nodeTopology", "storageClassName"),
    "CSINode": ("spec", "status"),
    "CertificateSigningRequest": ("spec", "status"),
    "ClusterRole": ("aggregationRule", "rules"),
    "ClusterRoleBinding": ("roleRef", "subjects"),
    "CustomResourceDefinition": ("spec", "status"),
    "FlowSchema": ("spec", "status"),
    "MutatingWebhookConfiguration": ("webhooks",),
    "PodTemplate": ("template",),
    "PriorityLevelConfiguration": ("spec", "status"),
    "Role": ("rules",),
    "RoleBinding": ("roleRef", "subjects"),
    "ServiceCIDR": ("spec", "status"),
    "ValidatingAdmissionPolicy": ("spec", "status"),
    "ValidatingWebhookConfiguration": ("webhooks",),
    "VolumeAttachment": ("spec", "status"),
    "VolumeAttributesClass": ("driverName", "parameters"),
}
"""What they have beside metadata, where that is not a spec alone."""
_RUNTIME_CLASS: Table = {
    "handler": enforced("the OCI runtime of that name in the engine's configuration"),
    "overhead": ENFORCED,
    "scheduling": ENFORCED,
}


def inert_tables() -> dict[str, Table]:
    """By kind."""
    return {
        "RuntimeClass": plain(_RUNTIME_CLASS),
        **{
            kind.name: plain(dict.fromkeys(_PARTS.get(kind.name, ("spec",)), inert(kind.inert)))
            for kind in INERT_KINDS
        },
    }
