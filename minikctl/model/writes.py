"""What can be written: one closed set, shared by those who decide (controllers, API) and the store."""

from __future__ import annotations

from enum import Enum
from typing import Final, TypeAlias

from msgspec import Struct

from minikctl.model import Object, ObjectKey


class FileChange(Enum):
    KEEP = "keep"
    DROP = "drop"


KEEP: Final = FileChange.KEEP
"""The desired file stays as it is (there may be none)."""
DROP: Final = FileChange.DROP
"""The desired file goes: the object is no longer declared."""


class Adopt(Struct, frozen=True):
    """The file already says so (somebody else wrote it): take note of it, and leave it as it is.

    A file that no longer has this digest is a conflict: it changed again meanwhile.
    """

    desired: Object
    digest: str


class Put(Struct, frozen=True):
    """Create or replace one object.

    `obj["metadata"]["resourceVersion"]` is the revision that the write is based on; absent or "" means that
    the object must not exist yet.
    """

    obj: Object
    desired: Object | Adopt | FileChange = KEEP
    """The user's intent (no defaults, no status) to write to its file; or Adopt, KEEP, DROP."""
    last_applied: Object | None = None
    """The manifest that `apply` was given, when it was; kept beside the object."""
    restores: bool = False
    """Whether a desired file that somebody removed is written again; else that is a conflict."""


class Remove(Struct, frozen=True):
    """Remove one object and its desired file, if the object is still at that revision ("" is any)."""

    key: ObjectKey
    resource_version: str = ""


Write: TypeAlias = Put | Remove
