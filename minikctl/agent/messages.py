"""Termination messages: the file that a container finds for its own, and what is read of it in the end.

Rules:
- Where the engine sees this machine's files the message is one of them, mounted into the container; else it
  is fetched from the container, which knows nothing any more of what was written below /dev.
- What a container wrote is never followed as a link, and read up to a limit.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from minikctl.backend import Backend, LogOptions, Mount, MountKind
from minikctl.controlplane.kubelet.actions import ReadMessage, RunContainer
from minikctl.controlplane.kubelet.messages import LAST_BYTES, LAST_LINES, MOST_BYTES
from minikctl.errors import PermanentError
from minikctl.store.files import make_private_folder

MOST_ARCHIVE = 256 * 1024


def mount(path: Path | None, action: RunContainer) -> tuple[Mount, ...]:
    """Makes the file, for everybody in the container to write to; nothing where the container has something
    else in that place, or no file can be kept."""
    taken = (*(one.target for one in action.spec.mounts), *(one.target for one in action.mounts))
    if path is None or not action.message_path or action.message_path in taken:
        return ()
    make_private_folder(path.parent)
    path.touch(exist_ok=True)
    path.chmod(0o666)
    return (Mount(MountKind.BIND, str(path), action.message_path),)


def read(backend: Backend, wanted: ReadMessage, path: Path | None) -> str:
    """:raises BackendError: temporary or unreachable: it may be read later."""
    data = _of_file(path) if path is not None and os.path.lexists(path) else _of_container(backend, wanted)
    if not data.strip() and wanted.falls_back:
        data = _of_log(backend, wanted)
    return data.decode(errors="replace")


def _of_file(path: Path) -> bytes:
    """Its end; nothing where somebody put something else in its place."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            file.seek(max(0, os.fstat(descriptor).st_size - MOST_BYTES))
            return file.read(MOST_BYTES)
    except OSError:
        return b""


def _of_container(backend: Backend, wanted: ReadMessage) -> bytes:
    import io
    import tarfile

    try:
        packed = _up_to(MOST_ARCHIVE, backend.get_archive(wanted.container_id, wanted.path))
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            member = tar.next()
            content = tar.extractfile(member) if member is not None and member.isreg() else None
            return content.read()[-MOST_BYTES:] if content is not None else b""
    except (PermanentError, tarfile.TarError):
        return b""  # it left none


def _up_to(most: int, pieces: Iterable[bytes]) -> bytes:
    """Nothing of what is longer: nobody means that as a message."""
    packed = b""
    for piece in pieces:
        packed += piece
        if len(packed) > most:
            return b""
    return packed


def _of_log(backend: Backend, wanted: ReadMessage) -> bytes:
    try:
        lines = [one.text for one in backend.logs(wanted.container_id, LogOptions(tail=LAST_LINES))]
    except PermanentError:
        return b""
    return b"".join(line + b"\n" for line in lines[-LAST_LINES:])[-LAST_BYTES:]
