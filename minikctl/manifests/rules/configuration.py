"""ConfigMaps and Secrets: their keys, their size, what a Secret of a type must hold, and what stays.

A Secret comes here as the server sees it: `stringData` has been merged into `data`. No message shows a value.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import (
    config_key_advice,
    forbidden,
    invalid,
    required,
    show,
    too_long,
)
from minikctl.manifests.rules.rule import Rule, UpdateRule
from minikctl.model import Object

_CONFIG_MAP = frozenset({"ConfigMap"})
_SECRET = frozenset({"Secret"})
_LARGEST = 1024 * 1024
_ACCOUNT_NAME = "kubernetes.io/service-account.name"
_ACCOUNT_TOKEN = "kubernetes.io/service-account-token"
# Type → the keys that must all be there.
_NEEDED = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_JSON_TYPES = ("kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson")
_FROZEN = "field is immutable when `immutable` is set"


def config_map(obj: Object) -> Iterator[FieldProblem]:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    for key in data:
        if problem := config_key_advice(key):
            yield invalid(f"data[{key}]", key, problem)
        if key in binary:
            yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    for key in binary:
        if problem := config_key_advice(key):
            yield invalid(f"binaryData[{key}]", key, problem)
    size = sum(len(value.encode(errors="surrogatepass")) for value in data.values())
    if size + _size(binary) > _LARGEST:
        # It is about the whole object.
        yield too_long("", _LARGEST)


def secret(obj: Object) -> Iterator[FieldProblem]:
    data = obj.get("data") or {}
    for key in data:
        if problem := config_key_advice(key):
            yield invalid(f"data[{key}]", key, problem)
    if _size(data) > _LARGEST:
        yield too_long("data", _LARGEST)
    yield from _needs_of_type(obj, obj.get("type", ""), data)


def _size(data: dict[str, Any]) -> int:
    """Of the bytes that the base64 stands for."""
    return sum(len(value) // 4 * 3 - value[-2:].count("=") for value in data.values())


def _needs_of_type(obj: Object, kind: str, data: dict[str, str]) -> Iterator[FieldProblem]:
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    if kind == _ACCOUNT_TOKEN and not annotations.get(_ACCOUNT_NAME):
        yield required(f"metadata.annotations[{_ACCOUNT_NAME}]")
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        yield required("data[username]")
        yield required("data[password]")
    if kind == "kubernetes.io/ssh-auth" and not data.get("ssh-privatekey"):
        yield required("data[ssh-privatekey]")
    for key in _NEEDED.get(kind, ()):
        if key not in data:
            yield required(f"data[{key}]")
        elif kind in _JSON_TYPES and not _is_json_object(data[key]):
            yield invalid(f"data[{key}]", "<secret contents redacted>", "must be a JSON object")


def _is_json_object(encoded: str) -> bool:
    from base64 import b64decode

    text = b64decode(encoded).decode(errors="replace")
    try:
        found = json.loads(text, parse_constant=_finite, parse_int=_finite, parse_float=_finite)
    except ValueError:
        return False
    except RecursionError:  # Go reads deeper than Python does
        return True
    return found is None or isinstance(found, dict)


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"no number of JSON: {show(number)}")
    return value


def frozen(old: Object, new: Object) -> Iterator[FieldProblem]:
    """ConfigMap and Secret."""
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield forbidden("immutable", _FROZEN)
    for name in ("data", "binaryData"):
        if (old.get(name) or {}) != (new.get(name) or {}):
            yield forbidden(name, _FROZEN)


def secret_type(old: Object, new: Object) -> Iterator[FieldProblem]:
    if old.get("type") != new.get("type"):
        yield invalid("type", new.get("type"), "field is immutable")


RULES = (
    Rule(
        "config-map", "keys are file names, used once, and all values fit into 1 MiB", config_map, _CONFIG_MAP
    ),
    Rule(
        "secret",
        "keys are file names, all values fit into 1 MiB, and the type's keys are there",
        secret,
        _SECRET,
    ),
    UpdateRule("secret-type", "the type stays", secret_type, _SECRET),
    UpdateRule("immutable-data", "what was made immutable stays", frozen, _CONFIG_MAP | _SECRET),
)
