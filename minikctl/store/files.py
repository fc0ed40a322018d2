"""The desired files: on disk with the care that precious things need, or in a dict for tests.

Rules: a file is replaced whole (temporary file, fsync, rename, fsync of the folder) or not at all; modes are
0700 and 0600 whatever the umask; only `*.yaml` one level deep is ours, nothing else there is looked at. A
symbolic link in a file's place is seen but never followed: it is a file that can't be read.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, TypeAlias

from minikctl.errors import StoreError

Stamp: TypeAlias = str
"""Changes whenever a file changes; made without reading it."""

SUFFIX = ".yaml"


class Files(Protocol):
    """Texts by path relative to desired/ (`default/deployment.web.yaml`)."""

    def stamps(self) -> dict[str, Stamp]:
        """Every file that is there."""

    def read(self, path: str) -> str | None:
        """The text; None when there is no such file."""

    def replace(self, texts: Mapping[str, str | None]) -> dict[str, Stamp]:
        """Writes all texts (None removes the file); durable on return. Returns the new stamps.

        :raises StoreError: some files may be in place; the message says whether.
        """


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    """What is not hidden; nothing where there is no such folder (any more)."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.name[0] != "."]
    except FileNotFoundError:
        return []


def _not_following(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _stamp(status: os.stat_result) -> Stamp:
    return f"{status.st_mtime_ns}.{status.st_size}.{status.st_ino}"


class FolderFiles:
    """desired/ on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def stamps(self) -> dict[str, Stamp]:
        found: dict[str, Stamp] = {}
        try:
            folders = [entry for entry in _entries(self.root) if entry.is_dir()]
            for folder in folders:
                for entry in _entries(folder.path):
                    # What goes away between the two looks is gone; the others are still there.
                    if entry.name.endswith(SUFFIX):
                        with contextlib.suppress(FileNotFoundError):
                            found[f"{folder.name}/{entry.name}"] = _stamp(entry.stat(follow_symlinks=False))
        except OSError as error:
            raise StoreError(f"cannot read {self.root}: {error.strerror}") from error
        return found

    def read(self, path: str) -> str | None:
        try:
            with open(self.root / path, "rb", opener=_not_following) as file:
                return file.read().decode("utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read {self.root / path}: {error.strerror}") from error

    def replace(self, texts: Mapping[str, str | None]) -> dict[str, Stamp]:
        staged: dict[str, Path] = {}
        stamps: dict[str, Stamp] = {}
        outcome = "nothing was changed"
        try:
            for path, text in texts.items():
                if text is not None:
                    staged[path] = self._temporary(path)
                    stamps[path] = _write_durably(staged[path], text)
            for path in texts:
                self._put_in_place(path, staged.get(path))
                outcome = "some desired files are written already and will be taken over"
            for folder in {(self.root / path).parent for path in texts}:
                _sync_folder(folder)
            return stamps
        except OSError as error:
            where = error.filename or self.root
            raise StoreError(f"cannot write {where}: {error.strerror}; {outcome}") from error
        finally:
            for temporary in staged.values():
                temporary.unlink(missing_ok=True)

    def _temporary(self, path: str) -> Path:
        target = self.root / path
        make_private_folder(target.parent)
        return target.with_name(f".{target.name}.{os.getpid()}.tmp")

    def _put_in_place(self, path: str, staged: Path | None) -> None:
        target = self.root / path
        if staged is None:
            target.unlink(missing_ok=True)
        else:
            staged.replace(target)


def _write_durably(path: Path, text: str) -> Stamp:
    """The stamp is of what was written: what somebody else puts in its place later has another."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode("utf-8", errors="surrogateescape"))
        file.flush()
        os.fsync(file.fileno())
        return _stamp(os.fstat(file.fileno()))


def make_private_folder(folder: Path) -> None:
    """mkdir -p with mode 0700 for what is made."""
    if folder.is_dir():
        return
    make_private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def _sync_folder(folder: Path) -> None:
    if not folder.exists():
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class MemoryFiles:
    """The same in a dict, for tests and simulations. Survives a simulated crash; the database may not."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self._version = 0
        self._stamps: dict[str, Stamp] = {}

    def stamps(self) -> dict[str, Stamp]:
        return dict(self._stamps)

    def read(self, path: str) -> str | None:
        return self.texts.get(path)

    def replace(self, texts: Mapping[str, str | None]) -> dict[str, Stamp]:
        for path, text in texts.items():
            self._version += 1
            if text is None:
                self.texts.pop(path, None)
                self._stamps.pop(path, None)
            else:
                self.texts[path] = text
                self._stamps[path] = str(self._version)
        return {path: self._stamps[path] for path, text in texts.items() if text is not None}
