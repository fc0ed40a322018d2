"""The tables of volumes: in pods, of claims, and of classes. `support` joins them."""

from __future__ import annotations

from itertools import permutations

from msgspec.structs import replace

from minikctl.manifests.handlings import (
    ENFORCED,
    OBJECT_META,
    REFUSED,
    Support,
    Table,
    enforced,
    inert,
    inert_but_relied_on,
    plain,
)
from minikctl.model.claims import CLAIM_PROTECTION, VOLUME_PROTECTION

_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany")
_SETS_OF_MODES = tuple(list(some) for count in (1, 2, 3) for some in permutations(_MODES, count))
_NOT_MEASURED = "nobody measures what is in it"
CLAIM_SPEC: Table = {
    "accessModes": Support(
        "enforced",
        "all pods of a machine may use its volume; ReadWriteOncePod: one pod alone",
        only=(*_SETS_OF_MODES, ["ReadWriteOncePod"]),
    ),
    "dataSource": REFUSED,
    "dataSourceRef": REFUSED,
    "resources": enforced(
        f"asks for a volume at least so large, and an engine's grows with it; {_NOT_MEASURED}"
    ),
    "selector": enforced("of volumes that somebody wrote"),
    "storageClassName": ENFORCED,
    "volumeAttributesClassName": REFUSED,
    "volumeMode": enforced("", "", "Filesystem"),
    "volumeName": ENFORCED,
}
_OF_EPHEMERAL: Table = {
    **dict.fromkeys(OBJECT_META, inert("not taken over, as in Kubernetes")),
    "annotations": ENFORCED,
    "finalizers": REFUSED,
    "labels": ENFORCED,
}

# What would need a driver of its own, or is not run yet.
_NO_DRIVERS = (
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "image",
    "iscsi",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
)
_LIMITS = "nobody measures what is in it: no pod is evicted"
_DOWNWARD_ITEMS: Table = {
    "fieldRef": {"apiVersion": inert("pods have one version"), "fieldPath": ENFORCED},
    "mode": ENFORCED,
    "path": ENFORCED,
    "resourceFieldRef": ENFORCED,
    "user": REFUSED,
}
_ITEMS: Table = {"key": ENFORCED, "mode": ENFORCED, "path": ENFORCED, "user": REFUSED}
_TOKEN = Support("emulated", "a token without a signature: a program can read it, and no cluster takes it")
_FOLLOWS = enforced("its files follow it within a second or two while an agent or a command acts")
_CONFIG_MAP_FILES: Table = {"items": _ITEMS, "name": _FOLLOWS, "optional": ENFORCED}
VOLUMES: Table = {
    "name": ENFORCED,
    "configMap": {**_CONFIG_MAP_FILES, "defaultMode": ENFORCED, "defaultUser": REFUSED},
    "downwardAPI": {"defaultMode": ENFORCED, "defaultUser": REFUSED, "items": _DOWNWARD_ITEMS},
    "emptyDir": {
        "medium": enforced("Memory lies in /dev/shm, where there is one", "", "Memory"),
        "mode": REFUSED,
        "sizeLimit": inert_but_relied_on(_LIMITS),
    },
    "hostPath": {
        "path": enforced("an engine's socket only where the namespace is labelled privileged"),
        "type": ENFORCED,
    },
    "ephemeral": {"volumeClaimTemplate": {"metadata": _OF_EPHEMERAL, "spec": CLAIM_SPEC}},
    "persistentVolumeClaim": enforced(
        "a volume of the engine, or what somebody wrote; subPath of the engine's needs Docker 26 or Podman 5"
    ),
    "projected": {
        "defaultMode": ENFORCED,
        "defaultUser": REFUSED,
        "sources": {
            "clusterTrustBundle": REFUSED,
            "configMap": _CONFIG_MAP_FILES,
            "downwardAPI": {"items": _DOWNWARD_ITEMS},
            "podCertificate": REFUSED,
            "secret": _CONFIG_MAP_FILES,
            "serviceAccountToken": {
                "audience": _TOKEN,
                "expirationSeconds": inert("the token names no end"),
                "path": _TOKEN,
                "user": REFUSED,
            },
        },
    },
    "secret": {
        "defaultMode": ENFORCED,
        "defaultUser": REFUSED,
        "items": _ITEMS,
        "optional": ENFORCED,
        "secretName": _FOLLOWS,
    },
    **dict.fromkeys(_NO_DRIVERS, REFUSED),
}

# --- the kinds ------------------------------------------------------------------------------------------

_CLASS: Table = {
    "allowVolumeExpansion": inert("engines don't limit volumes"),
    "allowedTopologies": REFUSED,
    "mountOptions": REFUSED,
    "parameters": inert("meant for the provisioner"),
    "provisioner": enforced(
        "kubernetes.io/no-provisioner gives what somebody wrote, all others volumes of the engine"
    ),
    "reclaimPolicy": ENFORCED,
    "volumeBindingMode": ENFORCED,
}
_OTHER_SOURCES = (*(name for name in _NO_DRIVERS if name not in ("csi", "gitRepo", "image")),)
_VOLUME_SPEC: Table = {
    "accessModes": Support("enforced", only=(*_SETS_OF_MODES, ["ReadWriteOncePod"])),
    "capacity": enforced(f"is what a claim may ask for; {_NOT_MEASURED}"),
    "claimRef": ENFORCED,
    "csi": replace(REFUSED, why_refused="only volumes that are made for claims have it: claim one instead"),
    "hostPath": {
        "path": enforced("an engine's socket only where the namespace is labelled privileged"),
        "type": ENFORCED,
    },
    "local": {"fsType": inert("a folder is mounted as it is"), "path": enforced("a folder")},
    "mountOptions": REFUSED,
    "nodeAffinity": ENFORCED,
    "persistentVolumeReclaimPolicy": enforced(
        "files of a machine are never deleted: Delete ends as Failed and says so", "", "Delete", "Retain"
    ),
    "storageClassName": ENFORCED,
    "volumeAttributesClassName": REFUSED,
    "volumeMode": enforced("", "", "Filesystem"),
    **dict.fromkeys(_OTHER_SOURCES, REFUSED),
}


def _protected(spec: Table, finalizer: str) -> Table:
    """The table of a kind whose objects stay while somebody uses them."""
    metadata = {**OBJECT_META, "finalizers": enforced("set by the system", [], [finalizer])}
    status = inert("what somebody wrote is dropped, as in every API server")
    return {**plain({"spec": spec, "status": status}), "metadata": metadata}


def storage_tables() -> dict[str, Table]:
    """By kind."""
    return {
        "PersistentVolume": _protected(_VOLUME_SPEC, VOLUME_PROTECTION),
        "PersistentVolumeClaim": _protected(CLAIM_SPEC, CLAIM_PROTECTION),
        "StorageClass": plain(_CLASS),
    }
