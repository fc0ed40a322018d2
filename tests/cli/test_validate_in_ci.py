"""What pipelines run: the pre-commit hook, the GitHub action's scripts, the examples. Nothing is downloaded.

The new environments see the packages of this one (PYTHONPATH), so that pip finds every requirement met, with
its locked version, and builds minikctl itself only.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from cli_rig import deployment

from minikctl.manifests.yaml_reader import load

ROOT = Path(__file__).parents[2]
BAD = deployment().replace("replicas: 1", "replicas: -1")
ERROR = "::error file=k8s/bad dir/bad.yaml,line=7,col=3,title=minikctl (workload-counts)::Deployment/web: "

builds = pytest.mark.skipif(
    find_spec("hatchling") is None and not os.environ.get("CI"), reason="hatchling is not installed here"
)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository with a good manifest and a bad one."""
    for name, text in (("k8s/good.yaml", deployment()), ("k8s/bad dir/bad.yaml", BAD), ("notes.md", "-")):
        path = tmp_path / "work" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "work"


def run(*command: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    packages = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), sysconfig.get_path("purelib"))))
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_CACHE_DIR": "1", "PYTHONPATH": packages}
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **offline, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
    )


def yaml_of(name: str) -> Any:
    return load((ROOT / name).read_text(), name)


# --- pre-commit ------------------------------------------------------------------------------------


@builds
@pytest.mark.slow
def test_the_hook_checks_the_yaml_files_of_a_commit(work: Path, tmp_path: Path) -> None:
    git = ("git", "-c", "user.name=test", "-c", "user.email=test@example.com")
    for command in (("init", "-q"), ("add", "."), ("commit", "-qm", "manifests")):
        assert run(*git, *command, cwd=work).returncode == 0
    tried = (sys.executable, "-m", "pre_commit", "try-repo", str(ROOT), "minikctl-validate", "--files")
    home = {"PRE_COMMIT_HOME": str(tmp_path / "home"), "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_DEPS": "1"}
    good = run(*tried, "k8s/good.yaml", cwd=work, **home)
    assert good.returncode == 0, good.stdout
    assert "Passed" in good.stdout
    bad = run(*tried, "k8s/good.yaml", "k8s/bad dir/bad.yaml", "notes.md", cwd=work, **home)
    assert bad.returncode == 1
    assert "k8s/bad dir/bad.yaml:7:3: Deployment/web: spec.replicas: invalid value -1" in bad.stdout


def test_the_hook_is_described() -> None:
    (hook,) = yaml_of(".pre-commit-hooks.yaml")
    assert (hook["id"], hook["entry"], hook["language"]) == (
        "minikctl-validate",
        "minikctl validate",
        "python",
    )
    assert hook["require_serial"] is True
    others = (
        ".pre-commit-config.yaml",
        ".github/workflows/ci.yml",
        "chart/Chart.yaml",
        "chart/values-prod.yaml",
        "docker-compose.yml",
        "compose.override.yaml",
    )
    assert all(re.search(hook["exclude"], name) for name in others)
    assert not any(
        re.search(hook["exclude"], name) for name in ("k8s/web.yaml", "values/web.yaml", "a.b.yml")
    )


# --- the GitHub action -----------------------------------------------------------------------------


def scripts() -> list[str]:
    return [step["run"] for step in yaml_of("action.yml")["runs"]["steps"] if "run" in step]


def bash(script: str, **env: Any) -> subprocess.CompletedProcess[str]:
    # As the runner does for `shell: bash`.
    return run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script, **env)


@builds
@pytest.mark.slow
def test_the_action_installs_itself_with_the_locked_requirements(work: Path, tmp_path: Path) -> None:
    install, validate = scripts()
    env = {"RUNNER_TEMP": str(tmp_path), "GITHUB_WORKSPACE": str(work)}
    installed = bash(
        install, cwd=work, ACTION_PATH=str(ROOT), PYTHON=sys.executable, PIP_FIND_LINKS="", **env
    )
    assert installed.returncode == 0, installed.stdout
    done = bash(validate, cwd=work, FILES="k8s", ARGS="", **env)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    (told,) = [line for line in lines if line.startswith("::error")]
    assert told.startswith(ERROR)
    assert lines[-1] == "Summary: 2 resources found in 2 files - Valid: 1, Invalid: 1, Errors: 0, Skipped: 0"


@pytest.mark.parametrize(
    ("files", "args", "words"),
    [
        (".", "", ["--", "."]),
        ("k8s\n\n  \ncharts/*.yaml\n", " --strict  --verbose\n--backend docker ", None),
        ("my files/$(touch pwned).yaml", "", ["--", "my files/$(touch pwned).yaml"]),
        ("-o", "", ["--", "-o"]),
    ],
)
def test_inputs_of_the_action_are_words_and_never_code(
    tmp_path: Path, files: str, args: str, words: list[str] | None
) -> None:
    binary = tmp_path / "minikctl/bin/minikctl"
    binary.parent.mkdir(parents=True)
    binary.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    binary.chmod(0o755)
    done = bash(scripts()[1], cwd=tmp_path, RUNNER_TEMP=str(tmp_path), FILES=files, ARGS=args)
    expected = words or ["--strict", "--verbose", "--backend", "docker", "--", "k8s", "charts/*.yaml"]
    flags = ["validate", "--output", "github", "--summary", "--recursive"]
    assert done.stdout.splitlines() == [*flags, *expected]
    assert not (tmp_path / "pwned").exists()


def test_the_action_takes_a_whole_repository_by_default(work: Path, tmp_path: Path) -> None:
    (work / "k8s/bad dir/bad.yaml").unlink()
    others = {
        ".github/workflows/ci.yml": "on: push\n",
        ".pre-commit-config.yaml": "repos: []\n",
        "chart/Chart.yaml": "apiVersion: v2\nname: c\n",
        "chart/values.yaml": "image: nginx\n",
        "docker-compose.yml": "services: {}\n",
    }
    for name, text in others.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    binary = tmp_path / "minikctl/bin/minikctl"
    binary.parent.mkdir(parents=True)
    binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m minikctl "$@"\n')
    binary.chmod(0o755)
    files = yaml_of("action.yml")["inputs"]["files"]["default"]
    done = bash(scripts()[1], cwd=work, RUNNER_TEMP=str(tmp_path), FILES=files, ARGS="")
    assert (done.returncode, done.stdout) == (
        0,
        "Summary: 4 resources found in 4 files - Valid: 1, Invalid: 0, Errors: 0, Skipped: 3\n",
    )


def test_the_actions_scripts_take_nothing_from_expressions() -> None:
    assert all("${{" not in script for script in scripts())


# --- the examples ----------------------------------------------------------------------------------


def test_the_gitlab_example_runs(work: Path) -> None:
    job = yaml_of("examples/ci/gitlab-ci.yml")["validate-manifests"]
    command = next(line for line in job["script"] if line.startswith("minikctl "))
    assert job["artifacts"]["reports"]["junit"] in command
    script = command.replace("minikctl ", f'"{sys.executable}" -m minikctl ', 1)
    assert bash(script, cwd=work).returncode == 1
    assert 'failures="1"' in (work / "validate.xml").read_text()


def test_the_github_example_uses_the_actions_inputs() -> None:
    steps = yaml_of("examples/ci/github-workflow.yml")["jobs"]["validate"]["steps"]
    (used,) = [step for step in steps if "minikctl" in step["uses"]]
    assert set(used["with"]) <= set(yaml_of("action.yml")["inputs"])
