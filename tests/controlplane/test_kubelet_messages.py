"""Termination messages: when they are read, from where, and how long they stay."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from controlplane_builders import NOW
from test_kubelet_sync import CLUSTER, EXITED, FACTS, KEY, bound, on_engine, status_after

from minikctl.agent import messages
from minikctl.agent.volumes import LocalVolumes
from minikctl.backend import Container, ContainerSpec, LogLine
from minikctl.controlplane.kubelet import (
    ImageBook,
    PodMemo,
    PodSync,
    ReadMessage,
    RunContainer,
    sync_pod,
)
from minikctl.errors import PermanentError, UnreachableError
from minikctl.model import Object


def look(pod: Object, *containers: Container, memo: PodMemo | None = None) -> PodSync:
    return sync_pod(
        pod, containers, memo or PodMemo(), ImageBook(), FACTS, NOW, cluster_id=CLUSTER, seal_key=KEY
    )


def reads(sync: PodSync) -> list[ReadMessage]:
    return [one for one in sync.actions if isinstance(one, ReadMessage)]


def ended(sync: PodSync, state: str = "state") -> dict[str, Any]:
    found: dict[str, Any] = status_after(sync)["containerStatuses"][0][state]["terminated"]
    return found


def test_it_is_read_once_and_stands_in_the_status() -> None:
    pod = bound(policy="Never")
    over = on_engine(pod, state=EXITED, code=1)
    first = look(pod, over)
    assert reads(first) == [ReadMessage("app", "app-0", 0, "/dev/termination-log", False)]
    assert "message" not in ended(first)
    told = look(pod, over, memo=PodMemo(messages={"app-0": "no disk"}))
    assert (reads(told), ended(told)["message"]) == ([], "no disk")


def test_of_a_restarted_one_it_stands_in_the_last_state() -> None:
    pod = bound()
    both = [on_engine(pod, state=EXITED, code=1), on_engine(pod, attempt=1, backoff=0)]
    assert [one.container_id for one in reads(look(pod, *both))] == ["app-0"]
    assert (
        ended(look(pod, *both, memo=PodMemo(messages={"app-0": "no disk"})), "lastState")["message"]
        == "no disk"
    )


def test_of_a_finished_pod_too() -> None:
    pod = bound(policy="Never")
    over = on_engine(pod, state=EXITED)
    pod["status"] = status_after(look(pod, over))
    again = look(pod, over)
    assert (len(reads(again)), again.decision.writes) == (1, [])
    told = look(pod, over, memo=PodMemo(messages={"app-0": "done"}))
    assert ended(told)["message"] == "done"
    pod["status"] = status_after(told)
    assert look(pod, over).decision.writes == [], "a new agent does not take it away"
    assert look(pod, over, memo=PodMemo(messages={"app-0": "done"})).decision.writes == []


@pytest.mark.parametrize(("code", "falls_back"), [(0, False), (1, True)])
def test_the_log_will_do_where_it_failed(code: int, falls_back: bool) -> None:
    pod = bound(policy="Never")
    pod["spec"]["containers"][0] |= {
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "terminationMessagePath": "/why",
    }
    (wanted,) = reads(look(pod, on_engine(pod, state=EXITED, code=code)))
    assert (wanted.path, wanted.falls_back) == ("/why", falls_back)


class Engine:
    def __init__(self, archive: Any = None, lines: int = 0) -> None:
        self.archive, self.lines = archive, lines

    def get_archive(self, container_id: str, path: str) -> Any:
        if isinstance(self.archive, Exception):
            raise self.archive
        return iter((self.archive,))

    def logs(self, container_id: str, options: Any) -> Any:
        return [LogLine(0.0, "stderr", b"line %d" % number) for number in range(self.lines)]


def packed(content: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        member = tarfile.TarInfo("termination-log")
        member.size, member.type = len(content) if kind == tarfile.REGTYPE else 0, kind
        member.linkname = "/etc/passwd" if kind == tarfile.SYMTYPE else ""
        tar.addfile(member, io.BytesIO(content))
    return written.getvalue()


GONE = PermanentError("no such path", reason="NotFound")


@pytest.mark.parametrize(
    ("engine", "falls_back", "text"),
    [
        (Engine(packed(b"why")), False, "why"),
        (Engine(packed(b"x" * 5000)), False, "x" * 4096),
        (Engine(packed(b"x" * 500_000)), False, ""),
        (Engine(packed(b"", tarfile.SYMTYPE)), False, ""),
        (Engine(b"no tar"), False, ""),
        (Engine(GONE, 3), False, ""),
        (Engine(GONE, 3), True, "line 0\nline 1\nline 2\n"),
        (Engine(packed(b"why"), 3), True, "why"),
        (Engine(GONE, 1000), True, "".join(f"line {number}\n" for number in range(920, 1000))),
    ],
)
def test_from_the_container(engine: Engine, falls_back: bool, text: str) -> None:
    wanted = ReadMessage("app", "app-0", 0, "/dev/termination-log", falls_back)
    assert messages.read(engine, wanted, None) == text  # type: ignore[arg-type]


def test_an_engine_that_does_not_answer_says_nothing() -> None:
    wanted = ReadMessage("app", "app-0", 0, "/dev/termination-log", False)
    with pytest.raises(UnreachableError):
        messages.read(Engine(UnreachableError("gone")), wanted, None)  # type: ignore[arg-type]


def test_from_a_file_of_this_machine(tmp_path: Path) -> None:
    path = LocalVolumes(tmp_path).message_file("uid", "app", 2)
    assert path is not None
    run = RunContainer("app", ContainerSpec("c", "app:1", {}), (), 2, "/why")
    (mount,) = messages.mount(path, run)
    assert (mount.source, mount.target, path.stat().st_mode & 0o777) == (str(path), "/why", 0o666)
    path.write_bytes(b"a" * 5000 + b"z")
    wanted = ReadMessage("app", "app-0", 2, "/why", False)
    assert messages.read(Engine(GONE), wanted, path) == "a" * 4095 + "z"  # type: ignore[arg-type]
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert messages.read(Engine(packed(b"x")), wanted, path) == ""  # type: ignore[arg-type]


def test_what_the_container_mounts_there_itself_stays(tmp_path: Path) -> None:
    spec = ContainerSpec("c", "app:1", {})
    (own,) = messages.mount(tmp_path / "m", RunContainer("app", spec, (), 0, "/why"))
    mounted = ContainerSpec("c", "app:1", {}, mounts=(own,))
    assert messages.mount(tmp_path / "m", RunContainer("app", mounted, (), 0, "/why")) == ()
