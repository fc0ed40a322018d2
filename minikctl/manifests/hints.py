"""What people may have meant by a name that is not known.

Rules, the first that says something:
- The same name in other letters (`Image`).
- A field of something around it, or of its namesake there, is in the wrong place: `imagePullSecrets` of a
  container, `fsGroup` in a container's securityContext.
- A name that looks much like it, or that it begins with (`enviroment` → `env`).
- The only field of that name further inside something around it (`fsGroup` of a container).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import Any

from minikctl.manifests.paths import Path, format_path

Schema = dict[str, Any]

_ALIKE, _MUCH_ALIKE = 0.7, 0.8
_SHORTEST = 3
_FURTHEST = 3
"""How many maps further out a field may belong."""


_MOST, _LONGEST = 50, 100
"""Names of one object that get a hint, and their length: looking for one takes time."""


class Level:
    """A map around an unknown field: where it is, and its fields with the names of what is in each."""

    def __init__(self, path: Path, fields: dict[str, Collection[str]]) -> None:
        self.path = path
        self.fields = fields


class Hints:
    """The hints about one object: the first names get one."""

    def __init__(self) -> None:
        self._left = _MOST

    def of_field(self, name: str, levels: Callable[[], Sequence[Level]]) -> str:
        """As `field_hint`."""
        return field_hint(name, levels()) if self._has_time(name) else ""

    def of_name(self, name: str, known: Sequence[str]) -> str:
        """As `name_hint`."""
        return name_hint(name, known) if self._has_time(name) else ""

    def _has_time(self, name: str) -> bool:
        self._left -= 1
        return self._left >= 0 and len(name) <= _LONGEST


def field_hint(name: str, levels: Sequence[Level]) -> str:
    """How the message of an unknown field ends: `, did you mean "image"?`, or empty.

    :param levels: the map that it stands in, then those around it, from the inside to the outside.
    """
    here, around = levels[0], levels[1 : _FURTHEST + 1]
    known = list(here.fields)
    if same := _in_other_letters(name, known):
        return _meant(same)
    for level in around:
        if name in level.fields:
            return _belongs(level.path)
        if name in level.fields.get(_last_name(here.path), ()):
            return _belongs((*level.path, _last_name(here.path)))
    if alike := near(name, known):
        return _meant(alike)
    inside = [place for level in (here, *around) for place in _places_inside(name, level)]
    return _belongs(inside[0]) if len(inside) == 1 else ""


def name_hint(name: str, known: Sequence[str]) -> str:
    """The same where nothing is known of what is around."""
    meant = _in_other_letters(name, known) or near(name, known)
    return _meant(meant) if meant else ""


def near(name: str, known: Sequence[str]) -> str:
    """The known name that looks most like it; empty where none does."""
    found = get_close_matches(name, known, n=1, cutoff=_ALIKE)
    if found and SequenceMatcher(None, found[0], name).ratio() >= _MUCH_ALIKE:
        return found[0]
    beginnings = [one for one in known if len(one) >= _SHORTEST and name.lower().startswith(one.lower())]
    return max(beginnings, key=len, default="") or (found or [""])[0]


def _in_other_letters(name: str, known: Sequence[str]) -> str:
    return next((one for one in known if one.lower() == name.lower()), "")


def _places_inside(name: str, level: Level) -> Iterator[Path]:
    for field, names in level.fields.items():
        if name in names:
            yield (*level.path, field)


def _last_name(path: Path) -> str:
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def _meant(name: str) -> str:
    return f', did you mean "{name}"?'


def _belongs(path: Path) -> str:
    return f", it belongs to {format_path(path)}" if path else ", it belongs to the object itself"
