"""apply: kubectl's lines, one commit, waiting, and what bad input does (nothing)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cli_rig import Cli, deployment, interrupted

from minikctl import registry
from minikctl.cli import goals, pod_troubles


def test_lines_and_waiting(cli: Cli) -> None:
    path = cli.write("web.yaml", deployment(replicas=2))
    first = cli.ok("apply", "-f", path, "--timeout=20s")
    assert first.out == "deployment.apps/web created\n"
    assert first.told_simulated
    for command in ("get pods", "get all -o name", "describe deploy web", "logs deploy/web", "diff"):
        assert cli.ok(*command.split()).told_simulated, command
    assert cli.ok("get", "deploy", "web", "--no-headers").out.split()[1] == "2/2"
    assert cli.ok("apply", "-f", path).out == "deployment.apps/web unchanged\n"
    cli.write("web.yaml", deployment(replicas=3))
    assert cli.ok("apply", "-f", path, "--timeout=20s").out == "deployment.apps/web configured\n"
    assert cli.ok("get", "deploy", "web", "--no-headers").out.split()[1] == "3/3"


@pytest.mark.parametrize(("replicas", "verb"), [(1, "unchanged"), (2, "configured")])
@pytest.mark.parametrize("wait", ["--wait=true", "--wait=false"])
def test_what_is_applied_has_its_file_again(cli: Cli, replicas: int, verb: str, wait: str) -> None:
    path = cli.write("web.yaml", deployment())
    cli.ok("apply", "-f", path, "--timeout=20s")
    pods = cli.ok("get", "pods", "-o", "name").out
    (cli.state / "desired/default/deployment.web.yaml").unlink()
    differs = cli("diff", "-f", path)
    assert (differs.code, "deployment.web.yaml: is gone" in differs.err) == (1, True)
    cli.write("web.yaml", deployment(replicas=replicas))
    done = cli.ok("apply", "-f", path, wait, "--timeout=20s")
    assert done.out == f"deployment.apps/web {verb}\n"
    assert cli.desired() == ["default/deployment.web.yaml"]
    cli.ok("agent", "run", "--once")
    after = cli.ok("get", "pods", "-o", "name")
    assert (pods in after.out, len(after.lines), after.err) == (True, replicas, "")


def test_dry_runs_say_so_and_change_nothing(cli: Cli) -> None:
    path = cli.write("web.yaml", deployment())
    assert cli.ok("apply", "-f", path, "--dry-run=client").out == "deployment.apps/web created (dry run)\n"
    assert (
        cli.ok("apply", "-f", path, "--dry-run=server").out
        == "deployment.apps/web created (server dry run)\n"
    )
    assert cli.ok("apply", "-f", path, "--dry-run", "client", "-o", "name").out == "deployment.apps/web\n"
    assert cli.desired() == []


def test_several_documents_are_printed_in_the_order_of_the_files(cli: Cli) -> None:
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    text = deployment("a") + "---\n" + deployment("b").replace("name: b\n", "name: b\n  namespace: shop\n")
    path = cli.write("all.yaml", text + "---\n" + namespace)
    result = cli.ok("apply", "-f", path, "--wait=false")
    assert result.lines == [
        "deployment.apps/a created",
        "deployment.apps/b created",
        "namespace/shop created",
    ]
    listed = json.loads(cli.ok("apply", "-f", path, "--dry-run=server", "-o", "json").out)
    assert listed["metadata"] == {}
    assert [one["kind"] for one in listed["items"]] == ["Deployment", "Deployment", "Namespace"]
    chosen = cli.ok("apply", "-f", path, "-l", "app=b", "--dry-run=client")
    assert chosen.lines == ["deployment.apps/b unchanged (dry run)"]


def test_folders_and_standard_input(cli: Cli) -> None:
    cli.write("k8s/a.yaml", deployment("a"))
    cli.write("k8s/deep/b.yaml", deployment("b"))
    folder = str(cli.folder / "k8s")
    assert cli.ok("apply", "-f", folder, "--wait=false").lines == ["deployment.apps/a created"]
    recursive = cli.ok("apply", "-R", "-f", folder, "--wait=false")
    assert recursive.lines == ["deployment.apps/a unchanged", "deployment.apps/b created"]
    piped = cli.process("apply", "-f", "-", "--wait=false", stdin=deployment("c"))
    assert (piped.code, piped.out) == (0, "deployment.apps/c created\n")


def test_an_image_that_is_not_there_ends_early_with_the_reason(
    cli: Cli, web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(goals, "STUCK_SECONDS", 0.0)
    cli.write("web.yaml", deployment(replicas=2, image="nginx:does-not-exist"))
    result = cli("apply", "-f", web, "--timeout=30s")
    assert result.code == 1
    assert result.out == "deployment.apps/web configured\n"
    error = result.err[result.err.index("error: ") :].splitlines()
    assert error[0] == "error: deployment.apps/web can't become ready"
    assert "container web: " in error[1] and "nginx:does-not-exist" in error[1]
    assert error[2].startswith("The desired state is recorded")
    assert error[3:] == [
        "  look: minikctl describe deployment.apps/web",
        "  back: minikctl rollout undo deployment/web",
    ]


def test_a_pod_that_fails_shows_its_last_log_lines(cli: Cli) -> None:
    result = cli(
        "run",
        "once",
        "--image=busybox",
        "--restart=Never",
        "--timeout=20s",
        "--",
        "sh",
        "-c",
        "echo boo; exit 3",
    )
    assert (result.code, result.out) == (1, "pod/once created\n")
    error = result.err[result.err.index("error: ") :].splitlines()
    assert error[:4] == [
        "error: pod/once failed",
        "  pod/once container once: Error: exit code 3",
        "  its last log lines:",
        "    boo",
    ]


def test_a_timeout_says_what_is_missing(cli: Cli) -> None:
    path = cli.write("web.yaml", deployment(image="nginx:does-not-exist"))
    result = cli("apply", "-f", path, "--timeout=700ms")
    assert result.code == 1
    assert "error: timed out waiting for the condition\n  deployment.apps/web: " in result.err
    assert cli.desired() == ["default/deployment.web.yaml"]


def _status(reason: str, restarts: int = 0) -> dict[str, object]:
    state = {"waiting": {"reason": reason}}
    return {"status": {"containerStatuses": [{"name": "a", "state": state, "restartCount": restarts}]}}


@pytest.mark.parametrize(
    ("pod", "stuck"),
    [
        (_status("ImagePullBackOff"), True),
        (_status("InvalidImageName"), True),
        (_status("CreateContainerError"), True),
        (_status("ContainerCreating"), False),
        (_status("CrashLoopBackOff", 1), False),
        (_status("CrashLoopBackOff", 2), True),
        ({"status": {}}, False),
    ],
)
def test_only_what_cannot_mend_itself_is_stuck(pod: dict[str, object], stuck: bool) -> None:
    assert pod_troubles.is_stuck(pod) is stuck


# --- bad input ---------------------------------------------------------------------------------------

_REPLICAS = "bad.yaml:7:3: Deployment/web: spec.replicas"


def _with(old: str, new: str) -> str:
    text = deployment()
    assert old in text
    return text.replace(old, new, 1)


BAD = {
    "broken YAML": ("a: b: c\n", "bad.yaml:1:5: "),
    "no object": ("- a\n", "bad.yaml:1:1: expected an object"),
    "no kind": ("a: b\n", "Object 'Kind' is missing"),
    "wrong type": (_with("replicas: 1", "replicas: many"), f"{_REPLICAS}: "),
    "negative": (_with("replicas: 1", "replicas: -1"), f"{_REPLICAS}: "),
    "unknown field": (_with("replicas: 1", "replicaz: 1"), "spec.replicaz: unknown field"),
    "unknown kind": (_with("kind: Deployment", "kind: Deploiment"), 'no matches for kind "Deploiment"'),
    "no image": (_with("        image: nginx:1.25\n", ""), "containers[0].image: required value is missing"),
    "duplicate key": (_with("  replicas: 1\n", "  replicas: 1\n  replicas: 2\n"), "bad.yaml:8:3: "),
    "no namespace": (
        _with("name: web\n", "name: web\n  namespace: nope\n"),
        'Error from server (NotFound): namespaces "nope" not found',
    ),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_input_is_named_and_changes_nothing(cli: Cli, name: str) -> None:
    text, message = BAD[name]
    bad = cli.write("bad.yaml", text)
    good = cli.write("good.yaml", deployment("good"))
    result = cli("apply", "-f", good, "-f", bad)
    assert result.code == 1
    assert result.out == ""
    assert message in result.err
    assert "Traceback" not in result.err and "bug" not in result.err
    assert cli.desired() == []


def test_all_problems_of_all_documents_are_told_at_once(cli: Cli) -> None:
    bad = deployment().replace("replicas: 1", "replicas: -1").replace("image: nginx:1.25", 'image: ""')
    one, two = cli.write("one.yaml", bad), cli.write("two.yaml", bad)
    result = cli("apply", "-f", f"{one},{two}")
    assert result.err.splitlines()[-1] == "error: 4 problems found; nothing was changed"
    assert {line.split(":")[0] for line in result.err.splitlines()[:-1]} == {one, two}


def test_all_files_that_cannot_be_read_are_told_at_once(cli: Cli) -> None:
    one, two = cli.write("one.yaml", "a: [\n"), cli.write("two.yaml", f"{deployment()}---\n- 1\n")
    result = cli("apply", "-f", f"{one},{two}")
    assert (result.code, result.out) == (1, "")
    assert [line.split(":")[0] for line in result.err.splitlines()] == [one, two, "error"]
    assert cli.desired() == []


def test_a_file_without_objects(cli: Cli) -> None:
    result = cli("apply", "-f", cli.write("empty.yaml", "---\n# nothing\n"))
    assert (result.code, result.out) == (1, "")
    assert result.err == "error: no objects passed to apply\n"


def test_a_missing_file_and_another_namespace(cli: Cli) -> None:
    assert cli("apply", "-f", "nope.yaml").err == 'error: the path "nope.yaml" does not exist\n'
    text = deployment().replace("name: web\n", "name: web\n  namespace: a\n", 1)
    result = cli("apply", "-n", "b", "-f", cli.write("web.yaml", text))
    assert (
        'web.yaml:5:3: Deployment/web: metadata.namespace: the namespace from the provided object "a" does '
        'not match the namespace "b".'
    ) in result.err


def test_what_can_be_wrong_is_told_at_once_and_as_validate_tells_it(cli: Cli) -> None:
    folder = cli.folder / "k8s"
    cli.write("k8s/dup.yaml", deployment().replace("image:", "image: a\n        image:"))
    cli.write("k8s/kind.yaml", deployment().replace("kind: Deployment", "kind: Deploymnt"))
    cli.write("k8s/syntax.yaml", "a: [\n")
    cli.write("k8s/type.yaml", deployment().replace("replicas: 1", "replicas: x"))
    told = cli("validate", str(folder)).lines
    assert len(told) == 4
    for verb, end in (("apply", "; nothing was changed"), ("create", "; nothing was changed"), ("diff", "")):
        result = cli(verb, "-f", str(folder))
        assert result.err.splitlines() == [*told, f"error: 4 problems found{end}"]


def test_warnings_have_places_in_apply_and_in_diff(cli: Cli) -> None:
    path = cli.write("web.yaml", deployment().replace("    spec:\n", "    spec:\n      hostPID: true\n", 1))
    (told,) = cli("validate", path).lines
    assert ":12:7: Deployment/web: warning: spec.template.spec.hostPID: " in told
    for verb in ("apply", "diff"):
        assert told in cli(verb, "-f", path).err.splitlines()


def test_of_an_object_that_is_there_twice_the_last_one_counts(cli: Cli) -> None:
    path = cli.write("web.yaml", f"{deployment(replicas=3)}---\n{deployment(replicas=2)}")
    result = cli.ok("apply", "-f", path, "--wait=false")
    assert result.out == "deployment.apps/web created\n"
    assert f"{path}:17:1: Deployment/web: warning: the same object stands at {path}:1:1" in result.err
    assert cli.ok("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}").out == "2"


def test_what_may_not_change_is_told_with_its_place(cli: Cli) -> None:
    path = cli.write("web.yaml", deployment())
    cli.ok("apply", "-f", path, "--wait=false")
    cli.write("web.yaml", deployment().replace("{app: web}", "{app: other}"))
    for verb, code in (("apply", 1), ("diff", 2)):
        result = cli(verb, "-f", path)
        assert result.code == code
        assert result.err.startswith(f"{path}:8:3: Deployment/web: spec.selector: invalid value ")
        assert "field is immutable\nerror: 1 problem found" in result.err


def test_other_files_of_a_folder_are_told_of(cli: Cli) -> None:
    cli.write("k8s/web.yaml", deployment())
    values = cli.write("k8s/values.yaml", "image: nginx\n")
    result = cli.ok("apply", "-f", str(cli.folder / "k8s"), "--wait=false")
    assert f"note: {values}:1:1: skipped (not a manifest)" in result.err
    assert f"note: {values}:1:1: skipped" in cli("diff", "-f", str(cli.folder / "k8s")).err


def test_a_kustomization(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    script = cli.write("bin/kustomize", f"#!/bin/sh\ncat <<'EOT'\n{deployment()}EOT\n")
    Path(script).chmod(0o755)
    monkeypatch.setenv("PATH", f"{cli.folder}/bin:{os.environ['PATH']}")
    folder = str(cli.folder)
    assert cli("diff", "-k", folder).code == 1
    assert cli.ok("apply", "-k", folder, "--wait=false").out == "deployment.apps/web created\n"
    assert cli("diff", "-k", folder).out.startswith("runtime: ")
    assert "AlreadyExists" in cli("create", "-k", folder).err
    deleted = cli.ok("delete", "-k", folder)
    assert deleted.out == 'deployment.apps "web" deleted from default namespace\n'
    assert cli("apply", "-k", folder, "-f", "x").err.startswith("error: only one of -f or -k")


def test_a_state_directory_that_cannot_be_used(cli: Cli, tmp_path: Path) -> None:
    path = cli.write("web.yaml", deployment())
    (tmp_path / "file").write_text("")
    result = cli("apply", "-f", path, "--state-dir", str(tmp_path / "file" / "state"))
    assert result.code == 1
    assert result.err.startswith(f"error: cannot use the state directory {tmp_path}/file/state: ")
    assert result.err.count("\n") == 1


def test_a_backend_that_does_not_exist(cli: Cli) -> None:
    result = cli("apply", "-f", cli.write("web.yaml", deployment()), "--backend", "nope")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith('error: unknown backend "nope"; there are: docker, podman, memory')
    assert cli.desired() == []


def test_a_pod_that_fits_nowhere_says_why_at_once(cli: Cli) -> None:
    text = deployment().replace("image: nginx:1.25", "image: nginx\n        resources: {requests: {cpu: 9k}}")
    result = cli("apply", "-f", cli.write("web.yaml", text), "--timeout=700ms")
    assert result.code == 1
    progress, _, error = result.err.partition("error: ")
    assert "Unschedulable: 0/1 nodes are available" in progress
    assert "Unschedulable: 0/1 nodes are available" in error


def test_a_pod_that_is_not_ready_in_time_is_told_of_once(cli: Cli) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {{name: {0}}}\nspec:\n  nodeSelector: {{no: where}}\n"
    path = cli.write("pod.yaml", pod.format("a") + "  containers: [{name: a, image: b}]\n")
    result = cli("apply", "-f", path, "--timeout=1s")
    assert result.code == 1
    assert "Unschedulable" in result.err
    progress, _, summary = result.err.partition("timed out waiting")
    assert (progress.count("pod/a: "), summary.count("pod/a: ")) == (1, 1)


def test_simulation_that_nobody_asked_for_says_more(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cli.write("web.yaml", deployment())
    monkeypatch.delenv("MINIKCTL_BACKEND")
    chosen = registry.Choice("memory", "memory://", "no engine answers")
    monkeypatch.setattr(registry, "detect", lambda environ, settings: chosen)
    first = cli.ok("apply", "-f", path, "--timeout=20s").err
    assert "note: simulated by the memory backend: no container really runs (another one: --backend" in first
    again = cli.ok("apply", "-f", path, "--timeout=20s")
    assert again.told_simulated and "no container really runs" not in again.err


def test_an_interrupted_apply_says_what_becomes_of_it(cli: Cli) -> None:
    waits_long = (
        deployment().rstrip()
        + """
        readinessProbe: {exec: {command: ["false"]}}
"""
    )
    process = cli.start("apply", "-f", cli.write("web.yaml", waits_long))
    assert process.stderr is not None
    while "0 of 1" not in process.stderr.readline():
        assert process.poll() is None
    stopped = interrupted(process)
    assert stopped.code == 130
    assert stopped.err.splitlines()[-1] == (
        "The desired state is recorded: the next command that waits, or an agent, goes on from here."
    )


def test_of_every_workload_that_failed_it_is_told_why(cli: Cli) -> None:
    never = (
        deployment("slow").rstrip()
        + """
        readinessProbe: {exec: {command: ["false"]}}
"""
    )
    names = ("a", "b", "c", "d")
    broken = [deployment(name, replicas=2, image="missing.invalid/none:1") for name in names]
    path = cli.write("all.yaml", "---\n".join([never, *broken]))
    lines = cli("apply", "-f", path, "--timeout=3s").err.splitlines()
    why = lines[lines.index("error: timed out waiting for the condition") :]
    for name in names:
        assert sum(f"pod/{name}-" in line and "image" in line.lower() for line in why) == 1, why
    assert sum("pod/slow-" in line for line in why) == 1
    assert "  ... and 4 more pods" in why
