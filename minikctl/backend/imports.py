"""Importing the engines' SDKs for a command that is over in a tenth of a second.

Both stand on requests, which imports a library to guess how texts are encoded if nobody says so: a tenth of
the SDK's import. Engines answer in UTF-8, and nobody asks requests for a text.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_GUESSING = ("charset_normalizer", "chardet")


@contextmanager
def without_guessing_encodings() -> Iterator[None]:
    """While requests is imported in here, it finds none of the libraries that guess. Later imports do."""
    hidden = [name for name in _GUESSING if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it found none
            yield
    finally:
        for name in hidden:
            del sys.modules[name]
