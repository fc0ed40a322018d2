"""Workloads that keep pods running, and templates of pods."""

from __future__ import annotations

from msgspec.structs import replace

from minikctl.model.defaults.compaction import Fields, types_of
from minikctl.model.defaults.pods import default_template, spec_in
from minikctl.model.quantity import canonical_quantity


def _default_deployment(obj: Fields) -> None:
    spec = spec_in(obj)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")
    default_template(spec)


def _default_replica_set(obj: Fields) -> None:
    spec = spec_in(obj)
    spec.setdefault("replicas", 1)
    default_template(spec)


def _default_replication_controller(obj: Fields) -> None:
    """Its own labels and its selector are the template's, where it has none. The template may be missing."""
    spec = spec_in(obj)
    spec.setdefault("replicas", 1)
    if "template" not in spec:
        return
    default_template(spec)
    if labels := spec["template"]["metadata"].get("labels"):
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        metadata = obj.setdefault("metadata", {})
        if not metadata.get("labels"):
            metadata["labels"] = dict(labels)


def _default_daemon_set(obj: Fields) -> None:
    spec = spec_in(obj)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", 0)
        rolling.setdefault("maxUnavailable", 1)
    default_template(spec)


def _default_stateful_set(obj: Fields) -> None:
    spec = spec_in(obj)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    _default_update_of_stateful_set(spec.setdefault("updateStrategy", {}))
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    default_template(spec)
    for claim in spec.get("volumeClaimTemplates", ()):
        _default_claim_template(claim)


def _default_update_of_stateful_set(strategy: Fields) -> None:
    if "type" not in strategy:
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    rolling = strategy.get("rollingUpdate")
    if rolling is None:
        return
    # Kubernetes 1.36 takes the field out again, as its feature is off there.
    rolling.pop("maxUnavailable", None)
    if strategy["type"] == "RollingUpdate":
        rolling.setdefault("partition", 0)


def _default_claim_template(claim: Fields) -> None:
    claim["apiVersion"], claim["kind"] = "v1", "PersistentVolumeClaim"
    claim.setdefault("metadata", {})
    spec = spec_in(claim)
    spec.setdefault("volumeMode", "Filesystem")
    resources = spec.setdefault("resources", {})
    for side in ("limits", "requests"):
        if side in resources:
            # A null in a map of quantities has become ""; the decoder makes it zero.
            resources[side] = {
                name: canonical_quantity(value) if value != "" else "0"
                for name, value in resources[side].items()
            }
    claim.setdefault("status", {}).setdefault("phase", "Pending")


_REVISION = types_of(pointers=("revision",))
TYPES = {
    # Its data is an object of any kind, which may be empty.
    "ControllerRevision": replace(_REVISION, maps=_REVISION.maps - {"data"}),
    "ReplicationController": types_of(maps=("selector",)),
    "StatefulSet": types_of(pointers=("volumeAttributesClassName", "volumeMode")),
}
DEFAULTS = {
    "DaemonSet": _default_daemon_set,
    "Deployment": _default_deployment,
    "PodTemplate": default_template,
    "ReplicaSet": _default_replica_set,
    "ReplicationController": _default_replication_controller,
    "StatefulSet": _default_stateful_set,
}
