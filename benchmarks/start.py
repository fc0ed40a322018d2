"""What a short command costs: CPU time of whole processes, beside a Python that does nothing.

    python -m benchmarks.start [--backend docker|podman|memory] [--rounds N]

Targets: `version` at most twice `python -c pass`; `get pods` at most 130 ms of CPU, with an agent at work
(it reads the store) and without one (it asks the engine once).
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.common import environment, open_place, say, say_machine

PODS = 3


def cpu_seconds(command: Sequence[str]) -> float:
    """User and system time of one process and its children."""
    before = _children()
    subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(), check=True
    )
    return _children() - before


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def in_turns(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[float]]:
    """CPU milliseconds of each, one after the other in every round; the first round is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for round_number in range(rounds + 1):
        for name, command in commands.items():
            milliseconds = cpu_seconds(command) * 1000
            if round_number:
                taken[name].append(milliseconds)
    return taken


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--backend", default="docker", choices=("docker", "podman", "memory"))
    options.add_argument("--rounds", type=int, default=21)
    given = options.parse_args()
    say_machine()
    with open_place(given.backend) as place:
        place.declare(PODS)
        place.apply_seconds()
        get = place.command("get", "pods")
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "minikctl version": [sys.executable, "-m", "minikctl", "version"],
            f"get pods, {given.backend}, no agent": get,
        }
        if kubectl := shutil.which("kubectl"):
            commands["kubectl version --client"] = [kubectl, "version", "--client"]
        taken = in_turns(commands, given.rounds)
        with place.agent():
            taken.update(in_turns({f"get pods, {given.backend}, agent at work": get}, given.rounds))
    nothing = median(taken["python -c pass"])
    for name, values in taken.items():
        say(name, values, "ms of CPU")
        print(f"{'':<46} {median(values) / nothing:8.2f} x python -c pass")


if __name__ == "__main__":
    main()
