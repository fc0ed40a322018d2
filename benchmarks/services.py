"""What a Service's proxy costs beside a connection to its pod, and how soon an endpoint takes effect.

    python -m benchmarks.services [--backend docker|podman] [--rounds N] [--br-netfilter off]

- requests per second: GETs of 1 KiB and of 64 KiB over a few connections that are kept, to the pod's address
  and to the Service's, in turns. The client is this Python process, whose own time is in both.
- new connections: the median time of a GET of 1 KiB on a connection of its own.
- effect: from the moment at which a pod is ready until a connection to the Service's address is taken.

It must run where the engine's pod network is: on the same Linux machine. Where its kernel passes what crosses
a bridge to the host's firewall (br_netfilter), each hop costs that, too. Docker asks for it only where
containers are kept apart (since 27.3), Podman never; some kernels have it built in and on. With
`--br-netfilter off` it is off as long as this runs, which needs root.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.common import Place, deployment, open_place, say, say_machine, wait_until
from minikctl.api import DesiredCodec
from minikctl.model.pods import is_ready
from minikctl.store import open_directory

BR_NETFILTER = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
CONNECTIONS = 8
TURN_SECONDS = 1.5
FILES = "cd /usr/share/nginx/html; for n in 1 64; do head -c ${n}k /dev/zero >$n; done"
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--backend", default="docker", choices=("docker", "podman"))
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--br-netfilter", choices=("off",))
    given = options.parse_args()
    say_machine()
    with br_netfilter(given.br_netfilter == "off"), open_place(given.backend) as place:
        declare(place, 1)
        try:
            measure(place, given.rounds)
        finally:
            place.seconds("delete", "service", "web", "--ignore-not-found")


@contextmanager
def br_netfilter(is_off: bool) -> Iterator[None]:
    before = BR_NETFILTER.read_text().strip() if BR_NETFILTER.exists() else "0"
    print(f"what crosses a bridge is filtered: {'yes' if before == '1' and not is_off else 'no'}")
    if not is_off or before == "0":
        yield
        return
    BR_NETFILTER.write_text("0")
    try:
        yield
    finally:
        BR_NETFILTER.write_text(before)


def measure(place: Place, rounds: int) -> None:
    place.apply_seconds()
    service = place.objects("services")[0]["spec"]["clusterIP"]
    pod = place.objects("pods")[0]["status"]["podIP"]
    wait_until("the Service answers", lambda: _answers(service))
    for size in (1, 64):
        compare(f"GETs of {size} KiB, per second", rounds, pod, service, partial(rate, size))
    compare("a new connection and a GET", rounds, pod, service, new_connection, unit="ms")
    with place.agent():
        say("an endpoint takes effect", [effect(place, service) for _ in range(rounds)])


def declare(place: Place, replicas: int) -> None:
    made = deployment(replicas)
    container = made["spec"]["template"]["spec"]["containers"][0]
    command = ["sh", "-c", f"{FILES}; exec nginx -g 'daemon off;'"]
    container |= {"image": "nginx:1.27", "command": command}
    documents: dict[str, Any] = {"apiVersion": "v1", "kind": "List", "items": [made, SERVICE]}
    place.manifest.write_text(json.dumps(documents))


def compare(
    what: str, rounds: int, pod: str, service: str, once: Callable[[str], float], unit: str = "/s"
) -> None:
    """In turns, so that what else the machine does weighs on both."""
    direct, through = [], []
    for _ in range(rounds):
        direct.append(once(pod))
        through.append(once(service))
    say(f"{what}: pod", direct, unit)
    say(f"{what}: Service", through, unit)
    say("    ratio", [b / a for a, b in zip(direct, through, strict=True)], "")


def rate(kibibytes: int, address: str) -> float:
    counts = [0] * CONNECTIONS
    end = time.perf_counter() + TURN_SECONDS
    threads = [
        threading.Thread(target=_ask_on, args=(address, kibibytes, end, counts, number))
        for number in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / TURN_SECONDS


def _ask_on(address: str, kibibytes: int, end: float, counts: list[int], number: int) -> None:
    request = f"GET /{kibibytes} HTTP/1.1\r\nHost: web\r\n\r\n".encode()
    left = 0
    connection = socket.create_connection((address, 80), 5)
    try:
        while time.perf_counter() < end:
            if left % 900 == 899:  # nginx closes a connection after a thousand requests
                connection.close()
                connection = socket.create_connection((address, 80), 5)
            left += 1
            connection.sendall(request)
            _read_answer(connection, kibibytes * 1024)
            counts[number] += 1
    finally:
        connection.close()


def _read_answer(connection: socket.socket, size: int) -> None:
    data = connection.recv(1 << 17)
    while b"\r\n\r\n" not in data:
        data += connection.recv(1 << 17)
    missing = size - (len(data) - data.index(b"\r\n\r\n") - 4)
    while missing > 0:
        got = len(connection.recv(1 << 17))
        if not got:
            sys.exit("the connection ended in the middle of an answer")
        missing -= got


def new_connection(address: str) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(200):
        began = time.perf_counter()
        with socket.create_connection((address, 80), 5) as connection:
            connection.sendall(b"GET /1 HTTP/1.0\r\n\r\n")
            _read_answer(connection, 1024)
        taken.append(time.perf_counter() - began)
    return 1000 * median(taken)


def effect(place: Place, service: str) -> float:
    """Seconds."""
    place.seconds("scale", "deploy/web", "--replicas=0")
    wait_until("no pod is left", lambda: not place.objects("pods"))
    wait_until("nobody answers", lambda: not _answers(service))
    place.seconds("scale", "deploy/web", "--replicas=1", "--wait=false")
    store = open_directory(place.folder / "state", DesiredCodec())
    try:
        wait_until(
            "a pod is ready",
            lambda: [
                one
                for one in store.list("Pod", "default")
                if is_ready(one) and "deletionTimestamp" not in one["metadata"]
            ],
        )
    finally:
        store.close()
    return wait_until("the Service answers", lambda: _answers(service))


def _answers(address: str) -> bool:
    try:
        socket.create_connection((address, 80), 0.2).close()
        return True
    except OSError:
        return False


if __name__ == "__main__":
    main()
