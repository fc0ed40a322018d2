"""Log lines: complete, in order, timed, without their line ends."""

from __future__ import annotations

from minikctl.backend import LogOptions
from minikctl.contract.base import ContractBase
from minikctl.contract.bench import Bench, in_time, shell

_LONG = 40_000
"""Longer than the 16 KiB at which engines cut lines into pieces."""


class OutputChecks(ContractBase):
    def test_both_streams_tail_since_and_times(self, bench: Bench) -> None:
        script = "echo one; echo; echo error >&2; sleep 2; echo two; printf unfinished"
        before = self.now()
        ended = bench.run(bench.spec(*shell(script)))
        assert ended.text("stdout") == ["one", "", "two", "unfinished"]
        assert ended.text("stderr") == ["error"]
        times = [line.time for line in ended.lines]
        for stream in ("stdout", "stderr"):  # each is read by a hand of its own: between them it is not exact
            written = [line.time for line in ended.lines if line.stream == stream]
            assert written == sorted(written)
        assert before - 2 < times[0] <= times[-1] <= self.now() + 2
        assert times[-1] - times[0] > 1, "times are of the writing, not of the reading"

        container_id = ended.container.id

        def texts(options: LogOptions) -> list[bytes]:
            return [line.text for line in bench.backend.logs(container_id, options)]

        assert texts(LogOptions(tail=2)) == [b"two", b"unfinished"]
        assert texts(LogOptions(tail=0)) == []
        assert len(texts(LogOptions(tail=100))) == 5
        middle = times[0] + 1
        assert texts(LogOptions(since=middle)) == [b"two", b"unfinished"]
        assert texts(LogOptions(since=middle, tail=1)) == [b"unfinished"]
        assert texts(LogOptions(since=self.now() + 60)) == []
        assert texts(LogOptions(follow=True, tail=1)) == [b"unfinished"], "following what ended ends"

    def test_following_ends_with_the_container(self, bench: Bench) -> None:
        container = bench.start(bench.spec(*shell("echo one; sleep 1; echo two >&2; sleep 1; exit 4")))
        lines = in_time(lambda: list(bench.backend.logs(container.id, LogOptions(follow=True))))
        assert [(line.stream, line.text) for line in lines] == [("stdout", b"one"), ("stderr", b"two")]
        assert bench.until_exited(container.id).exit_code == 4

    def test_lines_come_while_the_container_runs(self, bench: Bench) -> None:
        container = bench.start(bench.spec(*shell("echo ready; sleep 3600")))
        follower = bench.backend.logs(container.id, LogOptions(follow=True))
        assert in_time(lambda: next(follower)).text == b"ready"
        bench.backend.remove_container(container.id)
        assert in_time(lambda: list(follower)) == []

    def test_odd_lines(self, bench: Bench) -> None:
        """Bytes that are no text come through as far as the engine's log driver keeps them."""
        script = f"echo grün; echo {'x' * _LONG}; printf 'a\\377\\001b\\n'; echo '  spaces  '; echo end"
        lines = bench.run(bench.spec(*shell(script))).lines
        assert [line.stream for line in lines] == ["stdout"] * 5
        green, long, binary, spaces, end = (line.text for line in lines)
        assert green == "grün".encode()
        assert long == b"x" * _LONG
        assert binary[:1] + binary[-2:] == b"a\x01b"
        assert spaces == b"  spaces  "
        assert end == b"end"

    def test_no_lines(self, bench: Bench) -> None:
        container_id = bench.backend.create_container(bench.spec("true"))
        assert list(bench.backend.logs(container_id, LogOptions())) == []
        bench.backend.start_container(container_id)
        bench.until_exited(container_id)
        assert in_time(lambda: list(bench.backend.logs(container_id, LogOptions(follow=True)))) == []
