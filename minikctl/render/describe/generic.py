"""`kubectl describe` of kinds that have no description of their own: all of the object, in words.

Field names are split where a capital letter begins a word, as kubectl does it; maps are indented, those of
lists come one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from minikctl.model import Object, annotations_of, labels_of, name_of
from minikctl.render.describe.events import describe_events
from minikctl.render.describe.writer import Page
from minikctl.render.gotext import go_print

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ACRONYMS = ("API", "GUID", "OSB", "UID", "URL")
_SHOWN_ABOVE = ("name", "namespace", "labels", "annotations", "managedFields")


def describe_generic(obj: Object, events: Sequence[Object] | None, now: float) -> str:
    page = Page()
    metadata = obj["metadata"]
    page.row(0, "Name:", name_of(obj))
    page.row(0, "Namespace:", metadata.get("namespace", ""))
    page.labels(0, "Labels", labels_of(obj))
    page.annotations(0, "Annotations", annotations_of(obj))
    rest = {name: value for name, value in metadata.items() if name not in _SHOWN_ABOVE}
    _fields(page, 0, {**obj, "metadata": rest})
    describe_events(page, events, now)
    return page.aligned()


def _fields(page: Page, level: int, fields: dict[str, Any]) -> None:
    for name in sorted(fields):
        title, value = _title(name), fields[name]
        if isinstance(value, dict):
            page.row(level, f"{title}:")
            _fields(page, level + 1, value)
        elif isinstance(value, list):
            page.row(level, f"{title}:")
            _items(page, level + 1, value)
        else:
            page.row(level, f"{title}:", go_print(value))


def _items(page: Page, level: int, items: list[Any]) -> None:
    for item in items:
        if isinstance(item, dict):
            _fields(page, level, item)
        elif isinstance(item, list):
            _items(page, level + 1, item)
        else:
            page.row(level, go_print(item))


def _title(name: str) -> str:
    """`apiVersion` is `API Version`, `roleRef` is `Role Ref`."""
    words = [one for one in _WORD.split(name) if one]
    return " ".join(_capital(word) for word in words)


def _capital(word: str) -> str:
    return word.upper() if word.upper() in _ACRONYMS else word[:1].upper() + word[1:]
