"""A pod of three containers from nothing to ready, beside the bare engine calls that it needs, in turns.

    python -m benchmarks.pods [--backend docker|podman] [--rounds N]

Both sides are whole processes: `apply -f` of a pod, and a script on the engine's SDK, which runs with one and
with three workers; its best counts. Target: at most 1.25 times.
"""

from __future__ import annotations

import argparse
import json
import sys
from statistics import median
from typing import Any

from benchmarks.bare_pod import CONTAINERS
from benchmarks.common import COMMAND, IMAGE, Place, open_place, say, say_machine, seconds_of
from benchmarks.engines import endpoint_of, hand_of

WORKERS = (1, CONTAINERS)
NAME = "minikctl-benchmark"


def pod() -> dict[str, Any]:
    containers = [
        {"name": f"c{number}", "image": IMAGE, "command": list(COMMAND)} for number in range(CONTAINERS)
    ]
    spec = {"terminationGracePeriodSeconds": 1, "containers": containers}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": spec,
    }


def apply_seconds(place: Place) -> float:
    place.manifest.write_text(json.dumps(pod()))
    taken = place.apply_seconds()
    place.seconds("delete", "pod", "web", "--grace-period", "1")
    return taken


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--backend", default="docker", choices=("docker", "podman"))
    options.add_argument("--rounds", type=int, default=7)
    given = options.parse_args()
    say_machine()
    endpoint = endpoint_of(given.backend)
    hand = hand_of(given.backend, endpoint)
    ours: list[float] = []
    bare: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    with open_place(given.backend) as place:
        for _ in range(given.rounds):
            ours.append(apply_seconds(place))
            for workers, values in bare.items():
                words = ("benchmarks.bare_pod", given.backend, endpoint, NAME, str(workers))
                values.append(seconds_of([sys.executable, "-m", *words]))
                hand.remove_pod(NAME, [f"{NAME}-{number}" for number in range(CONTAINERS)])
    say(f"minikctl apply, a pod of {CONTAINERS}, {given.backend}", ours)
    for workers, values in bare.items():
        say(f"bare SDK calls, {workers} worker{'s' * (workers > 1)}", values)
    best = min(median(values) for values in bare.values())
    print(f"{'minikctl / the best bare calls':<46} {median(ours) / best:8.3f}")


if __name__ == "__main__":
    main()
