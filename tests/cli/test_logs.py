"""logs in all its forms, where pods have several containers and several lives."""

from __future__ import annotations

import pytest
from cli_rig import Cli

SEVERAL = """apiVersion: v1
kind: Pod
metadata: {name: several, labels: {app: several}%s}
spec:
  initContainers:
  - {name: first, image: busybox, command: [echo, prepared]}
  containers:
  - {name: one, image: busybox, command: [sh, -c, "echo from one; echo 1234567890; sleep 3600"]}
  - {name: two, image: busybox, command: [sh, -c, "echo from two; sleep 3600"]}
"""
DEFAULT = ', annotations: {"kubectl.kubernetes.io/default-container": two}'


@pytest.fixture
def several(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("several.yaml", SEVERAL % ""), "--timeout=20s")


def test_which_container(cli: Cli, several: None) -> None:
    result = cli.ok("logs", "several")
    assert result.lines == ["from one", "1234567890"]
    assert result.err == 'Defaulted container "one" out of: one, two, first (init)\n'
    named = cli.ok("logs", "several", "-c", "first")
    assert (named.lines, named.err) == (["prepared"], "")
    everything = cli.ok("logs", "several", "--all-containers", "--prefix").lines
    assert everything == [
        "[pod/several/first] prepared",
        "[pod/several/one] from one",
        "[pod/several/one] 1234567890",
        "[pod/several/two] from two",
    ]
    unknown = cli("logs", "several", "-c", "nope")
    assert unknown.err == "Error from server (BadRequest): container nope is not valid for pod several\n"


def test_an_annotation_names_the_container(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("several.yaml", SEVERAL % DEFAULT), "--timeout=20s")
    result = cli.ok("logs", "several")
    assert (result.lines, result.err) == (["from two"], "")
    cli.ok("annotate", "pod/several", "kubectl.kubernetes.io/default-container=gone", "--overwrite")
    assert cli.ok("logs", "several").err.splitlines() == [
        'Default container name "gone" not found in pod several',
        'Defaulted container "one" out of: one, two, first (init)',
    ]


def test_limits(cli: Cli, several: None) -> None:
    assert cli.ok("logs", "several", "-c", "one", "--limit-bytes=12").out == "from one\n123"
    each = cli.ok("logs", "several", "--all-containers", "--limit-bytes=5").out
    assert each == "prepafrom from "
    stamped = cli.ok("logs", "several", "-c", "one", "--timestamps", "--limit-bytes=30").out
    assert len(stamped) == 30
    for flags, message in [
        (["--limit-bytes=0"], "--limit-bytes must be greater than 0"),
        (["--tail=-2"], "--tail must be greater than or equal to -1"),
        (["--since=-2s"], "--since must be greater than 0"),
        (["--all-containers", "-c", "one"], "--all-containers=true should not be specified with container"),
        (["--insecure-skip-tls-verify-backend"], "unknown flag: --insecure-skip-tls-verify-backend"),
    ]:
        result = cli("logs", "several", *flags)
        assert result.code == 1 and result.err.startswith(f"error: {message}")


WAITING = """apiVersion: v1
kind: Pod
metadata: {name: waiting, labels: {app: several}}
spec:
  containers: [{name: main, image: "busybox:does-not-exist"}]
"""


def test_a_log_that_can_t_be_had_ends_the_others_only_where_nobody_says_otherwise(
    cli: Cli, several: None
) -> None:
    cli.ok("apply", "-f", cli.write("waiting.yaml", WAITING), "--wait=false")
    cli("wait", "pod/waiting", "--for=condition=Ready", "--timeout=300ms")
    refused = cli("logs", "-l", "app=several", "-c", "main")
    assert refused.code == 1
    told = cli.ok("logs", "-l", "app=several", "--all-containers", "--ignore-errors")
    assert "from one" in told.lines and "from two" in told.lines
    assert any(line.endswith(("ErrImagePull", "ImagePullBackOff")) for line in told.lines)


def test_a_workload_without_pods(cli: Cli) -> None:
    manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 0\n"
    template = (
        "  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n"
        "    spec: {containers: [{name: c, image: nginx}]}\n"
    )
    cli.ok("apply", "-f", cli.write("web.yaml", manifest + template), "--timeout=20s")
    result = cli("logs", "deploy/web")
    assert (result.code, result.err) == (1, "error: no pods of deployment.apps/web yet\n")
