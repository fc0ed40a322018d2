"""The store port: a Protocol small enough to read in one sitting, and the values that cross it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

from minikctl.errors import ManifestError
from minikctl.model import Object, ObjectKey
from minikctl.model.writes import Write

Objects: TypeAlias = list[Object]


class Changes(Struct, frozen=True):
    """What changed since a revision: the newest state of each changed object, once."""

    revision: int
    changed: Sequence[Object]
    removed: Sequence[ObjectKey]


class DesiredFile(Struct, frozen=True):
    """A desired file that is not what the store recorded of it."""

    path: str
    """Relative to desired/: `default/deployment.web.yaml`."""
    key: ObjectKey
    desired: Object | None
    """None when the file is gone, or can't be read (then `problem` says why)."""
    digest: str
    problem: ManifestError | None = None
    last_applied: Object | None = None
    """The manifest of an `apply` that was cut off between writing this file and recording it."""


class Codec(Protocol):
    """How desired objects become text and back. Given by whoever opens the store."""

    def encode(self, desired: Object, previous: str | None) -> str:
        """The file's text. `previous` is the text that stands there now: its comments survive."""

    def decode(self, text: str, path: str) -> Object:
        """The one object in the file.

        :raises ManifestError: it can't be read; position and reason are in the error.
        """


class Store(Protocol):
    """Objects with revisions. Every method may be called by several processes at once."""

    cluster_id: str
    """Made once per state directory; on every container's labels."""
    seal_key: bytes
    """Secret of this state directory, for the seal on the labels."""

    @property
    def needs_recovery(self) -> bool:
        """Whether state.db was made anew and what runs has not been adopted yet."""

    def finish_recovery(self) -> None:
        """What runs has been adopted: `needs_recovery` is False from now on."""

    def reopen_if_lost(self) -> bool:
        """Whether somebody removed or replaced state.db, which is then opened (or made) anew.

        Nothing that was read before holds then. Cheap enough to poll.

        :raises StoreError: it can't be made.
        """

    def get(self, key: ObjectKey) -> Object | None:
        """The object, with `metadata.resourceVersion`. Callers must not change it in place."""

    def list(self, kind: str | None = None, namespace: str | None = None) -> Objects:
        """All objects, or those of a kind and namespace, ordered by kind, namespace, name."""

    def declared(self, key: ObjectKey) -> Object | None:
        """The user's intent as its file says it; None when the object is not declared."""

    def declared_keys(self) -> set[ObjectKey]:
        """The objects that have a desired file."""

    def last_applied(self, key: ObjectKey) -> Object | None:
        """The manifest that `apply` was last given for this object, if any."""

    def lost_file(self, key: ObjectKey) -> bool:
        """Whether the object is declared and somebody removed its desired file since."""

    def revision(self) -> int:
        """The newest revision."""

    def changes(self, since: int) -> Changes:
        """What changed after that revision.

        :raises RevisionExpired: too old; list everything instead.
        """

    def commit(self, writes: Sequence[Write]) -> Objects:
        """All of the writes or none, in order; returns the objects put, with their new resourceVersion.

        On return the desired files are on disk (fsync of file and folder).

        :raises Conflict: an object is not at the revision that its write was based on.
        :raises Conflict: or somebody edited a desired file that this would replace, or removed it and
            the write does not restore it: `scan` first.
        :raises StoreError: the directory can't be written. Files that are in place already are found by
            `scan`; nothing else was done.
        """

    def scan(self) -> Sequence[DesiredFile]:
        """Desired files that somebody else changed, added or removed since the store recorded them."""

    def stamp(self) -> object:
        """A value that changes when any process committed something. Cheap enough to poll."""

    def close(self) -> None:
        """Gives up the files. Nothing is lost."""
