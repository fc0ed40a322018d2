"""Paths below a folder whose content somebody else writes, possibly at this very moment.

Rules:
- One step at a time, each from a descriptor of the folder before it, never following a link by itself: what a
  link says is read and walked in the same way. No step leads above the root, and none to an absolute path.
- What comes out is a path without a link in it.
"""

from __future__ import annotations

import os
import stat
from collections import deque

MOST_LINKS = 40
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class Escape(Exception):
    """The path leads out of its root, or nowhere."""


def resolve_below(root: str, path: str, *, make_folders: bool) -> str:
    """The place of `path` below `root`, without links. What is missing is made as a folder, if asked for.

    :raises Escape: it would be outside of `root`, or is missing.
    :raises OSError: for what else the system says against it.
    """
    walk = _Walk(root)
    try:
        return walk.to(path, make_folders)
    finally:
        walk.close()


class _Walk:
    def __init__(self, root: str) -> None:
        self._root = root
        self._names: list[str] = []
        self._open = [os.open(root, _LOOK | os.O_DIRECTORY)]
        self._links = 0

    def to(self, path: str, make_folders: bool) -> str:
        if path.startswith("/"):
            raise Escape(f"{path} is an absolute path")
        due = deque(path.split("/"))
        while due:
            step = due.popleft()
            if step in ("", "."):
                continue
            if step == "..":
                self._up(path)
                continue
            target = self._into(step, path, make_folders)
            if target is not None:
                if target.startswith("/"):
                    raise Escape(f"{path} leads out of the volume")
                due.extendleft(reversed(target.split("/")))
        return "/".join((self._root.rstrip("/"), *self._names))

    def _up(self, path: str) -> None:
        if not self._names:
            raise Escape(f"{path} leads out of the volume")
        self._names.pop()
        os.close(self._open.pop())

    def _into(self, step: str, path: str, make_folders: bool) -> str | None:
        """One step down; what the link says where it is one."""
        try:
            descriptor = os.open(step, _LOOK, dir_fd=self._open[-1])
        except FileNotFoundError:
            if not make_folders:
                raise Escape(f"{path} does not exist in the volume") from None
            self._make(step)
            descriptor = os.open(step, _LOOK, dir_fd=self._open[-1])
        if stat.S_ISLNK(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            self._links += 1
            if self._links > MOST_LINKS:
                raise Escape(f"{path} has too many links")
            return os.readlink(step, dir_fd=self._open[-1])
        self._open.append(descriptor)
        self._names.append(step)
        return None

    def _make(self, step: str) -> None:
        """A folder like the volume's own."""
        mode = stat.S_IMODE(os.fstat(self._open[0]).st_mode)
        os.mkdir(step, 0o700, dir_fd=self._open[-1])
        descriptor = os.open(step, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY, dir_fd=self._open[-1])
        try:
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        for descriptor in self._open:
            os.close(descriptor)
