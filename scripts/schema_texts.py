"""What people are told of fields: our own texts, from schemas/minikctl_schemas/descriptions."""

from __future__ import annotations

import tomllib
from pathlib import Path


class Texts:
    """What descriptions/*.toml say: one file for each of Kubernetes' API packages (`core.v1.toml`), in it a
    table for each definition, with a text for each field and under `_` for the definition itself.

    `common.toml` speaks of fields that mean the same wherever they stand; `enums.toml` has the values that a
    field may take. A table `X._like = "Y"` takes what it lacks from Y.
    """

    def __init__(self, folder: Path) -> None:
        read = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.toml")}
        self.common: dict[str, str] = read.pop("common")
        self.enums: dict[str, dict[str, list[str]]] = read.pop("enums")
        self.tables: dict[str, dict[str, str]] = {
            f"{package}.{name}": table for package, tables in read.items() for name, table in tables.items()
        }

    def field(self, definition: str, name: str) -> str:
        """The text of one field of a definition (`io.k8s.api.core.v1.Pod`); empty where there is none."""
        table = self.tables.get(_package(definition))
        if table is None:
            return self.common[name] if name in ("apiVersion", "kind", "metadata") else ""
        like = table.get("_like", "")
        return table.get(name) or (self.field(like, name) if like else self.common.get(name, ""))

    def enum(self, definition: str, name: str) -> list[str]:
        like = self.tables.get(_package(definition), {}).get("_like", "")
        found = self.enums.get(_package(definition), {}).get(name, [])
        return found or (self.enum(like, name) if like else [])


def _package(definition: str) -> str:
    """`core.v1.Pod` of `io.k8s.api.core.v1.Pod`, `meta.v1.ObjectMeta` of apimachinery's."""
    return ".".join(definition.split(".")[-3:])
