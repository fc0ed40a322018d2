"""One look at one pod: what every filter and score needs, found once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from minikctl.controlplane.node import ENGINE_LABEL
from minikctl.controlplane.view import NodeUsage, View
from minikctl.model import Object, ObjectKey, key_of, labels_of, name_of, status_of
from minikctl.model.pod_terms import Alike, PodTerms, alike, terms_of
from minikctl.model.pods import PodRequests, pod_requests
from minikctl.model.priorities import priority_of
from minikctl.model.quantity import milli, whole


class Capacity(Struct, frozen=True):
    cpu_millicores: int
    memory_bytes: int
    pods: int


class Candidate(Struct, frozen=True):
    """A node, and what is on it."""

    name: str
    node: Object
    labels: Mapping[str, str]
    usage: NodeUsage
    capacity: Capacity

    @property
    def engine(self) -> str:
        return self.labels.get(ENGINE_LABEL, self.name)


class Cycle(Struct, frozen=True):
    """`nodes`: all of them, by name."""

    pod: Object
    nodes: tuple[Candidate, ...]
    view: View
    asked: PodRequests
    alike: Alike
    terms: PodTerms

    def labels_of_namespace(self, name: str) -> Mapping[str, str]:
        found = self.view.get(ObjectKey("Namespace", "", name))
        return labels_of(found) if found is not None else {}


def cycle_of(pod: Object, view: View) -> Cycle:
    nodes = sorted(view.list("Node"), key=name_of)
    own = alike(pod)
    candidates = tuple(_candidate(node, view) for node in nodes)
    if view.nominated:
        kept = _kept_for_others(pod, view)
        candidates = tuple(_with_requests(one, kept.get(one.name, ())) for one in candidates)
    return Cycle(pod, candidates, view, pod_requests(pod), own, terms_of(own))


def _candidate(node: Object, view: View) -> Candidate:
    name = name_of(node)
    return Candidate(name, node, labels_of(node), view.usage(name), capacity_of(node))


def _kept_for_others(pod: Object, view: View) -> dict[str, list[PodRequests]]:
    """By node, what is kept there for pods that others gave way to, of at least the same priority."""
    kept: dict[str, list[PodRequests]] = {}
    for key in view.nominated:
        other = view.get(key)
        if other is None or key == key_of(pod) or priority_of(other) < priority_of(pod):
            continue
        kept.setdefault(status_of(other)["nominatedNodeName"], []).append(pod_requests(other))
    return kept


def _with_requests(candidate: Candidate, kept: Iterable[PodRequests]) -> Candidate:
    usage = candidate.usage
    for requests in kept:
        ports = {**usage.host_ports, **dict.fromkeys(requests.host_ports, 1)}
        usage = replace(usage, requests=usage.requests.plus(requests), host_ports=ports)
    return replace(candidate, usage=usage) if usage is not candidate.usage else candidate


def with_usage(cycle: Cycle, candidate: Candidate, usage: NodeUsage) -> tuple[Cycle, Candidate]:
    """The same look, if that were what is on the node."""
    changed = replace(candidate, usage=usage)
    nodes = tuple(changed if one.name == candidate.name else one for one in cycle.nodes)
    return replace(cycle, nodes=nodes), changed


def capacity_of(node: Object) -> Capacity:
    allocatable = status_of(node).get("allocatable") or {}
    return _capacity(*(str(allocatable.get(name, "0")) for name in ("cpu", "memory", "pods")))


@lru_cache(maxsize=1024)
def _capacity(cpu: str, memory: str, pods: str) -> Capacity:
    return Capacity(milli(cpu), whole(memory), whole(pods))
