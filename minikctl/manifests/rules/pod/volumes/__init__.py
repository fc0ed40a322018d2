"""Volumes: one source each, with what the source needs; and how containers use them."""

from __future__ import annotations

from minikctl.manifests.rules.pod.volumes import mounts, names
from minikctl.manifests.rules.rule import AnyRule

RULES: tuple[AnyRule, ...] = (*names.RULES, *mounts.RULES)
