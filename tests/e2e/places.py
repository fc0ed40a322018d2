"""Where the story is told: a real engine or the simulated one, and what people do to it by hand.

Rules:
- A place looks at the engine itself and never asks minikctl, so that what minikctl says can be held to it.
- Docker and Podman are both spoken to in Docker's API, which Podman serves too.
- What people do by hand is done by each engine's own client, or as `python -m minikctl_memory`.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import docker
import pytest
from engines import rig
from minikctl_memory.engine import MemoryEngine
from minikctl_memory.records import Record
from minikctl_memory.shelf import FILE_NAME
from msgspec import Struct

from minikctl.backend import ContainerSpec, ContainerState, labels

OLD_ENGINES = ("docker-20.10", "podman-4.3")
"""Versions that people still run. They hear the short version of the story."""
ENGINE_SECONDS = 60


class Seen(Struct, frozen=True):
    """A container as the engine shows it."""

    id: str
    name: str
    labels: Mapping[str, str]
    running: bool
    image: str

    @property
    def pod(self) -> str:
        return self.labels.get(labels.POD_NAME, "")

    @property
    def uid(self) -> str:
        return self.labels.get(labels.POD_UID, "")

    @property
    def container(self) -> str:
        """The container's name in its pod; empty for a sandbox and for what is not of a pod."""
        return self.labels.get(labels.CONTAINER_NAME, "") if not self.is_sandbox else ""

    @property
    def node(self) -> str:
        return self.labels.get(labels.NODE, "")

    @property
    def is_sandbox(self) -> bool:
        return self.labels.get(labels.TYPE) == labels.TYPE_SANDBOX


class Place(Protocol):
    """One engine."""

    name: str
    backend: str
    is_real: bool

    def environment(self) -> Mapping[str, str]:
        """The variables that lead minikctl here."""

    def settle_in(self, state_dir: Path) -> None:
        """The story is told in this state directory."""

    def seen(self) -> list[Seen]:
        """Every container, whoever's it is, in every state."""

    def started_at(self, container_id: str) -> str:
        """When the container's process began, in the engine's own words: another start, another text."""

    def do(self, deed: str, container_id: str) -> None:
        """`kill`, `stop` or `rm`."""

    def add_foreign(self, name: str, copied: Mapping[str, str]) -> str:
        """Starts somebody else's container with these labels; its id."""

    def possessions(self) -> set[str]:
        """All that the engine holds beside containers: networks, volumes, images."""

    def http(self, port: int) -> str:
        """What a GET of 127.0.0.1:port answers.

        :raises RuntimeError: nobody answers.
        """

    def clear(self, ids: Iterable[str]) -> None:
        """Removes these containers, and with a sandbox its pod, whatever their state."""

    def volumes_of(self, cluster_id: str) -> list[str]:
        """The names of the volumes that this cluster made."""

    def clear_volumes(self, names: Iterable[str]) -> None:
        """Removes these volumes."""


class RealPlace:
    """A Docker or Podman engine from the test rig."""

    is_real = True

    def __init__(self, engine: rig.Engine) -> None:
        self.name = engine.name
        self.backend: str = engine.kind
        self._endpoint = engine.endpoint
        self._api: docker.APIClient | None = None

    def environment(self) -> Mapping[str, str]:
        variable = {"docker": "DOCKER_HOST", "podman": "CONTAINER_HOST"}[self.backend]
        return {variable: self._endpoint}

    def settle_in(self, state_dir: Path) -> None:
        """The engine is where it is."""

    @property
    def api(self) -> docker.APIClient:
        if self._api is None:
            self._api = docker.APIClient(self._endpoint, version="auto", timeout=ENGINE_SECONDS)
        return self._api

    def seen(self) -> list[Seen]:
        return [_seen(one) for one in self.api.containers(all=True)]

    def started_at(self, container_id: str) -> str:
        return str(self.api.inspect_container(container_id)["State"]["StartedAt"])

    def do(self, deed: str, container_id: str) -> None:
        words = {"kill": ["kill"], "stop": ["stop", "-t", "1"], "rm": ["rm", "-f"]}[deed]
        rig.client(self.name, *words, container_id)

    def add_foreign(self, name: str, copied: Mapping[str, str]) -> str:
        made = self.api.create_container(
            "busybox:1.36", ["sleep", "3600"], name=name, labels=dict(copied), detach=True
        )
        self.api.start(made["Id"])
        return str(made["Id"])

    def possessions(self) -> set[str]:
        networks = {f"network {one['Name']}" for one in self.api.networks()}
        volumes = {f"volume {one['Name']}" for one in self.api.volumes()["Volumes"] or ()}
        tags = {tag for one in self.api.images() for tag in one.get("RepoTags") or [one["Id"]]}
        # What sandboxes are made from stays: Podman 4 makes such an image itself, for Docker we make one.
        kept = ("/podman-pause:", "/minikctl-pause:")
        images = {f"image {tag}" for tag in tags if not any(one in tag for one in kept)}
        return networks | volumes | images

    def http(self, port: int) -> str:
        # Not every engine publishes on this machine's own loopback: an old one has a network of its own.
        address = f"http://127.0.0.1:{port}/"
        script = f"import urllib.request as r; print(r.urlopen({address!r}, timeout=2).read().decode())"
        return rig.run_beside(self.name, sys.executable, "-c", script)

    def clear(self, ids: Iterable[str]) -> None:
        for container_id in ids:
            with contextlib.suppress(docker.errors.APIError):  # it does not run, or is gone
                self.api.kill(container_id)  # Podman would wait for it to end by itself
            with contextlib.suppress(docker.errors.APIError):  # Podman removes a sandbox with its pod only
                self.api.remove_container(container_id, force=True, v=True)
        if self.backend == "podman":
            listed = rig.client(self.name, "pod", "ls", "-q", "--filter", f"label={labels.CLUSTER}")
            wanted = set(ids)
            for pod in listed.split():
                infra = rig.client(self.name, "pod", "inspect", pod, "--format", "{{.InfraContainerID}}")
                if infra.strip() in wanted:
                    rig.client(self.name, "pod", "rm", "-f", "-t", "0", pod)

    def volumes_of(self, cluster_id: str) -> list[str]:
        filters = {"label": f"{labels.CLUSTER}={cluster_id}"}
        return [one["Name"] for one in self.api.volumes(filters=filters)["Volumes"] or ()]

    def clear_volumes(self, names: Iterable[str]) -> None:
        for name in names:
            self.api.remove_volume(name, force=True)


def _seen(listed: Mapping[str, Any]) -> Seen:
    return Seen(
        id=listed["Id"],
        name=(listed.get("Names") or ["/"])[0].lstrip("/"),
        labels=listed.get("Labels") or {},
        running=listed["State"] == "running",
        image=listed["Image"],
    )


class MemoryPlace(Struct):
    """The simulated engine, which lives in the state directory."""

    state_dir: Path = Path("/nonexistent")
    name: str = "memory"
    backend: str = "memory"
    is_real: bool = False

    def environment(self) -> Mapping[str, str]:
        return {}

    def settle_in(self, state_dir: Path) -> None:
        self.state_dir = state_dir

    def seen(self) -> list[Seen]:
        now = time.time()
        return [
            Seen(one.id, one.name, one.labels, one.state(now) is ContainerState.RUNNING, one.image)
            for one in self._records()
        ]

    def _records(self) -> list[Record]:
        if not (self.state_dir / FILE_NAME).exists():
            return []
        engine = MemoryEngine(state_dir=self.state_dir)
        try:
            return engine.every_record()
        finally:
            engine.close()

    def started_at(self, container_id: str) -> str:
        return next(str(one.started_at) for one in self._records() if one.id == container_id)

    def do(self, deed: str, container_id: str) -> None:
        words = ["stop", "-t", "1"] if deed == "stop" else [deed]
        run_checked([sys.executable, "-m", "minikctl_memory", str(self.state_dir), *words, container_id])

    def add_foreign(self, name: str, copied: Mapping[str, str]) -> str:
        engine = MemoryEngine(state_dir=self.state_dir)
        cluster = copied.get(labels.CLUSTER, "somebody-else")  # here everybody's has one
        carried = {labels.CLUSTER: cluster, **copied}
        spec = ContainerSpec(name, "busybox:1.36", carried, command=("sleep", "3600"))
        try:
            engine.pull(spec.image)
            container_id = engine.create_container(spec, cluster)
            engine.start(container_id, cluster)
        finally:
            engine.close()
        return container_id

    def possessions(self) -> set[str]:
        """A simulated engine has no networks and no volumes; its images are only names."""
        return set()

    def http(self, port: int) -> str:
        raise NotImplementedError("nothing really listens")

    def clear(self, ids: Iterable[str]) -> None:
        """It goes with the state directory."""

    def volumes_of(self, cluster_id: str) -> list[str]:
        return []

    def clear_volumes(self, names: Iterable[str]) -> None:
        """They go with it, too."""


def run_checked(argv: list[str]) -> str:
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ENGINE_SECONDS
    )
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done.stdout


# --- for parametrize -------------------------------------------------------------------------------


def everywhere() -> list[object]:
    """Memory and every engine that is up: for `parametrize("place", …, indirect=True)`."""
    return [pytest.param(None, id="memory"), *rig.engine_params()]


def on_current_engines() -> list[object]:
    """Memory and the engines that are not old: for the long scenes."""
    found = [one for one in rig.engines() if one.name not in OLD_ENGINES]
    return [pytest.param(None, id="memory"), *_marked(found)]


def on_current_real_engines() -> list[object]:
    return on_current_engines()[1:]


def _marked(found: list[rig.Engine]) -> list[object]:
    """As the rig marks them."""
    names = {one.name for one in found}
    params = rig.engine_params()
    if not rig.engines():
        return params[:1]
    return [one for one in params if one.id in names]  # type: ignore[attr-defined]
