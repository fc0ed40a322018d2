"""Generate schemas/minikctl_schemas from the schemas that the package `kubernetes-validate` carries.

    python scripts/generate_schemas.py [--from FOLDER]

Run where `kubernetes-validate` is installed (it is large, so nothing depends on it), or give the folder of
its `kubernetes-json-schema`. Written are, for the newest Kubernetes there:
- data/GROUP/VERSION/KIND.json (the core group is `core`): one self-contained JSON Schema for each kind of
  Kubernetes' built-in groups. Without descriptions; strict about unknown fields; every field may be null, as
  Kubernetes' decoder has it; 32-bit integers bounded; quantities, times and base64 with their patterns.
- kinds.json: those kinds, with their plural and whether they live in namespaces.
- merge/KIND.json: how lists and maps merge, one flat table a kind, so that merging reads no schema.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import shutil
from pathlib import Path
from typing import Any

from editor_schemas import DRAFT, catalogue, every_kind, place
from schema_texts import Texts

Schema = dict[str, Any]

TARGET = Path(__file__).resolve().parent.parent / "schemas" / "minikctl_schemas"
CORE, APPS, BATCH = "io.k8s.api.core.v1", "io.k8s.api.apps.v1", "io.k8s.api.batch.v1"
MERGED = {
    "ConfigMap": CORE,
    "CronJob": BATCH,
    "DaemonSet": APPS,
    "Deployment": APPS,
    "Event": CORE,
    "Job": BATCH,
    "Namespace": CORE,
    "Node": CORE,
    "Pod": CORE,
    "ReplicaSet": APPS,
    "ReplicationController": CORE,
    "Secret": CORE,
    "Service": CORE,
    "StatefulSet": APPS,
}
# Nobody writes one of these down: they are answers, and what is sent to a part of another object.
NOT_STORED = {
    "Binding",
    "ComponentStatus",
    "DeleteOptions",
    "Eviction",
    "Scale",
    "Status",
    "TokenRequest",
    "WatchEvent",
}
# The API definition of a kind does not say this (only the paths do, which the package leaves out).
CLUSTER_SCOPED = {
    "APIService",
    "CSIDriver",
    "CSINode",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterTrustBundle",
    "CustomResourceDefinition",
    "DeviceClass",
    "DeviceTaintRule",
    "FlowSchema",
    "IPAddress",
    "IngressClass",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "ResourcePoolStatusRequest",
    "ResourceSlice",
    "RuntimeClass",
    "SelfSubjectAccessReview",
    "SelfSubjectReview",
    "SelfSubjectRulesReview",
    "ServiceCIDR",
    "StorageClass",
    "StorageVersion",
    "StorageVersionMigration",
    "SubjectAccessReview",
    "TokenReview",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
    "VolumeAttributesClass",
}
SHORT_NAMES = {
    "CertificateSigningRequest": ["csr"],
    "ConfigMap": ["cm"],
    "CronJob": ["cj"],
    "CustomResourceDefinition": ["crd", "crds"],
    "DaemonSet": ["ds"],
    "Deployment": ["deploy"],
    "Endpoints": ["ep"],
    "Event": ["ev"],
    "HorizontalPodAutoscaler": ["hpa"],
    "IPAddress": ["ip"],
    "Ingress": ["ing"],
    "LimitRange": ["limits"],
    "Namespace": ["ns"],
    "NetworkPolicy": ["netpol"],
    "Node": ["no"],
    "PersistentVolume": ["pv"],
    "PersistentVolumeClaim": ["pvc"],
    "Pod": ["po"],
    "PodDisruptionBudget": ["pdb"],
    "PriorityClass": ["pc"],
    "ReplicaSet": ["rs"],
    "ReplicationController": ["rc"],
    "ResourceQuota": ["quota"],
    "Service": ["svc"],
    "ServiceAccount": ["sa"],
    "StatefulSet": ["sts"],
    "StorageClass": ["sc"],
    "VolumeAttributesClass": ["vac"],
}
DROPPED = {"description", "default"}
QUANTITY = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]+)?$"
TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"
# As Go's decoder has it: line breaks anywhere, and no look at the bits that are left over.
BASE64 = (
    r"^[\r\n]*(([A-Za-z0-9+/][\r\n]*){4})*"
    r"(([A-Za-z0-9+/][\r\n]*){2}(=[\r\n]*){2}|([A-Za-z0-9+/][\r\n]*){3}=[\r\n]*)?$"
)
INT32 = {"minimum": -(2**31), "maximum": 2**31 - 1}
INT64 = {"minimum": -(2**63), "maximum": 2**63 - 1}
SPECIAL: dict[str, Schema] = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "type": ["string", "integer", "null"],
        "format": "int-or-string",
        **INT32,
    },
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {
        "type": ["string", "number", "null"],
        "format": "quantity",
        "pattern": QUANTITY,
    },
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": {
        "type": ["string", "null"],
        "format": "date-time",
        "pattern": TIME,
    },
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": {
        "type": ["string", "null"],
        "format": "date-time",
        "pattern": TIME,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--from", dest="folder", type=Path, help="kubernetes_validate/kubernetes-json-schema")
    folder = parser.parse_args().folder or _installed()
    version, definitions = _newest(folder)
    for folder_name in ("data", "merge"):
        shutil.rmtree(TARGET / folder_name, ignore_errors=True)
    texts = Texts(TARGET / "descriptions")
    kinds = sorted(stored_kinds(definitions).items())
    for (api_version, kind), definition in kinds:
        schema = self_contained(definitions, definition, texts)
        for name, value in (("apiVersion", api_version), ("kind", kind)):
            schema["properties"][name] |= {"type": "string", "enum": [value]}
        head = {"$schema": DRAFT, "title": f"{kind} {api_version}"}
        _write(TARGET / "data" / place(api_version, kind), head | schema)
    names = [name for name, _ in kinds]
    _write(TARGET / "data" / "all.json", every_kind(names))
    _write(TARGET / "data" / "catalog.json", catalogue(names), indent=1)
    _write(TARGET / "kinds.json", {f"{api_version}/{kind}": facts(kind) for api_version, kind in names})
    for kind, package in MERGED.items():
        _write(TARGET / "merge" / f"{kind}.json", merge_table(definitions, f"{package}.{kind}"))
    (TARGET / "VERSION").write_text(f"{version}\n")


def facts(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {"plural": plural(kind), "namespaced": kind not in CLUSTER_SCOPED}
    return found | ({"short": SHORT_NAMES[kind]} if kind in SHORT_NAMES else {})


def stored_kinds(definitions: dict[str, Schema]) -> dict[tuple[str, str], str]:
    """apiVersion and kind → definition, for what people can write down and a server would keep."""
    found = {}
    for name, definition in definitions.items():
        names = definition.get("x-kubernetes-group-version-kind", ())
        if len(names) != 1 or "metadata" not in definition.get("properties", {}):
            continue
        group, version, kind = names[0]["group"], names[0]["version"], names[0]["kind"]
        if kind.endswith("List") or kind in NOT_STORED:
            continue
        found[f"{group}/{version}" if group else version, kind] = name
    return found


def plural(kind: str) -> str:
    word = kind.lower()
    if word == "endpoints":
        return word
    if word.endswith(("s", "x")):
        return f"{word}es"
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def _write(path: Path, value: Any, indent: int | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def _installed() -> Path:
    spec = importlib.util.find_spec("kubernetes_validate")
    if spec is None or spec.origin is None:
        raise SystemExit("kubernetes-validate is not installed; give its folder with --from")
    return Path(spec.origin).parent / "kubernetes-json-schema"


def _newest(folder: Path) -> tuple[str, dict[str, Schema]]:
    def number(path: Path) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", path.name))

    newest = max(folder.glob("v*-local-strict"), key=number)
    definitions: dict[str, Schema] = json.loads((newest / "_definitions.json").read_text())["$defs"]
    return newest.name.removesuffix("-local-strict").removeprefix("v"), definitions


# --- schemas --------------------------------------------------------------------------------------


def self_contained(definitions: dict[str, Schema], root: str, texts: Texts) -> Schema:
    """The schema of `root` with all that it refers to under `definitions`, by short names."""
    names: dict[str, str] = {}
    bodies: dict[str, Schema] = {}

    def refer(name: str) -> Schema:
        if name not in names:
            names[name] = _short(name, set(names.values()))
            bodies[names[name]] = SPECIAL[name] if name in SPECIAL else define(name)
        return {"$ref": f"#/definitions/{names[name]}"}

    def define(name: str) -> Schema:
        schema: Schema = clean(definitions[name])
        for field, member in schema.get("properties", {}).items():
            _tell(member, texts.field(name, field), texts.enum(name, field))
        _tell(schema, texts.field(name, "_"), [])
        return schema

    def clean(schema: Any) -> Any:
        if isinstance(schema, list):
            return [clean(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            return refer(_referred(schema))
        kept = {key: value for key, value in schema.items() if key not in DROPPED and key[:2] != "x-"}
        return _strict({key: _clean_member(key, value) for key, value in kept.items()})

    def _clean_member(key: str, value: Any) -> Any:
        if key == "properties":
            return {name: clean(member) for name, member in value.items()}
        return clean(value)

    result = define(root)
    return {**result, "type": "object", "definitions": dict(sorted(bodies.items()))}


def _tell(schema: Schema, description: str, enum: list[str]) -> None:
    """Adds what people are told. Null and the empty string stand for an absent value, as in Go."""
    if description:
        schema["description"] = description
    if enum:
        empty = [] if "" in enum or "items" in schema else [""]
        schema.get("items", schema)["enum"] = [*enum, *empty, None]


def _strict(schema: Schema) -> Schema:
    kind = schema.get("type")
    if schema.get("format") == "byte":
        return _bytes(schema)
    if isinstance(kind, str):
        schema["type"] = [kind, "null"]
    if "properties" in schema:
        schema["additionalProperties"] = False
    types = schema.get("type", ())
    if "integer" in types:
        schema |= INT32 if schema.get("format") == "int32" else INT64
    return schema


def _bytes(schema: Schema) -> Schema:
    """Base64, or (so has it Go's decoder) a list of the bytes."""
    byte = {"type": ["integer", "null"], "minimum": 0, "maximum": 255}
    return {**schema, "type": ["string", "array", "null"], "pattern": BASE64, "items": byte}


def _referred(schema: Schema) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _short(name: str, taken: set[str]) -> str:
    parts = name.split(".")
    short = parts[-1]
    while short in taken:
        parts.pop()
        short = f"{parts[-1]}.{short}"
    return short


# --- merge keys -----------------------------------------------------------------------------------

Rule = tuple[tuple[str, ...], str | None, str | None, tuple[str, ...]]


def merge_table(definitions: dict[str, Schema], root: str) -> dict[str, Rule]:
    """Dotted path (list items left out, `*` for a map's keys) → rule, for fields that have one."""
    table: dict[str, Rule] = {}

    def walk(schema: Schema, path: tuple[str, ...], above: tuple[str, ...]) -> None:
        rule = _rule(schema)
        if "$ref" in schema:
            name = _referred(schema)
            if name in above:
                return
            schema, above = definitions[name], (*above, name)
        rule = rule or _rule(schema)
        if path and rule:
            table[".".join(path)] = rule
        for name, member in schema.get("properties", {}).items():
            walk(member, (*path, name), above)
        if "items" in schema:
            walk_items(schema["items"], path, above)
        if isinstance(schema.get("additionalProperties"), dict):
            walk(schema["additionalProperties"], (*path, "*"), above)

    def walk_items(items: Schema, path: tuple[str, ...], above: tuple[str, ...]) -> None:
        name = _referred(items) if "$ref" in items else ""
        if name in above:
            return
        for member_name, member in definitions.get(name, items).get("properties", {}).items():
            walk(member, (*path, member_name), (*above, name))

    walk({"$ref": root}, (), ())
    return dict(sorted(table.items()))


def _rule(schema: Schema) -> Rule | None:
    strategy = schema.get("x-kubernetes-patch-strategy")
    structure = schema.get("x-kubernetes-list-type") or schema.get("x-kubernetes-map-type")
    if strategy is None and structure is None:
        return None
    return (
        tuple(strategy.split(",")) if strategy else (),
        schema.get("x-kubernetes-patch-merge-key"),
        structure,
        tuple(schema.get("x-kubernetes-list-map-keys", ())),
    )


if __name__ == "__main__":
    main()
