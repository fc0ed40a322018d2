"""Streams of JSON, one value per line, as engines send their events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any


def json_lines(chunks: Iterable[bytes]) -> Iterator[Any]:
    """The value of each whole line."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (json.loads(line) for line in whole if line.strip())
