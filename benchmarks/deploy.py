"""Twenty replicas from nothing to available, beside the same containers from a bare SDK loop, in turns.

    python -m benchmarks.deploy [--backend docker|podman] [--rounds N] [--client COMMAND]

Both sides are whole processes. The loop runs with one, two and three workers, and its best counts. Beside it,
where the engine's client can do it: `docker compose up -d --wait`, `podman kube play`. `--client` is how that
client is called where it is not on the path. Target: at most 1.25 times the loop.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from statistics import median

from benchmarks.common import COMMAND, IMAGE, deployment, open_place, say, say_machine, seconds_of
from benchmarks.engines import Hand, client_of, endpoint_of, hand_of, works

COUNT = 20
WORKERS = (1, 2, 3)
NAME = "minikctl-benchmark"


def bare_seconds(backend: str, endpoint: str, workers: int, hand: Hand) -> float:
    words = [sys.executable, "-m", "benchmarks.bare", backend, endpoint, NAME, str(COUNT), str(workers)]
    taken = seconds_of(words)
    hand.remove(f"{NAME}-{number}" for number in range(COUNT))
    return taken


def compose_seconds(client: list[str]) -> float:
    # Compose expands variables itself: a dollar sign is written twice.
    command = [word.replace("$", "$$") for word in COMMAND]
    service = {"image": IMAGE, "command": command, "deploy": {"replicas": COUNT}, "network_mode": "bridge"}
    text = json.dumps({"name": NAME, "services": {"web": service}})
    words = [*client, "compose", "-f", "-"]
    taken = seconds_of([*words, "up", "-d", "--wait"], stdin=text)
    seconds_of([*words, "down", "-t", "1"], stdin=text)
    return taken


def kube_play_seconds(client: list[str]) -> float:
    text = json.dumps(deployment(COUNT))
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"{NAME}-{number}"},
            "spec": json.loads(text)["spec"]["template"]["spec"],
        }
        for number in range(COUNT)
    ]
    documents = "\n---\n".join(json.dumps(pod) for pod in pods)
    taken = seconds_of([*client, "kube", "play", "-"], stdin=documents)
    subprocess.run([*client, "kube", "down", "-"], input=documents, text=True, capture_output=True)
    return taken


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--backend", default="docker", choices=("docker", "podman"))
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--client", help="for example: .ci/engines exec-client docker-28")
    given = options.parse_args()
    say_machine()
    endpoint = endpoint_of(given.backend)
    hand = hand_of(given.backend, endpoint)
    client = client_of(given.backend, given.client)
    compares = client is not None and works(
        [*client, *(("compose", "version") if given.backend == "docker" else ("kube", "play", "--help"))]
    )
    ours: list[float] = []
    bare: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    theirs: list[float] = []
    with open_place(given.backend) as place:
        place.declare(COUNT)

        def apply() -> None:
            ours.append(place.apply_seconds())
            place.clear()

        def loop(workers: int) -> None:
            bare[workers].append(bare_seconds(given.backend, endpoint, workers, hand))

        def own_tool() -> None:
            if compares and client is not None:
                own = compose_seconds if given.backend == "docker" else kube_play_seconds
                theirs.append(own(client))

        turns: list[Callable[[], None]] = [apply, *(partial(loop, workers) for workers in WORKERS), own_tool]
        for number in range(given.rounds):
            # Nobody always comes after the same one, whose containers the engine may still clear away.
            for turn in turns[number % len(turns) :] + turns[: number % len(turns)]:
                turn()
    say(f"minikctl apply, {COUNT} replicas, {given.backend}", ours)
    for workers, values in bare.items():
        say(f"bare SDK loop, {workers} worker{'s' * (workers > 1)}", values)
    if theirs:
        say("docker compose up -d --wait" if given.backend == "docker" else "podman kube play", theirs)
    best = min(median(values) for values in bare.values())
    print(f"{'minikctl / the best loop':<46} {median(ours) / best:8.3f}")
    if theirs:
        print(f"{'minikctl / the engine’s own tool':<46} {median(ours) / median(theirs):8.3f}")


if __name__ == "__main__":
    main()
