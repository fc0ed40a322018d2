"""Commands that meet pods whose containers somebody stopped or removed, with no agent to have seen it."""

from __future__ import annotations

import pytest
from cli_rig import Cli, deployment

_READY_LATE = """
        readinessProbe: {exec: {command: ["true"]}, initialDelaySeconds: 1, periodSeconds: 1}
      - name: beside
        image: busybox:1.36
        command: [sleep, "1000"]
"""


@pytest.fixture
def damaged(cli: Cli) -> str:
    """The manifest of a Deployment whose pod lost its sandbox."""
    path = cli.write("web.yaml", deployment().rstrip() + _READY_LATE)
    cli.ok("apply", "-f", path, "--timeout=20s")
    (sandbox,) = cli.containers("k8s_POD_")
    cli.engine("kill", sandbox)
    return path


def test_apply_ends_when_what_it_repaired_is_ready_again(cli: Cli, damaged: str) -> None:
    assert cli.ok("apply", "-f", damaged, "--timeout=20s").out == "deployment.apps/web unchanged\n"
    assert cli.ok("get", "deploy", "web", "--no-headers").out.split()[1] == "1/1"


def test_rollout_status_follows_the_repair(cli: Cli, damaged: str) -> None:
    followed = cli.ok("rollout", "status", "deploy/web", "--timeout=20s")
    assert followed.lines[-1] == 'deployment "web" successfully rolled out'
    assert cli.ok("get", "deploy", "web", "--no-headers").out.split()[1] == "1/1"


def test_wait_does_not_believe_what_was_so_before(cli: Cli, damaged: str) -> None:
    for container in cli.containers("k8s_web_"):
        cli.engine("kill", container)
    ready = ("wait", "--for=condition=Ready", "pod", "-l", "app=web")
    assert cli(*ready, "--timeout=0").code == 1
    assert cli.ok(*ready, "--timeout=20s").out.endswith(" condition met\n")
    assert cli.ok("get", "deploy", "web", "--no-headers").out.split()[1] == "1/1"
