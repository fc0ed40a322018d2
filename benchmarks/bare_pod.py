"""A pod of three containers, made by the engine calls that it needs and nothing else: see `pods`.

    python -m benchmarks.bare_pod BACKEND ENDPOINT NAME WORKERS

Docker has no pods: a container that only sleeps holds the network that the others join. Podman's own pod
has such a container. The three are made and started side by side, with a session for each worker.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Any

from benchmarks.common import COMMAND, IMAGE

CONTAINERS = 3
Run = Callable[[str], None]


def docker_pod(endpoint: str, name: str) -> Run:
    import docker

    sessions = local()

    def client() -> Any:
        if not hasattr(sessions, "client"):
            sessions.client = docker.APIClient(endpoint, version="1.41")
            sessions.client.trust_env = False
        return sessions.client

    def run(name: str, host: dict[str, Any]) -> None:
        config = client().create_host_config(**host)
        words = {"name": name, "stop_signal": "SIGTERM", "host_config": config}
        client().start(client().create_container(IMAGE, list(COMMAND), **words)["Id"])

    run(f"{name}-sandbox", {"ipc_mode": "shareable"})
    shared = f"container:{name}-sandbox"
    return lambda one: run(one, {"network_mode": shared, "ipc_mode": shared})


def podman_pod(endpoint: str, name: str) -> Run:
    from podman.api.client import APIClient

    sessions = local()

    def post(path: str, body: Any = None) -> Any:
        if not hasattr(sessions, "client"):
            sessions.client = APIClient(endpoint)
        text = json.dumps(body) if body is not None else None
        reply = sessions.client.post(path, data=text, headers={"Content-Type": "application/json"})
        reply.raise_for_status()
        return reply

    post("/pods/create", {"name": name})
    post(f"/pods/{name}/start")

    def run(one: str) -> None:
        body = {"image": IMAGE, "command": list(COMMAND), "name": one, "pod": name}
        post(f"/containers/{post('/containers/create', body).json()['Id']}/start")

    return run


PODS = {"docker": docker_pod, "podman": podman_pod}


def main(backend: str, endpoint: str, name: str, workers: str) -> None:
    run = PODS[backend](endpoint, name)
    with ThreadPoolExecutor(int(workers)) as pool:
        list(pool.map(run, [f"{name}-{number}" for number in range(CONTAINERS)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
