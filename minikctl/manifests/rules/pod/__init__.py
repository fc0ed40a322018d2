"""The rules on a pod's spec: its own fields, its containers, its volumes; and on the change of a Pod."""

from __future__ import annotations

from minikctl.manifests.rules.pod import changes, containers, ports, resources, spec, volumes
from minikctl.manifests.rules.rule import AnyRule

RULES: tuple[AnyRule, ...] = (
    *containers.RULES,
    *ports.RULES,
    *resources.RULES,
    *spec.RULES,
    *volumes.RULES,
    *changes.RULES,
)
