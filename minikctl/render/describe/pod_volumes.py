"""`kubectl describe`: the volumes of a pod, or of a template of pods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from minikctl.render.describe.writer import NONE, Page
from minikctl.render.quantities import canonical_quantity

Data = Mapping[str, Any]


def _word(value: object) -> str:
    return "true" if value else "false"


_VOLUMES: Mapping[str, tuple[str, Callable[[Data], Iterable[tuple[str, object]]]]] = {
    "hostPath": (
        "HostPath (bare host directory volume)",
        lambda source: (("Path", source.get("path", "")), ("HostPathType", source.get("type", NONE))),
    ),
    "emptyDir": (
        "EmptyDir (a temporary directory that shares a pod's lifetime)",
        lambda source: (
            ("Medium", source.get("medium", "")),
            ("SizeLimit", canonical_quantity(source["sizeLimit"]) if source.get("sizeLimit") else "<unset>"),
        ),
    ),
    "secret": (
        "Secret (a volume populated by a Secret)",
        lambda source: (
            ("SecretName", source.get("secretName", "")),
            ("Optional", _word(source.get("optional"))),
        ),
    ),
    "configMap": (
        "ConfigMap (a volume populated by a ConfigMap)",
        lambda source: (("Name", source.get("name", "")), ("Optional", _word(source.get("optional")))),
    ),
    "persistentVolumeClaim": (
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        lambda source: (
            ("ClaimName", source.get("claimName", "")),
            ("ReadOnly", _word(source.get("readOnly"))),
        ),
    ),
    "ephemeral": (
        "EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)",
        lambda source: _template(source.get("volumeClaimTemplate") or {}),
    ),
    "projected": (
        "Projected (a volume that contains injected data from multiple sources)",
        lambda source: [row for one in source.get("sources") or () for row in _projection(one)],
    ),
}


def _template(template: Data) -> Iterable[tuple[str, object]]:
    """As of a claim that nobody has made yet."""
    spec, metadata = template.get("spec") or {}, template.get("metadata") or {}
    yield "StorageClass", spec.get("storageClassName", "")
    yield "Volume", ""
    for title in ("Labels", "Annotations"):
        pairs = (f"{name}={text}" for name, text in sorted((metadata.get(title.lower()) or {}).items()))
        yield title, ",".join(pairs) or NONE
    yield "Capacity", ""
    yield "Access Modes", ""
    yield "VolumeMode", spec.get("volumeMode", "Filesystem")


def _downward(page: Page, items: Iterable[Data]) -> None:
    page.row(2, "Items:")
    for item in items:
        source = (item.get("fieldRef") or {}).get("fieldPath") or item["resourceFieldRef"]["resource"]
        page.row(3, f"{source} -> {item['path']}")


def _projection(source: Data) -> Iterable[tuple[str, object]]:
    if "secret" in source:
        yield "SecretName", source["secret"].get("name", "")
        yield "Optional", _word(source["secret"].get("optional"))
    elif "downwardAPI" in source:
        yield "DownwardAPI", "true"
    elif "configMap" in source:
        yield "ConfigMapName", source["configMap"].get("name", "")
        yield "Optional", _word(source["configMap"].get("optional"))
    elif "serviceAccountToken" in source:
        yield "TokenExpirationSeconds", source["serviceAccountToken"].get("expirationSeconds", 3600)


def volumes(page: Page, sources: Sequence[Data], *, template: bool = False) -> None:
    if not sources:
        page.row(1 if template else 0, "Volumes:", NONE)
        return
    page.row(1 if template else 0, "Volumes:")
    for volume in sources:
        page.row(1, f"{' ' if template else ''}{volume['name']}:")
        if "downwardAPI" in volume:
            page.row(2, "Type:", "DownwardAPI (a volume populated by information about the pod)")
            _downward(page, volume["downwardAPI"].get("items") or ())
            continue
        kind = next((field for field in _VOLUMES if field in volume), None)
        if kind is None:
            page.row(1, "<unknown>")
            continue
        text, rows = _VOLUMES[kind]
        page.row(2, "Type:", text)
        for title, value in rows(volume[kind] or {}):
            page.row(2, f"{title}:", value)
