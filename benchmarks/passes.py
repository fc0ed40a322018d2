"""What deciding costs: the loop in one process over a store and an engine in memory.

    python -m benchmarks.passes

- From nothing to converged: one Deployment of that many pods, applied, until all of them are available.
- A pass in which nothing has changed: everything is listed, and the loop takes a step with the list.
- A pass in which one container has died. It should cost what changed, not what there is.

Target: at most 50 ms for the unchanged pass over 1,000 pods.
"""

from __future__ import annotations

import os
import time
from statistics import median
from uuid import uuid4

from minikctl_memory import MemoryBackend
from minikctl_memory.engine import MemoryEngine

from benchmarks.common import deployment, say_machine
from minikctl.agent.driver import is_converged
from minikctl.agent.engine import Engine
from minikctl.agent.executor import InlineExecutor
from minikctl.agent.loop import Loop
from minikctl.api import Api, DesiredCodec
from minikctl.backend import ContainerState
from minikctl.clock import SystemClock
from minikctl.controlplane.decision import Ids
from minikctl.controlplane.node import NodeConfig
from minikctl.model.hashing import safe_suffix
from minikctl.store import open_memory

SIZES = (1000, 2000, 4000, 5000)
PASSES = 15
CLUSTER = "benchmark"


class Bench:
    """One node, its engine in memory, and a loop whose jobs are done at once."""

    def __init__(self) -> None:
        ids = Ids(uid=lambda: str(uuid4()), suffix=lambda: safe_suffix(int.from_bytes(os.urandom(5))))
        store = open_memory(DesiredCodec(), cluster_id=CLUSTER)
        self.api = Api(store, SystemClock(), ids)
        self.memory = MemoryBackend(CLUSTER, MemoryEngine())
        capacity = {"pods": "100000", "cpu": "10000", "memory": "100000Gi"}
        node = NodeConfig("node-1", "memory", "", capacity=capacity)
        self.engine = Engine("memory", self.memory, (node,), store.seal_key)
        self.executor = InlineExecutor()
        self.loop = Loop(self.api, [self.engine], self.executor, ids)
        self.api.ensure_namespace()

    def step(self) -> None:
        news, self.executor.news = self.executor.news, []
        self.loop.step(news)

    def converge(self, replicas: int) -> float:
        """Seconds until a Deployment of so many pods is available."""
        began = time.perf_counter()
        self.api.apply([deployment(replicas)])
        while not self._is_available(replicas):
            self.step()
        return time.perf_counter() - began

    def _is_available(self, replicas: int) -> bool:
        view = self.loop.manager.view
        if self.executor.news or not self.loop.is_idle():
            return False
        return sum(1 for _ in view.list("Pod")) == replicas and is_converged(view)

    def full_pass(self) -> float:
        """Seconds to list everything and to take it in."""
        self.step()
        self.engine.next_list = 0.0
        began = time.perf_counter()
        self.step()
        self.step()
        return time.perf_counter() - began

    def kill_one(self) -> None:
        running = next(one for one in self.engine.all() if one.state is ContainerState.RUNNING)
        self.memory.signal_container(running.id, kill=True)


def main() -> None:
    say_machine()
    print(f"{'pods':>6} {'to converged':>14} {'unchanged pass':>16} {'one died':>10}")
    for size in SIZES:
        bench = Bench()
        converged = bench.converge(size)
        unchanged = median(bench.full_pass() for _ in range(PASSES))
        changed = []
        for _ in range(PASSES):
            bench.kill_one()
            changed.append(bench.full_pass())
        print(
            f"{size:>6} {converged:>12.2f} s {unchanged * 1000:>13.1f} ms {median(changed) * 1000:>7.1f} ms"
        )


if __name__ == "__main__":
    main()
