"""CPU, memory, places for pods, and host ports: what is left of a node, and where the load is even.

Without preemption a pod that does not fit waits, whatever its priority.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from minikctl.controlplane.scheduling.cycle import Candidate, Cycle

HostPort: TypeAlias = tuple[str, int]
TOO_MANY = "Too many pods"
INSUFFICIENT = "Insufficient "
NO_PORT = "node(s) didn't have free ports for the requested pod ports"


def port_filter(cycle: Cycle) -> Callable[[Candidate], str | None]:
    """Shares of one machine share its ports."""
    taken: dict[str, set[HostPort]] = {}
    for one in cycle.nodes if cycle.asked.host_ports else ():
        taken.setdefault(one.engine, set()).update(one.usage.host_ports)

    def refusal(candidate: Candidate) -> str | None:
        free = taken.get(candidate.engine, set()).isdisjoint(cycle.asked.host_ports)
        return None if free else NO_PORT

    return refusal


def lacking(cycle: Cycle, candidate: Candidate) -> tuple[str, ...]:
    """All that there is too little of."""
    asked, used, capacity = cycle.asked, candidate.usage.requests, candidate.capacity
    found = []
    if used.pods + 1 > capacity.pods:
        found.append(TOO_MANY)
    if asked.cpu_millicores and used.cpu_millicores + asked.cpu_millicores > capacity.cpu_millicores:
        found.append(f"{INSUFFICIENT}cpu")
    if asked.memory_bytes and used.memory_bytes + asked.memory_bytes > capacity.memory_bytes:
        found.append(f"{INSUFFICIENT}memory")
    return tuple(found)


def least_scores(cycle: Cycle, fitting: Sequence[Candidate]) -> Sequence[float]:
    """More that is left is better."""
    return [100.0 * (1 - sum(_load(cycle, one)) / 2) for one in fitting]


def balance_scores(cycle: Cycle, fitting: Sequence[Candidate]) -> Sequence[float]:
    """CPU and memory used to the same degree are better."""
    loads = [_load(cycle, one) for one in fitting]
    return [100.0 * (1 - abs(cpu - memory) / 2) for cpu, memory in loads]


def _load(cycle: Cycle, candidate: Candidate) -> tuple[float, float]:
    used, capacity = candidate.usage.requests, candidate.capacity
    return (
        _fraction(used.scoring_cpu + cycle.asked.scoring_cpu, capacity.cpu_millicores),
        _fraction(used.scoring_memory + cycle.asked.scoring_memory, capacity.memory_bytes),
    )


def _fraction(used: int, capacity: int) -> float:
    return min(1.0, used / capacity) if capacity else 1.0
