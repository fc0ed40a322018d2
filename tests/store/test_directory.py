"""The state directory itself: modes, full disks, links, several processes at once, the agent's lock."""

from __future__ import annotations

import errno
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_store import WEB, WEB_PATH, JsonCodec, deployment, everything, write_file

from minikctl.errors import Conflict, StoreError
from minikctl.model import ObjectKey
from minikctl.model.writes import DROP, Put, Remove
from minikctl.store import AgentLock, DatabaseStore, open_directory, open_memory
from minikctl.store.files import MemoryFiles
from minikctl.store.lock import open_wake, wake

HERE = Path(__file__).parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(folder: Path) -> Iterator[DatabaseStore]:
    opened = open_directory(folder, JsonCodec())
    yield opened
    opened.close()


def run_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


class TestModes:
    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
    def test_nobody_else_may_read(self, folder: Path, umask: int) -> None:
        before = os.umask(umask)
        try:
            store = open_directory(folder / "deep", JsonCodec())
            store.commit([Put(deployment(), deployment())])
            lock = AgentLock(folder / "deep")
            lock.try_acquire({})
            lock.release()
            os.close(open_wake(folder / "deep"))
            modes = {path: path.lstat().st_mode for path in (folder, *folder.rglob("*"))}
            store.close()
        finally:
            os.umask(before)
        assert {path.name for path in modes} >= {"identity.json", "state.db", "state.db-wal", "agent.lock"}
        for path, mode in modes.items():
            wanted = 0o700 if stat.S_ISDIR(mode) else 0o600
            assert stat.S_IMODE(mode) == wanted, f"{path} {mode:o}"

    def test_a_folder_that_stands_keeps_its_mode(self, folder: Path) -> None:
        folder.mkdir(mode=0o750)
        open_directory(folder, JsonCodec()).close()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o750


class TestFailure:
    def test_a_file_in_the_folders_place(self, folder: Path) -> None:
        folder.write_text("")
        with pytest.raises(StoreError, match=r"cannot use the state directory .*--state-dir"):
            open_directory(folder, JsonCodec())

    def test_a_folder_that_is_read_only(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        open_directory(folder, JsonCodec()).close()

        def refuse(*_: object, **__: object) -> None:
            raise sqlite3.OperationalError("unable to open database file")

        monkeypatch.setattr(sqlite3, "connect", refuse)
        with pytest.raises(StoreError, match=r"cannot use the state directory .*--state-dir"):
            open_directory(folder, JsonCodec())
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        with pytest.raises(StoreError, match=f"^the state directory {folder} is read-only: "):
            open_directory(folder, JsonCodec())

    def test_no_space_for_a_folder(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(StoreError, match=f"^no space left on the device that holds {folder}$"):
            open_directory(folder, JsonCodec())

    def test_a_damaged_database(self, folder: Path) -> None:
        open_directory(folder, JsonCodec()).close()
        (folder / "state.db").write_bytes(b"this is not a database" * 100)
        with pytest.raises(StoreError, match="is damaged: remove it"):
            open_directory(folder, JsonCodec())

    @pytest.mark.parametrize("call", ["open", "fsync"])
    def test_a_full_disk_changes_nothing(
        self, store: DatabaseStore, monkeypatch: pytest.MonkeyPatch, call: str
    ) -> None:
        store.commit([Put(deployment(), deployment()), Put(deployment("old"), deployment("old"))])
        before = everything(store)
        wanted = [
            Put(deployment(replicas=2, revision="1"), deployment(replicas=2)),
            Put(deployment("new"), deployment("new")),
            Remove(ObjectKey("Deployment", "default", "old"), "2"),
        ]
        calls: list[object] = []
        real = getattr(os, call)

        def second_fails(*arguments: Any, **named: Any) -> Any:
            if call == "fsync" or arguments[1] & os.O_CREAT:
                calls.append(arguments)
            if len(calls) == 2:
                calls.append("failed")
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **named)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, second_fails)
            with pytest.raises(StoreError, match="No space left on device; nothing was changed"):
                store.commit(wanted)
        assert len(calls) == 3
        assert everything(store) == before
        assert not list(Path(store.files.root).rglob(".*.tmp"))
        store.commit(wanted)
        assert store.declared_keys() == {WEB, ObjectKey("Deployment", "default", "new")}

    def test_a_database_that_is_full_is_one_line(self, store: DatabaseStore) -> None:
        store.commit([Put(deployment())])
        pages = store._database.execute("PRAGMA page_count").fetchone()[0]
        store._database.execute(f"PRAGMA max_page_count={pages}")
        big = {**deployment("big"), "spec": {"text": "x" * 1_000_000}}
        with pytest.raises(StoreError, match=r"^no space left on the device that holds /.*/state\.db$"):
            store.commit([Put(big, deployment("big"))])
        assert [obj["metadata"]["name"] for obj in store.list()] == ["web"]
        assert store.files.stamps() == {}


class TestForeignThings:
    def test_what_is_not_ours_is_not_looked_at(self, store: DatabaseStore, folder: Path) -> None:
        store.commit([Put(deployment(), deployment())])
        desired = folder / "desired"
        (desired / ".git").mkdir()
        (desired / ".git" / "deployment.x.yaml").write_text("{}")
        (desired / "README.md").write_text("hello")
        (desired / "deployment.top.yaml").write_text("{}")
        (desired / "default" / ".deployment.web.yaml.swp").write_text("{}")
        (desired / "default" / ".deployment.hidden.yaml").write_text("{}")
        (desired / "default" / "notes.txt").write_text("{}")
        (desired / "default" / "deeper").mkdir()
        (desired / "default" / "deeper" / "deployment.x.yaml").write_text("{}")
        assert store.scan() == []

    @pytest.mark.parametrize("target", ["nowhere", "/etc/hostname", "../../identity.json", "."])
    def test_a_link_is_not_followed(self, store: DatabaseStore, folder: Path, target: str) -> None:
        store.commit([Put(deployment(), deployment()), Put(deployment("zzz"), deployment("zzz"))])
        (folder / "desired" / "default" / "deployment.link.yaml").symlink_to(target)
        (file,) = store.scan()
        assert file.path == "default/deployment.link.yaml"
        assert file.desired is None
        assert "cannot read" in str(file.problem)

    def test_a_link_in_a_declared_files_place_is_no_removal(self, store: DatabaseStore, folder: Path) -> None:
        store.commit([Put(deployment(), deployment())])
        path = folder / "desired" / WEB_PATH
        path.unlink()
        path.symlink_to("nowhere")
        (file,) = store.scan()
        assert file.problem is not None

    def test_writing_replaces_a_link_and_not_its_target(self, store: DatabaseStore, folder: Path) -> None:
        store.commit([Put(deployment(), deployment())])
        path, target = folder / "desired" / WEB_PATH, folder / "target"
        target.write_text("precious")
        path.unlink()
        path.symlink_to(target)
        with pytest.raises(StoreError):
            store.commit([Put(deployment(replicas=2, revision="1"), deployment(replicas=2))])
        store.commit([Put(deployment(replicas=2, revision="1"), DROP)])
        assert target.read_text() == "precious"
        assert not path.is_symlink()

    def test_a_folder_in_a_files_place(self, store: DatabaseStore, folder: Path) -> None:
        (folder / "desired" / "default").mkdir()
        (folder / "desired" / WEB_PATH).mkdir()
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            (file,) = store.scan()
            assert (file.key, file.desired) == (ObjectKey("deployment", "default", "web"), None)
            assert "Is a directory" in str(file.problem)
        assert len(list(Path("/proc/self/fd").iterdir())) == descriptors

    def test_a_file_that_goes_while_it_is_looked_at_takes_no_other_with_it(
        self, store: DatabaseStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.commit([Put(deployment(name), deployment(name)) for name in "abc"])
        real = os.scandir

        class Going:
            """The entries of a folder out of which the first file goes after it was listed."""

            def __init__(self, folder: object) -> None:
                self.entries = list(real(folder))  # type: ignore[call-overload]
                files = [entry for entry in self.entries if entry.name.endswith(".yaml")]
                if files:
                    Path(files[0].path).unlink()

            def __enter__(self) -> Any:
                return iter(self.entries)

            def __exit__(self, *_: object) -> None:
                pass

            __iter__ = __enter__

        monkeypatch.setattr(os, "scandir", Going)
        assert len(store.files.stamps()) == 2

    def test_bytes_that_are_no_text_are_a_problem_and_survive(
        self, store: DatabaseStore, folder: Path
    ) -> None:
        (folder / "desired" / "default").mkdir()
        path = folder / "desired" / WEB_PATH
        path.write_bytes(b"\xff\xfe not text")
        (file,) = store.scan()
        assert file.problem is not None
        assert path.read_bytes() == b"\xff\xfe not text"

    def test_a_scan_after_the_store_was_opened_again(self, store: DatabaseStore, folder: Path) -> None:
        store.commit([Put(deployment(), deployment(), {"applied": 1})])
        write_file(store, WEB_PATH, deployment(replicas=8))
        again = open_directory(folder, JsonCodec())
        assert [file.desired for file in again.scan()] == [deployment(replicas=8)]
        assert again.last_applied(WEB) == {"applied": 1}
        again.close()

    def test_without_state_db_all_files_are_new(self, store: DatabaseStore, folder: Path) -> None:
        store.commit([Put(deployment(), deployment())])
        store.close()
        for path in folder.glob("state.db*"):
            path.unlink()
        again = open_directory(folder, JsonCodec())
        assert [file.key for file in again.scan()] == [WEB]
        assert again.needs_recovery
        assert again.cluster_id == store.cluster_id
        again.close()

    def test_the_same_in_memory(self) -> None:
        files = MemoryFiles()
        open_memory(JsonCodec(), files).commit([Put(deployment(), deployment())])
        assert [file.key for file in open_memory(JsonCodec(), files).scan()] == [WEB]


COUNTING = """
import sys
from test_store import JsonCodec, WEB, deployment
from minikctl.errors import Conflict
from minikctl.model.writes import Put
from minikctl.store import open_directory
from pathlib import Path

store = open_directory(Path(sys.argv[1]), JsonCodec())
print("ready", flush=True)
sys.stdin.readline()
conflicts = 0
for _ in range(int(sys.argv[2])):
    while True:
        live = store.get(WEB)
        wanted = live["spec"]["replicas"] + 1
        new = {**live, "spec": {"replicas": wanted}}
        try:
            store.commit([Put(new, deployment(replicas=wanted))])
            break
        except Conflict:
            conflicts += 1
print(conflicts, flush=True)
"""

OPENING = """
import sys
from pathlib import Path
from test_store import JsonCodec
from minikctl.store import open_directory

print("ready", flush=True)
sys.stdin.readline()
store = open_directory(Path(sys.argv[1]), JsonCodec())
print(store.cluster_id, store.seal_key.hex(), flush=True)
"""

HOLDING = """
import sys, time
from pathlib import Path
from minikctl.store import AgentLock

lock = AgentLock(Path(sys.argv[1]))
lock.try_acquire({"role": "agent", "started": 12.5})
print("ready", flush=True)
time.sleep(60)
"""


def release_together(processes: list[subprocess.Popen[str]]) -> list[str]:
    for process in processes:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    return [process.communicate(timeout=60)[0] for process in processes]


class TestSeveralProcesses:
    def test_no_update_is_lost(self, store: DatabaseStore, folder: Path) -> None:
        store.commit([Put(deployment(replicas=0), deployment(replicas=0))])
        release_together([run_python(COUNTING, str(folder), "40") for _ in range(2)])
        live = store.get(WEB)
        assert live is not None
        assert live["spec"]["replicas"] == 80
        assert store.declared(WEB) == deployment(replicas=80)
        assert json.loads((folder / "desired" / WEB_PATH).read_text()) == deployment(replicas=80)
        assert store.revision() == 81
        assert not store.scan()

    def test_another_connections_commit_moves_the_stamp(self, store: DatabaseStore, folder: Path) -> None:
        other = open_directory(folder, JsonCodec())
        before = store.stamp()
        other.commit([Put(deployment())])
        assert store.stamp() != before
        with pytest.raises(Conflict):
            store.commit([Put(deployment())])
        other.close()

    def test_all_agree_on_one_identity(self, folder: Path) -> None:
        folder.mkdir()
        said = release_together([run_python(OPENING, str(folder)) for _ in range(3)])
        assert len(set(said)) == 1
        assert said[0].strip()
        assert sorted(path.name for path in folder.glob(".identity*")) == []

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"cluster": "a"}', '{"cluster": "a", "key": "no hex"}'])
    def test_a_damaged_identity_says_what_to_do(self, folder: Path, text: str) -> None:
        folder.mkdir()
        (folder / "identity.json").write_text(text)
        with pytest.raises(StoreError, match=r"identity\.json is damaged.*restore it from a backup"):
            open_directory(folder, JsonCodec())


class TestLock:
    @pytest.fixture
    def other(self, folder: Path) -> Iterator[subprocess.Popen[str]]:
        folder.mkdir()
        process = run_python(HOLDING, str(folder))
        assert process.stdout and process.stdout.readline() == "ready\n"
        yield process
        process.kill()
        process.wait()

    def test_it_is_held_by_one(self, folder: Path, other: subprocess.Popen[str]) -> None:
        lock = AgentLock(folder)
        assert not lock.try_acquire({})
        assert lock.holder() == {"pid": other.pid, "role": "agent", "started": 12.5}

    def test_death_releases_it(self, folder: Path, other: subprocess.Popen[str]) -> None:
        other.send_signal(signal.SIGKILL)
        other.wait()
        lock = AgentLock(folder)
        assert lock.holder() is None
        assert lock.try_acquire({"role": "apply"})
        assert AgentLock(folder).holder() == {"pid": os.getpid(), "role": "apply"}
        lock.release()

    def test_it_may_be_taken_again_and_again(self, folder: Path) -> None:
        folder.mkdir()
        lock = AgentLock(folder)
        lock.release()
        for _ in range(3):
            assert lock.try_acquire({})
            assert lock.holder() == {"pid": os.getpid()}
            assert not AgentLock(folder).try_acquire({})
            lock.release()
            assert lock.holder() is None
        assert (folder / "agent.lock").read_text() == ""

    def test_facts_that_are_not_there_yet(self, folder: Path, other: subprocess.Popen[str]) -> None:
        (folder / "agent.lock").write_text("")
        assert AgentLock(folder).holder() == {}
        (folder / "agent.lock").write_text('{"pid": 1')
        assert AgentLock(folder).holder() == {}

    def test_a_place_where_no_lock_can_be(self, folder: Path) -> None:
        with pytest.raises(StoreError, match=r"cannot open .*agent\.lock"):
            AgentLock(folder).try_acquire({})


class TestWake:
    def test_a_call_is_heard_and_does_not_block(self, folder: Path) -> None:
        folder.mkdir()
        wake(folder)  # nobody listens
        descriptor = open_wake(folder)
        try:
            with pytest.raises(BlockingIOError):
                os.read(descriptor, 1)
            begin = time.monotonic()
            for _ in range(100_000):  # more than a pipe holds
                wake(folder)
                if time.monotonic() - begin > 0.3:
                    break
            assert os.read(descriptor, 4096).strip(b"\n") == b""
        finally:
            os.close(descriptor)

    def test_the_fifo_is_used_again(self, folder: Path) -> None:
        folder.mkdir()
        os.close(open_wake(folder))
        descriptor = open_wake(folder)
        wake(folder)
        assert os.read(descriptor, 10) == b"\n"
        os.close(descriptor)

    def test_a_file_in_the_fifos_place_is_not_written_to_for_ever(self, folder: Path) -> None:
        folder.mkdir()
        wake(folder)
        assert not (folder / "agent.wake").exists()
