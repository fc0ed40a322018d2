"""apply and engines that are greeted while its manifests are checked: what is told, and in which order."""

from __future__ import annotations

import json

import pytest
from cli_rig import Cli, deployment

BAD = deployment().replace("replicas:", "replicaz:")


@pytest.fixture
def on_docker(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> str:
    """A state directory that ran on an engine which is not there any more."""
    for variable in ("DOCKER_HOST", "MINIKCTL_BACKEND"):
        monkeypatch.delenv(variable, raising=False)
    cli.state.mkdir(parents=True, exist_ok=True)
    endpoint = f"unix://{cli.folder}/gone.sock"
    facts = {"backend": "docker", "endpoint": endpoint, "node": "node-1"}
    (cli.state / "engine.json").write_text(json.dumps(facts))
    return endpoint


def test_a_bad_manifest_is_told_though_the_engine_is_gone(cli: Cli, on_docker: str) -> None:
    done = cli("apply", "-f", cli.write("bad.yaml", BAD))
    assert done.code == 1
    assert "replicaz" in done.err
    assert on_docker not in done.err


def test_an_engine_that_is_gone_is_told_and_nothing_is_recorded(cli: Cli, on_docker: str) -> None:
    done = cli("apply", "-f", cli.write("web.yaml", deployment()))
    assert done.code == 1
    assert on_docker in done.err
    assert done.err.count("\n") == 1
    assert not list((cli.state / "desired").rglob("*.yaml"))


def test_a_bad_manifest_is_told_though_the_cluster_file_is_broken(cli: Cli, on_docker: str) -> None:
    (cli.state / "cluster.yaml").write_text("nodes: {")
    bad = cli("apply", "-f", cli.write("bad.yaml", BAD))
    assert (bad.code, "replicaz" in bad.err, "cluster.yaml" in bad.err) == (1, True, False)
    good = cli("apply", "-f", cli.write("web.yaml", deployment()))
    assert (good.code, "cluster.yaml" in good.err) == (1, True)


def test_another_engine_than_the_one_that_is_named_is_told(
    cli: Cli, on_docker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere.sock")
    told = cli("get", "pods").err.splitlines()[0]
    assert (
        told
        == f"Warning: DOCKER_HOST names unix:///elsewhere.sock, but {cli.state} runs on docker at {on_docker}"
    )
    monkeypatch.setenv("DOCKER_HOST", on_docker)
    assert "DOCKER_HOST" not in cli("get", "pods").err


def test_who_names_no_file_reaches_no_engine(cli: Cli, on_docker: str) -> None:
    done = cli("apply")
    assert done.code == 1
    assert "must specify one of -f and -k" in done.err
    assert on_docker not in done.err
