"""What a quiet agent costs: memory and share of a core with twenty pods that do nothing.

    python -m benchmarks.agent [--backend docker|podman|memory] [--seconds N]

Targets: at most 60 MB and 0.5 % of a core. Kubernetes (one node, everything it needs): 787 MB and 3.1 %.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from benchmarks.common import open_place, say_machine

REPLICAS = 20
SETTLE_SECONDS = 3.0


def cpu_seconds(pid: int) -> float:
    """User and system time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"no memory of process {pid}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--backend", default="docker", choices=("docker", "podman", "memory"))
    options.add_argument("--seconds", type=float, default=30.0)
    given = options.parse_args()
    say_machine()
    with open_place(given.backend) as place, place.agent() as pid:
        place.declare(REPLICAS)
        place.apply_seconds()
        time.sleep(SETTLE_SECONDS)
        before = cpu_seconds(pid)
        time.sleep(given.seconds)
        share = (cpu_seconds(pid) - before) / given.seconds
        print(f"agent with {REPLICAS} quiet pods, {given.backend}, {given.seconds:.0f} s:")
        print(f"{'memory (resident)':<46} {memory_megabytes(pid):8.1f} MB")
        print(f"{'CPU':<46} {share * 100:8.2f} % of a core")


if __name__ == "__main__":
    main()
