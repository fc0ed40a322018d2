"""The files of a volume, changed all at once: as the kubelet's AtomicWriter does it.

    ..2026_11_20_09_01_37.k2x9        the files as they were written
    ..data -> ..2026_11_20_09_01_37.k2x9
    key -> ..data/key

A new state is a new folder and one rename of `..data`: who reads sees all of the old or all of the new. Only
the first part of a file's path is a link; what lies deeper is reached through it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from minikctl.controlplane.kubelet.volumes import File

DATA = "..data"
_NEXT = "..data_tmp"


def write_files(folder: Path, files: Sequence[File], group: int | None) -> bool:
    """Makes these the folder's files; False where they were already.

    :raises ValueError: a path leads out of the folder.
    :raises OSError: for what the system says against it.
    """
    for file in files:
        _check(file.path)
    names = {file.path.partition("/")[0] for file in files}
    current = _current(folder)
    if current is not None and _holds(current, files):
        _link_first_parts(folder, names)  # whoever wrote them may have died before
        return False
    fresh = folder / f"..{time.strftime('%Y_%m_%d_%H_%M_%S', time.gmtime())}.{os.urandom(4).hex()}"
    fresh.mkdir(mode=0o755)
    fresh.chmod(0o755)
    for file in files:
        _write(fresh, file, group)
    link = folder / _NEXT
    link.unlink(missing_ok=True)
    link.symlink_to(fresh.name)
    link.replace(folder / DATA)
    _link_first_parts(folder, names)
    _remove_others(folder, fresh.name)
    return True


def _check(path: str) -> None:
    parts = path.split("/")
    if not path or path.startswith("/") or ".." in parts or parts[0].startswith(".."):
        raise ValueError(f"no path of a file in a volume: {path!r}")


def _current(folder: Path) -> Path | None:
    try:
        target = (folder / DATA).readlink()
    except OSError:
        return None
    return folder / target if len(target.parts) == 1 and (folder / target).is_dir() else None


def _holds(folder: Path, files: Sequence[File]) -> bool:
    present = {
        os.path.relpath(f"{place}/{name}", folder) for place, _, names in os.walk(folder) for name in names
    }
    if present != {os.path.normpath(file.path) for file in files}:
        return False
    return all(_is_same(folder / file.path, file) for file in files)


def _is_same(path: Path, file: File) -> bool:
    # What fsGroup adds to a mode is not asked for again: a pod's fsGroup never changes.
    return path.read_bytes() == file.content and (path.stat().st_mode & file.mode) == file.mode


def _write(folder: Path, file: File, group: int | None) -> None:
    path = folder / file.path
    for parent in reversed(path.relative_to(folder).parents[:-1]):
        (folder / parent).mkdir(mode=0o755, exist_ok=True)
        (folder / parent).chmod(0o755)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(file.content)
        os.fchmod(descriptor, _mode(descriptor, file.mode, group))


def _mode(descriptor: int, mode: int, group: int | None) -> int:
    """With fsGroup its members may read too. Who may not give files away lets everybody read instead: the
    folders above keep everybody out who is in no container of the pod."""
    if group is None:
        return mode
    try:
        os.fchown(descriptor, -1, group)
        return mode | 0o440
    except PermissionError:
        return mode | 0o444


def _link_first_parts(folder: Path, wanted: set[str]) -> None:
    for entry in os.scandir(folder):
        if not entry.name.startswith("..") and entry.name not in wanted:
            Path(entry.path).unlink()
    for name in wanted:
        with contextlib.suppress(FileExistsError):
            (folder / name).symlink_to(f"{DATA}/{name}")


def _remove_others(folder: Path, kept: str) -> None:
    import shutil  # slow to import, and who only looks replaces no file

    for entry in os.scandir(folder):
        if entry.name.startswith("..") and entry.name not in (kept, DATA):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                Path(entry.path).unlink()
