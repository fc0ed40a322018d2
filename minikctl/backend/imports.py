"""Importing the engines' SDKs. Half of what they cost at import is for what no engine is asked for here:

- their clients for people, with a class for each thing that engines have;
- a library that guesses how texts are encoded if nobody says so. Engines answer in UTF-8, and nobody asks
  requests for a text;
- modules for archives, other programs, foreign alphabets in names of hosts, and versions of packages;
- compiling regular expressions, most of all those for IPv6 addresses in URLs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from minikctl.imports import lean_imports

_GUESSING = ("charset_normalizer", "chardet")
_LATE = {
    "idna": (),
    "importlib.metadata": ("version",),
    "shutil": (),
    "subprocess": (),
    "tarfile": (),
    "zipfile": (),
}


@contextmanager
def importing_sdk(package: str) -> Iterator[None]:
    """While parts of this package are imported in here, they cost what a command needs of them.

    :raises ModuleNotFoundError: it is not installed.
    """
    with (
        warnings.catch_warnings(),
        lean_imports(_LATE, hidden=_GUESSING, package=package),
    ):
        warnings.simplefilter("ignore")  # that nothing is there that guesses
        yield
