"""Typed views of Ingresses and their classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikctl.model import Object, annotations_of, spec_of

CONTROLLER = "minikctl.io/ingress"
"""What an IngressClass names that wants its Ingresses to be served here."""
OWN_CLASS = "minikctl"
CLASS_ANNOTATION = "kubernetes.io/ingress.class"


def class_of(ingress: Object) -> str:
    """The name of its class, also where the old annotation has it; "" for none."""
    name: str = spec_of(ingress).get("ingressClassName") or annotations_of(ingress).get(CLASS_ANNOTATION, "")
    return name


def rules_of(ingress: Object) -> list[dict[str, Any]]:
    return spec_of(ingress).get("rules") or []


def tls_of(ingress: Object) -> list[dict[str, Any]]:
    return spec_of(ingress).get("tls") or []


def paths_of(rule: dict[str, Any]) -> list[dict[str, Any]]:
    return (rule.get("http") or {}).get("paths") or []


def backends_of(ingress: Object) -> Iterator[dict[str, Any]]:
    """All of them, the default one first."""
    if default := spec_of(ingress).get("defaultBackend"):
        yield default
    for rule in rules_of(ingress):
        for entry in paths_of(rule):
            yield entry.get("backend") or {}


def service_names(ingress: Object) -> set[str]:
    return {one["service"]["name"] for one in backends_of(ingress) if one.get("service")}


def secret_names(ingress: Object) -> set[str]:
    return {one["secretName"] for one in tls_of(ingress) if one.get("secretName")}


def is_host_of(host: str, pattern: str) -> bool:
    """Whether a host (or a wildcard) is what a pattern names; `*.a.b` names `x.a.b`, not `x.y.a.b`."""
    is_wild = pattern.startswith("*.") and not host.startswith("*.")
    return host == pattern or (is_wild and host.partition(".")[2] == pattern[2:])
