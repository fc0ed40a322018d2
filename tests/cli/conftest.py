from pathlib import Path

import pytest
from cli_rig import Cli


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.setenv("MINIKCTL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("MINIKCTL_BACKEND", "memory")
    monkeypatch.delenv("MINIKCTL_DEBUG", raising=False)
    monkeypatch.delenv("KUBECTL_EXTERNAL_DIFF", raising=False)
    return Cli(tmp_path, capsys)


@pytest.fixture
def web(cli: Cli) -> str:
    """A manifest that has been applied; its path."""
    from cli_rig import deployment

    path = cli.write("web.yaml", deployment(replicas=2))
    cli.ok("apply", "-f", path, "--timeout=20s")
    return path
