"""diff: kubectl's text for files, our lines for what runs, and the exit codes."""

from __future__ import annotations

import json
import re

import pytest
from cli_rig import Cli, deployment

_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} \+0000"


def test_a_new_object(cli: Cli) -> None:
    path = cli.write("web.yaml", deployment())
    result = cli("diff", "-f", path)
    assert result.code == 1
    assert (
        result.lines[0]
        == "diff -u -N LIVE/apps.v1.Deployment.default.web MERGED/apps.v1.Deployment.default.web"
    )
    assert re.fullmatch(rf"--- LIVE/apps\.v1\.Deployment\.default\.web\t{_TIME}", result.lines[1])
    assert result.lines[3].startswith("@@ -0,0 +1,")
    assert cli.desired() == []


def test_nothing_differs(cli: Cli, web: str) -> None:
    result = cli.ok("diff", "-f", web)
    assert (result.out, result.err) == ("", "")
    assert cli.ok("diff").out == ""
    assert json.loads(cli.ok("diff", "-o", "json").out) == []


def test_a_change_in_the_file(cli: Cli, web: str) -> None:
    cli.write("web.yaml", deployment(replicas=2, image="nginx:1.26"))
    result = cli("diff", "-f", web)
    assert result.code == 1
    changed = [line for line in result.lines if line[0] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == [
        "-  generation: 1",
        "+  generation: 2",
        "-      - image: nginx:1.25",
        "+      - image: nginx:1.26",
    ]
    found = json.loads(cli("diff", "-f", web, "-o", "json").out)
    assert ("spec.template.spec.containers[0].image", "nginx:1.25", "nginx:1.26", "file") in [
        (one["path"], one["old"], one["new"], one["source"]) for one in found
    ]


def test_a_container_that_somebody_killed(cli: Cli, web: str) -> None:
    (one, _) = cli.containers("web")
    cli.engine("kill", one)
    for argv in (["diff"], ["diff", "-f", web]):
        result = cli(*argv)
        assert result.code == 1
        (line,) = result.lines
        assert re.match(r"runtime: pod/web-\w+-\w+ container web: desired running, is exited \(137\)", line)
    (entry,) = json.loads(cli("diff", "-o", "json").out)
    assert (entry["kind"], entry["source"], entry["new"]) == ("Pod", "runtime", "running")
    cli.ok("agent", "run", "--once")
    assert cli.ok("diff").out == ""


def test_what_was_only_recorded(cli: Cli, web: str) -> None:
    cli.ok("scale", "deploy/web", "--replicas=5", "--wait=false")
    cli.write("web.yaml", deployment(replicas=4))
    result = cli("diff", "-f", web)
    assert result.lines[-1] == "runtime: deployment.apps/web: desired 5 pods, there are 2"
    both = [one for one in json.loads(cli("diff", "-f", web, "-o", "json").out) if one["source"] == "both"]
    assert [(one["path"], one["old"], one["new"], one["actual"]) for one in both] == [
        ("spec.replicas", 5, 4, 2)
    ]


def test_only_what_the_files_name_and_own_is_looked_at(cli: Cli, web: str) -> None:
    other = cli.write("b.yaml", deployment("b"))
    cli.ok("apply", "-f", other, "--timeout=20s")
    cli.engine("kill", cli.containers("_b-")[0])
    assert cli.ok("diff", "-f", web).out == ""
    assert cli("diff", "-f", other).code == 1


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["-f", "nope.yaml"], 'error: the path "nope.yaml" does not exist'),
        (["-f", "bad.yaml"], "error: 1 problem found\n"),
        (["--backend", "nope"], 'unknown backend "nope"; there are: docker, podman, memory'),
    ],
)
def test_trouble_is_2(
    cli: Cli, web: str, argv: list[str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.write("bad.yaml", deployment().replace("replicas: 1", "replicas: -1"))
    monkeypatch.chdir(cli.folder)
    result = cli("diff", *argv)
    assert (result.code, result.out) == (2, "")
    assert text in result.err


def test_another_program(cli: Cli, web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.write("web.yaml", deployment(replicas=3))
    program = cli.write("show", '#!/bin/sh\necho "$1"; ls "$2"; diff -r -q "$2" "$3" > /dev/null\n')
    (cli.folder / "show").chmod(0o755)
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", f"{program} -brief ;rm")
    result = cli.process("diff", "-f", web)
    assert result.code == 1
    assert result.lines == ["-brief", "apps.v1.Deployment.default.web"]
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", "false-nope")
    assert cli.process("diff", "-f", web).code == 2
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", "true")
    assert cli.process("diff", "-f", web).code == 0
