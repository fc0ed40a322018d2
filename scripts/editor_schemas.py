"""What editors need beside the schema of each kind: one schema for all of them, and a catalogue."""

from __future__ import annotations

import re
from typing import Any

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"


def place(api_version: str, kind: str) -> str:
    """Where the schema of a kind lies below data/."""
    return f"{api_version if '/' in api_version else f'core/{api_version}'}/{kind}.json"


def every_kind(names: list[tuple[str, str]]) -> Schema:
    """A document of any of these kinds, a List of them, or one of a kind that is not Kubernetes' own.

    By if/then, so that an editor tells what is wrong in the kind that was meant.
    """
    served: dict[str, list[str]] = {}
    for api_version, kind in names:
        served.setdefault(api_version, []).append(kind)
    groups = sorted({"extensions", *(name.partition("/")[0] for name in served if "/" in name)})
    pattern = f"^(({'|'.join(re.escape(group) for group in groups)})/.*|[^/.]*)$"
    return {
        "$schema": DRAFT,
        "title": "Kubernetes",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"type": "string", "anyOf": [{"enum": sorted(served)}, {}]},
            "kind": {"type": "string", "anyOf": [{"enum": sorted({kind for _, kind in names})}, {}]},
        },
        "allOf": [
            # A group of Kubernetes' own has no other versions than these.
            {
                "if": {"properties": {"apiVersion": {"pattern": pattern}}},
                "then": {"properties": {"apiVersion": {"enum": sorted(served)}}},
            },
            *(_one_version(api_version, kinds) for api_version, kinds in sorted(served.items())),
        ],
    }


def _one_version(api_version: str, kinds: list[str]) -> Schema:
    thens: list[Schema] = [
        {"if": {"properties": {"kind": {"const": kind}}}, "then": {"$ref": place(api_version, kind)}}
        for kind in kinds
    ]
    known = {"enum": kinds}
    if api_version == "v1":
        known = {"enum": [*kinds, "List"]}
        items: Schema = {"properties": {"items": {"type": "array", "items": {"$ref": "#"}}}}
        thens.append({"if": {"properties": {"kind": {"const": "List"}}}, "then": items})
    return {
        "if": {"required": ["apiVersion"], "properties": {"apiVersion": {"const": api_version}}},
        "then": {"properties": {"kind": known}, "allOf": thens},
    }


def catalogue(names: list[tuple[str, str]]) -> Schema:
    """SchemaStore's form, with addresses relative to it. Files go to the most stable version of a kind."""
    best: dict[str, str] = {}
    for api_version, kind in names:
        best[kind] = min(best.get(kind, api_version), api_version, key=_stability)
    schemas = [
        {
            "name": "Kubernetes manifests",
            "description": "Any document, by its apiVersion and kind",
            "fileMatch": [
                f"{folder}/**/*.{ending}"
                for folder in ("desired", "k8s", "kubernetes", "manifests")
                for ending in ("yaml", "yml")
            ],
            "url": "all.json",
        }
    ]
    for api_version, kind in names:
        word = kind.lower()
        entry: Schema = {
            "name": f"Kubernetes {kind} ({api_version})",
            "description": f"{kind} of {api_version}",
            "url": place(api_version, kind),
        }
        if best[kind] == api_version:
            stems = (word, f"*.{word}", f"*-{word}", f"{word}.*")
            entry["fileMatch"] = [f"{stem}.{ending}" for stem in stems for ending in ("yaml", "yml")]
        schemas.append(entry)
    return {"$schema": "https://json.schemastore.org/schema-catalog.json", "version": 1, "schemas": schemas}


def _stability(api_version: str) -> tuple[int, int, str]:
    """Smaller is better: v2 before v1 before betas and alphas; events.k8s.io after the core group."""
    group, _, version = api_version.rpartition("/")
    major, level = re.fullmatch(r"v(\d+)(?:(alpha|beta)\d+)?", version).groups()  # type: ignore[union-attr]
    return ((None, "beta", "alpha").index(level), -int(major) if group == "autoscaling" else 0, group)
