"""Regular expressions of schemas: Go's, which are RE2's, run by an engine that takes linear time.

Rules:
- What Go's `regexp` does not take is no pattern: a definition with it is refused.
- What it takes is written anew for the regular expressions of Rust, which come with jsonschema-rs: characters
  by their numbers, classes by their ranges (`\\d` and the like are ASCII in Go). Python's own `re` would do
  for most, but takes time without end for some.
- What can't be written so is not asked: everything matches, and `is_checkable` says it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from minikctl.manifests.custom.pattern_syntax import NotRe2, translated


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` occurs in `text`; one that can't be run matches everything."""
    judge = _judge(pattern)
    if judge is None:
        return True
    try:
        return judge(text)
    except ValueError:  # half of a surrogate pair
        return True


def is_valid(pattern: str) -> bool:
    """Whether Go's `regexp` takes it."""
    try:
        translated(pattern)
    except NotRe2:
        return False
    return True


def is_checkable(pattern: str) -> bool:
    """Whether `matches` can tell."""
    return _judge(pattern) is not None


@cache
def _judge(pattern: str) -> Callable[[str], bool] | None:
    try:
        # Earlier drafts hold patterns to what JavaScript takes.
        from jsonschema_rs import Draft202012Validator, RegexOptions

        schema: dict[str, Any] = {"pattern": translated(pattern)}
        return Draft202012Validator(schema, pattern_options=RegexOptions()).is_valid
    except (ImportError, NotRe2, ValueError):
        return None
