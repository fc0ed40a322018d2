"""What people do with what runs, at real terminals and on real engines."""

from __future__ import annotations

import re
import signal
import sys
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from e2e.keyboard import Keyboard
from e2e.places import on_current_real_engines
from e2e.stage import Stage, pod, until

SERVE = "mkdir -p /www; echo hello > /www/index.html; httpd -p 8080 -h /www"
MAIN = f"trap 'exit 0' TERM; {SERVE}; echo started; while true; do sleep 0.1; done"
BUSYBOX = {"image": "busybox:1.36"}
PROMPT = "# "
pytestmark = pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)


def flags(stage: Stage) -> list[str]:
    """What the stage adds at the end of a command line, for those that end in somebody else's words."""
    return ["--state-dir", str(stage.state), "--backend", stage.place.backend]


def workbench() -> dict[str, Any]:
    spec = {
        "terminationGracePeriodSeconds": 1,
        "initContainers": [{"name": "first", **BUSYBOX, "command": ["echo", "prepared"]}],
        "containers": [
            {
                "name": "main",
                **BUSYBOX,
                "command": ["sh", "-c", MAIN],
                "ports": [{"name": "web", "containerPort": 8080}],
            },
            {"name": "shell", **BUSYBOX, "command": ["sh"], "stdin": True, "tty": True},
        ],
    }
    return pod("bench", spec)


@pytest.fixture
def bench(stage: Stage) -> Stage:
    stage.ok("apply", "-f", stage.write("bench.yaml", workbench()))
    return stage


@pytest.fixture
def at_terminal(stage: Stage) -> Iterator[Callable[..., Keyboard]]:
    """Starts a command at a terminal of its own."""
    started: list[Keyboard] = []

    def start(verb: str, *words: str) -> Keyboard:
        argv = [sys.executable, "-m", "minikctl", verb, *flags(stage), *words]
        started.append(Keyboard(argv, {**stage.environment(), "TERM": "xterm"}, stage.folder))
        return started[-1]

    yield start
    for one in started:
        one.close()


def run_in(stage: Stage, *words: str, stdin: str | None = None) -> str:
    return stage.ok("exec", *flags(stage), "bench", "-c", "main", *words, stdin=stdin).out


def test_a_shell_at_a_terminal(bench: Stage, at_terminal: Callable[..., Keyboard]) -> None:
    shell = at_terminal("exec", "-it", "bench", "-c", "main", "--", "sh")
    before = shell.settings()
    shell.expect(PROMPT)
    assert shell.settings() != before
    shell.type("sleep 1; stty size\r")
    shell.expect("24 80")
    shell.resize(40, 132)
    shell.type("sleep 1; stty size\r")
    shell.expect("40 132")
    shell.type("echo rea''dy; cat\r")
    shell.expect("ready\r\n")
    shell.type("again\r")
    shell.expect("again\r\nagain\r\n")
    shell.type("\x03")
    shell.expect(PROMPT)
    shell.type("exit 7\r")
    assert shell.finish() == 7
    assert shell.settings() == before
    shell.expect("command terminated with exit code 7")


def test_a_terminal_is_put_back_when_the_command_is_killed(
    bench: Stage, at_terminal: Callable[..., Keyboard]
) -> None:
    shell = at_terminal("exec", "-it", "bench", "-c", "main", "--", "sh")
    before = shell.settings()
    shell.expect(PROMPT)
    shell.process.send_signal(signal.SIGTERM)
    assert shell.finish() == -signal.SIGTERM
    assert shell.settings() == before


def test_attach_and_leave(bench: Stage, at_terminal: Callable[..., Keyboard]) -> None:
    for _ in range(2):
        shell = at_terminal("attach", "-it", "bench", "-c", "shell")
        shell.expect("try pressing enter")
        shell.type("\r")
        shell.expect(PROMPT)
        shell.type("echo a$((1+1))b\r")
        shell.expect("a2b")
        shell.type("\x10\x11")
        assert shell.finish() == 0
    (found,) = bench.pods()
    assert [one["restartCount"] for one in found["status"]["containerStatuses"]] == [0, 0]


def test_run_it_rm(stage: Stage, at_terminal: Callable[..., Keyboard]) -> None:
    words = ["--image=busybox:1.36", "--rm", "--restart=Never"]
    shell = at_terminal("run", "-it", "once", *words, "--", "sh")
    shell.expect("try pressing enter")
    shell.type("\r")
    shell.expect(PROMPT)
    shell.type("exit 5\r")
    shell.expect('pod "once" deleted from default namespace')
    assert shell.finish() == 5
    piped = ["run", "-i", "pipe", *words, "--quiet", *flags(stage), "--", "sh", "-c", "cat; echo end"]
    result = stage(*piped, stdin="one\ntwo\n")
    assert result.out.startswith("one\ntwo\nend\n") and result.code == 0, result
    assert stage.containers() == []


def test_streams_and_exit_codes(bench: Stage) -> None:
    text = "".join(f"line {number}\n" for number in range(20_000))
    assert run_in(bench, "-i", "--", "cat", stdin=text) == text
    result = bench("exec", *flags(bench), "bench", "-q", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (result.code, result.out, result.err) == (3, "out\n", "err\ncommand terminated with exit code 3\n")
    missing = bench("exec", *flags(bench), "bench", "-q", "--", "nosuch")
    assert missing.code == 127


def test_logs_of_every_container(bench: Stage) -> None:
    assert bench.ok("logs", "bench", "-c", "first").out == "prepared\n"
    everything = bench.ok("logs", "bench", "--all-containers", "--prefix").lines
    assert everything[:2] == ["[pod/bench/first] prepared", "[pod/bench/main] started"]
    assert bench.ok("logs", "bench", "-c", "main", "--limit-bytes=4").out == "star"


def test_files_there_and_back(bench: Stage) -> None:
    source = bench.folder / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "b").write_bytes(bytes(range(256)) * 10_000)
    (source / "tool").write_text("#!/bin/sh\n")
    (source / "tool").chmod(0o755)
    (source / "link").symlink_to("deep/b")
    bench.ok("cp", str(source), "bench:/tmp/site", "-c", "main")
    assert run_in(bench, "--", "sh", "-c", "cd /tmp/site; ls; test -x tool; readlink link") == (
        "deep\nlink\ntool\ndeep/b\n"
    )
    bench.ok("cp", str(source), "default/bench:/tmp/site", "-c", "main")
    assert run_in(bench, "--", "ls", "/tmp/site/source").split() == ["deep", "link", "tool"]
    bench.ok("cp", "bench:/tmp/site/deep", str(bench.folder / "back"), "-c", "main")
    assert (bench.folder / "back/b").read_bytes() == (source / "deep/b").read_bytes()
    missing = bench.fails("cp", "bench:/nope", str(bench.folder / "x"), "-c", "main")
    assert missing.err == "error: /nope is not there in container main\n"


def test_links_out_of_a_container_lead_nowhere(bench: Stage) -> None:
    run_in(
        bench, "--", "sh", "-c", "mkdir /tmp/evil; cd /tmp/evil; ln -s /etc a; ln -s ../../../etc b; touch c"
    )
    result = bench.ok("cp", "bench:/tmp/evil", str(bench.folder / "evil"), "-c", "main")
    assert [path.name for path in (bench.folder / "evil").iterdir()] == ["c"]
    assert result.err.count("skipping symlink") == 2


def test_ports_lead_to_the_pod_and_follow_a_restart(bench: Stage) -> None:
    child = bench.start("port-forward", "bench", ":web")
    assert child.stdout is not None
    found = re.fullmatch(r"Forwarding from 127\.0\.0\.1:(\d+) -> 8080\n", child.stdout.readline())
    assert found

    def fetch() -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    assert [fetch() for _ in range(3)] == ["hello\n"] * 3
    busy = bench.fails("port-forward", "bench", f"{found[1]}:8080")
    assert busy.err == (
        f"error: unable to listen on port {found[1]}: 127.0.0.1:{found[1]}: Address already in use\n"
    )
    bench.start_agent()
    (victim,) = (one for one in bench.running() if one.container == "main")
    bench.place.do("kill", victim.id)
    until("the new container answers", lambda: fetch() == "hello\n")
    child.send_signal(signal.SIGINT)
    assert child.wait(10) == 0


def test_what_is_used(bench: Stage) -> None:
    run_in(bench, "--", "sh", "-c", "(while true; do :; done) >/dev/null 2>&1 &")
    rows = [line.split() for line in bench.ok("top", "pod", "bench", "--containers", "--no-headers").lines]
    used = {name: int(cpu.removesuffix("m")) for _, name, cpu, _ in rows}
    assert used["main"] > 50 > used["shell"]
    assert bench.ok("top", "nodes", "--no-headers").out.count("%") == 2
