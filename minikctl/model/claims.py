"""PersistentVolumeClaims and the engine's volumes behind them."""

from __future__ import annotations

from minikctl.model import Object, spec_of, status_of

DEFAULT_CLASS = "standard"
"""The StorageClass of claims that name none; it is there without being declared, as in kind."""


def volume_name(cluster_id: str, namespace: str, claim: str) -> str:
    """The engine's volume behind a claim: it is found again after everything else was forgotten. No name in
    Kubernetes has an underscore, so that no two claims have one volume."""
    return f"minikctl_{cluster_id[:8]}_{namespace}_{claim}"


def is_bound(claim: Object) -> bool:
    return status_of(claim).get("phase") == "Bound"


def class_name(claim: Object) -> str:
    """ "" asks for no class at all."""
    name: str = spec_of(claim).get("storageClassName", DEFAULT_CLASS)
    return name
