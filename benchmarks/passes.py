"""What deciding costs: the loop in one process over a store and an engine in memory.

    python -m benchmarks.passes

- From nothing to converged: one Deployment of that many pods, applied, until all of them are available.
- The same with as many pods of mixed kinds: for every hundred a Deployment of 40, a StatefulSet (Parallel) of
  20, a ReplicationController of 20, a Job of 10 and a DaemonSet on ten nodes.
- A pass in which nothing has changed: everything is listed, and the loop takes a step with the list.
- A pass in which one container has died. It should cost what changed, not what there is.

Targets: at most 50 ms for the unchanged pass over 1,000 pods; 1,000 mixed pods in at most 3 s, 10,000 in ten
times that.
"""

from __future__ import annotations

import os
import time
from statistics import median
from typing import Any
from uuid import uuid4

from minikctl_memory import MemoryBackend
from minikctl_memory.engine import MemoryEngine

from benchmarks.common import deployment, say_machine
from minikctl.agent.engine import Engine
from minikctl.agent.executor import InlineExecutor
from minikctl.agent.loop import Loop
from minikctl.api import Api, DesiredCodec
from minikctl.backend import ContainerState
from minikctl.clock import SystemClock
from minikctl.controlplane.decision import Ids
from minikctl.controlplane.node import NodeConfig
from minikctl.model.hashing import safe_suffix
from minikctl.model.pods import is_ready
from minikctl.store import open_memory

SIZES = (1000, 2000, 4000, 5000)
MIXED = (1000, 10000)
PASSES = 15
CLUSTER = "benchmark"


def mixed(count: int) -> list[dict[str, Any]]:
    return [one for number in range(count // 100) for one in _hundred(number)]


def _hundred(number: int) -> list[dict[str, Any]]:
    """A hundred pods on ten nodes."""
    shares = {"Deployment": 40, "StatefulSet": 20, "ReplicationController": 20, "Job": 10, "DaemonSet": 0}
    return [_workload(kind, f"{kind.lower()}-{number}", pods) for kind, pods in shares.items()]


def _workload(kind: str, name: str, pods: int) -> dict[str, Any]:
    template = deployment(1)["spec"]["template"]
    template["metadata"] = {"labels": {"app": name}}
    spec: dict[str, Any] = {"template": template}
    if kind == "Job":
        template["spec"]["restartPolicy"] = "Never"
        spec |= {"completions": pods, "parallelism": pods}
    elif kind == "ReplicationController":
        spec |= {"replicas": pods, "selector": {"app": name}}
    else:
        spec |= {"selector": {"matchLabels": {"app": name}}}
        spec |= {"replicas": pods} if pods else {}
        spec |= {"podManagementPolicy": "Parallel", "serviceName": name} if kind == "StatefulSet" else {}
    version = {"ReplicationController": "v1", "Job": "batch/v1"}.get(kind, "apps/v1")
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


class Bench:
    """Nodes on an engine in memory, and a loop whose jobs are done at once."""

    def __init__(self, nodes: int = 1) -> None:
        ids = Ids(uid=lambda: str(uuid4()), suffix=lambda: safe_suffix(int.from_bytes(os.urandom(5))))
        store = open_memory(DesiredCodec(), cluster_id=CLUSTER)
        self.api = Api(store, SystemClock(), ids)
        self.memory = MemoryBackend(CLUSTER, MemoryEngine())
        capacity = {"pods": "100000", "cpu": "10000", "memory": "100000Gi"}
        configs = tuple(NodeConfig(f"node-{one}", "memory", "", capacity=capacity) for one in range(nodes))
        self.engine = Engine("memory", self.memory, configs, store.seal_key)
        self.executor = InlineExecutor()
        self.loop = Loop(self.api, [self.engine], self.executor, ids)
        self.api.ensure_namespace()

    def step(self) -> None:
        news, self.executor.news = self.executor.news, []
        self.loop.step(news)

    def converge(self, manifests: list[dict[str, Any]], pods: int) -> float:
        """Seconds until these have so many pods, and all of them are ready."""
        began = time.perf_counter()
        self.api.apply(manifests)
        while not self._is_available(pods):
            self.step()
        return time.perf_counter() - began

    def _is_available(self, pods: int) -> bool:
        view = self.loop.manager.view
        if self.executor.news or not self.loop.is_idle():
            return False
        found = list(view.list("Pod"))
        return len(found) == pods and all(map(is_ready, found))

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
        converged = bench.converge([deployment(size)], size)
        unchanged = median(bench.full_pass() for _ in range(PASSES))
        changed = []
        for _ in range(PASSES):
            bench.kill_one()
            changed.append(bench.full_pass())
        print(
            f"{size:>6} {converged:>12.2f} s {unchanged * 1000:>13.1f} ms {median(changed) * 1000:>7.1f} ms"
        )
    for size in MIXED:
        print(f"{size:>6} {Bench(nodes=10).converge(mixed(size), size):>12.2f} s   mixed kinds, ten nodes")


if __name__ == "__main__":
    main()
