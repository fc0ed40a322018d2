"""Regular expressions of schemas, which are RE2's, by Python's `re`."""

from __future__ import annotations

import re
import warnings
from functools import cache

_UNESCAPED = r"(?<!\\)(?:\\\\)*"
# Python knows these, RE2 does not: looking around, references to groups.
_NOT_IN_RE2 = re.compile(_UNESCAPED + r"(?:\(\?(?:=|!|<=|<!|>|\(|P=)|\\[1-9](?![0-7]))")
# RE2 knows these, Python does not: classes of Unicode and POSIX, flags inside, `(?<name>…)`.
_NOT_IN_PYTHON = re.compile(
    _UNESCAPED + r"(?:\\[pPzCQE]|\[\[:|\(\?[a-zA-Z]*U|(?<=.)\(\?[a-zA-Z-]+\)|\(\?<[A-Za-z])", re.DOTALL
)


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` occurs in `text`. A pattern that Python can't take matches everything."""
    compiled = _compiled(pattern)
    return compiled is None or compiled.search(text) is not None


def is_valid(pattern: str) -> bool:
    """Whether RE2 would take it, as far as Python can tell."""
    if _NOT_IN_RE2.search(pattern):
        return False
    return bool(_NOT_IN_PYTHON.search(pattern)) or _compiled(pattern) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    if _NOT_IN_PYTHON.search(pattern):
        return None
    try:
        with warnings.catch_warnings():  # of what Python may read otherwise one day
            warnings.simplefilter("ignore")
            return re.compile(_anchored(pattern), re.ASCII)
    except (re.error, OverflowError, RecursionError):
        return None


def _anchored(pattern: str) -> str:
    """With `$` as RE2 has it: the end, and never before a last line break."""
    parts: list[str] = []
    in_class = False
    for token in re.findall(r"\\.|.", pattern, re.DOTALL):
        if token == "[":
            in_class = True
        elif token == "]":
            in_class = False
        parts.append(r"\Z" if token == "$" and not in_class else token)
    return "".join(parts)
