"""What the API's calls are told, and what they say."""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from minikctl.errors import NotFound
from minikctl.model import Object, ObjectKey
from minikctl.model.kinds import KINDS
from minikctl.store import Store


def existing(store: Store, key: ObjectKey) -> Object:
    """:raises NotFound: there is no such object."""
    obj = store.get(key)
    if obj is None:
        raise NotFound(KINDS[key.kind].resource, key.name)
    return obj


class Applied(Struct, frozen=True):
    """What applying one manifest did (or would do): kubectl's verb, and the object before and after."""

    verb: str
    """created, configured or unchanged."""
    before: Object | None
    after: Object


class Deletions(Enum):
    """What becomes of the objects whose files are gone."""

    LEFT = "left"
    """Nothing: who only looks deletes nothing, and a file that comes back in time was never gone."""
    OBEYED = "obeyed"
    CONFIRMED = "confirmed"
    """Obeyed even where most files are gone."""


class FileProblem(Struct, frozen=True):
    """A desired file that is not obeyed, and why, in one line."""

    path: str
    message: str
    is_brake: bool = False

    def __str__(self) -> str:
        return f"desired/{self.path}: {self.message}"


Refusals: TypeAlias = dict[str, tuple[str, str, FileProblem]]
"""By path: the digest and revision that were refused before, so that it is not all done again."""
