"""What a check says, and the words that all checks share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct

Fields = dict[str, Any]


class Violation(Struct, frozen=True):
    """One thing about a pod that a level forbids: `hostPort` and `container "a" uses hostPort 80`."""

    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


Check = Callable[[Fields, Fields], Violation | None]
"""`check(pod's spec, pod's metadata)`."""


def containers(spec: Fields) -> Iterator[Fields]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def context(owner: Fields) -> Fields:
    """The security context of a pod's spec or of a container."""
    found: Fields = owner.get("securityContext") or {}
    return found


def names_of(spec: Fields, is_bad: Callable[[Fields], bool]) -> list[str]:
    """The containers of which something holds."""
    return [container.get("name", "") for container in containers(spec) if is_bad(container)]


def quoted(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def plural(word: str, words: str, number: int) -> str:
    return word if number == 1 else words


def named(names: list[str], word: str = "container") -> str:
    """`container "a"`, `containers "a", "b"`."""
    return f"{plural(word, f'{word}s', len(names))} {quoted(names)}"


def setters(of_pod: bool, names: list[str]) -> str:
    """`pod and container "a"`: who set something."""
    return " and ".join((["pod"] if of_pod else []) + ([named(names)] if names else []))


def has_own_users(spec: Fields) -> bool:
    """Root in such a pod is nobody outside of it: some checks then ask for nothing."""
    return spec.get("hostUsers") is False


def is_windows(spec: Fields) -> bool:
    return bool((spec.get("os") or {}).get("name") == "windows")
