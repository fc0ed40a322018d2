"""agent.lock: held by the one process that acts on a state directory; agent.wake: how others call it.

The lock is the kernel's (flock): it is gone the moment its holder dies, however it dies. Its text names
the holder for people and for `agent status`; it is never what decides.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from pathlib import Path
from typing import Any

from minikctl.errors import StoreError

LOCK = "agent.lock"
WAKE = "agent.wake"


class AgentLock:
    """One state directory's lock. `try_acquire` and `release` may be called again and again."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self._descriptor: int | None = None

    def try_acquire(self, facts: dict[str, Any]) -> bool:
        """Takes the lock and writes `facts` (pid, role, …) beside it; False where another process has it."""
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            raise StoreError(f"cannot lock {self.state_dir / LOCK}: {error.strerror}") from error
        self._descriptor = descriptor
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), **facts}).encode(), 0)
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> dict[str, Any] | None:
        """What the process that holds the lock wrote of itself ({} if nothing yet); None when nobody does."""
        if self._descriptor is not None:
            return {"pid": os.getpid()}
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        except OSError:
            with contextlib.suppress(ValueError):
                facts: dict[str, Any] = json.loads(os.pread(descriptor, 4096, 0) or b"{}")
                return facts
            return {}
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        try:
            return os.open(self.state_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"cannot open {self.state_dir / LOCK}: {error.strerror}") from error


def wake(state_dir: Path) -> None:
    """Tells the process that acts on this directory, if there is one, that there is something new."""
    with contextlib.suppress(OSError):
        descriptor = os.open(state_dir / WAKE, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(descriptor, b"\n")
        finally:
            os.close(descriptor)


def open_wake(state_dir: Path) -> int:
    """The reading end, for the lock's holder. Opened read-write, so that it never reads end-of-file."""
    path = state_dir / WAKE
    try:
        if path.exists() and not path.is_fifo():  # a backup brought it back as a file
            path.unlink()
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(f"cannot open {path}: {error.strerror}; remove it") from error
