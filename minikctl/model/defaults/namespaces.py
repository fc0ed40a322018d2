"""Namespaces."""

from __future__ import annotations

from minikctl.model.defaults.compaction import Fields
from minikctl.model.defaults.pods import spec_in


def _default_namespace(obj: Fields) -> None:
    metadata = obj.setdefault("metadata", {})
    if name := metadata.get("name"):
        metadata.setdefault("labels", {})["kubernetes.io/metadata.name"] = name
    if "deletionTimestamp" not in metadata:
        spec_in(obj).setdefault("finalizers", ["kubernetes"])


DEFAULTS = {"Namespace": _default_namespace}
