"""top: kubectl's tables, and rates from two looks."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from cli_rig import Cli

from minikctl.backend import Usage
from minikctl.cli import top
from minikctl.cli.containers import Place
from minikctl.render.top import NodeUse, PodUse, TopOptions, Used, top_nodes, top_pods

MEBIBYTE = 1 << 20
PODS = [
    PodUse("shop", "web", (("main", Used(3, 10 * MEBIBYTE)), ("proxy", Used(250, MEBIBYTE)))),
    PodUse("shop", "db", (("main", Used(20, 300 * MEBIBYTE + 7)),)),
]


def test_pods() -> None:
    assert top_pods(PODS, TopOptions()) == (
        "NAME   CPU(cores)   MEMORY(bytes)   \n"
        "db     20m          300Mi           \n"
        "web    253m         11Mi            \n"
    )
    by_cpu = top_pods(PODS, TopOptions("cpu", no_headers=True, with_namespace=True))
    assert [line.split() for line in by_cpu.splitlines()] == [
        ["shop", "web", "253m", "11Mi"],
        ["shop", "db", "20m", "300Mi"],
    ]


def test_containers_and_sums() -> None:
    text = top_pods(PODS, TopOptions("memory", with_containers=True, with_sum=True))
    assert [line.split() for line in text.splitlines()] == [
        ["POD", "NAME", "CPU(cores)", "MEMORY(bytes)"],
        ["db", "main", "20m", "300Mi"],
        ["web", "main", "3m", "10Mi"],
        ["web", "proxy", "250m", "1Mi"],
        ["________", "________"],
        ["273m", "311Mi"],
    ]


def test_nodes() -> None:
    nodes = [
        NodeUse("b", Used(500, 512 * MEBIBYTE), Used(2000, 4096 * MEBIBYTE)),
        NodeUse("a", Used(0, 0), Used(0, 0)),
    ]
    assert [line.split() for line in top_nodes(nodes, TopOptions()).splitlines()] == [
        ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"],
        ["a", "0m", "<unknown>", "0Mi", "<unknown>"],
        ["b", "500m", "25%", "512Mi", "12%"],
    ]


def test_names_can_t_forge_a_table() -> None:
    assert "\x1b" not in top_pods([PodUse("x", "\x1b[2J", (("c", Used(1, 1)),))], TopOptions())


def test_cpu_is_what_was_used_between_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 102.0])
    looks = {"busy": iter([Usage(10**9, 5), Usage(2 * 10**9, 7)]), "ended": iter([Usage(5, 5), None])}
    lock = threading.Lock()

    def usage(identifier: str) -> Usage | None:
        with lock:
            return next(looks[identifier])

    backend = SimpleNamespace(usage=usage)
    monkeypatch.setattr(top.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(top.time, "sleep", lambda seconds: None)
    places = [Place({}, "c", "busy", backend)]  # type: ignore[arg-type]
    assert top._measured(places, 2.0) == {"busy": Used(500, 7)}
    monkeypatch.setattr(top.time, "monotonic", lambda: 0.0)
    assert top._measured([Place({}, "c", "ended", backend)], 0.0) == {}  # type: ignore[arg-type]


def test_the_command(cli: Cli, web: str) -> None:
    result = cli.ok("top", "pods")
    assert result.lines[0].split() == ["NAME", "CPU(cores)", "MEMORY(bytes)"]
    assert [line.split()[1:] for line in result.lines[1:]] == [["0m", "0Mi"]] * 2
    assert result.told_simulated
    name = result.lines[1].split()[0]
    assert cli.ok("top", "pod", name, "--containers", "--no-headers").out.split()[:2] == [name, "web"]
    assert cli.ok("top", "po", "-A").lines[1].startswith("default")
    assert cli.ok("top", "nodes", "--show-capacity").lines[1].split()[1:] == ["0m", "0%", "0Mi", "0%"]


def test_what_can_t_be_had(cli: Cli, web: str) -> None:
    assert cli.ok("top", "pods", "-l", "a=b").err == "No resources found in default namespace.\n"
    for words, message in [
        (["pod", "nope"], 'Error from server (NotFound): pods "nope" not found'),
        (["pod", "a", "-l", "b"], "error: only one of NAME or selector can be provided"),
        (["pod", "a", "b"], "error: pod [NAME | -l label]"),
        (["pods", "--sort-by=x"], "error: --sort-by accepts only cpu or memory"),
        (["nodes", "--sort-by=x"], "error: --sort-by accepts only cpu or memory"),
        (["pods", "--show-swap"], "error: unknown flag: --show-swap"),
    ]:
        result = cli("top", *words)
        assert result.code == 1 and result.err.startswith(message), result
    cli.ok("apply", "-f", cli.write("late.yaml", LATE), "--wait=false")
    late = cli("top", "pod", "late")
    assert (late.code, late.err) == (1, "error: Metrics not available for pod default/late\n")


LATE = """apiVersion: v1
kind: Pod
metadata: {name: late}
spec: {containers: [{name: c, image: nginx}]}
"""
