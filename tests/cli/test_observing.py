"""logs, events, api-resources, version, nodes, cluster, agent and watch."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_rig import Cli, deployment, interrupted

from minikctl.cli.logs import visible

# --- logs ------------------------------------------------------------------------------------------


def _talker(cli: Cli, name: str = "talk", script: str = "echo one; echo two; sleep 100") -> None:
    cli.ok("run", name, "--image=busybox", "--timeout=20s", "--", "sh", "-c", script)


def test_logs_of_a_pod(cli: Cli) -> None:
    _talker(cli)
    assert cli.ok("logs", "talk").lines == ["one", "two"]
    assert cli.ok("logs", "pod/talk", "--tail=1").lines == ["two"]
    assert cli.ok("logs", "talk", "-c", "talk", "--prefix").lines[0] == "[pod/talk/talk] one"
    assert cli.ok("logs", "talk", "--all-containers", "--since=1h").lines == ["one", "two"]
    assert cli.ok("logs", "talk", "--since-time=2100-01-01T00:00:00Z").lines == []
    (first, _) = cli.ok("logs", "talk", "--timestamps").lines
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z one", first)


def test_logs_that_cannot_be_had(cli: Cli) -> None:
    _talker(cli)
    for argv, message in [
        (["talk", "-c", "x"], "Error from server (BadRequest): container x is not valid for pod talk"),
        (["talk", "-p"], 'Error from server (BadRequest): previous terminated container "talk" in pod'),
        (["nope"], 'Error from server (NotFound): pods "nope" not found'),
        (["ns/default"], "error: cannot get the logs from a Namespace"),
        (["talk", "--since=5s", "--since-time=2024-01-01T00:00:00Z"], "error: at most one of `sinceTime`"),
        (["talk", "--since-time=yesterday"], 'error: invalid --since-time "yesterday"'),
    ]:  # fmt: skip
        result = cli("logs", *argv)
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith(message)


def test_logs_of_a_deployment_choose_one_pod(cli: Cli) -> None:
    words = ["sh", "-c", "echo hello; sleep 100"]
    path = cli.write("web.yaml", deployment(replicas=2, image="busybox", command=words))
    cli.ok("apply", "-f", path, "--timeout=20s")
    result = cli.ok("logs", "deploy/web")
    assert result.lines == ["hello"]
    assert re.match(r"Found 2 pods, using pod/web-\w+-\w+", result.err)
    first, second = sorted(cli.ok("get", "po", "-o", "name").lines)
    cli.engine("kill", cli.containers(first.removeprefix("pod/"))[0])
    assert cli.ok("logs", "deploy/web").err.endswith(f"using {second}\n")
    assert cli.ok("logs", "-l", "app=web").lines == ["hello", "hello"]
    assert len(cli.ok("logs", "deploy/web", "--all-pods").lines) == 2
    assert cli("logs", "-f", "-l", "app=web", "--max-log-requests=1").code == 1


def test_previous_logs(cli: Cli) -> None:
    cli("run", "crash", "--image=busybox", "--timeout=1500ms", "--", "sh", "-c", "echo boo; exit 1")
    assert cli.ok("logs", "crash", "-p").lines == ["boo"]


def test_following_logs_ends_with_the_container(cli: Cli) -> None:
    cli.ok(
        "run",
        "talk",
        "--image=busybox",
        "--restart=Never",
        "--wait=false",
        "--",
        "sh",
        "-c",
        "echo a; sleep 1; echo b",
    )
    cli.ok("agent", "start")
    try:
        deadline = time.monotonic() + 10
        while cli("logs", "talk").code and time.monotonic() < deadline:
            time.sleep(0.1)
        assert cli.process("logs", "-f", "talk").lines == ["a", "b"]
    finally:
        cli.ok("agent", "stop")


def test_a_terminal_gets_colours_but_nothing_else() -> None:
    assert visible("\x1b[31mred\x1b[0m\tx") == "\x1b[31mred\x1b[0m\tx"
    assert visible("a\x1b[2Jb\x1b]0;title\x07c") == "a^[[2Jb^[]0;title^Gc"


# --- events, discovery ---------------------------------------------------------------------------------


def test_events(cli: Cli, web: str) -> None:
    lines = cli.ok("events").lines
    assert lines[0].split() == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    about = cli.ok("events", "--for", "deploy/web", "--no-headers").lines
    assert about and all("Deployment/web" in line for line in about)
    assert cli.ok("events", "--types=Warning").err == "No events found in default namespace.\n"
    assert cli.ok("events", "-n", "nope").err == "No events found in nope namespace.\n"
    assert cli("events", "--types=x").err == "error: valid --types are Normal or Warning\n"
    assert json.loads(cli.ok("events", "-o", "json").out)["kind"] == "List"


def test_api_resources(cli: Cli) -> None:
    lines = cli.ok("api-resources").lines
    assert lines[0].split() == ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
    assert ["deployments", "deploy", "apps/v1", "true", "Deployment"] in [line.split() for line in lines]
    assert cli.ok("api-resources", "-o", "name", "--api-group=apps").lines == [
        "controllerrevisions.apps",
        "daemonsets.apps",
        "deployments.apps",
        "replicasets.apps",
        "statefulsets.apps",
    ]
    unbound = cli.ok("api-resources", "--namespaced=false", "-o", "name").lines
    assert {"namespaces", "nodes"} <= set(unbound)
    assert "pods" not in unbound
    assert "CATEGORIES" in cli.ok("api-resources", "-o", "wide").lines[0]
    assert not cli.state.exists()


def test_version(cli: Cli) -> None:
    assert cli.ok("version", "--client").out == cli.ok("version").out
    asked = cli.ok("version", "--client=false").lines
    assert asked[1].startswith("Backend: memory ")
    facts = json.loads(cli.ok("version", "-o", "json").out)
    assert facts["backend"]["name"] == "memory"
    assert cli("version", "-o", "xml").err == "error: --output must be 'yaml' or 'json'\n"


# --- nodes ---------------------------------------------------------------------------------------------


def test_cordon_and_drain(cli: Cli) -> None:
    cli.ok("cluster", "init", "--nodes", "2")
    cli.ok("apply", "-f", cli.write("web.yaml", deployment(replicas=2)), "--timeout=20s")
    places = cli.ok("get", "po", "-o", "jsonpath={.items[*].spec.nodeName}").out.split()
    assert sorted(places) == ["node-1", "node-2"]
    assert cli.ok("cordon", "node-1").out == "node/node-1 cordoned\n"
    assert cli.ok("cordon", "node-1").out == "node/node-1 already cordoned\n"
    assert "Ready,SchedulingDisabled" in cli.ok("get", "node", "node-1").out
    lines = cli.ok("drain", "node-1", "--timeout=20s").lines
    assert lines[0] == "node/node-1 already cordoned"
    assert re.fullmatch(r"evicting pod default/web-\w+-\w+", lines[1])
    assert re.fullmatch(r"pod/web-\w+-\w+ evicted", lines[2])
    assert lines[3] == "node/node-1 drained"
    assert cli.ok("get", "po", "-o", "jsonpath={.items[*].spec.nodeName}").out.split() == ["node-2"] * 2
    assert cli.ok("get", "deploy", "--no-headers").out.split()[1] == "2/2"
    assert cli.ok("uncordon", "node-1").out == "node/node-1 uncordoned\n"
    assert cli("cordon", "nope").err == 'Error from server (NotFound): nodes "nope" not found\n'


def test_bare_pods_need_force(cli: Cli) -> None:
    cli.ok("cluster", "init", "--nodes", "1")
    cli.ok("run", "bare", "--image=nginx", "--timeout=20s")
    refused = cli("drain", "node-1")
    assert refused.code == 1
    assert refused.err == (
        'error: unable to drain node "node-1" due to error: cannot delete Pods that declare no controller'
        " (use --force to override): default/bare\n"
    )
    forced = cli.ok("drain", "node-1", "--force", "--timeout=20s")
    assert forced.lines[-2:] == ["pod/bare evicted", "node/node-1 drained"]
    assert cli.ok("drain", "node-1", "--dry-run=client").out.endswith("node/node-1 drained (dry run)\n")


def test_cluster_init_and_info(cli: Cli) -> None:
    kind = (
        "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n- role: control-plane\n- role: worker\n"
    )
    cli.ok("cluster", "init", "--config", cli.write("kind.yaml", kind))
    text = cli.ok("cluster", "info").out
    assert f"State directory: {cli.state}\n" in text
    assert "Backend:         memory (simulated: no container really runs)\n" in text
    assert "kind-control-plane" in text and "kind-worker" in text
    listed = [line.split()[:3] for line in cli.ok("get", "nodes", "--no-headers").lines]
    assert listed == [["kind-control-plane", "Ready", "control-plane"], ["kind-worker", "Ready", "<none>"]]
    cli.ok("cluster", "init", "--config", str(cli.folder / "kind.yaml"))
    refused = cli("cluster", "init", "--nodes", "2")
    file = cli.state / "cluster.yaml"
    assert refused.err == (
        f"error: {file} is there and says something else: edit it, or write it anew with --force\n"
    )
    assert "kind-worker" in file.read_text()
    cli.ok("cluster", "init", "--nodes", "2", "--force")
    assert "node-2" in file.read_text()
    assert cli("cluster", "init", "--config", "nope").err.startswith("error: error reading nope: ")
    assert cli("cluster", "init", "--nodes", "0").code == 1


# --- agent ---------------------------------------------------------------------------------------------


def test_an_agent_does_what_others_record(cli: Cli, web: str) -> None:
    assert cli("agent", "status").code == 1
    assert cli.ok("agent", "start").out.startswith("agent started (pid ")
    try:
        assert cli.ok("agent", "status").out.startswith("agent running (pid ")
        assert cli("agent", "start").err.startswith("error: an agent (pid ")
        scaled = cli.ok("scale", "deploy/web", "--replicas=3")
        assert scaled.out == "deployment.apps/web scaled\n"
        cli.ok("rollout", "status", "deploy/web", "--timeout=20s")
        assert len(cli.containers("web")) == 3
        cli.engine("kill", cli.containers("web")[0])
        deadline = time.monotonic() + 15
        while "1 (" not in cli.ok("get", "po").out:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        cli.ok("delete", "-f", web, "--timeout=20s")
        assert cli.containers("web") == []
    finally:
        assert cli.ok("agent", "stop").out == "agent stopped\n"
    assert cli.ok("agent", "stop").out == "no agent is running\n"


def test_an_agent_in_the_foreground_ends_well(cli: Cli, web: str) -> None:
    process = cli.start("agent", "run")
    deadline = time.monotonic() + 10
    while cli("agent", "status").code:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    result = interrupted(process)
    assert result.code == 0
    assert "Traceback" not in result.err
    assert len(cli.containers("web")) == 2


def test_files_that_vanished_need_a_confirmation(cli: Cli) -> None:
    text = "---\n".join(deployment(name) for name in ("a", "b", "c"))
    cli.ok("apply", "-f", cli.write("all.yaml", text), "--timeout=20s")
    for path in (cli.state / "desired/default").glob("*.yaml"):
        path.unlink()
    result = cli.ok("get", "deploy", "-o", "name")
    assert len(result.lines) == 3
    assert "Warning: desired/" in result.err
    cli.ok("agent", "run", "--once", "--confirm-deletions")
    assert cli.ok("get", "deploy", "-o", "name").lines == []


def test_a_hand_edited_file_is_told_of_with_its_place(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("web.yaml", deployment()), "--wait=false")
    (path,) = (cli.state / "desired").rglob("*web*.yaml")
    text = path.read_text()
    path.write_text(text.replace("  replicas: 1\n", "  replica: 1\n").replace("image:", "imag:"))
    name = path.relative_to(cli.state)
    line = text.splitlines().index("  replicas: 1") + 1
    warned = cli.ok("get", "deploy").err.splitlines()
    assert len(warned) == 2
    assert warned[0] == (
        f'Warning: {name}:{line}:3: Deployment/web: spec.replica: unknown field "replica", '
        'did you mean "replicas"?'
    )
    assert cli("agent", "status").err.splitlines() == warned


# --- watch ---------------------------------------------------------------------------------------------


def _read_until(descriptor: int, text: bytes, seconds: float = 10.0) -> bytes:
    seen, deadline = b"", time.monotonic() + seconds
    while text not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([descriptor], [], [], 0.1)[0]:
            seen += os.read(descriptor, 65536)
    return seen


@pytest.mark.parametrize("ending", [b"q", b"\x03"])
def test_watch_draws_heals_and_restores_the_screen(cli: Cli, web: str, ending: bytes) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "minikctl", "watch"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        preexec_fn=lambda: _take_terminal(follower),
        env={**os.environ, "TERM": "xterm", "PYTHONUTF8": "1"},
    )
    os.close(follower)
    try:
        start = _read_until(leader, b"web-")
        assert start.index(b"\x1b[?1049h") < start.index(b"web-")
        cli.engine("kill", cli.containers("web")[0])
        _read_until(leader, b"1 restart")
        os.write(leader, ending)
        end = _read_until(leader, b"\x1b[?1049l")
        assert b"Traceback" not in end
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        os.close(leader)


def _take_terminal(descriptor: int) -> None:
    import fcntl
    import termios

    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)


def test_lines_for_people_are_rewritten_on_a_terminal(cli: Cli, tmp_path: Path) -> None:
    slow = deployment(replicas=2).replace("replicas: 2", "minReadySeconds: 1\n  replicas: 2")
    path = cli.write("web.yaml", slow)
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "minikctl", "apply", "-f", path, "--timeout=20s"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(follower)
    text = _read_until(leader, b"deployment.apps/web created")
    assert process.wait(timeout=20) == 0
    while select.select([leader], [], [], 0.2)[0]:
        try:
            text += os.read(leader, 65536)
        except OSError:
            break
    os.close(leader)
    assert b"\x1b[J" in text


def test_a_problem_shows_its_place_on_a_terminal(cli: Cli) -> None:
    path = cli.write("web.yaml", deployment().replace("replicas: 1", "replicas: -1"))
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "minikctl", "apply", "-f", path], stderr=follower, stdout=subprocess.DEVNULL
    )
    os.close(follower)
    text = _read_until(leader, b"nothing was changed").decode()
    assert process.wait(timeout=20) == 1
    os.close(leader)
    assert "\r\n      replicas: -1\r\n      ^\r\n" in text
