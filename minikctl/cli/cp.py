"""`minikctl cp`: files and folders between here and containers.

What comes out of a container is unpacked by `unpacking`, which trusts none of it. No `tar` is needed in the
container, and it need not run: engines do both.
"""

from __future__ import annotations

import io
import os
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, NamedTuple

import typer

from minikctl.backend.archives import ByteReader
from minikctl.cli.base import flags_of
from minikctl.cli.containers import Place, choose_container, existing_container, named_object
from minikctl.cli.errors import Failed
from minikctl.cli.options import flag, value
from minikctl.cli.session import open_session, warn
from minikctl.cli.unpacking import clean, unpack
from minikctl.errors import BackendError, PermanentError, UsageError

_FORM = "filespec must match the canonical format: [[namespace/]pod:]file/path"
_PIECE = 1 << 20
_MOST_LINKS = 40


class Spec(NamedTuple):
    """One side. `pod` "" is here."""

    namespace: str
    pod: str
    path: str


def parse_spec(text: str) -> Spec:
    """:raises UsageError: it is neither a file here nor one in a pod."""
    place, colon, path = text.partition(":")
    if not colon:
        return Spec("", "", text)
    parts = place.split("/")
    if not place or len(parts) > 2 or not all(parts):
        raise UsageError(_FORM)
    return Spec(parts[0] if len(parts) == 2 else "", parts[-1], path)


def cp(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE POD:FILE | POD:FILE FILE", show_default=False),
    ] = None,
    container: Annotated[
        str, value("--container", "-c", metavar="NAME", text="Of this container; default the first.")
    ] = "",
    no_preserve: Annotated[
        bool, flag("--no-preserve", text="Owner and mode are not kept in the container.")
    ] = False,
) -> None:
    """Copy files and folders: `cp ./site web-0:/srv`, `cp web-0:/var/log ./log`, `cp shop/web-0:/etc -`.

    `-` is a tar, read from standard input or written to standard output.
    """
    if len(words or ()) != 2:
        raise UsageError("source and destination are required")
    source, target = (parse_spec(word) for word in words or ())
    if source.pod and target.pod:
        raise UsageError("one of src or dest must be a local file specification")
    if not source.pod and not target.pod:
        raise UsageError("one of src or dest must be a remote file specification")
    if not source.path or not target.path:
        raise UsageError("filepath can not be empty")
    if not source.pod and source.path != "-" and not os.path.lexists(source.path):
        raise UsageError(f"{source.path} doesn't exist in local filesystem")
    remote = source if source.pod else target
    if remote.namespace:
        flags_of(context).namespace = remote.namespace
    with open_session(context) as session:
        pod = named_object(session, f"pod/{remote.pod}")
        place = existing_container(session, pod, choose_container(pod, container))
        session.tell_simulated()
        try:
            if source.pod:
                _fetch(place, source.path, target.path)
            else:
                _send(place, source.path, target.path, keeps_owner=not no_preserve)
        except (tarfile.TarError, OSError) as error:
            raise Failed(str(error)) from None


# --- out of a container ----------------------------------------------------------------------------


def _fetch(place: Place, path: str, target: str) -> None:
    """:raises PermanentError: it is not there."""
    path = os.path.normpath(path)
    chunks = _archive(place, path)
    if target == "-":
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        return
    name = PurePosixPath(path).name
    first, chunks = _first_member(chunks)
    destination, has_folder = Path(target), _is_of_folder(first, name)
    if destination.is_dir() and not has_folder:
        destination /= name
    elif (target.endswith("/") and not has_folder) or (has_folder and destination.is_file()):
        raise Failed(f"{target} is no folder")
    if not destination.parent.is_dir():
        raise Failed(f"{destination.parent} doesn't exist in local filesystem")
    unpack(chunks, name, destination, warn)


def _is_of_folder(first: tarfile.TarInfo, name: str) -> bool:
    """Whether an archive that begins so is that of a folder: not every engine names the folder itself."""
    return first.isdir() or clean(first.name) != clean(name)


def _archive(place: Place, path: str) -> Iterator[bytes]:
    """:raises Failed: it is not there."""
    try:
        yield from place.backend.get_archive(place.identifier, path)
    except PermanentError as error:
        if error.reason == "NotFound":
            raise Failed(f"{path} is not there in container {place.container}") from None
        raise


def _first_member(chunks: Iterable[bytes]) -> tuple[tarfile.TarInfo, Iterator[bytes]]:
    """What the archive begins with, and the archive from its beginning."""
    read: list[bytes] = []
    rest = iter(chunks)

    def recorded() -> Iterator[bytes]:
        for chunk in rest:
            read.append(chunk)
            yield chunk

    with tarfile.open(fileobj=ByteReader(recorded()), mode="r|", bufsize=tarfile.BLOCKSIZE) as archive:
        member = archive.next()
    if member is None:
        raise Failed("the archive is empty")

    def again() -> Iterator[bytes]:
        yield from read
        yield from rest

    return member, again()


# --- into a container ------------------------------------------------------------------------------


def _send(place: Place, path: str, target: str, *, keeps_owner: bool) -> None:
    if path == "-":
        place.backend.put_archive(place.identifier, target, iter(lambda: sys.stdin.buffer.read(_PIECE), b""))
        return
    source = Path(path)
    name = PurePosixPath(os.path.normpath(target)).name
    folder = str(PurePosixPath(os.path.normpath(target)).parent)
    if is_folder(place, target):
        folder, name = target, Path.cwd().joinpath(os.path.normpath(source)).name
    elif target.endswith("/"):
        raise Failed(f"{target} is no folder in the container")
    try:
        place.backend.put_archive(place.identifier, folder, pack(source, name, keeps_owner=keeps_owner))
    except PermanentError as error:
        if error.reason == "NotFound":
            raise Failed(f"{folder} is not there in the container: {error}") from None
        raise


def is_folder(place: Place, path: str) -> bool:
    """Whether the path leads to a folder in the container, over links too."""
    for _ in range(_MOST_LINKS):
        try:
            path = os.path.normpath(path)
            member, _ = _first_member(place.backend.get_archive(place.identifier, path))
        except BackendError:
            return False
        if not member.issym():
            return _is_of_folder(member, PurePosixPath(path).name)
        path = os.path.normpath(PurePosixPath(path).parent / member.linkname)
    return False


def pack(source: Path, name: str, *, keeps_owner: bool) -> Iterator[bytes]:
    """A tar of the file or folder under another name, piece by piece. Links stay links."""
    facts = tarfile.TarFile(fileobj=io.BytesIO(), mode="w")
    for path, inside in _walk(source, name):
        member = facts.gettarinfo(str(path), arcname=inside)
        if member is None:  # a socket
            warn(f"skipping {str(path)!r}: it is no file")
            continue
        if not keeps_owner:
            _disown(member)
        if member.islnk():
            member.type, member.linkname, member.size = tarfile.REGTYPE, "", path.stat().st_size
        yield member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        if member.isfile():
            yield from _content(path, member.size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _disown(member: tarfile.TarInfo) -> None:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644


def _content(path: Path, size: int) -> Iterator[bytes]:
    """Exactly as many bytes as the header says, whatever happens to the file, and up to a whole block."""
    left = size
    with path.open("rb") as file:
        while left:
            data = file.read(min(_PIECE, left)) or bytes(min(_PIECE, left))
            left -= len(data)
            yield data
    yield bytes(-size % tarfile.BLOCKSIZE)


def _walk(source: Path, name: str) -> Iterator[tuple[Path, str]]:
    yield source, name
    if source.is_dir() and not source.is_symlink():
        for path in sorted(source.iterdir()):
            yield from _walk(path, f"{name}/{path.name}")
