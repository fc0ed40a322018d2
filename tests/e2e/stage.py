"""One state directory on one place, driven by the real command line in processes of their own.

Rules:
- Nothing sleeps blindly: `until` looks again and again and says at the end what it saw last.
- What minikctl says comes from its command line (`-o json`), what is so comes from the place.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from msgspec import Struct

from e2e.places import Place, Seen
from minikctl.backend import labels

T = TypeVar("T")
COMMAND_SECONDS = 90
LOOK_SECONDS = 0.03
REPOSITORY = Path(__file__).parents[2]


def until(what: str, look: Callable[[], T | None], *, seconds: float = 20.0) -> T:
    """The first truthy value that `look` gives; fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}; at the end it was {found!r}")
        time.sleep(LOOK_SECONDS)


class Result(Struct, frozen=True):
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Run(Struct, frozen=True):
    """One run of a container: the same id with another start is another run."""

    container: str
    started_at: str


class Stage:
    """`stage.ok("get", "pods")` is `minikctl get pods --state-dir … --backend …`, which must succeed."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place = place
        self.folder = folder
        self.state = folder / "state"
        self._children: list[subprocess.Popen[str]] = []
        place.settle_in(self.state)

    # --- the command line

    def command(self, *argv: str) -> list[str]:
        """The words of the command line. What a test says itself about place and state stays so."""
        words = [sys.executable, "-m", "minikctl", *argv]
        for flag, value in (("--state-dir", str(self.state)), ("--backend", self.place.backend)):
            if flag not in argv:
                words += [flag, value]
        return words

    def environment(self) -> dict[str, str]:
        """This process's, without anything that leads minikctl elsewhere."""
        ours = ("MINIKCTL_STATE_DIR", "MINIKCTL_BACKEND", "MINIKCTL_DEBUG", "DOCKER_HOST", "CONTAINER_HOST")
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        return {**kept, "HOME": str(self.folder), "COLUMNS": "200", **self.place.environment()}

    def __call__(self, *argv: str, stdin: str | None = None, seconds: float = COMMAND_SECONDS) -> Result:
        done = subprocess.run(
            self.command(*argv),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=self.environment(),
            cwd=self.folder,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert "minikctl bug" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    def ok(self, *argv: str, stdin: str | None = None) -> Result:
        result = self(*argv, stdin=stdin)
        assert result.code == 0, (argv, result)
        return result

    def fails(self, *argv: str, code: int = 1) -> Result:
        result = self(*argv)
        assert result.code == code, (argv, result)
        return result

    def start(self, *argv: str) -> subprocess.Popen[str]:
        """The command in the background; it is ended with the stage."""
        child = subprocess.Popen(
            self.command(*argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(),
            cwd=self.folder,
        )
        self._children.append(child)
        return child

    def finish(self, child: subprocess.Popen[str], *, seconds: float = COMMAND_SECONDS) -> Result:
        out, err = child.communicate(timeout=seconds)
        return Result(child.returncode, out, err)

    def write(self, name: str, *documents: Any) -> str:
        """A manifest file of these documents; its path."""
        path = self.folder / name
        path.write_text(yaml.safe_dump_all(documents, sort_keys=False))
        return str(path)

    # --- the agent

    def start_agent(self) -> int:
        """Its pid, once it acts."""
        self.ok("agent", "start")
        return self.agent_pid()

    def agent_pid(self) -> int:
        holder = self.holder()
        assert holder.get("role") == "agent", holder
        return int(holder["pid"])

    def holder(self) -> dict[str, Any]:
        """Facts of the process that acts; {} when none does."""
        from minikctl.store import AgentLock

        if not self.state.is_dir():
            return {}
        return AgentLock(self.state).holder() or {}

    def kill_agent(self) -> None:
        """SIGKILL, as the out-of-memory killer sends it; returns when its lock is free."""
        os.kill(self.agent_pid(), signal.SIGKILL)
        until("the killed agent's lock is free", lambda: not self.holder())

    def stop_agent(self) -> None:
        self.ok("agent", "stop")

    # --- what minikctl says

    def get(self, kind: str, *argv: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.ok("get", kind, "-o", "json", *argv).out)["items"]
        return found

    def pods(self) -> list[dict[str, Any]]:
        """Those that are not on their way out."""
        return [pod for pod in self.get("pods") if "deletionTimestamp" not in pod["metadata"]]

    def pod_names(self) -> set[str]:
        return {pod["metadata"]["name"] for pod in self.pods()}

    # --- what is so

    @property
    def cluster_id(self) -> str:
        return str(json.loads((self.state / "identity.json").read_text())["cluster"])

    def containers(self) -> list[Seen]:
        """This cluster's, sandboxes too."""
        mine = self.cluster_id if (self.state / "identity.json").exists() else None
        return [one for one in self.place.seen() if one.labels.get(labels.CLUSTER) == mine]

    def running(self) -> list[Seen]:
        """This cluster's running containers of pods, without sandboxes."""
        return [one for one in self.containers() if one.running and one.container]

    def runs(self) -> set[Run]:
        """The running containers with when they were started: equal sets, nothing was restarted."""
        return {Run(one.id, self.place.started_at(one.id)) for one in self.running()}

    def wait_running(self, count: int, *, seconds: float = 20.0) -> list[Seen]:
        """Exactly so many containers run, each of a pod of its own name."""

        def look() -> list[Seen] | None:
            found = self.running()
            return found if len(found) == count else None

        return until(f"{count} containers run", look, seconds=seconds) if count else []

    # ---

    def close(self) -> None:
        """Ends whatever still acts, then removes this cluster's containers without minikctl's help."""
        for child in self._children:
            if child.poll() is None:
                child.kill()
                child.communicate()
        if pid := self.holder().get("pid"):
            os.kill(pid, signal.SIGKILL)
            until("whoever acted is gone", lambda: not self.holder())
        if self.place.is_real and (self.state / "identity.json").exists():
            self.place.clear([one.id for one in self.containers()])
            self.place.clear_volumes(self.place.volumes_of(self.cluster_id))


# --- manifests -------------------------------------------------------------------------------------

OBEDIENT = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"]
"""A process that ends at once when it is asked to: nobody waits for grace periods."""


def deployment(
    name: str = "web", *, replicas: int = 4, image: str = "busybox:1.36", **spec: Any
) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod_spec(image)},
            **spec,
        },
    }


def pod_spec(image: str = "busybox:1.36", command: Sequence[str] = OBEDIENT) -> dict[str, Any]:
    container = {"name": "main", "image": image, "command": list(command)}
    return {"terminationGracePeriodSeconds": 2, "containers": [container]}


def pod(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def ready_pods(pods: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for one in pods:
        if {"type": "Ready", "status": "True"}.items() <= _ready_condition(one).items():
            yield one


def _ready_condition(one: dict[str, Any]) -> dict[str, Any]:
    for condition in one.get("status", {}).get("conditions") or ():
        if condition["type"] == "Ready":
            return dict(condition)
    return {}
