"""What becomes of simulated processes. The same scripts run on real engines in `test_comparison`."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from minikctl_memory.process import KEPT_ROUNDS, fate, missing, output
from minikctl_memory.program import Program
from minikctl_memory.shell import NotUnderstood, parse

NEVER = (math.inf, 0)


def sh(script: str, **fields: object) -> Program:
    return Program(("sh", "-c", script), **fields)  # type: ignore[arg-type]


def end(program: Program, *signals: tuple[float, str]) -> tuple[float, int]:
    found = fate(program, signals)
    return found.seconds, found.exit_code


def lines(program: Program, until: float, *signals: tuple[float, str]) -> list[tuple[float, str]]:
    return [(line.seconds, line.text.decode()) for line in output(program, signals, 0.0, until)]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("true",), (0, 0)),
        (("false",), (0, 1)),
        (("/bin/sleep", "5"), (5, 0)),
        (("sleep", "1m"), (60, 0)),
        (("sleep", "1.5", "1"), (2.5, 0)),
        (("sleep", "infinity"), NEVER),
        (("sleep", "x"), (0, 1)),
        (("sh",), (0, 0)),
        (("nginx", "-g", "daemon off;"), NEVER),
        (("sh", "/entrypoint.sh"), NEVER),
    ],
)
def test_programs(argv: tuple[str, ...], expected: tuple[float, int]) -> None:
    assert end(Program(argv)) == expected


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("perl", "-wle", "print bpi(2000)"), (0, 0)),
        (("sh", "/migrate.sh"), (0, 0)),
        (("sh", "-exc", "until migrate; do sleep 2; done; sleep 3; exit 4"), (3, 4)),
        (("sleep", "5"), (5, 0)),
        (("sh", "-c", "while true; do sleep 1; done"), NEVER),
    ],
)
def test_what_is_counted_on_to_end(argv: tuple[str, ...], expected: tuple[float, int]) -> None:
    assert end(Program(argv, runs_to_completion=True)) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 3", (0, 3)),
        ("exit 256", (0, 0)),
        ("false", (0, 1)),
        ("false; true", (0, 0)),
        ("sleep 2; exit 4", (2, 4)),
        ("false && exit 3", (0, 1)),
        ("true && exit 3", (0, 3)),
        ("false || exit 5", (0, 5)),
        ("false && exit 3 || exit 6", (0, 6)),
        ("true || exit 3; sleep 1", (1, 0)),
        ("! true", (0, 1)),
        ("nosuchcommand", (0, 127)),
        ("false; exit $?", (0, 1)),
        ("exit $CODE", (0, 9)),
        ("if [ $CODE = 9 ]; then exit 1; elif true; then exit 2; else exit 3; fi", (0, 1)),
        ("if false; then exit 1; else sleep 1; exit 3; fi", (1, 3)),
        ("for i in 1 2 3; do sleep $i; done", (6, 0)),
        ("for i in $(seq 3)\ndo\n  sleep 1\ndone", (3, 0)),
        ("while false; do sleep 1; done", (0, 0)),
        ("until true; do sleep 1; done; exit 2", (0, 2)),
        ("while true; do sleep 1; done", NEVER),
        ("while :; do echo spinning; done", NEVER),
        ("while sleep 1; do echo x; done", NEVER),
        ("sleep 3 & sleep 1; wait", (3, 0)),
        ("sleep 3 & exit 0", (0, 0)),
        ("set -e; false", NEVER),  # not understood: some program that runs
        ("exec nginx", NEVER),
        ("exec sleep 4", (4, 0)),
        ("nginx; exit 3", NEVER),
        ("echo a | cat; sleep 1 > /dev/null 2>&1", (1, 0)),
        ("# nothing\n\n", (0, 0)),
    ],
)
def test_scripts(script: str, expected: tuple[float, int]) -> None:
    assert end(sh(script, env=(("CODE", "9"),))) == expected


def test_fail_fast() -> None:
    assert end(Program(("sh", "-ec", "false; sleep 5"))) == (0, 1)
    assert end(Program(("sh", "-ec", "false || true; sleep 5"))) == (5, 0)


TERM, KILL = (2.5, "TERM"), (4.5, "KILL")


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (Program(("sleep", "100")), (100, 0)),
        (sh("sleep 100; exit 1"), (100, 1)),
        (sh("trap 'exit 3' TERM; while true; do sleep 1; done"), (3, 3)),
        (sh("trap 'exit 3' 15; while true; do sleep 2; done"), (4, 3)),
        (sh("trap 'exit 3' TERM; sleep 100; exit 1"), (100, 3)),
        (sh("trap 'exit 3' SIGTERM; sleep 100 & wait"), (2.5, 3)),
        (sh("trap 'echo' TERM; sleep 100 & wait; exit $?"), (2.5, 143)),
        (sh("trap 'exit 3' TERM; trap - TERM; sleep 100 & wait"), (100, 0)),
        (sh("trap 'exit 3' INT; sleep 100 & wait"), (100, 0)),
        (sh("trap 'exit 3' TERM; while :; do :; done"), (2.5, 3)),
        (sh("trap 'sleep 10; exit 3' TERM; sleep 100 & wait"), (12.5, 3)),
        (Program(("nginx",)), (2.5, 143)),
        (sh("exec nginx"), (2.5, 143)),
        (sh("trap 'exit 3' TERM; exec sh -c 'sleep 100 & wait'"), (100, 0)),
        (sh("nginx"), NEVER),
    ],
)
def test_the_stop_signal(program: Program, expected: tuple[float, int]) -> None:
    assert end(program, TERM) == expected
    before_kill = expected if expected[0] < KILL[0] else (KILL[0], 137)
    assert end(program, TERM, KILL) == before_kill


def test_output() -> None:
    script = "echo one; echo; sleep 2; printf 'a%sc\\n' b; echo error >&2; printf rest"
    written = output(sh(script), (), 0.0, 10)
    assert [(line.seconds, line.stream, line.text) for line in written] == [
        (0, "stdout", b"one"),
        (0, "stdout", b""),
        (2, "stdout", b"abc"),
        (2, "stderr", b"error"),
        (2, "stdout", b"rest"),
    ]
    assert lines(sh(script), 1) == [(0, "one"), (0, "")]
    assert lines(sh("printf half; sleep 2; echo whole"), 1) == []
    assert lines(sh("printf half; sleep 2; echo whole"), 2) == [(0, "halfwhole")]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('echo "a  b"  c', "a  b c"),
        ("echo $LIST", "a b"),
        ('echo "$LIST"', "a  b"),
        ("echo '$LIST' \\$x $", "$LIST $x $"),
        ("echo ${LIST}s $NOTHING.", "a bs ."),
        ("X=1; echo $X$X", "11"),
        ("echo $(hostname) $(whoami)", "web root"),
        ('echo "$(echo $(pwd))"', "/srv"),
        ("echo -n a; echo b", "ab"),
        ("printf '%s-%s\\n' 1 2", "1-2"),
        ("date", "Thu Jan  1 00:00:00 UTC 1970"),
        ("printenv LIST", "a  b"),
        ("id -u", "0"),
        ("echo quiet > /tmp/file; echo x 2>/dev/null", "x"),
        ("echo a 1>&2", "a"),
        ("echo a > /dev/stdout", "a"),
        ("hostname | tr a b; nosuchcommand", "sh: line 0: nosuchcommand: not found"),
    ],
)
def test_words(script: str, expected: str) -> None:
    program = sh(script, env=(("LIST", "a  b"),), hostname="web", working_dir="/srv")
    assert [text for _, text in lines(program, 1)] == [expected]


def test_endless_loops_keep_their_latest_lines() -> None:
    program = sh("while true; do date; sleep 10; done")
    day = lines(program, 86_400.0)
    assert KEPT_ROUNDS <= len(day) <= KEPT_ROUNDS + 3
    assert day[-1] == (86_400, "Fri Jan  2 00:00:00 UTC 1970")
    assert day[-2] == (86_390, "Thu Jan  1 23:59:50 UTC 1970")
    trapped = sh("trap 'echo bye; exit 0' TERM; while true; do sleep 10; done")
    assert end(trapped, (1_000_005.0, "TERM")) == (1_000_010, 0)
    assert lines(trapped, 2e6, (1_000_005.0, "TERM")) == [(1_000_010, "bye")]


def test_missing_commands() -> None:
    for name in ("nosuchcommand", "/no/such/command", "does-not-exist", "not-existing", "exit", ""):
        assert missing((name,)), name
    assert missing(())
    for name in ("nginx", "node", "notify", "/bin/nobody", "sh"):
        assert not missing((name,)), name


@pytest.mark.parametrize(
    "script",
    ["echo 'open", 'echo "open', "while true", "case x in esac", "echo `date`", "a ;; b", "f() { :; }",
     "cat <<E\nE", "echo $((1+1))", "echo ${X:-1}", "if true; then", "&& a", "a &&", "( a )", "done",
     "echo *", "for x in a; b"],
)  # fmt: skip
def test_what_is_beyond_it_is_not_guessed_at(script: str) -> None:
    with pytest.raises(NotUnderstood):
        parse(script)
    assert end(sh(script)) == NEVER
    assert end(sh(script), TERM) == (2.5, 143)


PIECES = [
    "echo",
    "sleep 1",
    "'",
    '"',
    "$",
    "$(",
    ")",
    "&&",
    "||",
    ";",
    "&",
    "|",
    ">",
    "2>&1",
    "while",
    "true",
    "do",
    "done",
]
PIECES += [
    "if",
    "then",
    "else",
    "fi",
    "for i in",
    "trap 'exit 1' TERM",
    "wait",
    "exit 2",
    "\n",
    "#",
    "\\",
    "X=1",
    "exec",
    "[ a",
    "]",
]


@given(
    st.lists(st.sampled_from(PIECES)).map(" ".join),
    st.lists(st.tuples(st.floats(0, 50), st.sampled_from(["TERM", "KILL"])), max_size=3).map(sorted),
)
def test_any_script_has_a_fate_that_looking_confirms(script: str, signals: list[tuple[float, str]]) -> None:
    program = sh(script)
    seconds, code = end(program, *signals)
    assert seconds >= 0
    assert 0 <= code <= 255
    killed = [at for at, name in signals if name == "KILL"]
    assert not killed or seconds <= killed[0]
    written = lines(program, 100.0, *signals)
    assert all(at <= min(seconds, 100.0) for at, _ in written)
    earlier = [line for line in lines(program, 10.0, *signals) if line[0] < 10]
    assert (
        seconds <= 10 or len(written) > KEPT_ROUNDS or earlier == [line for line in written if line[0] < 10]
    )


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse(text)
    except NotUnderstood:
        return
