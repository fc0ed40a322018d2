"""Manifests: read from files, checked against Kubernetes' rules, written as kubectl writes them.

The one door of PyYAML, ruamel.yaml and the JSON Schema libraries; each is imported when first needed.
"""

from __future__ import annotations

from minikctl.manifests.loader import Document, load_files, parse
from minikctl.manifests.yaml_writer import dump_yaml

__all__ = ["Document", "dump_yaml", "load_files", "parse"]
