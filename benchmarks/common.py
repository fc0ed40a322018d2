"""What the measurements share: processes, a state directory that is removed again, and how figures are said.

Rules:
- A figure is a ratio of two things done in turns in one run; the seconds beside it are of this machine only.
- Every process runs with Python's compiled files, as an installed minikctl does.
- Nothing is written but to temporary folders, and what runs on an engine is removed at the end.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
IMAGE = "busybox:1.36"
COMMAND = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done")
"""Sleeps, and ends at once when it is asked to."""
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.005


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH", ""))))}


def seconds_of(command: Sequence[str], *, stdin: str = "") -> float:
    """How long a process takes that must succeed."""
    began = time.perf_counter()
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=environment()
    )
    taken = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"failed: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return taken


def deployment(replicas: int, *, version: str = "1") -> dict[str, Any]:
    """The Deployment `web` of pods that do nothing."""
    container = {"name": "web", "image": IMAGE, "command": list(COMMAND)}
    template = {
        "metadata": {"labels": {"app": "web", "version": version}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template},
    }


class Place:
    """A state directory on one backend. Figures come from `seconds`, the command line from `run`."""

    def __init__(self, backend: str, folder: Path) -> None:
        self.backend = backend
        self.folder = folder
        self.manifest = folder / "web.json"

    def command(self, *words: str) -> list[str]:
        place = ("--state-dir", str(self.folder / "state"), "--backend", self.backend)
        return [sys.executable, "-m", "minikctl", *words, *place]

    def seconds(self, *words: str) -> float:
        return seconds_of(self.command(*words))

    def declare(self, replicas: int) -> None:
        self.manifest.write_text(json.dumps(deployment(replicas)))

    def apply_seconds(self) -> float:
        """`apply -f` as a whole process, which ends when all replicas are available."""
        return self.seconds("apply", "-f", str(self.manifest))

    def objects(self, kind: str) -> list[dict[str, Any]]:
        done = subprocess.run(
            self.command("get", kind, "-o", "json"), capture_output=True, text=True, env=environment()
        )
        items: list[dict[str, Any]] = json.loads(done.stdout)["items"]
        return items

    def clear(self) -> None:
        self.seconds("delete", "deployment", "web", "--ignore-not-found", "--grace-period", "1")

    @contextmanager
    def agent(self) -> Iterator[int]:
        """The pid of an agent at work."""
        self.seconds("agent", "start")
        try:
            holder = json.loads((self.folder / "state" / "agent.lock").read_text())
            yield int(holder["pid"])
        finally:
            self.seconds("agent", "stop")


@contextmanager
def open_place(backend: str) -> Iterator[Place]:
    """Empty at the beginning and gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="minikctl-benchmark-"))
    place = Place(backend, folder)
    try:
        yield place
    finally:
        place.clear()
        shutil.rmtree(folder)


def wait_until(what: str, look: Callable[[], Any]) -> float:
    """Seconds until `look` gives something true."""
    began = time.perf_counter()
    while not look():
        if time.perf_counter() - began > PATIENCE_SECONDS:
            sys.exit(f"not within {PATIENCE_SECONDS:.0f} s: {what}")
        time.sleep(LOOK_SECONDS)
    return time.perf_counter() - began


def say_machine() -> None:
    load = os.getloadavg()[0]
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"{os.cpu_count()} cores, Python {version}, load average at the beginning {load:.1f}")


def say(name: str, values: Sequence[float], unit: str = "s") -> None:
    """A median with its range."""
    print(f"{name:<46} {median(values):8.3f} {unit}   ({min(values):.3f} … {max(values):.3f})")
