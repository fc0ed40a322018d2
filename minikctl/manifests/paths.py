"""Field paths: a tuple of steps in the code, text in the API server's form for people.

`("spec", "containers", 0, "image")` ↔ `spec.containers[0].image`; a key that is no identifier stands in
brackets: `metadata.labels[app.kubernetes.io/name]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

Path = tuple[str | int, ...]

_NAME = re.compile(r"[A-Za-z$_][A-Za-z0-9$_-]*\Z")
_INDEX = re.compile(r"[0-9]{1,9}\Z")
_STEP = re.compile(r"\[([^\]]*)\]|\.?([^.\[\]]+)")


def order_of(path: Path) -> tuple[tuple[bool, int, str], ...]:
    """What sorts paths as people count: the items of a list by their numbers, fields by their names."""
    return tuple((True, 0, step) if isinstance(step, str) else (False, step, "") for step in path)


def format_path(path: Iterable[str | int]) -> str:
    return "".join(map(_format_step, path)).removeprefix(".")


def _format_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _NAME.match(step):
        return f".{step}"
    # A message is one line, whatever somebody calls a field.
    return f"[{step}]" if step.isprintable() else f"[{json.dumps(step)}]"


def parse_path(text: str) -> Path:
    """What `format_path` wrote. Digits in brackets are an index."""
    return tuple(
        int(bracket) if _INDEX.match(bracket) else bracket or name for bracket, name in _STEP.findall(text)
    )
