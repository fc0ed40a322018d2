"""What a person names with -f, as bytes: files, folders, patterns and standard input.

Rules:
- A path that exists is that path; only one that does not may be a pattern, as in kubectl. `**`, which kubectl
  lacks, stands for folders at any depth; such a pattern finds manifests only (`.json`, `.yaml`, `.yml`).
- In a folder, what is hidden (`.github`, `.pre-commit-config.yaml`) is no manifest: it is passed over.
- What can't be read is one error each; what stands beside it is read.
- A pipe that somebody names is waited for, as `cat` does; one that lies in a folder is a mistake.
- Nothing is fetched from the network.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from typing import IO

from msgspec import Struct

from minikctl.errors import ManifestError
from minikctl.manifests.yaml_reader import MAX_BYTES

STDIN_NAME = "STDIN"
_EXTENSIONS = (".json", ".yaml", ".yml")
_ENOUGH = MAX_BYTES + 1
"""So many bytes tell that a file is too large."""

Ignored = Callable[[str], bool]
"""Whether a file of that name is passed over."""


class Input(Struct, frozen=True):
    """`found`: in a folder or by `**`, so that nobody said that it is a manifest."""

    name: str
    data: bytes
    found: bool = False


def open_inputs(
    path: str, recursive: bool, stdin: IO[bytes] | None, ignored: Ignored | None = None
) -> Iterator[Input | ManifestError]:
    """The bytes that `path` stands for, file by file, and the errors of those that can't be read.

    :param ignored: which names of files are passed over, named or found.
    """
    if path == "-":
        yield _read_stdin(stdin)
    elif path.startswith(("http://", "https://")):
        yield ManifestError(f"{path}: manifests are read from files only; download it first")
    elif "\0" in path:
        yield ManifestError(f"the path {path!r} can't be read: it has a NUL character")
    elif matches := _matches(path):
        for match in matches:
            yield from _read_path(match, recursive, ignored, found="**" in path)
    else:
        yield from _read_path(path, recursive, ignored)


def _read_stdin(stdin: IO[bytes] | None) -> Input | ManifestError:
    if stdin is None and sys.stdin is None:
        return ManifestError("standard input is closed")
    try:
        return Input(STDIN_NAME, (stdin or sys.stdin.buffer).read(_ENOUGH))
    except OSError as error:
        return ManifestError(f"standard input can't be read: {error.strerror}")


def _read_path(
    path: str, recursive: bool, ignored: Ignored | None, *, found: bool = False
) -> Iterator[Input | ManifestError]:
    if path and os.path.isdir(path):  # noqa: PTH112
        for one in _files_of(path, recursive):
            if isinstance(one, ManifestError):
                yield one
            elif ignored is None or not ignored(one):
                yield _read_file(one, found=True)
    elif ignored is None or not ignored(path):
        yield _read_file(path, found=found)


def _read_file(path: str, *, found: bool) -> Input | ManifestError:
    """A person may name a pipe or a device. Where it was only `found`, these are mistakes."""
    try:
        # A pipe that nobody writes into blocks already when it is opened.
        waits = os.O_NONBLOCK if found else 0
        descriptor = os.open(path, os.O_RDONLY | waits | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123
            if found and not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return ManifestError(f'the path "{path}" can\'t be read: it is not a regular file')
            os.set_blocking(descriptor, True)
            return Input(path, file.read(_ENOUGH), found)
    except (FileNotFoundError, NotADirectoryError):
        what = "is a broken link" if os.path.islink(path) else "does not exist"  # noqa: PTH114
        return ManifestError(f'the path "{path}" {what}')
    except OSError as error:
        return ManifestError(f'the path "{path}" can\'t be read: {error.strerror}')
    except ValueError as error:  # half a surrogate pair
        return ManifestError(f"the path {path!r} can't be read: {error}")


def _files_of(folder: str, recursive: bool) -> Iterator[str | ManifestError]:
    """As Go's filepath.Walk: names in the order of their bytes, a folder's content in the folder's place.
    Unlike there, nothing hidden."""
    try:
        with os.scandir(folder) as entries:
            shown = (entry for entry in entries if not entry.name.startswith("."))
            ordered = sorted(shown, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        yield ManifestError(f'the path "{folder}" can\'t be read: {error.strerror}')
        return
    for entry in ordered:
        if entry.is_dir(follow_symlinks=False):
            if recursive:
                yield from _files_of(entry.path, recursive)
        elif entry.name.endswith(_EXTENSIONS):
            yield entry.path


# --- patterns -------------------------------------------------------------------------------------


def _matches(path: str) -> list[str]:
    if not any(sign in path for sign in "*?[") or os.path.lexists(path):
        return []
    import glob

    if "**" not in path:
        return sorted(glob.glob(path), key=os.fsencode)  # noqa: PTH207
    found = glob.iglob(path, recursive=True)  # noqa: PTH207
    return sorted(filter(_is_manifest, found), key=os.fsencode)


def _is_manifest(path: str) -> bool:
    return path.endswith(_EXTENSIONS) and not os.path.isdir(path)  # noqa: PTH112
