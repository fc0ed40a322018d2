"""`kubectl describe` of claims, persistent volumes and storage classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from minikctl.model import (
    Object,
    annotations_of,
    is_deleting,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from minikctl.model.references import Reference, references
from minikctl.render.configuration_columns import access_modes
from minikctl.render.describe.events import describe_events
from minikctl.render.describe.writer import NONE, Page
from minikctl.render.durations import since


def describe_claim(claim: Object, pods: Iterable[Object], events: Sequence[Object] | None, now: float) -> str:
    page, spec, status = Page(), spec_of(claim), status_of(claim)
    page.row(0, "Name:", name_of(claim))
    page.row(0, "Namespace:", namespace_of(claim))
    page.row(0, "StorageClass:", spec.get("storageClassName", ""))
    page.row(0, "Status:", _phase(claim, now))
    page.row(0, "Volume:", spec.get("volumeName", ""))
    page.labels(0, "Labels", labels_of(claim))
    page.annotations(0, "Annotations", annotations_of(claim))
    page.row(0, "Finalizers:", _list(claim["metadata"].get("finalizers")))
    page.row(0, "Capacity:", (status.get("capacity") or {}).get("storage", ""))
    page.row(0, "Access Modes:", access_modes(status.get("accessModes")))
    page.row(0, "VolumeMode:", spec.get("volumeMode", ""))
    page.values(0, "Used By", _users(claim, pods))
    describe_events(page, events, now)
    return page.aligned()


def describe_volume(volume: Object, events: Sequence[Object] | None, now: float) -> str:
    page, spec = Page(), spec_of(volume)
    claim = spec.get("claimRef") or {}
    page.row(0, "Name:", name_of(volume))
    page.labels(0, "Labels", labels_of(volume))
    page.annotations(0, "Annotations", annotations_of(volume))
    page.row(0, "Finalizers:", _list(volume["metadata"].get("finalizers")))
    page.row(0, "StorageClass:", spec.get("storageClassName", ""))
    page.row(0, "Status:", _phase(volume, now))
    page.row(0, "Claim:", f"{claim['namespace']}/{claim['name']}" if claim else "")
    page.row(0, "Reclaim Policy:", spec.get("persistentVolumeReclaimPolicy", ""))
    page.row(0, "Access Modes:", access_modes(spec.get("accessModes")))
    page.row(0, "VolumeMode:", spec.get("volumeMode", ""))
    page.row(0, "Capacity:", (spec.get("capacity") or {}).get("storage", ""))
    _affinity(page, spec)
    page.row(0, "Message:", status_of(volume).get("message", ""))
    page.row(0, "Source:")
    for title, value in _source(spec):
        page.row(1, f"{title}:", value)
    describe_events(page, events, now)
    return page.aligned()


def _source(spec: Object) -> Iterator[tuple[str, str]]:
    if "hostPath" in spec:
        yield "Type", "HostPath (bare host directory volume)"
        yield "Path", spec["hostPath"].get("path", "")
        yield "HostPathType", spec["hostPath"].get("type", "")
    elif "local" in spec:
        yield "Type", "LocalVolume (a persistent volume backed by local storage on a node)"
        yield "Path", spec["local"].get("path", "")
    else:
        source = spec.get("csi") or {}
        yield "Type", "CSI (a Container Storage Interface (CSI) volume source)"
        yield "Driver", source.get("driver", "")
        yield "FSType", source.get("fsType", "")
        yield "VolumeHandle", source.get("volumeHandle", "")
        yield "ReadOnly", str(bool(source.get("readOnly"))).lower()


def describe_class(storage_class: Object, events: Sequence[Object] | None, now: float) -> str:
    page, notes = Page(), annotations_of(storage_class)
    is_default = notes.get("storageclass.kubernetes.io/is-default-class") == "true"
    page.row(0, "Name:", name_of(storage_class))
    page.row(0, "IsDefaultClass:", "Yes" if is_default else "No")
    page.row(0, "Annotations:", ",".join(f"{key}={text}" for key, text in sorted(notes.items())) or NONE)
    page.row(0, "Provisioner:", storage_class.get("provisioner", ""))
    parameters = sorted((storage_class.get("parameters") or {}).items())
    page.row(0, "Parameters:", ",".join(f"{key}={text}" for key, text in parameters) or NONE)
    expands = storage_class.get("allowVolumeExpansion")
    page.row(0, "AllowVolumeExpansion:", "<unset>" if expands is None else str(expands))
    page.row(0, "MountOptions:", NONE)
    page.row(0, "ReclaimPolicy:", storage_class.get("reclaimPolicy", "Delete"))
    page.row(0, "VolumeBindingMode:", storage_class.get("volumeBindingMode", "Immediate"))
    describe_events(page, events, now)
    return page.aligned()


def _phase(obj: Object, now: float) -> str:
    if is_deleting(obj):
        return f"Terminating (lasts {since(obj['metadata']['deletionTimestamp'], now)})"
    return str(status_of(obj).get("phase", ""))


def _list(words: Sequence[str] | None) -> str:
    return f"[{' '.join(words or ())}]"


def _affinity(page: Page, spec: Object) -> None:
    terms = ((spec.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or ()
    page.row(0, "Node Affinity:", *(() if terms else (NONE,)))
    if terms:
        page.row(1, "Required Terms:")
    for number, term in enumerate(terms):
        for expression in term.get("matchExpressions") or ():
            values = ", ".join(expression.get("values") or ())
            page.row(2, f"Term {number}:", f"{expression['key']} in [{values}]")


def _users(claim: Object, pods: Iterable[Object]) -> list[str]:
    key = key_of(claim)
    wanted = Reference(key.kind, key.name)
    return [name_of(pod) for pod in pods if namespace_of(pod) == key.namespace and wanted in references(pod)]
