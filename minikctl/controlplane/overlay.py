"""All objects as they will be with what is about to be written: what the rest of a batch is held to."""

from __future__ import annotations

from collections.abc import Sequence

from minikctl.controlplane.reader import Reader
from minikctl.model import Object, ObjectKey, key_of


class Overlay:
    """A reader over another one, which must not change meanwhile. Nothing is written through it."""

    def __init__(self, below: Reader) -> None:
        self._below = below
        self._coming: dict[ObjectKey, Object] = {}
        self._of_kind: dict[tuple[str, str | None], Sequence[Object]] = {}
        """What is below; it is asked once."""

    def add(self, obj: Object) -> None:
        self._coming[key_of(obj)] = obj

    def added(self) -> list[Object]:
        return list(self._coming.values())

    def has(self, key: ObjectKey) -> bool:
        """Whether it is about to be written."""
        return key in self._coming

    def get(self, key: ObjectKey) -> Object | None:
        return self._coming.get(key) or self._below.get(key)

    def list(self, kind: str, namespace: str | None = None) -> Sequence[Object]:
        place = (kind, namespace)
        if place not in self._of_kind:
            self._of_kind[place] = tuple(self._below.list(kind, namespace))
        new = [
            obj
            for key, obj in self._coming.items()
            if key.kind == kind and namespace in (None, key.namespace)
        ]
        if not new:
            return self._of_kind[place]
        replaced = {key_of(obj) for obj in new}
        return [*(obj for obj in self._of_kind[place] if key_of(obj) not in replaced), *new]
