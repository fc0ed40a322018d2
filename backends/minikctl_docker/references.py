"""Image references: which texts are one, and how a pull wants them. Pure.

The grammar is the one of github.com/distribution/reference. It is asked here because the engine's own "no"
depends on the call: a 400, a 404, or another path when the text holds a slash too many.
"""

from __future__ import annotations

import re

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
# Patterns are texts: Python compiles one at its first use and keeps it, and most commands use none.
_REFERENCE = (
    rf"(?P<name>(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?"
)
_IMAGE_ID = r"(?:sha256:)?[0-9a-f]{64}"
_MAXIMUM_NAME = 255
DEFAULT_TAG = "latest"


def split_reference(text: str) -> tuple[str, str] | None:
    """`name[:tag][@digest]` as (name, tag or digest); the digest wins. None where it is not a reference."""
    found = re.fullmatch(_REFERENCE, text)
    if found is None or len(found["name"]) > _MAXIMUM_NAME:
        return None
    return found["name"], found["digest"] or found["tag"] or DEFAULT_TAG


def is_lookup_key(text: str) -> bool:
    """Whether the engine can be asked for a local image by it: a reference, or an image's id."""
    return re.fullmatch(_IMAGE_ID, text) is not None or split_reference(text) is not None
