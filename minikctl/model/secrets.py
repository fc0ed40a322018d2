"""Secrets on their way in: one form for their values, and nothing that repeats these in the clear."""

from __future__ import annotations

from minikctl.model import Object, annotations_of
from minikctl.model.defaults.configuration import encoded

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
REDACTED = "***"


def folded(obj: Object) -> Object:
    """A Secret with its `stringData` in `data`, so that a key that goes from either goes; without kubectl's
    annotation, which repeats all values. Other objects come back as they are."""
    if obj.get("kind") != "Secret":
        return obj
    result = {name: value for name, value in obj.items() if name != "stringData"}
    if obj.get("stringData"):
        texts = {key: encoded(text) for key, text in obj["stringData"].items()}
        result["data"] = {**(obj.get("data") or {}), **texts}
    if LAST_APPLIED in annotations_of(obj):
        kept = {name: text for name, text in annotations_of(obj).items() if name != LAST_APPLIED}
        result["metadata"] = {**obj["metadata"], "annotations": kept}
    return result


def redacted(manifest: Object) -> Object:
    """What may be remembered of an applied manifest: of a Secret its keys, which say what went."""
    manifest = folded(manifest)
    if manifest.get("kind") != "Secret" or not manifest.get("data"):
        return manifest
    return {**manifest, "data": dict.fromkeys(manifest["data"], REDACTED)}
