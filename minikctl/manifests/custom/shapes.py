"""What has the expected shape, or nothing of it: definitions are read also where they are refused."""

from __future__ import annotations

from typing import Any


def as_map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def as_texts(value: Any) -> dict[str, str]:
    """A map of labels or annotations; null is an empty text."""
    return {key: text or "" for key, text in as_map(value).items()}
