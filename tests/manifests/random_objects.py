"""Objects that a schema would nearly let through, and damaged bytes: the same for the same `Random`.

An object has the right types nearly everywhere, so that the rules are reached, and odd values in the rest.
"""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import minikctl_schemas

from minikctl.model import Object

_TEXTS = (
    "", "a", "web", "a-b", "A_B", "a.b/c", "-", "1", "0", "80", "80%", "100m", "1Gi", "-1", "1e99999",
    "10.0.0.1", "::1", "10.0.0.0/8", "/data", "../x", "/", "nginx:1", "$(A)", "*/5 * * * *", "@daily",
    "Always", "ClusterIP", "None", "TCP", "2026-01-02T03:04:05Z", "2026-13-45", "a" * 64, "a" * 254, "é",
    "😀", "\x00", "a\nb", "\u2028", "\ud83d", "٣", "x=y", "[", "{", "%", "k8s.io", "kubernetes.io/x",
    "object.spec > 0", "metadata.name", "true", "null", "~", "http://a.b/c", "In", "*",
)  # fmt: skip
_INTEGERS = (0, 1, -1, 2, 10, 80, 65535, 65536, 2**31 - 1, 2**31, -(2**31), 2**53, 2**63 - 1, -(2**63))
_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e300, 2.0**63, 2**64, "", "x", "\n", [], {}, [None], [[]], [{}],
    {"": None}, {"a": {}}, {"matchLabels": None}, [{"name": None}], {"a\nb": 1}, {"x]": [0]}, "9" * 5000,
    {"9" * 5000: 1},
)  # fmt: skip
_BYTES = (
    b"---\n", b"\n", b" ", b"\t", b": ", b"- ", b"? ", b"&a ", b"*a", b"<<: ", b"!!binary ", b"!!int ",
    b"|\n", b">-\n", b'"', b"'", b"{", b"}", b"[", b"]", b",", b"#", b"%YAML 1.2\n", b"...\n",
    b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\xff", b"\r", b"\xe2\x80\xa8", b"\xc2\x85", b"0x", b"1e400",
    b".nan", b"~", b"null", b"yes", b"\\ud83d", b"kind: List\nitems:\n", b"items: [", b"@", b"`",
    b"\x1b[31m",
)  # fmt: skip


def near_object(random: Random, kind: tuple[str, str], depth: int = 9) -> Object:
    """An object of `kind` with some of the fields that its schema knows."""
    schema = minikctl_schemas.load(*kind)
    found = _value(random, schema, schema["definitions"], depth)
    odd = found if isinstance(found, dict) else {}
    odd |= {"apiVersion": kind[0], "kind": kind[1]}
    if random.random() < 0.9:
        odd["metadata"] = {"name": random.choice(("web", "a-b", "A", ""))} | _dict(odd.get("metadata"))
    return odd


def damaged(random: Random, obj: Object) -> Object:
    """`obj` with a few odd values, lost fields and strange ones."""
    obj = copy.deepcopy(obj)
    for _ in range(random.randint(1, 3)):
        parent: Any = obj
        while True:
            places: list[Any] = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
            if not places:
                break
            step = random.choice(places)
            below = parent[step]
            if step in ("apiVersion", "kind") and random.random() < 0.9:
                break  # everything else would not be looked at
            if isinstance(below, dict | list) and random.random() < 0.8:
                parent = below
                continue
            _damage(random, parent, step)
            break
    return obj


def damaged_bytes(random: Random, data: bytes) -> bytes:
    mutated = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        place = random.randrange(len(mutated) + 1)
        end = place + random.choice((0, 0, 1, 1, 2, 5, 30))
        piece = (
            random.choice(_BYTES) if random.random() < 0.7 else random.choice(_TEXTS).encode(errors="replace")
        )
        if random.random() < 0.1:
            start = random.randrange(len(mutated) + 1)
            piece = bytes(mutated[start : start + random.randint(0, 200)])
        mutated[place:end] = piece
    return bytes(mutated)


def _damage(random: Random, parent: Any, step: Any) -> None:
    choice = random.random()
    if choice < 0.25:
        del parent[step]
    elif choice < 0.3 and isinstance(parent, dict):
        parent[random.choice(_TEXTS)] = copy.deepcopy(random.choice(_ODD))
    elif choice < 0.4 and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[step]))
    elif choice < 0.5:
        parent[step] = copy.deepcopy(random.choice(_ODD))
    else:
        parent[step] = random.choice(_TEXTS) if isinstance(parent[step], str) else random.choice(_INTEGERS)


def _value(random: Random, schema: dict[str, Any], definitions: dict[str, Any], depth: int) -> Any:
    if random.random() < 0.004:
        return copy.deepcopy(random.choice(_ODD))
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if "enum" in schema:
        return random.choice(schema["enum"])
    types = schema.get("type", ["string"])
    wanted = [one for one in ([types] if isinstance(types, str) else types) if one != "null"]
    kind = random.choice(wanted)
    if kind == "object":
        return _map(random, schema, definitions, depth - 1)
    if kind == "array":
        items = schema.get("items", {})
        count = random.choice((0, 1, 1, 2, 3)) if depth > 0 else 0
        return [_value(random, items, definitions, depth - 1) for _ in range(count)]
    if kind == "string":
        return random.choice(_TEXTS)
    return random.random() < 0.5 if kind == "boolean" else random.choice(_INTEGERS)


def _map(random: Random, schema: dict[str, Any], definitions: dict[str, Any], depth: int) -> Object:
    if depth <= 0:
        return {}
    properties = schema.get("properties", {})
    needed = set(schema.get("required", ()))
    share = min(0.5, 4 / (len(properties) or 1))
    found = {
        name: _value(random, one, definitions, depth)
        for name, one in properties.items()
        if name in needed or random.random() < share
    }
    free = schema.get("additionalProperties")
    if isinstance(free, dict):
        for _ in range(random.randint(0, 2)):
            found[random.choice(_TEXTS)] = _value(random, free, definitions, depth)
    return found


def _dict(value: Any) -> Object:
    return value if isinstance(value, dict) else {}
