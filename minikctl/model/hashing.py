"""Hashes that name things: short, stable over processes and versions of Python."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_SAFE = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' alphabet for generated names: no vowels, so no words."""


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def spec_hash(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()[:16]


def template_hash(template: dict[str, Any], collisions: int = 0) -> str:
    """The `pod-template-hash` of a pod template: up to ten safe characters, as upstream makes it.

    The number behind it is our own (upstream hashes a dump of Go structs); nothing relies on its value.
    """
    data = canonical(template) + (b"%d" % collisions if collisions else b"")
    number = int.from_bytes(hashlib.sha256(data).digest()[:4], "big")
    return "".join(_SAFE[int(digit) % len(_SAFE)] for digit in str(number))


def safe_suffix(number: int, length: int = 5) -> str:
    """`length` safe characters from a (random) number: what generateName appends."""
    letters = []
    for _ in range(length):
        number, index = divmod(number, len(_SAFE))
        letters.append(_SAFE[index])
    return "".join(letters)


def derived_uid(owner_uid: str, name: str) -> str:
    """The uid of what is made again for an owner under this name: always the same one."""
    text = hashlib.sha256(f"{owner_uid}/{name}".encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"
