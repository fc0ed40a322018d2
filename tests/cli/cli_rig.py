"""Running minikctl as people do, on the memory backend in a state directory of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from minikctl_memory.__main__ import main as play
from msgspec import Struct

from minikctl.__main__ import main

SIMULATED = "note: simulated (memory backend)"


class Result(Struct, frozen=True):
    code: int
    out: str
    err: str
    """Without the line that says that nothing really runs: nearly every command here prints it."""
    told_simulated: bool = False

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Cli:
    """`cli("get", "pods")` runs in this process, `cli.process(…)` in one of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.state = folder / "state"
        self._capsys = capsys

    def __call__(self, *argv: str) -> Result:
        self._capsys.readouterr()
        code = main(list(argv))
        captured = self._capsys.readouterr()
        return _result(code, captured.out, captured.err)

    def ok(self, *argv: str) -> Result:
        result = self(*argv)
        assert result.code == 0, result
        return result

    def process(self, *argv: str, stdin: str = "", env: dict[str, str] | None = None) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "minikctl", *argv],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, **(env or {})},
        )
        return _result(done.returncode, done.stdout, done.stderr)

    def start(self, *argv: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "minikctl", *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def engine(self, *argv: str) -> str:
        """Does what people do to an engine behind minikctl's back."""
        self._capsys.readouterr()
        assert play([str(self.state), *argv]) == 0
        return self._capsys.readouterr().out

    def containers(self, needle: str) -> list[str]:
        return [line.split()[0] for line in self.engine("ps").splitlines()[1:] if needle in line]

    def desired(self) -> list[str]:
        root = self.state / "desired"
        return sorted(str(path.relative_to(root)) for path in root.rglob("*.yaml"))


def _result(code: int, out: str, err: str) -> Result:
    lines = err.splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(SIMULATED)]
    return Result(code, out, "".join(kept), len(kept) < len(lines))


def interrupted(process: subprocess.Popen[str]) -> Result:
    """The process after Ctrl-C."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    return _result(process.returncode, out, err)


def deployment(
    name: str = "web", *, replicas: int = 1, image: str = "nginx:1.25", command: Sequence[str] = ()
) -> str:
    """A Deployment's manifest; always the same lines, so that tests can name positions."""
    words = f"\n        command: {list(command)!r}" if command else ""
    return f"""apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels: {{app: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: {image}{words}
"""
