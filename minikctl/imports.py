"""Importing what a command needs of the libraries, and no more: it is over in a tenth of a second.

Rules:
- Nothing is lost: what was left out comes when somebody asks for it, and later imports find everything as it
  is.
- Other threads should not import what is late or hidden meanwhile.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

_compile = re.compile
_importing = threading.RLock()

Late = Mapping[str, tuple[str, ...]]
"""Modules that are imported when something is asked of them, with the functions that somebody takes out of
them by name at import."""


@contextmanager
def lean_imports(late: Late, *, hidden: tuple[str, ...] = (), package: str = "") -> Iterator[None]:
    """While libraries are imported in here, some of what they import comes later.

    Regular expressions are compiled when they are first used.

    :param hidden: modules that seem not to be installed.
    :param package: one of which only parts are imported. Its own module is run when somebody asks for more.
    :raises ModuleNotFoundError: there is no such package.
    """
    with _importing:
        yield from _lean(late, hidden, package)


def _lean(late: Late, hidden: tuple[str, ...], package: str) -> Iterator[None]:
    here = {name: _LateModule(name, late[name]) for name in late if name not in sys.modules}
    away = [name for name in hidden if name not in sys.modules]
    if package and package not in sys.modules:
        sys.modules[package] = _late_package(package)
    sys.modules.update(here)
    sys.modules.update(dict.fromkeys(away))  # type: ignore[arg-type]
    re.compile = _LatePattern  # type: ignore[assignment]
    try:
        yield
    finally:
        re.compile = _compile
        for name in away:
            sys.modules.pop(name, None)
        for name in here:
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

    def __init__(self, name: str, functions: tuple[str, ...]) -> None:
        super().__init__(name)
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        if name in self._functions:
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
