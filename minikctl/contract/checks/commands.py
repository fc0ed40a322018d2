"""Commands in a running container, and conversations with them and with its own process."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest

from minikctl.backend import Stream
from minikctl.contract.base import ContractBase, only_where_real
from minikctl.contract.bench import FOREVER, Bench, in_time, shell
from minikctl.errors import PermanentError

_KEPT = 10 * 1024


def texts(stream: Stream) -> dict[str, str]:
    """All that it says until it ends, by stream."""
    said: dict[str, bytes] = {}
    for name, data in in_time(lambda: list(stream.frames())):
        said[name] = said.get(name, b"") + data
    return {name: data.decode().replace("\r\n", "\n") for name, data in said.items()}


def until_said(frames: Iterable[tuple[str, bytes]], text: bytes) -> None:
    """Reads on until that was said."""
    said = b""

    def read() -> None:
        nonlocal said
        for _, data in frames:
            said += data
            if text in said:
                return

    in_time(read)
    assert text in said


def code_of(bench: Bench, stream: Stream) -> int:
    bench.until(lambda: stream.exit_code() is not None, "the exit code is known")
    code = stream.exit_code()
    assert code is not None
    return code


class CommandChecks(ContractBase):
    def test_exec_tells_output_and_exit_code(self, bench: Bench) -> None:
        backend = bench.backend
        container = bench.start(bench.spec(*FOREVER, env=(("GREETING", "grün"),), working_dir="/tmp"))

        def run(*command: str) -> tuple[int, str]:
            result = backend.exec_container(container.id, command, timeout=10)
            return result.exit_code, result.output.decode()

        assert run("echo", "a  b") == (0, "a  b\n")
        assert run("false") == (1, "")
        assert run(*shell("echo out; echo error >&2; exit 3")) in ((3, "out\nerror\n"), (3, "error\nout\n"))
        assert run(*shell('echo "$GREETING"; pwd')) == (0, "grün\n/tmp\n"), "as the container's own process"
        code, output = run("/no/such/command")
        assert code in (126, 127)
        assert "/no/such/command" in output

    def test_exec_keeps_ten_kibibytes(self, bench: Bench) -> None:
        container = bench.start(bench.spec(*FOREVER))
        command = shell(f"echo {'x' * 20_000}; echo end; exit 4")
        result = bench.backend.exec_container(container.id, command, timeout=10)
        assert (result.exit_code, result.output) == (4, b"x" * _KEPT)

    def test_exec_has_a_deadline(self, bench: Bench) -> None:
        container = bench.start(bench.spec(*FOREVER))
        began = time.monotonic()
        with pytest.raises(PermanentError) as caught:
            bench.backend.exec_container(
                container.id, shell("while true; do echo tick; sleep 0.1; done"), timeout=1
            )
        assert caught.value.reason == "DeadlineExceeded"
        assert time.monotonic() - began < 5, "it counts from the beginning, whatever is written"

    def test_exec_where_nothing_runs(self, bench: Bench, stranger: Bench) -> None:
        created = bench.backend.create_container(bench.spec(*FOREVER))
        ended = bench.run(bench.spec("true")).container.id
        theirs = stranger.start(stranger.spec(*FOREVER)).id
        for container_id, reason in ((created, "NotRunning"), (ended, "NotRunning"), (theirs, "NotFound")):
            with pytest.raises(PermanentError) as caught:
                bench.backend.exec_container(container_id, ("true",), timeout=5)
            assert caught.value.reason == reason
            with pytest.raises(PermanentError) as caught:
                bench.backend.open_exec(container_id, ("true",), stdin=False, tty=False)
            assert caught.value.reason == reason
            with pytest.raises(PermanentError) as caught:
                bench.backend.open_attach(container_id, stdin=False, tty=False)
            assert caught.value.reason == reason

    def test_conversation_without_input(self, bench: Bench) -> None:
        container = bench.start(bench.spec(*FOREVER))
        command = shell('echo "$WORD"; echo error >&2; exit 3')
        stream = bench.backend.open_exec(
            container.id, command, stdin=False, tty=False, environment=(("WORD", "given"),)
        )
        assert texts(stream) == {"stdout": "given\n", "stderr": "error\n"}
        assert code_of(bench, stream) == 3
        stream.close()

    def test_conversation_with_a_command_that_does_not_exist(self, bench: Bench) -> None:
        container = bench.start(bench.spec(*FOREVER))
        stream = bench.backend.open_exec(container.id, ("/no/such/command",), stdin=False, tty=False)
        assert "/no/such/command" in "".join(texts(stream).values())
        assert code_of(bench, stream) in (126, 127)
        stream.close()

    def test_conversation_with_input(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        container = bench.start(bench.spec(*FOREVER))
        stream = bench.backend.open_exec(container.id, ("cat",), stdin=True, tty=False)
        assert stream.exit_code() is None
        frames = stream.frames()
        stream.send(b"one\n")
        until_said(frames, b"one\n")
        many = b"x" * 300_000 + b"\n"
        stream.send(many)
        stream.close_input()
        said = in_time(lambda: b"".join(data for _, data in frames))
        assert said == many, "what was sent before the end of the input comes back whole"
        assert code_of(bench, stream) == 0
        stream.close()

    def test_conversation_on_a_terminal(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        container = bench.start(bench.spec(*FOREVER))
        stream = bench.backend.open_exec(container.id, ("sh",), stdin=True, tty=True)
        stream.resize(rows=33, columns=99)
        frames = stream.frames()
        stream.send(b"test -t 0 && echo term''inal; stty size; exit 7\n")
        until_said(frames, b"33 99")
        in_time(lambda: list(frames))
        assert code_of(bench, stream) == 7
        stream.close()

    def test_hanging_up_wakes_the_reader(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        container = bench.start(bench.spec(*FOREVER))
        stream = bench.backend.open_exec(container.id, ("cat",), stdin=True, tty=False)
        frames = stream.frames()
        stream.send(b"one\n")
        until_said(frames, b"one\n")
        stream.close()
        assert in_time(lambda: list(frames)) == []

    def test_attaching(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        script = 'read first; echo "got $first"; echo error >&2; cat; exit 5'
        container = bench.start(bench.spec(*shell(script), stdin=True))
        stream = bench.backend.open_attach(container.id, stdin=True, tty=False)
        assert stream.exit_code() is None
        stream.send(b"word\n")
        frames = stream.frames()
        until_said(frames, b"error\n")
        bench.backend.signal_container(container.id, kill=True)
        in_time(lambda: list(frames))
        assert code_of(bench, stream) == 137
        stream.close()

    def test_attaching_to_a_terminal(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        container = bench.start(bench.spec("sh", stdin=True, tty=True))
        stream = bench.backend.open_attach(container.id, stdin=True, tty=True)
        stream.resize(rows=44, columns=111)
        frames = stream.frames()
        stream.send(b"stty size\n")
        until_said(frames, b"44 111")
        stream.send(b"exit 6\n")
        in_time(lambda: list(frames))
        assert code_of(bench, stream) == 6
        stream.close()

    def test_usage(self, bench: Bench) -> None:
        container = bench.start(bench.spec(*shell("while true; do :; done")))
        first = bench.backend.usage(container.id)
        assert first is not None
        if not bench.backend.capabilities.simulated:

            def has_worked() -> bool:
                later = bench.backend.usage(container.id)
                return later is not None and later.cpu_nanoseconds > first.cpu_nanoseconds + 10**8

            bench.until(has_worked, "a tenth of a second of CPU time is told")
            assert 0 < first.memory_bytes < 100 << 20
        bench.backend.remove_container(container.id)
        assert bench.backend.usage(container.id) is None
        created = bench.backend.create_container(bench.spec(*FOREVER))
        assert bench.backend.usage(created) is None
