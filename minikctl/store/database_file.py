"""state.db as a file: made with care, opened, and noticed when somebody removes or replaces it.

SQLite takes what stands beside a database (`-wal`, `-shm`) for its own. So whoever makes a new one first
removes what is left of a lost one, under a lock: a process that still has the lost one open keeps its own.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing
from pathlib import Path

BUSY_SECONDS = 10.0


class DatabaseFile:
    """Remembers which file was opened, so that another one of that name is told apart."""

    def __init__(self, path: Path, lock: Path) -> None:
        """:param lock: an existing file beside it, locked for the moment of creation."""
        self.path = path
        self._lock = lock
        self._identity: tuple[int, int] | None = None

    def connect(self) -> sqlite3.Connection:
        """:raises OSError, sqlite3.Error: it can't be used."""
        self._create()
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")  # of a file that somebody else made
        # NORMAL survives any crash of the process; after a power cut the newest commits may be gone, never
        # half there, and what runs is looked at again anyway.
        connection.execute("PRAGMA synchronous=NORMAL")
        self._identity = self._look()
        return connection

    def is_lost(self) -> bool:
        """Whether the file that was opened no longer has this name."""
        return self._look() != self._identity

    def _look(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _create(self) -> None:
        if self.path.exists():
            return
        with closing(_Descriptor(self._lock)) as lock:
            fcntl.flock(lock.number, fcntl.LOCK_EX)
            if not self.path.exists():
                for suffix in ("-wal", "-shm"):
                    self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
                self._make()

    def _make(self) -> None:
        """Nobody sees the file before it is in WAL mode: SQLite lets nobody wait for that change."""
        unfinished = self.path.with_name(f"{self.path.name}.new")
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        unfinished.rename(self.path)


class _Descriptor:
    """A file descriptor that `closing` can close."""

    def __init__(self, path: Path) -> None:
        self.number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        os.close(self.number)
