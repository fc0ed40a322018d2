"""Kubernetes' schemas of all its built-in kinds, and how their lists and maps merge.

Generated from upstream's OpenAPI by scripts/generate_schemas.py. Rules:
- `load` reads one small file, once; `merge_keys` reads no schema at all.
- The schemas say what Kubernetes' decoder says: types and unknown fields. Null is allowed everywhere, as the
  decoder takes it for absent. What values mean is for `minikctl.manifests.rules`.
- Descriptions, enums and `required` are there for people: editors take the files as they are, `explain` reads
  them. A server decodes an object whatever they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import json

_FOLDER = Path(__file__).parent


class MergeRule(NamedTuple):
    """How one list or map merges.

    `patch_strategy` and `patch_merge_key` drive strategic merge (`("merge",)`, `("retainKeys",)`,
    `("merge", "retainKeys")`; `()` is replace). `structure` (`map`, `set`, `atomic`, `granular`) and
    `list_map_keys` drive server-side apply.
    """

    patch_strategy: tuple[str, ...]
    patch_merge_key: str | None
    structure: str | None
    list_map_keys: tuple[str, ...]


class KindInfo(NamedTuple):
    """One kind of Kubernetes' built-in groups."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    short_names: tuple[str, ...] = ()


@cache
def load(api_version: str, kind: str) -> dict[str, Any]:
    """The JSON Schema (draft-07) of a kind. It is shared: do not change it.

    :raises KeyError: there is none for that kind.
    """
    schema: dict[str, Any] = json.decode(path(api_version, kind).read_bytes())
    return schema


def path(api_version: str, kind: str) -> Path:
    """The file with the schema of a kind.

    :raises KeyError: there is none for that kind.
    """
    if (api_version, kind) not in kinds():
        raise KeyError(f"{api_version}/{kind}")
    folder = api_version if "/" in api_version else f"core/{api_version}"
    return _FOLDER / "data" / folder / f"{kind}.json"


def path_of_all() -> Path:
    """The file with one schema for documents of any kind; `catalog.json` lies beside it."""
    return _FOLDER / "data" / "all.json"


@cache
def kinds() -> Mapping[tuple[str, str], KindInfo]:
    """The kinds that `load` knows, by apiVersion and kind."""
    found = {}
    for name, facts in json.decode((_FOLDER / "kinds.json").read_bytes()).items():
        api_version, _, kind = name.rpartition("/")
        short_names = tuple(facts.get("short", ()))
        found[api_version, kind] = KindInfo(
            api_version, kind, facts["plural"], facts["namespaced"], short_names
        )
    return found


@cache
def merge_keys(kind: str) -> dict[str, MergeRule]:
    """Dotted path (`spec.template.spec.containers.ports`; list items left out, `*` for the keys of a map) →
    rule, for every field that has one; empty for a kind that is not known. It is shared: do not change it."""
    if all(name != kind for _, name in kinds()):
        return {}
    try:
        text = (_FOLDER / "merge" / f"{kind}.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    return {
        path: MergeRule(tuple(strategy), key, structure, tuple(keys))
        for path, (strategy, key, structure, keys) in json.decode(text).items()
    }
