"""What a controller decides: writes, events to record, and when to look again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct, field

from minikctl.controlplane.site import Site
from minikctl.model import Object, ObjectKey, copy, key_of
from minikctl.model.writes import Put, Remove, Write


class Happening(Struct, frozen=True):
    """An event to be recorded about an object (`Normal` or `Warning`)."""

    about: Object
    kind: str
    reason: str
    message: str
    component: str


class Decision(Struct):
    """`look_again` is an absolute time in seconds, None when only a change can make a difference."""

    writes: list[Write] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    look_again: float | None = None

    def put(self, obj: Object) -> Object:
        self.writes.append(Put(obj))
        return obj

    def written(self, key: ObjectKey) -> Object | None:
        """The object as it was put last; None where it was not."""
        puts = (one.obj for one in reversed(self.writes) if isinstance(one, Put))
        return next((obj for obj in puts if key_of(obj) == key), None)

    def remove(self, key: ObjectKey, resource_version: str = "") -> None:
        self.writes.append(Remove(key, resource_version))

    def tell(self, about: Object, reason: str, message: str, component: str, kind: str = "Normal") -> None:
        self.happenings.append(Happening(about, kind, reason, message, component))

    def look_at(self, moment: float | None) -> None:
        if moment is not None and (self.look_again is None or moment < self.look_again):
            self.look_again = moment


class Ids(Struct, frozen=True):
    """Where new names come from. `uid` gives UUIDs, `suffix` five characters as generateName appends them.

    `site` is whose names they are."""

    uid: Callable[[], str]
    suffix: Callable[[], str]
    site: Site = Site()


def changed(obj: Object, **parts: Any) -> Object:
    """A copy of the object with some of its top-level parts replaced. The parts are not copied."""
    return {**obj, **parts}


def with_metadata(obj: Object, **fields: Any) -> Object:
    """A copy of the object with some metadata fields replaced; None removes one."""
    metadata = {**obj["metadata"], **fields}
    return {**obj, "metadata": {name: value for name, value in metadata.items() if value is not None}}


def with_status(obj: Object, status: dict[str, Any]) -> Object | None:
    """A copy with that status, or None when it has it already: the next write is only made when needed."""
    return None if obj.get("status") == status else {**obj, "status": copy(status)}


def earliest(moments: Iterable[float | None]) -> float | None:
    known = [moment for moment in moments if moment is not None]
    return min(known) if known else None
