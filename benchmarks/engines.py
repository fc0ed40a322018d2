"""The engine on the other side of a measurement: its endpoint, its own client, and cleaning up after it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from minikctl.backend import Settings
from minikctl.registry import choose

VARIABLES = {"docker": "DOCKER_HOST", "podman": "CONTAINER_HOST"}


def endpoint_of(backend: str) -> str:
    """The engine that minikctl itself would use."""
    return choose(backend, os.environ, Settings("", "benchmark")).endpoint


def client_of(backend: str, given: str | None) -> list[str] | None:
    """The words that the engine's own command line begins with; None where there is none."""
    words = shlex.split(given) if given else [backend]
    return words if shutil.which(words[0]) else None


def works(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, timeout=30).returncode == 0


class Hand(Protocol):
    """What a measurement does to containers behind minikctl's back."""

    def kill(self, container_id: str) -> None: ...

    def running(self, labels: Mapping[str, str]) -> list[str]:
        """Ids of running containers with these labels."""

    def remove(self, names: Iterable[str]) -> None: ...

    def remove_pod(self, name: str, containers: Iterable[str]) -> None:
        """What `bare_pod` made."""


class DockerHand:
    def __init__(self, endpoint: str) -> None:
        import docker

        self._client: Any = docker.APIClient(endpoint, version="1.41")

    def kill(self, container_id: str) -> None:
        self._client.kill(container_id)

    def running(self, labels: Mapping[str, str]) -> list[str]:
        found = self._client.containers(
            filters={"label": [f"{key}={value}" for key, value in labels.items()]}
        )
        return [row["Id"] for row in found]

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            self._client.remove_container(name, force=True)

    def remove_pod(self, name: str, containers: Iterable[str]) -> None:
        self.remove([*containers, f"{name}-sandbox"])


class PodmanHand:
    def __init__(self, endpoint: str) -> None:
        from podman.api.client import APIClient

        self._client: Any = APIClient(endpoint)

    def kill(self, container_id: str) -> None:
        self._client.post(f"/containers/{container_id}/kill").raise_for_status()

    def running(self, labels: Mapping[str, str]) -> list[str]:
        import json

        filters = json.dumps({"label": [f"{key}={value}" for key, value in labels.items()]})
        return [row["Id"] for row in self._client.get("/containers/json", params={"filters": filters}).json()]

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            # A forced removal alone waits for the container to end by itself.
            self._client.post(f"/containers/{name}/kill")
            self._client.delete(f"/containers/{name}", params={"force": "true"}).raise_for_status()

    def remove_pod(self, name: str, containers: Iterable[str]) -> None:
        self.remove(containers)
        self._client.delete(f"/pods/{name}", params={"force": "true"}).raise_for_status()


def hand_of(backend: str, endpoint: str) -> Hand:
    if backend == "docker":
        return DockerHand(endpoint)
    if backend == "podman":
        return PodmanHand(endpoint)
    sys.exit(f"{backend} is no engine")
