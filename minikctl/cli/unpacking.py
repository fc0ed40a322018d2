"""Unpacks a tar that somebody else's container made. It is hostile until shown otherwise.

Rules (what kubectl cp learned by CVE-2019-1002101, -11246, -11249 and -11251):
- Nothing is ever written outside the destination. Every folder on the way to a file is opened by its
  descriptor without following links, so that neither a link of the archive nor one that is made meanwhile
  leads elsewhere; a file never goes through a link that has its name.
- Links come last, when nothing more is written through them, and only those stay that end inside. A hard link
  becomes a copy of what was unpacked before. Devices and pipes are left out.
- Names are cleaned, modes lose what makes programs more than programs (tarfile's `data` filter).
- What is left out is told, once for each member; the rest is unpacked.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from minikctl.backend.archives import ByteReader

_PIECE = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
_IN_THE_WAY = frozenset(
    {errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ENXIO}
)
_FOLDER_MODE = 0o755


def unpack(chunks: Iterable[bytes], prefix: str, destination: Path, warn: Callable[[str], None]) -> int:
    """Unpacks what the archive has at `prefix` (and below) to `destination` (and below).

    `prefix` is the last part of the path that was asked for: names begin with it. The folder that holds
    `destination` is there. Returns how many members were unpacked.

    :raises tarfile.TarError: it is no archive, or it breaks off.
    :raises OSError: `destination` itself can't be written.
    """
    with tarfile.open(fileobj=ByteReader(chunks), mode="r|") as archive:
        return _Unpacking(destination, prefix, warn).run(archive)


class _Unpacking:
    def __init__(self, destination: Path, prefix: str, warn: Callable[[str], None]) -> None:
        # Where the caller's own path leads is the caller's business; from there on no link is followed.
        self._base = Path(os.path.realpath(destination.parent)) / destination.name
        if destination.is_dir():
            self._base = Path(os.path.realpath(destination))
        self._prefix = prefix
        self._warn = warn
        self._links: list[tuple[tuple[str, ...], str]] = []
        self._files: dict[str, tuple[str, ...]] = {}
        self._count = 0

    def run(self, archive: tarfile.TarFile) -> int:
        for member in archive:
            parts = clean_parts(member.name, self._prefix)
            if parts is None:
                self._warn(f"file {member.name!r} is outside target destination, skipping")
                continue
            try:
                self._unpack(archive, member, parts)
            except tarfile.FilterError as error:
                self._warn(f"skipping {member.name!r}: {error}")
            except _Refused as error:
                self._warn(f"skipping {member.name!r}: {error}")
        self._make_links()
        return self._count

    def _unpack(self, archive: tarfile.TarFile, member: tarfile.TarInfo, parts: tuple[str, ...]) -> None:
        if member.issym():
            self._links.append((parts, member.linkname))
            return
        if member.islnk():
            self._copy(member, parts)
            return
        relative = member.replace(name="/".join(parts) or "x", deep=False)
        safe = tarfile.data_filter(relative, str(self._base))
        mode = 0o644 if safe.mode is None else safe.mode
        if member.isdir():
            with self._folder(parts):
                self._count += 1
        elif member.isfile():
            with self._new_file(parts, mode) as file:
                _copy_bytes(archive.extractfile(member), file)
            self._files["/".join(clean(member.name))] = parts
            self._count += 1

    def _copy(self, member: tarfile.TarInfo, parts: tuple[str, ...]) -> None:
        source = self._files.get("/".join(clean(member.linkname)))
        if source is None:
            raise _Refused(f"its link leads to {member.linkname!r}, which was not unpacked")
        with self._parent(source) as (folder, name):
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as original:
            mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            with self._new_file(parts, mode) as file:
                _copy_bytes(original, file)
        self._count += 1

    # --- places, by descriptor

    @contextmanager
    def _folder(self, parts: tuple[str, ...]) -> Iterator[int]:
        """A descriptor of the folder, which is made where it is missing.

        :raises _Refused: a link or a file stands on the way.
        """
        descriptor = _open_folder(str(self._base), None)
        try:
            for part in parts:
                below = _open_folder(part, descriptor)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _parent(self, parts: tuple[str, ...]) -> Iterator[tuple[int, str]]:
        """The folder that holds the place, and the name there. The destination itself is held by the
        folder above it."""
        if parts:
            with self._folder(parts[:-1]) as folder:
                yield folder, parts[-1]
            return
        folder = os.open(self._base.parent, _FOLDER)
        try:
            yield folder, self._base.name
        finally:
            os.close(folder)

    @contextmanager
    def _new_file(self, parts: tuple[str, ...], mode: int) -> Iterator[io.BufferedWriter]:
        with self._parent(parts) as (folder, name):
            try:
                descriptor = os.open(name, _NEW_FILE, 0o600, dir_fd=folder)
            except OSError as error:
                raise _refusal(error, name) from None
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            yield file

    # --- links

    def _make_links(self) -> None:
        """All that are safe; which of them end inside is seen when all of them are there."""
        made = [parts for parts, target in self._links if self._make_link(parts, target)]
        made = list(dict.fromkeys(made))
        root = os.path.realpath(self._base)
        left = -1
        while left != len(made):
            left = len(made)
            made = [parts for parts in made if self._ends_inside(parts, root)]
        self._count += len(made)

    def _make_link(self, parts: tuple[str, ...], target: str) -> bool:
        if not parts or target.startswith("/") or "\0" in target:
            self._warn_of_link(parts, target)
            return False
        try:
            with self._parent(parts) as (folder, name):
                with suppress(FileNotFoundError):
                    if not stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                        raise _Refused("something else stands there")
                    os.unlink(name, dir_fd=folder)
                os.symlink(target, name, dir_fd=folder)
        except (OSError, _Refused) as error:
            self._warn(f"skipping symlink: {'/'.join(parts)!r}: {error}")
            return False
        return True

    def _ends_inside(self, parts: tuple[str, ...], root: str) -> bool:
        path = self._base.joinpath(*parts)
        target = str(path.readlink())
        try:
            end = os.path.realpath(path, strict=True)
            is_inside = end == root or end.startswith(root.rstrip("/") + "/")
        except FileNotFoundError:
            # It leads to nothing yet: then it may say nothing that could lead out later.
            is_inside = ".." not in target.split("/")
        except OSError:
            is_inside = False
        if not is_inside:
            path.unlink()
            self._warn_of_link(parts, target)
        return is_inside

    def _warn_of_link(self, parts: tuple[str, ...], target: str) -> None:
        name = "/".join(parts) or self._prefix
        self._warn(f"skipping symlink: {name!r} -> {target!r}")


class _Refused(Exception):
    """One member can't be unpacked safely; the text says why."""


def _open_folder(name: str, above: int | None) -> int:
    with suppress(FileExistsError):
        os.mkdir(name, _FOLDER_MODE, dir_fd=above)
    try:
        return os.open(name, _FOLDER, dir_fd=above)
    except OSError as error:
        raise _refusal(error, name) from None


def _refusal(error: OSError, name: str) -> Exception:
    """A full disk or a folder that is not ours is no fault of the archive: that ends all."""
    return _Refused(f"{name!r} is in the way: {error.strerror}") if error.errno in _IN_THE_WAY else error


def _copy_bytes(source: object, target: io.BufferedWriter) -> None:
    while data := source.read(_PIECE):  # type: ignore[attr-defined]
        target.write(data)


def clean(name: str) -> tuple[str, ...]:
    """The parts of a member's name, without `.` and empty ones."""
    return tuple(part for part in name.split("/") if part not in ("", "."))


def clean_parts(name: str, prefix: str) -> tuple[str, ...] | None:
    """Where a member belongs below the destination; () is the destination itself, None is nowhere.

    >>> clean_parts("etc/nginx/conf.d", "etc")
    ('nginx', 'conf.d')
    """
    parts = clean(name)
    own = clean(prefix)
    if parts[: len(own)] != own or ".." in parts or any("\0" in part for part in parts):
        return None
    return parts[len(own) :]
