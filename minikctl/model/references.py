"""What a pod refers to by name in its own namespace: ConfigMaps, Secrets, claims."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from minikctl.model import Object, ObjectKey, name_of, namespace_of, spec_of


class Reference(Struct, frozen=True):
    kind: str
    name: str


def references(pod: Object) -> tuple[Reference, ...]:
    """Each once, in the pod's order; whether it can do without (`optional`) is not asked."""
    spec = spec_of(pod)
    if not _may_refer(spec):
        return ()
    return tuple(dict.fromkeys(_references(pod, spec)))


def template_references(template: dict[str, Any]) -> tuple[Reference, ...]:
    """Of a template of pods: ConfigMaps and Secrets, which do not depend on the pod's name."""
    found = references({"metadata": {"name": ""}, "spec": template.get("spec") or {}})
    return tuple(one for one in found if one.kind in ("ConfigMap", "Secret"))


def claim_name(pod_name: str, volume: dict[str, Any]) -> str | None:
    """The claim behind a pod's volume; None where the volume is none. A generic ephemeral volume's claim is
    named after the pod and the volume."""
    if "persistentVolumeClaim" in volume:
        found: str = volume["persistentVolumeClaim"]["claimName"]
        return found
    return f"{pod_name}-{volume['name']}" if "ephemeral" in volume else None


def _may_refer(spec: dict[str, Any]) -> bool:
    """Most pods refer to nothing: that is found out fast."""
    if spec.get("volumes") or spec.get("imagePullSecrets"):
        return True
    containers = (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
    return any(one.get("env") or one.get("envFrom") for one in containers)


def _references(pod: Object, spec: dict[str, Any]) -> Iterator[Reference]:
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        yield from _of_environment(container)
    for volume in spec.get("volumes") or ():
        yield from _of_volume(volume)
        claim = claim_name(name_of(pod), volume)
        if claim is not None:
            yield Reference("PersistentVolumeClaim", claim)
    for secret in spec.get("imagePullSecrets") or ():
        if secret.get("name"):
            yield Reference("Secret", secret["name"])


def _of_environment(container: dict[str, Any]) -> Iterator[Reference]:
    sources = [one.get("valueFrom") or {} for one in container.get("env") or ()]
    for source in (*sources, *(container.get("envFrom") or ())):
        for field, kind in (
            ("configMapKeyRef", "ConfigMap"),
            ("configMapRef", "ConfigMap"),
            ("secretKeyRef", "Secret"),
            ("secretRef", "Secret"),
        ):
            if field in source:
                yield Reference(kind, source[field].get("name", ""))


def _of_volume(volume: dict[str, Any]) -> Iterator[Reference]:
    if "configMap" in volume:
        yield Reference("ConfigMap", volume["configMap"].get("name", ""))
    if "secret" in volume:
        yield Reference("Secret", volume["secret"].get("secretName", ""))
    for source in (volume.get("projected") or {}).get("sources") or ():
        if "configMap" in source:
            yield Reference("ConfigMap", source["configMap"].get("name", ""))
        if "secret" in source:
            yield Reference("Secret", source["secret"].get("name", ""))


def claims_of(pod: Object) -> list[ObjectKey]:
    """The claims that a pod mounts."""
    place = namespace_of(pod)
    found = (one for one in references(pod) if one.kind == "PersistentVolumeClaim")
    return [ObjectKey(one.kind, place, one.name) for one in found]
