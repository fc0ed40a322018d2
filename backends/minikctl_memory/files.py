"""The files of a simulated container: what was written, what is mounted, and what the image may have.

Rules:
- Only what was written here is kept. Files that are mounted are read from this machine when somebody looks,
  and writing to them changes the container's view alone: nothing real is ever written.
- Some folders begin empty (`/tmp`, `/run`, volumes). What the image has elsewhere nobody knows: there a file
  that was neither written nor removed is UNKNOWN.
"""

from __future__ import annotations

import posixpath
from enum import Enum
from pathlib import Path

from minikctl_memory.program import Edits, Program

_EMPTY = ("/tmp", "/run", "/var/run", "/var/tmp", "/dev/shm", "/simulated")
_LARGEST = 1 << 20


class Unknown(Enum):
    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


class Files:
    """As a process of that program sees them, at a time that only goes forward.

    :param edits: of others, each taken into account when its time has come.
    """

    def __init__(self, program: Program, edits: Edits = ()) -> None:
        self._program = program
        self._edits = edits
        self._next = 0
        self.written: dict[str, bytes | None] = {}
        """By absolute path; None where it was removed."""

    def pass_to(self, moment: float) -> None:
        while self._next < len(self._edits) and self._edits[self._next][0] <= moment:
            _, path, content = self._edits[self._next]
            self.written[path] = content
            self._next += 1

    @property
    def edits_seen(self) -> int:
        return self._next

    def next_edit(self) -> float | None:
        """When somebody else changes something next."""
        return self._edits[self._next][0] if self._next < len(self._edits) else None

    def absolute(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self._program.working_dir or "/", path))

    def read(self, path: str) -> bytes | Unknown | None:
        """None where there is no such file."""
        path = self.absolute(path)
        if path in self.written:
            return self.written[path]
        for target, source in self._program.binds:
            if path == target or path.startswith(f"{target.rstrip('/')}/"):
                return _read_real(source + path[len(target.rstrip("/")) :] if path != target else source)
        begins_empty = path.startswith(tuple(f"{folder}/" for folder in (*_EMPTY, *self._program.empty)))
        return None if begins_empty else UNKNOWN

    def write(self, path: str, content: bytes) -> None:
        self.written[self.absolute(path)] = content

    def append(self, path: str, content: bytes) -> None:
        before = self.read(path)
        self.write(path, (before if isinstance(before, bytes) else b"") + content)

    def remove(self, path: str) -> None:
        """With what is below it."""
        path = self.absolute(path)
        for known in [one for one in self.written if one.startswith(f"{path}/")]:
            self.written[known] = None
        self.written[path] = None

    def below(self, path: str) -> dict[str, bytes]:
        """The known files at and below a path, by absolute path."""
        path = self.absolute(path)
        found = {
            name: content
            for name, content in self.written.items()
            if content is not None and (name == path or name.startswith(f"{path.rstrip('/')}/"))
        }
        content = self.read(path)
        return {**found, path: content} if isinstance(content, bytes) else found


def _read_real(path: str) -> bytes | None:
    real = Path(path)
    try:
        if not real.is_file() or real.stat().st_size > _LARGEST:
            return None
        return real.read_bytes()
    except OSError:
        return None
