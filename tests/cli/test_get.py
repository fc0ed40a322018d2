"""get and describe: which objects, in which form, and what is said when there are none."""

from __future__ import annotations

import json
import re
import time

import pytest
from cli_rig import Cli, deployment, interrupted
from minikctl_memory import MemoryBackend

from minikctl.errors import UnreachableError


def test_tables_have_kubectls_columns(cli: Cli, web: str) -> None:
    pods = cli.ok("get", "pods").lines
    assert re.fullmatch(r"NAME +READY   STATUS    RESTARTS   AGE", pods[0])
    assert all(re.fullmatch(r"web-\w+-\w{5}   1/1     Running   0          \d+s", line) for line in pods[1:])
    assert len(pods) == 3
    wide = cli.ok("get", "po", "-o", "wide").lines
    assert re.fullmatch(r".* AGE   IP +NODE +NOMINATED NODE   READINESS GATES", wide[0])
    deploy = cli.ok("get", "deployments.apps").lines
    assert re.fullmatch(r"NAME   READY   UP-TO-DATE   AVAILABLE   AGE", deploy[0])
    assert re.fullmatch(r"web    2/2     2            2           \d+s", deploy[1])


def test_several_kinds_say_theirs(cli: Cli, web: str) -> None:
    text = cli.ok("get", "all").out
    blocks = [block.splitlines() for block in text.split("\n\n")]
    assert [block[1].split("/")[0] for block in blocks] == ["pod", "deployment.apps", "replicaset.apps"]
    assert cli.ok("get", "deploy,po", "-o", "name").lines[0] == "deployment.apps/web"
    assert "deployment.apps/web " in cli.ok("get", "deploy/web", "ns/default").out
    assert cli.ok("get", "deploy", "--show-kind", "--no-headers").out.startswith("deployment.apps/web ")
    assert cli.ok("get", "deploy", "-A").lines[0].startswith("NAMESPACE   NAME")


def test_one_named_object_stands_alone_and_others_in_a_list(cli: Cli, web: str) -> None:
    assert json.loads(cli.ok("get", "deploy", "web", "-o", "json").out)["kind"] == "Deployment"
    assert json.loads(cli.ok("get", "deploy", "-o", "json").out)["kind"] == "List"
    assert cli.ok("get", "deploy/web", "-o", "jsonpath={.spec.replicas}").out == "2"
    assert cli.ok("get", "deploy", "-o", "custom-columns=A:.metadata.name").out == "A\nweb\n"
    assert cli.ok("get", "deploy", "web", "-o", "yaml").out.startswith(
        "apiVersion: apps/v1\nkind: Deployment\n"
    )
    assert json.loads(cli.ok("get", "po", "-n", "nope", "-o", "json").out)["items"] == []


def test_selectors_narrow(cli: Cli, web: str) -> None:
    cli.ok("apply", "-f", cli.write("b.yaml", deployment("b")), "--timeout=20s")
    assert len(cli.ok("get", "po", "-l", "app=b", "-o", "name").lines) == 1
    assert len(cli.ok("get", "po", "-l", "app in (b,web)", "-o", "name").lines) == 3
    running = cli.ok("get", "po", "--field-selector", "status.phase=Running,metadata.name!=x", "-o", "name")
    assert len(running.lines) == 3
    assert cli.ok("get", "po", "--field-selector=status.phase!=Running", "-o", "name").lines == []
    assert cli.ok("get", "deploy", "--sort-by=.spec.replicas", "-o", "name").lines == [
        "deployment.apps/b",
        "deployment.apps/web",
    ]
    assert cli.ok("get", "deploy", "-L", "app", "--no-headers").lines[0].split()[-1] == "b"
    assert cli.ok("get", "-f", web, "-o", "name").lines == ["deployment.apps/web"]


def test_nothing_found(cli: Cli) -> None:
    result = cli.ok("get", "pods")
    assert (result.out, result.err) == ("", "No resources found in default namespace.\n")
    assert cli.ok("get", "pods", "-A").err == "No resources found\n"
    missing = cli("get", "deploy", "nope")
    assert (missing.code, missing.err) == (
        1,
        'Error from server (NotFound): deployments.apps "nope" not found\n',
    )
    assert cli.ok("get", "deploy", "nope", "--ignore-not-found").err == ""


def test_what_is_there_is_printed_beside_what_is_missing(cli: Cli, web: str) -> None:
    result = cli("get", "deploy", "web", "nope")
    assert result.code == 1
    assert result.lines[1].startswith("web ")
    assert 'deployments.apps "nope" not found' in result.err


def test_nothing_to_get(cli: Cli) -> None:
    result = cli("get")
    assert result.code == 1
    assert result.err.startswith("You must specify the type of resource to get.")
    assert "error: Required resource not specified." in result.err


def test_what_the_engine_lost_is_seen_without_an_agent(cli: Cli, web: str) -> None:
    (one, _) = cli.containers("web")
    cli.engine("kill", one)
    words = {line.split()[2] for line in cli.ok("get", "po", "--no-headers").lines}
    assert len(words) == 2 and "Running" in words


def test_a_watch_prints_changes(cli: Cli, web: str) -> None:
    process = cli.start("get", "deploy", "-w", "--output-watch-events")
    assert process.stdout is not None
    assert process.stdout.readline().split()[:2] == ["EVENT", "NAME"]
    assert process.stdout.readline().split()[:3] == ["ADDED", "web", "2/2"]
    cli.ok("scale", "deploy/web", "--replicas=3", "--timeout=20s")
    time.sleep(0.5)
    cli.ok("delete", "deploy/web", "--timeout=20s")
    time.sleep(0.5)
    result = interrupted(process)
    assert result.code == 130
    events = [line.split()[:3] for line in result.out.splitlines()]
    assert ["MODIFIED", "web", "3/3"] in events
    assert events[-1][:2] == ["DELETED", "web"]
    assert "Traceback" not in result.err


# --- describe ----------------------------------------------------------------------------------------


def test_describe_finds_by_prefix_too(cli: Cli, web: str) -> None:
    text = cli.ok("describe", "deploy", "web").out
    assert text.startswith("Name:                   web\n")
    assert "Replicas:               2 desired | 2 updated | 2 total | 2 available | 0 unavailable\n" in text
    assert "ScalingReplicaSet" in text
    assert "ScalingReplicaSet" not in cli.ok("describe", "deploy/web", "--show-events=false").out
    pods = cli.ok("describe", "pod", "web-").out
    assert pods.count("\n\n\nName:  ") == 1
    result = cli("describe", "pod", "nope")
    assert (result.code, result.err) == (1, 'Error from server (NotFound): pods "nope" not found\n')
    assert cli.ok("describe", "pods", "-n", "empty").err == "No resources found in empty namespace.\n"


@pytest.mark.parametrize(
    ("kind", "header"), [("nodes", "NAME"), ("cm", "NAMESPACE"), ("events", "NAMESPACE")]
)
def test_watches_of_other_kinds(cli: Cli, web: str, kind: str, header: str) -> None:
    cli.ok("create", "configmap", "settings", "--from-literal=a=b")
    watching = cli.start("get", kind, "-A", "-w")
    try:
        assert watching.stdout is not None
        assert watching.stdout.readline().split()[0] == header
        assert watching.stdout.readline().strip()
    finally:
        assert interrupted(watching).code == 130


def test_what_an_engine_runs_that_is_gone(cli: Cli, web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise UnreachableError("cannot reach the engine")

    monkeypatch.setattr(MemoryBackend, "list_containers", fail)
    monkeypatch.setattr(MemoryBackend, "info", fail)
    shown = cli.ok("get", "pods,nodes")
    assert shown.out.count("Running") == 2
    assert shown.out.count("NotReady") == 1
    assert shown.err == "Warning: cannot reach the engine; what it runs is shown as last known\n"
