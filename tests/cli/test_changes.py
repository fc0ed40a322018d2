"""scale, set image and rollout: kubectl's lines, and the change is done when the command ends."""

from __future__ import annotations

import pytest
from cli_rig import Cli, deployment


def _numbers(cli: Cli) -> str:
    return cli.ok("get", "deploy", "web", "--no-headers").out.split()[1]


def _image(cli: Cli) -> str:
    return cli.ok("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}").out


def test_scale(cli: Cli, web: str) -> None:
    assert (
        cli.ok("scale", "deploy/web", "--replicas=3", "--timeout=20s").out == "deployment.apps/web scaled\n"
    )
    assert _numbers(cli) == "3/3"
    result = cli("scale", "deploy", "web", "--current-replicas=2", "--replicas=1")
    assert (result.code, result.err) == (1, "error: Expected replicas to be 2, was 3\n")
    dry = cli.ok("scale", "deploy/web", "--replicas=1", "--dry-run=client")
    assert dry.out == "deployment.apps/web scaled (dry run)\n"
    assert (
        cli.ok("scale", "-f", web, "--replicas=0", "-o", "name", "--timeout=20s").out
        == "deployment.apps/web\n"
    )
    assert _numbers(cli) == "0/0"
    assert cli("scale", "deploy/nope", "--replicas=1").err.endswith('deployments.apps "nope" not found\n')
    assert cli("scale", "deploy/web", "--replicas=-1").code == 1
    assert cli("scale", "ns/default", "--replicas=1").code == 1


def test_scale_survives_the_next_apply_that_says_the_same(cli: Cli) -> None:
    path = cli.write("web.yaml", deployment().replace("  replicas: 1\n", ""))
    cli.ok("apply", "-f", path, "--timeout=20s")
    cli.ok("scale", "deploy/web", "--replicas=2", "--timeout=20s")
    assert cli.ok("apply", "-f", path).out == "deployment.apps/web unchanged\n"
    assert _numbers(cli) == "2/2"


def test_set_image(cli: Cli, web: str) -> None:
    done = cli.ok("set", "image", "deploy/web", "web=nginx:1.26", "--timeout=20s")
    assert done.out == "deployment.apps/web image updated\n"
    assert (_image(cli), _numbers(cli)) == ("nginx:1.26", "2/2")
    assert cli.ok("set", "image", "deploy/web", "web=nginx:1.26").out == ""
    assert cli.ok("set", "image", "deploy", "*=nginx:1.27", "--all", "--timeout=20s").code == 0
    assert _image(cli) == "nginx:1.27"
    wrong = cli("set", "image", "deploy/web", "nope=x")
    assert (wrong.code, wrong.err) == (1, 'error: unable to find container named "nope"\n')


def test_rollout_history_undo_and_status(cli: Cli, web: str) -> None:
    cli.ok("set", "image", "deploy/web", "web=nginx:1.26", "--timeout=20s")
    assert cli.ok("rollout", "history", "deploy/web").out == (
        "deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n"
    )
    one = cli.ok("rollout", "history", "deploy/web", "--revision=1").out
    assert one.startswith("deployment.apps/web with revision #1\nPod Template:\n") and "nginx:1.25" in one
    undone = cli.ok("rollout", "undo", "deploy/web", "--timeout=20s")
    assert undone.out == "deployment.apps/web rolled back\n"
    assert undone.err.startswith(
        "Warning: resource deployments/web was previously managed with 'minikctl apply'."
    )
    assert _image(cli) == "nginx:1.25"
    labels = cli.ok("get", "deploy/web", "-o", "jsonpath={.spec.template.metadata.labels}").out
    assert labels == '{"app":"web"}'
    assert cli.ok("rollout", "status", "deploy/web").out == 'deployment "web" successfully rolled out\n'
    assert cli.ok("rollout", "status", "deploy/web", "--watch=false").out == (
        'deployment "web" successfully rolled out\n'
    )
    skipped = cli.ok("rollout", "undo", "deploy/web", "--to-revision=3").out
    assert skipped == ("deployment.apps/web skipped rollback (current template already matches revision 3)\n")
    missing = cli("rollout", "undo", "deploy/web", "--to-revision=99")
    assert missing.code == 1
    assert missing.err == "error: unable to find specified revision 99 in history\n"


def test_a_first_revision_has_nothing_before_it(cli: Cli, web: str) -> None:
    result = cli("rollout", "undo", "deploy/web")
    assert result.err.endswith('error: no rollout history found for deployment "web"\n')


def test_pause_resume_and_restart(cli: Cli, web: str) -> None:
    assert cli.ok("rollout", "pause", "deploy/web").out == "deployment.apps/web paused\n"
    again = cli("rollout", "pause", "deploy/web")
    assert (again.code, again.err) == (1, 'error: deployments.apps "web" is already paused\n')
    refused = cli("rollout", "restart", "deploy/web")
    assert refused.err == (
        'error: deployments.apps "web" can\'t restart paused deployment (run rollout resume first)\n'
    )
    cli.ok("set", "image", "deploy/web", "web=nginx:1.26", "--timeout=20s")
    assert "UP-TO-DATE" in cli.ok("get", "deploy").out
    assert cli.ok("get", "deploy", "web", "--no-headers").out.split()[2] == "0"
    assert cli.ok("rollout", "resume", "deploy/web", "--timeout=20s").out == "deployment.apps/web resumed\n"
    assert cli.ok("get", "deploy", "web", "--no-headers").out.split()[2] == "2"
    assert cli("rollout", "resume", "deploy/web").err == 'error: deployments.apps "web" is not paused\n'
    before = cli.ok("get", "po", "-o", "name").out
    assert (
        cli.ok("rollout", "restart", "deploy/web", "--timeout=20s").out == "deployment.apps/web restarted\n"
    )
    assert not set(before.split()) & set(cli.ok("get", "po", "-o", "name").out.split())


def test_status_follows_what_was_only_recorded(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("web.yaml", deployment(replicas=2)), "--wait=false")
    lines = cli.ok("rollout", "status", "deploy/web", "--timeout=20s").lines
    assert lines[-1] == 'deployment "web" successfully rolled out'
    assert all(line.startswith("Waiting for deployment") for line in lines[:-1])


def test_status_times_out_and_other_revisions_fail(cli: Cli, web: str) -> None:
    other = cli("rollout", "status", "deploy/web", "--revision=7")
    assert other.err == "error: desired revision (7) is different from the running revision (1)\n"
    cli.ok("set", "image", "deploy/web", "web=nginx:does-not-exist", "--wait=false")
    late = cli("rollout", "status", "deploy/web", "--timeout=600ms")
    assert (late.code, late.err) == (1, "error: timed out waiting for the condition\n")
    assert late.lines[-1].startswith(
        'Waiting for deployment "web" rollout to finish: 1 out of 2 new replicas'
    )


def test_a_type_alone_means_all_of_that_type(cli: Cli, web: str) -> None:
    """`kubectl rollout restart deployment -n NAMESPACE` is how people restart everything."""
    cli.ok("create", "deployment", "other", "--image=nginx:1.27", "--timeout=20s")
    done = cli.ok("rollout", "restart", "deploy", "--timeout=20s").out
    assert done == "deployment.apps/other restarted\ndeployment.apps/web restarted\n"
    status = cli.ok("rollout", "status", "deploy").out.splitlines()
    assert status == [f'deployment "{name}" successfully rolled out' for name in ("other", "web")]
    nothing = cli("rollout", "restart")
    assert (nothing.code, nothing.err) == (
        1,
        "error: required resource not specified: minikctl rollout restart TYPE\n",
    )


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        ("status", 'error: no status viewer has been implemented for "Namespace"'),
        ("undo", 'error: no rollbacker has been implemented for "Namespace"'),
        ("pause", 'error: namespaces "default" pausing is not supported'),
    ],
)
def test_other_kinds_have_no_rollouts(cli: Cli, web: str, verb: str, message: str) -> None:
    result = cli("rollout", verb, "ns/default")
    assert (result.code, result.err) == (1, f"{message}\n")
