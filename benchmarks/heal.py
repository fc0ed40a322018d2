"""How quickly things come right, with an agent at work, beside a one-node Kubernetes' figures.

    python -m benchmarks.heal [--backend docker|podman] [--rounds N]

- apply, 1 replica: a whole process, until it is available.
- kill: from `kill` of a container until another (or the same, started anew) runs.
- delete pod: from its deletion until as many pods as before are ready.
- rolling update of 20: `set image` (which waits until all is rolled out), as a whole process.

Kubernetes was measured once on a machine of the same class; its figures are printed beside.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from collections.abc import Callable

from benchmarks.common import (
    IMAGE,
    LOOK_SECONDS,
    Place,
    environment,
    open_place,
    say,
    say_machine,
    wait_until,
)
from benchmarks.engines import Hand, endpoint_of, hand_of

REPLICAS = 20
KUBERNETES = {
    "apply, 1 replica": "0.51 s",
    "kill, until it runs again": "0.54 s, worst 1.04",
    "delete pod, until another is ready": "0.50 s",
    "rolling update of 20": "4.0 s",
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--backend", default="docker", choices=("docker", "podman"))
    options.add_argument("--rounds", type=int, default=10)
    given = options.parse_args()
    say_machine()
    hand = hand_of(given.backend, endpoint_of(given.backend))
    figures: dict[str, list[float]] = {}
    with open_place(given.backend) as place:
        figures["apply, 1 replica, no agent"] = _times(given.rounds, lambda: _apply_one(place))
        place.declare(1)
        place.apply_seconds()
        with place.agent():
            figures["apply, 1 replica"] = _times(given.rounds, lambda: _apply_one(place))
            place.declare(1)
            place.apply_seconds()
            figures["kill, until it runs again"] = [_kill(place, hand) for _ in range(given.rounds)]
            place.clear()
            place.apply_seconds()
            figures["delete pod, until another is ready"] = [
                _delete(place, hand) for _ in range(given.rounds)
            ]
            place.declare(REPLICAS)
            place.apply_seconds()
            figures["rolling update of 20"] = [_roll(place, number) for number in range(3)]
    for name, values in figures.items():
        say(name, values)
        if name in KUBERNETES:
            print(f"{'    Kubernetes':<46}    {KUBERNETES[name]}")


def _times(rounds: int, once: Callable[[], float]) -> list[float]:
    return [once() for _ in range(rounds)]


def _apply_one(place: Place) -> float:
    place.clear()
    place.declare(1)
    return place.apply_seconds()


def _labels(place: Place) -> dict[str, str]:
    """Which containers are this benchmark's: the pods' owner is all that others can't have."""
    return {"io.kubernetes.pod.uid": place.objects("pods")[0]["metadata"]["uid"]}


def _kill(place: Place, hand: Hand) -> float:
    """Each of them ends a pod that had rested long enough for its restart to be at once."""
    place.clear()
    place.apply_seconds()
    labels = _labels(place)
    before = hand.running(labels)
    began = time.perf_counter()
    for container_id in before:
        hand.kill(container_id)
    wait_until("the container runs again", lambda: set(hand.running(labels)) - set(before))
    return time.perf_counter() - began


def _delete(place: Place, hand: Hand) -> float:
    old = place.objects("pods")[0]["metadata"]
    began = time.perf_counter()
    deleting = subprocess.Popen(
        place.command("delete", "pod", old["name"], "--wait=false"),
        env=environment(),
        stdout=subprocess.DEVNULL,
    )
    while True:
        pods = [pod for pod in place.objects("pods") if pod["metadata"]["uid"] != old["uid"]]
        if any(_is_ready(pod) for pod in pods):
            break
        time.sleep(LOOK_SECONDS)
    taken = time.perf_counter() - began
    deleting.wait()
    return taken


def _is_ready(pod: dict[str, object]) -> bool:
    status = pod.get("status")
    conditions = status.get("conditions", ()) if isinstance(status, dict) else ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _roll(place: Place, number: int) -> float:
    """The same image by another name: nothing is pulled, everything is replaced."""
    image = (f"docker.io/library/{IMAGE}", IMAGE)[number % 2]
    began = time.perf_counter()
    place.seconds("set", "image", "deployment/web", f"web={image}")
    place.seconds("rollout", "status", "deployment/web")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
