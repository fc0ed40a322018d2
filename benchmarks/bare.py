"""Containers made and started by an engine's SDK and nothing else: what `deploy` compares with.

    python -m benchmarks.bare BACKEND ENDPOINT NAME COUNT WORKERS

The quickest loop that the SDKs allow: one session per worker, the two requests that a container needs, no
look at the result. It is a process of its own, so that importing the SDK counts on both sides.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Any

from benchmarks.common import COMMAND, IMAGE

Run = Callable[[str], None]
"""Makes and starts the container of this name."""


def docker_runner(endpoint: str) -> Run:
    import docker

    sessions = local()

    def run(name: str) -> None:
        if not hasattr(sessions, "client"):
            sessions.client = docker.APIClient(endpoint, version="1.41")
            sessions.client.trust_env = False  # else it looks for proxies and passwords at each request
        made = sessions.client.create_container(IMAGE, list(COMMAND), name=name, stop_signal="SIGTERM")
        sessions.client.start(made["Id"])

    return run


def podman_runner(endpoint: str) -> Run:
    from podman.api.client import APIClient

    sessions = local()

    def post(path: str, body: Any = None) -> Any:
        reply = sessions.client.post(path, data=body, headers={"Content-Type": "application/json"})
        reply.raise_for_status()
        return reply

    def run(name: str) -> None:
        import json

        if not hasattr(sessions, "client"):
            sessions.client = APIClient(endpoint)
        body = json.dumps({"image": IMAGE, "command": list(COMMAND), "name": name})
        made = post("/containers/create", body).json()
        post(f"/containers/{made['Id']}/start")

    return run


RUNNERS = {"docker": docker_runner, "podman": podman_runner}


def main(backend: str, endpoint: str, name: str, count: str, workers: str) -> None:
    run = RUNNERS[backend](endpoint)
    names = [f"{name}-{number}" for number in range(int(count))]
    with ThreadPoolExecutor(int(workers)) as pool:
        list(pool.map(run, names))


if __name__ == "__main__":
    main(*sys.argv[1:])
