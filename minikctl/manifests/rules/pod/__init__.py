"""The rules on a pod's spec: its own fields, its containers, its volumes; and on the change of a Pod."""

from __future__ import annotations

from minikctl.manifests.rules.pod import (
    annotated,
    changes,
    containers,
    environment,
    handlers,
    placement,
    ports,
    resources,
    security,
    spec,
    volumes,
)
from minikctl.manifests.rules.rule import AnyRule

RULES: tuple[AnyRule, ...] = (
    *volumes.RULES,
    *containers.RULES,
    *ports.RULES,
    *environment.RULES,
    *resources.RULES,
    *handlers.RULES,
    *security.RULES,
    *spec.RULES,
    *placement.RULES,
    *annotated.RULES,
    *changes.RULES,
)
