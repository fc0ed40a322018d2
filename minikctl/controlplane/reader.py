"""Who answers what there is: the view of the controllers, the store, or the store as it is about to be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from minikctl.model import Object, ObjectKey


class Reader(Protocol):
    def get(self, key: ObjectKey) -> Object | None:
        """None where there is none."""

    def list(self, kind: str, namespace: str | None = None) -> Iterable[Object]:
        """All of a kind; `namespace` None is all of them."""
