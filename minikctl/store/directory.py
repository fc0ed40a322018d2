"""Opening a store: the folder's layout, its identity, and the same without a folder."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minikctl.errors import StoreError
from minikctl.store.database import DatabaseStore
from minikctl.store.database_file import DatabaseFile
from minikctl.store.files import FolderFiles, MemoryFiles, make_private_folder
from minikctl.store.port import Codec

IDENTITY = "identity.json"
DATABASE = "state.db"
DESIRED = "desired"


def open_directory(path: Path, codec: Codec) -> DatabaseStore:
    """The store in a state directory, which is made where it is missing.

    :raises StoreError: the directory can't be used.
    """
    with using(path):
        make_private_folder(path / DESIRED)
        identity = _identity(path / IDENTITY)
        file = DatabaseFile(path / DATABASE, lock=path / IDENTITY)
        connection = file.connect()
    return DatabaseStore(
        connection,
        FolderFiles(path / DESIRED),
        codec,
        cluster_id=identity["cluster"],
        seal_key=bytes.fromhex(identity["key"]),
        file=file,
    )


@contextmanager
def using(path: Path) -> Iterator[None]:
    """Around what needs the state directory, which is made where it is missing.

    :raises StoreError: for what the system says against it, inside too.
    """
    try:
        make_private_folder(path)
        yield
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, sqlite3.DatabaseError) and "not a database" in reason:
            raise StoreError(
                f"{path / DATABASE} is damaged: remove it; it is made anew from desired/ and from what runs"
            ) from error
        if (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "disk is full" in reason:
            raise StoreError(f"no space left on the device that holds {path}") from error
        if (path / IDENTITY).exists() and not os.access(path, os.W_OK):
            raise StoreError(
                f"the state directory {path} is read-only: every command, even one that reads, first takes"
                " over what was changed in desired/, and keeps its books there"
            ) from error
        raise StoreError(
            f"cannot use the state directory {path}: {reason}; choose another with --state-dir"
        ) from error


def open_memory(
    codec: Codec, files: MemoryFiles | None = None, *, cluster_id: str = "test", seal_key: bytes = b"test"
) -> DatabaseStore:
    """A store that lives in the process. `files` may be an earlier store's, as after a lost state.db."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    return DatabaseStore(connection, files or MemoryFiles(), codec, cluster_id=cluster_id, seal_key=seal_key)


def _identity(path: Path) -> dict[str, str]:
    """The cluster's id and key. Two processes that make it at once agree on the one that linked first."""
    if not path.exists():
        import secrets
        import uuid

        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"cluster": str(uuid.uuid4()), "key": secrets.token_hex(32)}, file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    try:
        identity: dict[str, str] = json.loads(path.read_text())
        bytes.fromhex(identity["key"]), identity["cluster"]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path} is damaged: it names this state directory's containers; restore it from a backup,"
            " or remove it to start anew (what runs is then no longer managed)"
        ) from error
    return identity
