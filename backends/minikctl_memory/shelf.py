"""The file in which simulated engines outlive a process: `memory.db`, SQLite in WAL mode, mode 0600.

Rules:
- Several processes use it at once. A change is one transaction: take the write lock, read what others
  changed, change, write, commit. A look first asks `PRAGMA data_version` whether there is anything to read.
- SQLite's errors leave as the port's: a busy file is temporary, a file that can't be used unreachable.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minikctl.backend import Volume
from minikctl.errors import BackendError, TemporaryError, UnreachableError
from minikctl_memory.records import Record

FILE_NAME = "memory.db"

_BUSY_SECONDS = 10.0
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS containers (
    id TEXT PRIMARY KEY, engine TEXT NOT NULL, revision INTEGER NOT NULL, record TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS containers_by_revision ON containers (revision);
CREATE TABLE IF NOT EXISTS images (engine TEXT, id TEXT, PRIMARY KEY (engine, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS volumes (
    engine TEXT, name TEXT, labels TEXT NOT NULL, created_at REAL NOT NULL, PRIMARY KEY (engine, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_COUNT = """
INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value
"""


class Shelf:
    """One connection. Its owner serialises the calls."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / FILE_NAME
        self._connection: sqlite3.Connection | None = None
        self._seen_version = -1
        self._seen_revision = 0

    @contextmanager
    def changing(self) -> Iterator[None]:
        """A transaction that nobody else writes in; rolled back when the block raises."""
        with _translated(self.path):
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with _translated(self.path):
                connection.execute("ROLLBACK")
            raise
        with _translated(self.path):
            connection.execute("COMMIT")

    def news(self) -> tuple[list[Record], set[str], set[tuple[str, str]]] | None:
        """(records changed since the last time, all ids, all (engine, image id)); None if nothing is new."""
        with _translated(self.path):
            connection = self._connect()
            version = connection.execute("PRAGMA data_version").fetchone()[0]
            if version == self._seen_version:
                return None
            rows = connection.execute(
                "SELECT revision, record FROM containers WHERE revision > ? ORDER BY revision",
                (self._seen_revision,),
            ).fetchall()
            ids = {row[0] for row in connection.execute("SELECT id FROM containers")}
            images = set(connection.execute("SELECT engine, id FROM images").fetchall())
        self._seen_version = version
        self._seen_revision = max([self._seen_revision, *(row[0] for row in rows)])
        return [Record.from_json(row[1]) for row in rows], ids, images

    def next_number(self, counter: str) -> int:
        with _translated(self.path):
            row = self._connect().execute(_COUNT, (counter,)).fetchone()
        number: int = row[0]
        return number

    def put(self, record: Record) -> None:
        self._seen_revision = self.next_number("revision")
        with _translated(self.path):
            self._connect().execute(
                "INSERT OR REPLACE INTO containers VALUES (?, ?, ?, ?)",
                (record.id, record.engine, self._seen_revision, record.to_json()),
            )

    def drop(self, container_id: str) -> None:
        with _translated(self.path):
            self._connect().execute("DELETE FROM containers WHERE id = ?", (container_id,))

    def put_image(self, engine: str, image_id: str) -> None:
        with _translated(self.path):
            self._connect().execute("INSERT OR IGNORE INTO images VALUES (?, ?)", (engine, image_id))

    def drop_image(self, engine: str, image_id: str) -> None:
        with _translated(self.path):
            self._connect().execute("DELETE FROM images WHERE engine = ? AND id = ?", (engine, image_id))

    def volumes(self, engine: str) -> list[Volume]:
        with _translated(self.path):
            rows = self._connect().execute(
                "SELECT name, labels, created_at FROM volumes WHERE engine = ?", (engine,)
            )
            return [Volume(name, json.loads(labels), created_at) for name, labels, created_at in rows]

    def put_volume(self, engine: str, volume: Volume) -> None:
        with _translated(self.path):
            self._connect().execute(
                "INSERT INTO volumes VALUES (?, ?, ?, ?)",
                (engine, volume.name, json.dumps(dict(volume.labels)), volume.created_at),
            )

    def drop_volume(self, engine: str, name: str) -> None:
        with _translated(self.path):
            self._connect().execute("DELETE FROM volumes WHERE engine = ? AND name = ?", (engine, name))

    def forget(self) -> None:
        """Everything is read anew at the next look."""
        self._seen_version, self._seen_revision = -1, 0

    def close(self) -> None:
        """The next call connects again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self.forget()

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make_private(self.path)
            connection = sqlite3.connect(
                self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.executescript(_SCHEMA)
            self._connection = connection
        return self._connection


def _make_private(path: Path) -> None:
    """Makes the empty file with mode 0600 if it is not there; SQLite would obey the umask.

    A file that is there is not opened, since closing it again would take away the locks that other
    connections of this process hold on it. SQLite's helper files copy the mode.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.is_symlink():
            raise OSError(errno.ELOOP, "is a symbolic link") from None


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _as_backend_error(path, error) from error


def _as_backend_error(path: Path, error: Exception) -> BackendError:
    message = f"{path}: {error}"
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return TemporaryError(message)
    return UnreachableError(message)
