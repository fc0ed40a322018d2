"""`taint`: what kubectl says, and what becomes of nodes."""

from __future__ import annotations

import pytest
from cli_rig import Cli


@pytest.fixture
def nodes(cli: Cli) -> Cli:
    cli.ok("cluster", "init", "--nodes", "2")
    cli.ok("agent", "run", "--once")
    return cli


def taints_of(cli: Cli, node: str) -> str:
    path = "{range .spec.taints[*]}{.key}={.value}:{.effect} {end}"
    return cli.ok("get", "node", node, "-o", f"jsonpath={path}").out.strip()


def test_taints_are_set_changed_and_removed(nodes: Cli) -> None:
    assert nodes.ok("taint", "nodes", "node-1", "gpu=yes:NoSchedule").out == "node/node-1 tainted\n"
    assert taints_of(nodes, "node-1") == "gpu=yes:NoSchedule"
    already = "node node-1 already has [gpu=no:NoSchedule] taint(s) with same effect(s)"
    text = f"error: {already} and --overwrite is false\n"
    assert nodes("taint", "nodes", "node-1", "gpu=no:NoSchedule").err == text
    nodes.ok("taint", "--overwrite", "nodes", "node-1", "gpu=no:NoSchedule", "gpu:PreferNoSchedule")
    assert taints_of(nodes, "node-1") == "gpu=no:NoSchedule gpu=:PreferNoSchedule"
    assert nodes.ok("taint", "node/node-1", "gpu:NoSchedule-").out == "node/node-1 untainted\n"
    assert taints_of(nodes, "node-1") == "gpu=:PreferNoSchedule"
    assert nodes.ok("taint", "no", "node-1", "gpu-", "x=:NoExecute").out == "node/node-1 modified\n"
    assert taints_of(nodes, "node-1") == "x=:NoExecute"
    assert nodes("taint", "nodes", "node-1", "gpu-").err == 'error: taint "gpu" not found\n'


def test_all_nodes_and_dry_runs(nodes: Cli) -> None:
    done = nodes.ok("taint", "nodes", "--all", "a:NoSchedule", "--dry-run=client")
    assert done.out == "node/node-1 tainted (dry run)\nnode/node-2 tainted (dry run)\n"
    assert taints_of(nodes, "node-2") == ""
    nodes.ok("taint", "nodes", "--all", "a:NoSchedule")
    assert taints_of(nodes, "node-2") == "a=:NoSchedule"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pods", "p", "a:NoSchedule"], "invalid resource type pods, only node types are supported"),
        (["nodes", "node-1"], "at least one taint update is required"),
        (["nodes", "node-1", "a=b"], "invalid taint spec: a=b"),
        (["nodes", "node-1", "a=b:Never"], "invalid taint effect: Never, unsupported taint effect"),
        (
            ["nodes", "node-1", "a=b:NoSchedule", "a-"],
            "can not both modify and remove the following taint(s) in the same command: [a=b:NoSchedule]",
        ),
    ],
)
def test_what_is_no_taint(cli: Cli, words: list[str], said: str) -> None:
    done = cli("taint", *words)
    assert (done.code, done.err) == (1, f"error: {said}\n")
