"""Importing the engines' SDKs for a command that is over in a tenth of a second.

Both stand on requests and urllib3, and a third of what these cost at import is for what no engine asks for:
- a library that guesses how texts are encoded if nobody says so. Engines answer in UTF-8, and nobody asks
  requests for a text;
- compiling regular expressions, most of all those for IPv6 addresses in URLs. They are compiled when they
  are first used, which most never are.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_GUESSING = ("charset_normalizer", "chardet")
_compile = re.compile


@contextmanager
def lean_imports() -> Iterator[None]:
    """While requests and urllib3 are imported in here, they cost what a command needs of them.

    The libraries that guess are found again by later imports.
    """
    hidden = [name for name in _GUESSING if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    re.compile = _LatePattern  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it found none
            yield
    finally:
        re.compile = _compile
        for name in hidden:
            del sys.modules[name]


class _LatePattern:
    """What `re.compile` gives, but compiled when something is asked of it."""

    def __init__(self, pattern: Any, flags: int | re.RegexFlag = 0) -> None:
        self._late = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        value = getattr(_compile(*self._late), name)
        setattr(self, name, value)
        return value
