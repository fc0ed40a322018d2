"""Finds the real container engines for the tests, and stops, kills and starts them.

Rules:
- `MINIKCTL_TEST_ENGINES` names them: `docker-28=unix:///…;podman-5=unix:///…`. `.ci/engines up` starts
  them and `eval "$(.ci/engines env)"` sets it.
- Without the variable a test that needs an engine is skipped and says so. Where `CI` or
  `MINIKCTL_REQUIRE_ENGINES` is set it fails instead: a green run must mean that the engines were there.
- Nothing here imports a backend or an SDK, so that collecting the tests stays quick.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from xdist.scheduler import LoadScopeScheduling

ENGINES_SCRIPT = Path(__file__).parents[2] / ".ci" / "engines"
HOW_TO = 'no container engine to test with: run `.ci/engines up` and `eval "$(.ci/engines env)"`'


class Engine(Struct, frozen=True):
    name: str
    """As `.ci/engines` calls it: `docker-28`, `podman-5`."""
    kind: str
    """`docker` or `podman`: the backend's name."""
    endpoint: str
    """As `Settings.endpoint` wants it: `unix:///…`."""


def engines(kind: str | None = None, environ: Mapping[str, str] | None = None) -> list[Engine]:
    """The engines that are named by the environment, of one kind or of all."""
    listed = (os.environ if environ is None else environ).get("MINIKCTL_TEST_ENGINES", "")
    found = [parse(entry) for entry in listed.split(";") if entry.strip()]
    return [engine for engine in found if kind in (None, engine.kind)]


def parse(entry: str) -> Engine:
    """One `NAME=ENDPOINT`; the kind is the name up to the first hyphen."""
    name, _, endpoint = entry.strip().partition("=")
    if not endpoint:
        raise ValueError(f"MINIKCTL_TEST_ENGINES: {entry!r} is not NAME=ENDPOINT")
    return Engine(name, name.partition("-")[0], endpoint)


def engine_params(kind: str | None = None) -> list[object]:
    """For `@pytest.mark.parametrize("engine", engine_params("docker"))`: one marked case per engine.

    Without an engine there is one case all the same; `engine_or_skip` ends it with the reason.
    """
    found = engines(kind)
    if not found:
        return [pytest.param(None, id="no-engine", marks=pytest.mark.engine)]
    return [pytest.param(engine, id=engine.name, marks=pytest.mark.engine) for engine in found]


class OneWorkerAnEngine(LoadScopeScheduling):
    """All cases of one engine in one worker, one after the other: some stop the engine."""

    def _split_scope(self, nodeid: str) -> str:
        _, bracket, case = nodeid.rpartition("[")
        return next((one.name for one in engines() if bracket and one.name in case), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneWorkerAnEngine | None:
    """For a conftest to import. pytest-xdist's own `loadgroup` does nothing with this pytest."""
    return OneWorkerAnEngine(config, log) if config.getvalue("dist") == "loadscope" else None


def engine_or_skip(engine: Engine | None) -> Engine:
    """The engine; without one the test is skipped, or fails where engines are required."""
    if engine is not None:
        return engine
    if engines_required(os.environ):
        pytest.fail(HOW_TO)
    pytest.skip(HOW_TO)


def engines_required(environ: Mapping[str, str]) -> bool:
    return any(environ.get(name, "") not in ("", "0", "false") for name in ("CI", "MINIKCTL_REQUIRE_ENGINES"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """For a conftest to import: ends any test marked `engine` that has no engine at all."""
    if item.get_closest_marker("engine") and not engines():
        engine_or_skip(None)


def start(name: str) -> None:
    """Starts the engine and waits until it answers."""
    _run("start", name)


def stop(name: str) -> None:
    """Ends the engine's process in good order. Docker ends its containers then; Podman's go on running."""
    _run("stop", name)


def kill(name: str) -> None:
    """SIGKILL for the engine's process; its containers go on running until it starts again."""
    _run("kill", name)


def run_beside(name: str, *command: str) -> str:
    """The output of a command run in the engine's network, where its published ports are on 127.0.0.1."""
    return _run("exec", name, *command)


def root_of(name: str) -> Path:
    """The engine's own file system, as it is mounted here."""
    state = os.environ.get("MINIKCTL_ENGINES_DIR", "/var/tmp/minikctl-engines")
    return Path(state, "mnt", name)


def client(name: str, *words: str) -> str:
    """The output of the engine's own client (`docker`, `podman`): what people do by hand."""
    return _run("exec-client", name, *words)


def _run(*arguments: str) -> str:
    finished = subprocess.run(
        [ENGINES_SCRIPT, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    if finished.returncode:
        raise RuntimeError(f".ci/engines {' '.join(arguments)}: {finished.stderr.strip()}")
    return finished.stdout
