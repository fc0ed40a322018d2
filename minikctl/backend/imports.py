"""Importing the engines' SDKs for a command that is over in a tenth of a second.

Half of what they cost at import is for what no engine is asked for here:
- their clients for people, with a class for each thing that engines have. A package's own module, which has
  them, is run when somebody asks for one;
- a library that guesses how texts are encoded if nobody says so. Engines answer in UTF-8, and nobody asks
  requests for a text. It is hidden meanwhile;
- modules for archives, foreign alphabets in names of hosts, and versions of packages;
- compiling regular expressions, most of all those for IPv6 addresses in URLs. Both come when they are first
  used, which most never are.
"""

from __future__ import annotations

import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

_GUESSING = ("charset_normalizer", "chardet")
_LATE = {"idna": (), "importlib.metadata": ("version",), "tarfile": (), "zipfile": ()}
"""Modules, with the functions that somebody takes out of them at import."""
_compile = re.compile
_importing = threading.RLock()


@contextmanager
def lean_imports(sdk: str) -> Iterator[None]:
    """While parts of this package are imported in here, they cost what a command needs of them.

    Later imports, by anybody, find everything as it is. What is hidden or late here, other threads should not
    import meanwhile.
    """
    with _importing:
        yield from _lean(sdk)


def _lean(sdk: str) -> Iterator[None]:
    hidden = [name for name in _GUESSING if name not in sys.modules]
    late = [name for name in _LATE if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    sys.modules.update({name: _LateModule(name) for name in late})
    if sdk not in sys.modules:
        sys.modules[sdk] = _late_package(sdk)
    re.compile = _LatePattern  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it found none
            yield
    finally:
        re.compile = _compile
        for name in hidden:
            sys.modules.pop(name, None)
        for name in late:
            _take_away(name)


def _late_package(name: str) -> ModuleType:
    """:raises ModuleNotFoundError: it is not installed."""
    spec = find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    package = module_from_spec(spec)
    package.__class__ = _LatePackage
    return package


class _LatePackage(ModuleType):
    """A package whose own module has not run yet. Its parts can be imported; all else makes it run."""

    def __getattr__(self, name: str) -> Any:
        part = f"{self.__name__}.{name}"
        if not name.startswith("__") and (part in sys.modules or find_spec(part) is not None):
            return import_module(part)
        with _importing:
            if type(self) is _LatePackage:
                self._run(name)
        return getattr(self, name)

    def _run(self, name: str) -> None:
        """Once. What its own module asks of it meanwhile is not there yet, as with any package."""
        if "_runs" in self.__dict__:
            raise AttributeError(name)
        assert self.__spec__ is not None
        assert self.__spec__.loader is not None
        self._runs = True
        try:
            self.__spec__.loader.exec_module(self)
        finally:
            del self._runs
        self.__class__ = ModuleType  # type: ignore[assignment]


def _take_away(name: str) -> None:
    if isinstance(sys.modules.get(name), _LateModule):
        sys.modules.pop(name, None)


class _LateModule(ModuleType):
    """A module that is imported when something is asked of it."""

    def __getattr__(self, name: str) -> Any:
        if name in _LATE[self.__name__]:
            return lambda *given, **named: getattr(self._real(), name)(*given, **named)
        if name == "__path__":  # asked by the import system itself, which takes it for no package then
            raise AttributeError(name)
        return getattr(self._real(), name)

    def _real(self) -> ModuleType:
        _take_away(self.__name__)
        return import_module(self.__name__)


class _LatePattern:
    """What `re.compile` gives, but compiled when something is asked of it."""

    def __init__(self, pattern: Any, flags: int | re.RegexFlag = 0) -> None:
        self._late = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        value = getattr(_compile(*self._late), name)
        setattr(self, name, value)
        return value
