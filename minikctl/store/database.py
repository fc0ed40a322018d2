"""Objects with revisions in SQLite, beside the desired files that declared some of them.

Order of a commit: the intent (which text each file is about to get, with the manifest that was applied) is
recorded; then, in one transaction, revisions are compared, rows written and files replaced; then it commits.
A process that dies before the files leaves nothing; one that dies after them leaves a file that differs from
its row, which `scan` reports together with the recorded intent.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from minikctl.errors import Conflict, ManifestError, RevisionExpired, StoreError
from minikctl.model import Object, ObjectKey, key_of
from minikctl.model.kinds import KINDS
from minikctl.model.writes import DROP, Adopt, Put, Remove, Write
from minikctl.store import documents
from minikctl.store.database_file import DatabaseFile
from minikctl.store.files import SUFFIX, Files, Stamp
from minikctl.store.port import Changes, Codec, DesiredFile, Objects

CLUSTER_FOLDER = "_cluster"
KEPT_REMOVALS = 10_000
"""How many removals a watcher may lag behind before it must list again."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    revision INTEGER NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS objects_by_revision ON objects (revision);
CREATE TABLE IF NOT EXISTS removals (
    revision INTEGER NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS removals_by_revision ON removals (revision);
CREATE TABLE IF NOT EXISTS declared (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, stamp TEXT NOT NULL,
    document TEXT NOT NULL, last_applied TEXT,
    PRIMARY KEY (kind, namespace, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intents (path TEXT PRIMARY KEY, digest TEXT NOT NULL, last_applied TEXT);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO meta VALUES ('revision', 0), ('expired', 0), ('needs_recovery', 1);
"""


def desired_path(key: ObjectKey) -> str:
    """`default/deployment.web.yaml`; cluster-scoped kinds stand under `_cluster/`."""
    return f"{key.namespace or CLUSTER_FOLDER}/{key.kind.lower()}.{key.name}{SUFFIX}"


def _key_of_path(path: str) -> ObjectKey:
    """What a file that can't be read would hold, by its name."""
    folder, _, name = path.partition("/")
    kind, _, rest = name.removesuffix(SUFFIX).partition(".")
    return ObjectKey(kind, "" if folder == CLUSTER_FOLDER else folder, rest)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", errors="surrogateescape")).hexdigest()


def _dump(value: Object | None) -> str | None:
    return None if value is None else documents.dump(value)


def _load(text: str | None) -> Object | None:
    return None if text is None else documents.load(text)


def _in_folder(desired: Object, path: str) -> Object:
    """The folder is the namespace of what names none."""
    folder = path.partition("/")[0]
    metadata = desired.get("metadata")
    if folder == CLUSTER_FOLDER or not isinstance(metadata, dict) or metadata.get("namespace"):
        return desired
    return {**desired, "metadata": {**metadata, "namespace": folder}}


def _key(write: Write) -> ObjectKey:
    return write.key if isinstance(write, Remove) else key_of(write.obj)


def _resource(kind: str) -> str:
    return KINDS[kind].resource if kind in KINDS else kind.lower()


class _Sqlite:
    """SQLite's errors as the store's. A class: a generator would cost more than most of the queries."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        """Nothing is needed."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, sqlite3.Error):
            if "disk is full" in str(error):
                raise StoreError(f"no space left on the device that holds {self._where}") from error
            if "readonly database" in str(error):
                raise StoreError(f"{self._where} is read-only") from error
            raise StoreError(f"{self._where}: {error}") from error


class DatabaseStore:
    """Implements `Store`. Belongs to the thread that made it."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        files: Files,
        codec: Codec,
        *,
        cluster_id: str,
        seal_key: bytes,
        file: DatabaseFile | None = None,
    ) -> None:
        self.cluster_id = cluster_id
        self.seal_key = seal_key
        self.files = files
        self._codec = codec
        self._database = connection
        self._file = file
        self._sqlite = _Sqlite(str(file.path) if file is not None else "state.db")
        self.on_commit: Callable[[], None] = lambda: None
        """Called after every commit that somebody else may wait for."""
        self._problems: dict[str, tuple[Stamp, DesiredFile]] = {}
        with self._sqlite:
            connection.executescript(_SCHEMA)

    def reopen_if_lost(self) -> bool:
        if self._file is None or not self._file.is_lost():
            return False
        with self._sqlite:
            try:
                connection = self._file.connect()
            except OSError as error:
                raise StoreError(f"state.db was lost and can't be made anew: {error}") from error
            connection.executescript(_SCHEMA)
            self._database.close()
        self._database = connection
        self._problems.clear()
        return True

    # --- reading

    @property
    def needs_recovery(self) -> bool:
        return bool(self._meta("needs_recovery"))

    def finish_recovery(self) -> None:
        with self._transaction():
            self._database.execute("UPDATE meta SET value = 0 WHERE name = 'needs_recovery'")

    def get(self, key: ObjectKey) -> Object | None:
        row = self._one("SELECT document FROM objects WHERE kind=? AND namespace=? AND name=?", key)
        return _load(row[0]) if row else None

    def list(self, kind: str | None = None, namespace: str | None = None) -> Objects:
        conditions, values = [], []
        for column, value in (("kind", kind), ("namespace", namespace)):
            if value is not None:
                conditions.append(f"{column}=?")
                values.append(value)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._sqlite:
            rows = self._database.execute(
                f"SELECT document FROM objects {where} ORDER BY kind, namespace, name", values
            ).fetchall()
        return documents.load_all(row[0] for row in rows)

    def declared(self, key: ObjectKey) -> Object | None:
        row = self._one("SELECT document FROM declared WHERE kind=? AND namespace=? AND name=?", key)
        return _load(row[0]) if row else None

    def declared_keys(self) -> set[ObjectKey]:
        with self._sqlite:
            rows = self._database.execute("SELECT kind, namespace, name FROM declared")
            return {ObjectKey(*row) for row in rows}

    def last_applied(self, key: ObjectKey) -> Object | None:
        row = self._one("SELECT last_applied FROM declared WHERE kind=? AND namespace=? AND name=?", key)
        return _load(row[0]) if row else None

    def lost_file(self, key: ObjectKey) -> bool:
        if self._one("SELECT 1 FROM declared WHERE kind=? AND namespace=? AND name=?", key) is None:
            return False
        return self.files.read(desired_path(key)) is None

    def revision(self) -> int:
        return self._meta("revision")

    def stamp(self) -> object:
        with self._sqlite:
            version = self._database.execute("PRAGMA data_version").fetchone()[0]
        return (version, self._database.total_changes)

    def changes(self, since: int) -> Changes:
        with self._sqlite:
            self._database.execute("BEGIN")
            try:
                if since < self._meta("expired"):
                    raise RevisionExpired(f"changes since revision {since} are no longer kept")
                revision = self._meta("revision")
                changed = self._database.execute(
                    "SELECT document FROM objects WHERE revision > ? ORDER BY revision", (since,)
                ).fetchall()
                removed = self._database.execute(
                    "SELECT kind, namespace, name FROM removals WHERE revision > ? ORDER BY revision",
                    (since,),
                ).fetchall()
            finally:
                self._database.execute("COMMIT")
        present = documents.load_all(row[0] for row in changed)
        alive = {key_of(obj) for obj in present}
        gone = [key for key in (ObjectKey(*row) for row in removed) if key not in alive]
        return Changes(revision, present, [key for key in gone if self._absent(key)])

    def _absent(self, key: ObjectKey) -> bool:
        return self._one("SELECT 1 FROM objects WHERE kind=? AND namespace=? AND name=?", key) is None

    # --- writing

    def commit(self, writes: Sequence[Write]) -> Objects:
        if not writes:
            return []
        texts = self._texts(writes)
        ours = self._intended() if texts else {}
        if texts:
            self._record_intents(writes, texts)
        with self._transaction():
            revision = self._meta("revision")
            put: list[Object] = []
            for write in writes:
                revision += 1
                if isinstance(write, Put):
                    put.append(self._put(write, revision))
                else:
                    self._remove(write, revision)
            self._database.execute("UPDATE meta SET value=? WHERE name='revision'", (revision,))
            self._expire(revision, len(writes))
            stamps = self._unmoved_stamps(writes)
            if texts:
                self._check_unedited(writes, texts, ours)
                stamps |= self.files.replace(texts)
            for write in writes:
                self._declare(write, texts, stamps)
        self.on_commit()
        return put

    def _texts(self, writes: Sequence[Write]) -> dict[str, str | None]:
        """The new text of each desired file that these writes touch; None where the file goes."""
        texts: dict[str, str | None] = {}
        declared: set[ObjectKey] | None = None
        for write in writes:
            if isinstance(write, Put) and isinstance(write.desired, dict):
                path = desired_path(key_of(write.obj))
                texts[path] = self._codec.encode(write.desired, self.files.read(path))
            elif isinstance(write, Remove) or write.desired is DROP:
                declared = self.declared_keys() if declared is None else declared
                if _key(write) in declared:
                    texts[desired_path(_key(write))] = None
        return texts

    def _intended(self) -> dict[str, str]:
        """Digests of what commits were about to write, by path: what stands there then is ours."""
        with self._sqlite:
            return dict(self._database.execute("SELECT path, digest FROM intents").fetchall())

    def _check_unedited(
        self, writes: Sequence[Write], texts: dict[str, str | None], ours: dict[str, str]
    ) -> None:
        """A file that somebody changed since it was recorded is looked at before it is replaced."""
        rows = self._database.execute("SELECT path, digest FROM declared").fetchall()
        recorded: dict[str, str] = dict(rows)
        for write in writes:
            path = desired_path(_key(write))
            text = texts.get(path)
            if text is None:
                continue
            standing = self.files.read(path)
            if standing is None:
                edited = path in recorded and not (isinstance(write, Put) and write.restores)
            else:
                edited = standing != text and _digest(standing) not in (recorded.get(path), ours.get(path))
            if edited:
                raise Conflict(_resource(_key(write).kind), _key(write).name)

    def _record_intents(self, writes: Sequence[Write], texts: dict[str, str | None]) -> None:
        rows = []
        for write in writes:
            if isinstance(write, Put) and write.last_applied is not None:
                path = desired_path(key_of(write.obj))
                if text := texts.get(path):
                    rows.append((path, _digest(text), _dump(write.last_applied)))
        if rows:
            with self._transaction():
                self._database.executemany("INSERT OR REPLACE INTO intents VALUES (?,?,?)", rows)

    def _put(self, write: Put, revision: int) -> Object:
        key = key_of(write.obj)
        based_on = write.obj["metadata"].get("resourceVersion", "")
        obj = {**write.obj, "metadata": {**write.obj["metadata"], "resourceVersion": str(revision)}}
        if based_on:
            cursor = self._database.execute(
                "UPDATE objects SET revision=?, document=?"
                " WHERE kind=? AND namespace=? AND name=? AND revision=?",
                (revision, _dump(obj), *key, int(based_on)),
            )
            if cursor.rowcount == 0:
                raise Conflict(_resource(key.kind), key.name)
        else:
            try:
                self._database.execute("INSERT INTO objects VALUES (?,?,?,?,?)", (*key, revision, _dump(obj)))
            except sqlite3.IntegrityError:
                raise Conflict(_resource(key.kind), key.name) from None
        return obj

    def _remove(self, write: Remove, revision: int) -> None:
        condition, values = "", list[Any](write.key)
        if write.resource_version:
            condition = " AND revision=?"
            values.append(int(write.resource_version))
        cursor = self._database.execute(
            f"DELETE FROM objects WHERE kind=? AND namespace=? AND name=?{condition}", values
        )
        if cursor.rowcount == 0 and write.resource_version:
            raise Conflict(_resource(write.key.kind), write.key.name)
        if cursor.rowcount:
            self._database.execute("INSERT INTO removals VALUES (?,?,?,?)", (revision, *write.key))

    def _expire(self, revision: int, writes: int) -> None:
        """Removals are dropped in large steps, so that this costs nothing most of the time."""
        if revision // KEPT_REMOVALS != (revision - writes) // KEPT_REMOVALS:
            limit = revision - KEPT_REMOVALS
            self._database.execute("DELETE FROM removals WHERE revision <= ?", (limit,))
            self._database.execute("UPDATE meta SET value=? WHERE name='expired'", (max(0, limit),))

    def _declare(self, write: Write, texts: dict[str, str | None], stamps: dict[str, Stamp]) -> None:
        key = _key(write)
        path = desired_path(key)
        if isinstance(write, Put) and isinstance(write.desired, Adopt):
            self._note(write, path, write.desired.desired, write.desired.digest, stamps[path])
        elif path in texts:
            text = texts[path]
            if text is None:
                self._database.execute("DELETE FROM declared WHERE kind=? AND namespace=? AND name=?", key)
            elif isinstance(write, Put) and isinstance(write.desired, dict):
                self._note(write, path, write.desired, _digest(text), stamps[path])
        else:
            return
        self._database.execute("DELETE FROM intents WHERE path=?", (path,))

    def _note(self, write: Put, path: str, desired: Object, digest: str, stamp: Stamp) -> None:
        self._database.execute(
            "INSERT INTO declared VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
            " digest=excluded.digest, stamp=excluded.stamp, document=excluded.document,"
            " last_applied=coalesce(excluded.last_applied, last_applied)",
            (*key_of(write.obj), path, digest, stamp, _dump(desired), _dump(write.last_applied)),
        )

    def _unmoved_stamps(self, writes: Sequence[Write]) -> dict[str, Stamp]:
        """The stamps of adopted files. Each must still be what it was when it was looked at.

        Asked before any file is replaced: after that nothing may conflict any more.
        """
        adopted = [write for write in writes if isinstance(write, Put) and isinstance(write.desired, Adopt)]
        stamps = self.files.stamps() if adopted else {}
        unmoved: dict[str, Stamp] = {}
        for write in adopted:
            path = desired_path(key_of(write.obj))
            text = self.files.read(path)
            if text is None or not isinstance(write.desired, Adopt) or _digest(text) != write.desired.digest:
                raise Conflict(_resource(write.obj["kind"]), key_of(write.obj).name)
            unmoved[path] = stamps.get(path, "")
        return unmoved

    # --- desired files that somebody else touched

    def scan(self) -> Sequence[DesiredFile]:
        stamps = self.files.stamps()
        with self._sqlite:
            rows = self._database.execute("SELECT path, stamp, digest, kind, namespace, name FROM declared")
            recorded = {row[0]: (row[1], row[2], ObjectKey(*row[3:])) for row in rows}
        found: list[DesiredFile] = []
        for path, stamp in stamps.items():
            known = recorded.get(path)
            if known is None or known[0] != stamp:
                file = self._examine(path, stamp, known[1] if known else "")
                if file is not None:
                    found.append(file)
        for path, (_, _, key) in recorded.items():
            if path not in stamps:
                found.append(DesiredFile(path, key, None, ""))
        return found

    def _examine(self, path: str, stamp: Stamp, recorded_digest: str) -> DesiredFile | None:
        if path in self._problems and self._problems[path][0] == stamp:
            return self._problems[path][1]
        try:
            text = self.files.read(path)
        except StoreError as error:  # one file that can't be read does not stop all others
            return DesiredFile(path, _key_of_path(path), None, "", ManifestError(str(error)))
        if text is None:
            return None
        digest = _digest(text)
        if digest == recorded_digest:  # touched, not changed
            with self._transaction():
                self._database.execute("UPDATE declared SET stamp=? WHERE path=?", (stamp, path))
            return None
        file = self._decode(path, text, digest)
        if file.problem is not None:
            self._problems[path] = (stamp, file)
        return file

    def _decode(self, path: str, text: str, digest: str) -> DesiredFile:
        try:
            desired = self._codec.decode(text, path)
            desired = _in_folder(desired, path)
            if not isinstance((desired.get("metadata") or {}).get("name"), str):
                raise ManifestError("metadata.name: Required value: a desired file names its object")
            if desired_path(key_of(desired)) != path:
                raise ManifestError(
                    f"holds {key_of(desired)}, which belongs in {desired_path(key_of(desired))}"
                )
        except ManifestError as problem:
            return DesiredFile(path, _key_of_path(path), None, digest, problem)
        row = self._one("SELECT last_applied FROM intents WHERE path=? AND digest=?", (path, digest))
        return DesiredFile(path, key_of(desired), desired, digest, None, _load(row[0]) if row else None)

    # --- SQLite

    def close(self) -> None:
        self._database.close()

    def _meta(self, name: str) -> int:
        with self._sqlite:
            value: int = self._database.execute("SELECT value FROM meta WHERE name=?", (name,)).fetchone()[0]
        return value

    def _one(self, query: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
        with self._sqlite:
            row: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
        return row

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._sqlite:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # SQLite ended it itself when the disk was full
                    self._database.execute("ROLLBACK")
                raise
