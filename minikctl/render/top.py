"""The tables of `top`: what pods, containers and nodes use, as kubectl prints it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from minikctl.render.columns import Aligner
from minikctl.render.escape import escape

_MEBIBYTE = 1 << 20
_LINE = "________"


class Used(NamedTuple):
    """Of one container, or the sum of several."""

    cpu_millicores: int
    memory_bytes: int

    def plus(self, other: Used) -> Used:
        return Used(self.cpu_millicores + other.cpu_millicores, self.memory_bytes + other.memory_bytes)


NOTHING = Used(0, 0)


class PodUse(NamedTuple):
    """What each of a pod's containers uses, in the order of its spec."""

    namespace: str
    name: str
    containers: tuple[tuple[str, Used], ...]

    @property
    def total(self) -> Used:
        return total(used for _, used in self.containers)


class NodeUse(NamedTuple):
    """`available`: what the percentages are of."""

    name: str
    used: Used
    available: Used


class TopOptions(NamedTuple):
    sort_by: str = ""
    """"", `cpu` or `memory`: the greatest first."""
    no_headers: bool = False
    with_namespace: bool = False
    with_containers: bool = False
    with_sum: bool = False


def total(parts: Iterable[Used]) -> Used:
    result = NOTHING
    for part in parts:
        result = result.plus(part)
    return result


def top_pods(pods: Sequence[PodUse], options: TopOptions) -> str:
    rank = _rank(options.sort_by)
    ordered = sorted(pods, key=lambda pod: (rank(pod.total), pod.namespace, pod.name))
    heads = ["NAMESPACE"] * options.with_namespace + ["POD"] * options.with_containers
    rows = [] if options.no_headers else [[*heads, "NAME", "CPU(cores)", "MEMORY(bytes)"]]
    for pod in ordered:
        places = [pod.namespace] * options.with_namespace
        if not options.with_containers:
            rows.append([*places, pod.name, *_cells(pod.total)])
            continue
        containers = (
            sorted(pod.containers, key=lambda one: rank(one[1])) if options.sort_by else pod.containers
        )
        rows.extend([*places, pod.name, name, *_cells(used)] for name, used in containers)
    if options.with_sum:
        blank = [""] * (len(heads) + 1)
        rows += [[*blank, _LINE, _LINE], [*blank, *_cells(total(pod.total for pod in pods))]]
    return _lines(rows)


def top_nodes(nodes: Sequence[NodeUse], options: TopOptions) -> str:
    rank = _rank(options.sort_by)
    heads = ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]
    rows = [] if options.no_headers else [heads]
    for node in sorted(nodes, key=lambda one: (rank(one.used), one.name)):
        cpu, memory = _cells(node.used)
        shares = [
            _percent(used, available) for used, available in zip(node.used, node.available, strict=True)
        ]
        rows.append([node.name, cpu, shares[0], memory, shares[1]])
    return _lines(rows)


def _rank(sort_by: str) -> Callable[[Used], int]:
    match sort_by:
        case "cpu":
            return lambda used: -used.cpu_millicores
        case "memory":
            return lambda used: -used.memory_bytes
    return lambda used: 0


def _cells(used: Used) -> list[str]:
    return [f"{used.cpu_millicores}m", f"{used.memory_bytes // _MEBIBYTE}Mi"]


def _percent(used: int, available: int) -> str:
    return f"{used * 100 // available}%" if available else "<unknown>"


def _lines(rows: Iterable[Sequence[str]]) -> str:
    """kubectl ends the last column too, so that lines end in spaces."""
    return "".join(f"{line}\n" for line in Aligner().lines([*map(escape, row), ""] for row in rows))
