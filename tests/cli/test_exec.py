"""exec, attach and run --rm: which container, whose exit code, which words on stderr."""

from __future__ import annotations

import pytest
from cli_rig import Cli

from minikctl.cli.terminal import parse_keys, split_at_keys
from minikctl.errors import UsageError

PODS = """apiVersion: v1
kind: Pod
metadata: {name: two, labels: {app: two}}
spec:
  containers:
  - {name: one, image: busybox, command: [sleep, "3600"]}
  - {name: other, image: busybox, command: [sleep, "3600"]}
---
apiVersion: v1
kind: Pod
metadata: {name: over}
spec:
  restartPolicy: Never
  containers: [{name: c, image: busybox, command: [echo, done]}]
"""


@pytest.fixture
def two(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("pods.yaml", PODS), "--timeout=20s")


def test_a_command_and_its_exit_code(cli: Cli, two: None) -> None:
    result = cli.ok("exec", "two", "--", "echo", "hi")
    assert (result.out, result.err) == ("hi\n", 'Defaulted container "one" out of: one, other\n')
    failed = cli("exec", "pod/two", "-c", "other", "--", "sh", "-c", "echo out; exit 7")
    assert (failed.code, failed.out) == (7, "out\n")
    assert failed.err == "command terminated with exit code 7\n"
    assert cli.ok("exec", "two", "-q", "--", "echo", "-n", "--all").err == ""


def test_of_a_workload(cli: Cli, web: str) -> None:
    assert cli.ok("exec", "deploy/web", "--", "echo", "hi").out == "hi\n"
    assert cli.ok("exec", "-f", web, "--", "echo", "hi").out == "hi\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "error: pod, type/name or --filename must be specified"),
        (["--", "date"], "error: pod, type/name or --filename must be specified"),
        (["two"], "error: you must specify at least one command for the container"),
        (["two", "--"], "error: you must specify at least one command for the container"),
        (["two", "date"], "error: exec [POD] [COMMAND] is not supported anymore."),
        (["two", "a", "--", "date"], "error: exec [POD] [COMMAND] is not supported anymore."),
        (["two", "-c", "nope", "--", "date"], "error: container nope not found in pod two"),
        (["nope", "--", "date"], 'Error from server (NotFound): pods "nope" not found'),
        (
            ["over", "--", "date"],
            "error: cannot exec into a container in a completed pod; current phase is Succeeded",
        ),
        (["ns/default", "--", "date"], "error: cannot exec into a Namespace"),
        (["two", "--stdin=x", "--", "date"], 'error: invalid argument "x"'),
    ],
    ids=str,
)
def test_refusals(cli: Cli, two: None, words: list[str], message: str) -> None:
    result = cli("exec", *words)
    assert result.code == 1
    assert result.err.startswith(message), result.err


def test_no_terminal_is_told(cli: Cli, two: None) -> None:
    result = cli.process("exec", "-it", "two", "-c", "one", "--", "echo", "hi")
    assert (result.code, result.out) == (0, "hi\n")
    assert result.err == "Unable to use a TTY - input is not a terminal or the right kind of file\n"


def test_attach_refuses_what_is_over(cli: Cli, two: None) -> None:
    assert cli("attach").err == "error: at least 1 argument is required for attach\n"
    assert cli("attach", "over").err == (
        "error: cannot attach a container in a completed pod; current phase is Succeeded\n"
    )


def test_run_rm_ends_as_the_container_and_leaves_nothing(cli: Cli) -> None:
    words = ["--image=busybox", "--rm", "--attach", "--restart=Never", "--quiet", "--"]
    result = cli("run", "once", *words, "sh", "-c", "echo one; echo two; exit 4")
    assert result.code == 4
    assert result.out == 'one\ntwo\npod "once" deleted from default namespace\n'
    assert result.err.endswith("pod default/once terminated (Error)\n")
    assert cli.ok("get", "pods").out == ""
    assert cli("run", "fine", *words, "true").code == 0


def test_run_that_can_t_start_is_removed_too(cli: Cli) -> None:
    words = ["--image=busybox:does-not-exist", "--rm", "--attach", "--restart=Never"]
    result = cli("run", "never", *words, "--pod-running-timeout=1s")
    assert result.code == 1
    assert "ErrImagePull" in result.err or "ImagePullBackOff" in result.err
    assert cli.ok("get", "pods").out == ""


# --- the keys that leave ---------------------------------------------------------------------------


def test_detach_keys() -> None:
    keys = parse_keys("ctrl-p,ctrl-q")
    assert keys == b"\x10\x11"
    assert parse_keys("a,ctrl-a,ctrl-[") == b"a\x01\x1b"
    assert split_at_keys(b"ls\x10", keys) == (b"ls", b"\x10", False)
    assert split_at_keys(b"\x10\x11", keys) == (b"", b"", True)
    assert split_at_keys(b"\x10x", keys) == (b"\x10x", b"", False)
    assert split_at_keys(b"anything", b"") == (b"anything", b"", False)
    for wrong in ("ctrl-", "ctrl-ab", "ä"):
        with pytest.raises(UsageError):
            parse_keys(wrong)
