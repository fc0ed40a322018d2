"""`minikctl wait`, against what kubectl prints."""

from __future__ import annotations

import pytest
from cli_rig import Cli, deployment


@pytest.fixture
def web(cli: Cli) -> Cli:
    cli.ok("apply", "-f", cli.write("web.yaml", deployment()))
    cli.ok("annotate", "deploy/web", "said=this or that")
    return cli


@pytest.mark.parametrize(
    "condition",
    [
        "condition=Available",
        "condition=available=True",
        "condition=Nope or condition=Available",
        "jsonpath={.status.readyReplicas}=1",
        "jsonpath={.status.readyReplicas}",
        "create",
        "condition=Nope=Unknown or create",
        "delete or create",
        "delete  or  jsonpath={.status.readyReplicas}=1",
        "delete or condition=Available or delete",
        "jsonpath={.metadata.annotations.said}=this or that",
        "jsonpath={.metadata.annotations.said}=this or that or delete",
    ],
)
def test_what_is_so_already(web: Cli, condition: str) -> None:
    assert web.ok("wait", f"--for={condition}", "deploy/web", "--timeout=0").out == (
        "deployment.apps/web condition met\n"
    )


@pytest.mark.parametrize(
    "condition",
    ["condition=Nope", "condition=Available=False", "jsonpath={.status.readyReplicas}=99", "delete"],
)
def test_what_does_not_come(web: Cli, condition: str) -> None:
    result = web("wait", f"--for={condition}", "deploy/web", "--timeout=300ms")
    assert (result.code, result.out) == (1, "")
    assert result.err == "error: timed out waiting for the condition on deployments/web\n"


def test_all_conditions_must_be_met(web: Cli) -> None:
    assert web("wait", "--for=create", "--for=condition=Nope", "deploy/web", "--timeout=0").code == 1
    web.ok("wait", "--for=create", "--for=condition=Available", "deploy/web", "--timeout=0")


def test_by_label_and_what_is_missing(web: Cli) -> None:
    out = web.ok("wait", "--for=condition=Ready", "pod", "-l", "app=web").out
    assert out.startswith("pod/web-")
    assert (
        web("wait", "--for=condition=Ready", "pod", "-l", "app=no").err
        == "error: no matching resources found\n"
    )
    missing = web("wait", "--for=condition=Ready", "pod/no")
    assert (missing.code, missing.err) == (1, 'Error from server (NotFound): pods "no" not found\n')
    assert web.ok("wait", "--for=delete", "pod/no").out == "pod/no condition met\n"


def test_it_drives_what_nobody_else_does(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("web.yaml", deployment()), "--wait=false")
    assert (
        cli.ok("wait", "--for=condition=Available", "deploy/web").out == "deployment.apps/web condition met\n"
    )


def test_it_ends_early_where_nothing_can_come(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("a.yaml", deployment(image="missing.invalid/none:1")), "--wait=false")
    result = cli("wait", "--for=condition=Available", "deploy/web", "--timeout=60s")
    assert result.code == 1
    assert result.err.startswith("error: deployment.apps/web can't become ready\n")
    assert "ErrImagePull" in result.err or "ImagePullBackOff" in result.err


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["wait", "pod/a"], "say what to wait for"),
        (["wait", "--for=nonsense", "pod/a"], 'unrecognized condition: "nonsense"'),
        (["wait", "--for=create"], "you must specify at least one resource"),
        (["wait", "--for=create", "pod"], "you must specify at least one resource"),
        (["wait", "--for=jsonpath={.a", "pod/a"], "write it as --for=jsonpath="),
    ],
)
def test_a_command_line_that_says_nothing(cli: Cli, argv: list[str], text: str) -> None:
    result = cli(*argv)
    assert result.code == 1
    assert text in result.err
    assert result.err.count("\n") == 1
