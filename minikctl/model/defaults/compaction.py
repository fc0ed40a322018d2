"""Through Kubernetes' types: what a decoder in Go keeps of nulls, empty and zero values.

Told by the names of fields, as no schema says which of them are pointers in Go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

Fields = dict[str, Any]

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
        "defaultUser",
        "deletionGracePeriodSeconds",
        "enableServiceLinks",
        "expirationSeconds",
        "failedJobsHistoryLimit",
        "fsGroup",
        "hostProcess",
        "hostUsers",
        "immutable",
        "lun",
        "manualSelector",
        "maxExpirationSeconds",
        "maxSurge",
        "maxUnavailable",
        "minDomains",
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
        "user",
    )
)
# A null in one of these lists is the empty string, in any other one an empty object.
_LISTS_OF_STRINGS = frozenset(
    (
        "accessModes",
        "add",
        "args",
        "bindMountOptions",
        "command",
        "drop",
        "finalizers",
        "hostnames",
        "matchLabelKeys",
        "mismatchLabelKeys",
        "monitors",
        "nameservers",
        "namespaces",
        "portals",
        "searches",
        "targetWWNs",
        "values",
        "wwids",
    )
)
# Texts that are pointers in Kubernetes' types: there an empty one is a wrong one, not a missing one.
_KEPT_WHEN_EMPTY = frozenset(
    (
        "cachingMode",
        "fsGroupChangePolicy",
        "gmsaCredentialSpec",
        "gmsaCredentialSpecName",
        "hostnameOverride",
        "initiatorName",
        "localhostProfile",
        "maxSurge",
        "maxUnavailable",
        "mountPropagation",
        "name",
        "nodeAffinityPolicy",
        "nodeTaintsPolicy",
        "preemptionPolicy",
        "procMount",
        "recursiveReadOnly",
        "resourceClaimName",
        "resourceClaimTemplateName",
        "restartPolicy",
        "runAsUserName",
        "runtimeClassName",
        "seLinuxChangePolicy",
        "service",
        "signerName",
        "stopSignal",
        "storageClassName",
        "supplementalGroupsPolicy",
    )
)
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
        "options",
        "overhead",
        "requests",
        "stringData",
        "userAnnotations",
        "volumeAttributes",
    )
)


class Types(Struct, frozen=True):
    """The names of fields whose types in Go matter here."""

    kept_when_zero: frozenset[str] = _KEPT_WHEN_ZERO
    kept_when_empty: frozenset[str] = _KEPT_WHEN_EMPTY
    lists_of_strings: frozenset[str] = _LISTS_OF_STRINGS
    maps: frozenset[str] = _MAPS


_COMMON = Types()


def types_of(
    *, pointers: Iterable[str] = (), lists_of_strings: Iterable[str] = (), maps: Iterable[str] = ()
) -> Types:
    """The common names and those that are so in some kinds only; zero and empty pointers are kept."""
    return Types(
        _KEPT_WHEN_ZERO.union(pointers),
        _KEPT_WHEN_EMPTY.union(pointers),
        _LISTS_OF_STRINGS.union(lists_of_strings),
        _MAPS.union(maps),
    )


def compact(value: Fields, types: Types = _COMMON) -> Fields:
    """A deep copy as Kubernetes' types would write it: without null, empty and (mostly) zero fields."""
    result: Fields = {}
    for key, item in value.items():
        kind = type(item)
        if kind is str:
            if item or key in types.kept_when_empty:
                result[key] = item
        elif kind is dict:
            if key in types.maps:
                if item:
                    result[key] = _compact_map(item)
            else:
                result[key] = compact(item, types)
        elif kind is list:
            if item or key in types.kept_when_empty:
                result[key] = [_compact_item(entry, key, types) for entry in item]
        elif item is not None and (item or key in types.kept_when_zero):
            result[key] = item
    return result


def _compact_item(item: Any, key: str, types: Types) -> Any:
    if type(item) is dict:
        return compact(item, types)
    if item is not None:
        return item
    if key == "supplementalGroups":
        return 0
    return "" if key in types.lists_of_strings else {}


def _compact_map(value: Fields) -> Fields:
    return {key: "" if item is None else item for key, item in value.items()}
