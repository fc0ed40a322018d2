"""Manifests: read from files, checked against Kubernetes' rules, written as kubectl writes them.

The one door of PyYAML and the JSON Schema libraries; each is imported when first needed. The names below are
looked up on first use too, so that a command pays only for what it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minikctl.manifests.checks import check
    from minikctl.manifests.fidelity import FieldFidelity, fidelity_of, unhandled
    from minikctl.manifests.loader import Document, load_files, parse
    from minikctl.manifests.validation import validate, validate_update
    from minikctl.manifests.yaml_editor import edit_yaml
    from minikctl.manifests.yaml_writer import dump_yaml

__all__ = [
    "Document",
    "FieldFidelity",
    "check",
    "dump_yaml",
    "edit_yaml",
    "fidelity_of",
    "load_files",
    "parse",
    "unhandled",
    "validate",
    "validate_update",
]

_HOMES = {
    "Document": "loader",
    "FieldFidelity": "fidelity",
    "check": "checks",
    "dump_yaml": "yaml_writer",
    "edit_yaml": "yaml_editor",
    "fidelity_of": "fidelity",
    "load_files": "loader",
    "parse": "loader",
    "unhandled": "fidelity",
    "validate": "validation",
    "validate_update": "validation",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
