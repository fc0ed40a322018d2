"""The command line itself: what it imports, how it reads flags, how it ends."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_rig import Cli, deployment, interrupted

from minikctl import __version__
from minikctl.cli.app import VERBS


@pytest.mark.parametrize("word", ["version", "--version"])
def test_a_bare_version_imports_nothing(cli: Cli, word: str) -> None:
    script = (
        "import sys; from minikctl.__main__ import main; main([sys.argv[1]]);"
        "print([name for name in sys.modules if name.split('.')[0] in ('typer', 'sqlite3', 'yaml')"
        " or name.startswith('minikctl.')])"
    )
    done = subprocess.run([sys.executable, "-c", script, word], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"minikctl v{__version__}", "['minikctl.__main__']"]


def test_help_lists_every_verb_and_imports_none(cli: Cli) -> None:
    script = (
        "import sys; from minikctl.__main__ import main; main(['--help']);"
        "print(sorted(name for name in sys.modules if name.startswith('minikctl.cli.')), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for verb, entry in VERBS.items():
        assert verb in done.stdout
        assert entry.module not in done.stderr


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_verb_has_help(cli: Cli, verb: str) -> None:
    for flag in ("-h", "--help"):
        result = cli.ok(verb, flag)
        assert result.out.startswith(f"Usage: minikctl {verb}")
        assert "--namespace" in result.out


@pytest.mark.parametrize("family", ["rollout", "set", "cluster", "agent", "create"])
def test_every_command_of_a_family_has_help(cli: Cli, family: str) -> None:
    listed = cli.ok(family, "--help").out.partition("Commands:\n")[2].split("\n")
    for name in [line.split()[0] for line in listed if line.strip()]:
        assert cli.ok(family, name, "--help").out.startswith(f"Usage: minikctl {family} {name}")


USAGE = [
    (("bogus",), 'error: unknown command "bogus" for "minikctl"'),
    (("get", "--foo"), "error: unknown flag: --foo"),
    (
        ("apply", "--server-side"),
        "error: --server-side is a flag of kubectl that minikctl does not have: apply",
    ),
    (("apply", "--prune"), "error: --prune is a flag of kubectl that minikctl does not have"),
    (("apply", "--validate=false"), "error: --validate is a flag of kubectl that minikctl does not have"),
    (("apply", "--wombat"), "error: unknown flag: --wombat\n"),
    (("get", "-output", "json"), "error: unknown flag: -output; did you mean --output?"),
    (("scale", "--replica=2"), "error: unknown flag: --replica; did you mean --replicas?"),
    (("get", "-Z"), "error: unknown shorthand flag: 'Z' in -Z"),
    (("get", "pods", "-o"), "error: flag needs an argument: -o"),
    (("get", "pods", "-w=maybe"), 'error: invalid argument "maybe" for "-w" flag: it is true or false'),
    (("get", "bogus"), 'error: the server doesn\'t have a resource type "bogus"'),
    (
        ("get", "deploymnt"),
        'error: the server doesn\'t have a resource type "deploymnt"; did you mean deployment?',
    ),
    (("get", "pods/a", "b"), "error: there is no need to specify a resource type as a separate argument"),
    (("get", "pods", "-o", "xml"), 'error: unable to match a printer suitable for the output format "xml"'),
    (("get", "pods", "-l", "a=b=c,("), "error: unable to parse requirement"),
    (("get", "pods", "--field-selector", "x"), "error: invalid field selector: 'x'"),
    (
        ("get", "pods", "--field-selector", "spec.x=1"),
        'Error from server (BadRequest): Unable to find "pods"',
    ),
    (("apply",), "error: must specify one of -f"),
    (("apply", "web.yaml"), "error: Unexpected args: [web.yaml]; name files with -f"),
    (("apply", "-f", "x", "--dry-run"), 'error: invalid --dry-run value "unchanged"'),
    (("apply", "-f", "x", "--timeout=3x"), 'error: invalid duration "3x"'),
    (("delete",), "error: You must provide one or more resources by argument or filename"),
    (("delete", "pods"), "error: resource(s) were provided, but no name was specified"),
    (("delete", "pod", "a", "--now", "--grace-period=3"), "error: --now and --grace-period cannot be"),
    (("scale", "deploy/web"), 'error: required flag(s) "replicas" not set'),
    (("run", "web"), 'error: required flag(s) "image" not set'),
    (("run", "web", "--image=nginx", "--expose"), "error: --expose is not supported"),
    (("create", "deployment", "web"), 'error: required flag(s) "image" not set'),
    (("set", "image", "deploy/web"), "error: at least one image update is required"),
    (("logs",), "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'"),
    (("drain",), "error: name one or more nodes, or select them with -l"),
    (("cluster", "init"), "error: say either --nodes COUNT or --config FILE"),
    (("completion", "tcsh"), 'error: unsupported shell type "tcsh"'),
    (("watch",), "error: watch draws on a terminal"),
    (("rollout", "bogus"), 'error: unknown command "bogus" for "minikctl rollout"'),
    (
        ("get", "pods", "--backend", "nope", "--state-dir", "/dev/null/x"),
        "error: cannot use the state directory",
    ),
]


@pytest.mark.parametrize(("argv", "line"), USAGE, ids=[" ".join(argv) for argv, _ in USAGE])
def test_usage_errors_are_one_clear_line_and_exit_code_1(cli: Cli, argv: tuple[str, ...], line: str) -> None:
    result = cli(*argv)
    assert result.code == 1
    assert result.out == ""
    assert result.err.startswith(line)
    assert "Traceback" not in result.err
    assert not cli.state.exists() or cli.desired() == []


def test_global_flags_stand_before_and_after_the_verb(cli: Cli, tmp_path: Path) -> None:
    other = str(tmp_path / "other")
    assert "in shop namespace" in cli.ok("-n", "shop", "get", "pods").err
    assert "in shop namespace" in cli.ok("get", "pods", "-n=shop").err
    assert "in b namespace" in cli.ok("--namespace", "a", "get", "pods", "--namespace=b").err
    cli.ok("get", "pods", "--state-dir", other)
    assert (Path(other) / "desired").is_dir()


def test_a_flag_that_was_set_to_false_is_off(cli: Cli) -> None:
    path = cli.write("web.yaml", deployment())
    assert not cli.ok("apply", "-f", path, "--wait=false").told_simulated
    assert cli.ok("get", "deploy", "--no-headers=false").lines[0].startswith("NAME")
    assert cli.ok("get", "deploy", "--no-headers=true").lines[0].startswith("web")


def test_an_unexpected_error_is_one_line_and_a_private_file(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minikctl.cli.session import Session

    def broken(self: Session, kind: str, namespace: str | None) -> None:
        raise ZeroDivisionError("no reason")

    cli.ok("get", "pods")
    monkeypatch.setattr(Session, "listed", broken)
    result = cli("get", "pods")
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert result.err.startswith("minikctl bug: ZeroDivisionError: no reason, see ")
    (report,) = cli.state.glob("bug-*.txt")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert "Traceback" in report.read_text()
    monkeypatch.setenv("MINIKCTL_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli("get", "pods")


@pytest.mark.parametrize(
    "argv",
    [
        ("get", "pods", "a\x1b[2Jb"),
        ("get", "po\x1b[2Jds"),
        ("get", "pods", "--\x1b[2J"),
        ("apply", "-f", "a\x1b[2Jb.yaml"),
        ("get", "pods", "-o", "jsonpath={\x1b[2J"),
        ("\x1b[2J",),
    ],
)
def test_no_error_moves_the_cursor(cli: Cli, argv: tuple[str, ...]) -> None:
    """CVE-2021-25743: what people paste may hold sequences that a terminal obeys."""
    failed = cli(*argv)
    assert failed.code == 1
    assert "\x1b" not in failed.out + failed.err
    assert "^[[2J" in failed.err or "\\x1b[2J" in failed.err


def test_whoever_stops_reading_is_no_error(cli: Cli) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "minikctl", "get", "--help"], stdout=writer, stderr=subprocess.PIPE, timeout=20
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="it is Linux' device")
@pytest.mark.parametrize("argv", [("version",), ("explain", "pod", "--recursive"), ("schema", "Pod")])
def test_output_that_finds_no_room_is_one_line(cli: Cli, argv: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "minikctl", *argv],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (
        1,
        "error: cannot write the output: No space left on device\n",
    )


def test_ctrl_c_ends_with_130_and_what_was_desired_stays(cli: Cli) -> None:
    path = cli.write("web.yaml", deployment(image="nginx:does-not-exist"))
    process = cli.start("apply", "-f", path)
    deadline = time.monotonic() + 20
    while not (cli.state / "desired/default/deployment.web.yaml").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    result = interrupted(process)
    assert result.code == 130
    assert "Traceback" not in result.err
    assert cli.desired() == ["default/deployment.web.yaml"]


def test_control_characters_of_arguments_are_made_visible(cli: Cli) -> None:
    result = cli("get", "pods", "a\x1b[2Jb")
    assert result.code == 1
    assert "\x1b" not in result.err
    assert "a^[[2Jb" in result.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_ask_minikctl(cli: Cli, shell: str) -> None:
    assert "_MINIKCTL_COMPLETE" in cli.ok("completion", shell).out


def test_completion_knows_verbs_and_flags(cli: Cli) -> None:
    asked = {"_MINIKCTL_COMPLETE": "complete_bash", "COMP_WORDS": "minikctl roll", "COMP_CWORD": "1"}
    assert "rollout" in cli.process(env=asked).out.split()
    asked |= {"COMP_WORDS": "minikctl get --sort", "COMP_CWORD": "2"}
    assert "--sort-by" in cli.process(env=asked).out.split()


def test_an_output_that_cannot_say_everything_gets_escapes(cli: Cli) -> None:
    cli.ok("create", "cm", "u", "--from-literal=a=gr\u00fc\u00df \u2713")
    shown = cli.process("get", "cm", "u", "-o", "yaml", env={"PYTHONIOENCODING": "ascii"})
    assert (shown.code, shown.err) == (0, "")
    assert "gr\\xfc\\xdf \\u2713" in shown.out
