"""The hosts file of a pod: the same file for life, mounted where nobody else mounts one."""

from __future__ import annotations

from pathlib import Path

from minikctl_memory import MemoryBackend

from minikctl.agent.engine import Engine
from minikctl.agent.hosts import is_unseen, mounted, path_of, with_file, write
from minikctl.agent.ports import Woken
from minikctl.backend import ContainerSpec, Mount, MountKind
from minikctl.controlplane.kubelet import RunContainer
from minikctl.errors import PermanentError


def engine(state_dir: Path | None) -> Engine:
    return Engine("memory", MemoryBackend("c1"), (), b"key", None, state_dir)


def run(*mounts: Mount) -> RunContainer:
    return RunContainer("main", ContainerSpec("n", "busybox", {}, mounts=mounts))


def test_it_stays_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "pods" / "uid" / "etc-hosts"
    write(path, "a longer text\n")
    inode = path.stat().st_ino
    write(path, "short\n")
    assert (path.read_text(), path.stat().st_ino) == ("short\n", inode)
    assert path.stat().st_mode & 0o777 == 0o644


def test_it_is_there_before_the_container_is_made(tmp_path: Path) -> None:
    found = []

    def job() -> Woken:
        found.append(path_of(tmp_path, "uid").read_text())
        return Woken()

    with_file(engine(tmp_path), "uid", [run()], "text", job)()
    assert found == ["text"]


def test_whoever_mounts_one_wants_that(tmp_path: Path) -> None:
    theirs = Mount(MountKind.BIND, "/mine", "/etc/hosts")
    plain, own = mounted(engine(tmp_path), "uid", [run(), run(theirs)])
    assert isinstance(plain, RunContainer) and isinstance(own, RunContainer)
    assert plain.spec.mounts == (Mount(MountKind.BIND, str(path_of(tmp_path, "uid")), "/etc/hosts"),)
    assert own.spec.mounts == (theirs,)
    assert mounted(engine(None), "uid", [run()]) == [run()]


def test_an_engine_that_does_not_see_it_is_recognized(tmp_path: Path) -> None:
    error = PermanentError(f"bind source path does not exist: {path_of(tmp_path, 'uid')}")
    assert is_unseen(engine(tmp_path), run(), error)
    assert not is_unseen(engine(tmp_path), run(), PermanentError("no such image"))
