"""Pods that want to be together or apart (upstream's InterPodAffinity).

Rules:
- "Together" is the same value of a term's `topologyKey` among the nodes' labels. A node without the label is
  together with nobody: nothing that must be together goes there, and nothing is kept apart there.
- All required terms of an affinity must be met by one and the same pod. Where no pod anywhere meets them, the
  first of a group that wants to be together may go anywhere that has the labels.
- Anti-affinity is symmetric: a pod also stays away from those that want to be apart from it.
- In scores the required affinity of others counts as a preference of weight 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from minikctl.controlplane.scheduling.cycle import Candidate, Cycle
from minikctl.model.pod_terms import Alike, Term, terms_of

NOT_TOGETHER = "node(s) didn't match pod affinity rules"
NOT_APART = "node(s) didn't match pod anti-affinity rules"
OTHERS_APART = "node(s) didn't satisfy existing pods anti-affinity rules"
HARD_WEIGHT = 1

Place: TypeAlias = tuple[str, str]
"""A label of nodes and its value."""


def filter_of(cycle: Cycle) -> Callable[[Candidate], str | None] | None:
    """None when neither the pod nor any other asks for anything."""
    own = cycle.terms
    unwelcome = _unwelcome(cycle)
    if not (own.together or own.apart or unwelcome):
        return None
    near = _counts(cycle, own.together, all_of_them=True) if own.together else {}
    far = _counts(cycle, own.apart, all_of_them=False) if own.apart else {}
    is_first = not near and all(_speaks_of(cycle, term, cycle.alike) for term in own.together)

    def refusal(candidate: Candidate) -> str | None:
        labels = candidate.labels
        places = [_place(term, candidate) for term in own.together]
        if None in places or not (is_first or all(place in near for place in places)):
            return NOT_TOGETHER
        if any(_place(term, candidate) in far for term in own.apart):
            return NOT_APART
        return OTHERS_APART if any(labels.get(key) == value for key, value in unwelcome) else None

    return refusal


def _counts(cycle: Cycle, terms: Sequence[Term], *, all_of_them: bool) -> dict[Place | None, int]:
    """The places of the pods that the terms speak of."""
    counts: dict[Place | None, int] = {}
    for candidate in cycle.nodes:
        for pod, number in candidate.usage.alike.items():
            spoken = [term for term in terms if _speaks_of(cycle, term, pod)]
            if all_of_them and len(spoken) < len(terms):
                continue
            for term in spoken:
                if (place := _place(term, candidate)) is not None:
                    counts[place] = counts.get(place, 0) + number
    return counts


def _unwelcome(cycle: Cycle) -> set[Place]:
    """Where pods are that must be apart from this one."""
    found: set[Place] = set()
    for candidate in cycle.nodes:
        for pod in candidate.usage.affine:
            for term in terms_of(pod).apart:
                place = _place(term, candidate)
                if place is not None and place not in found and _speaks_of(cycle, term, cycle.alike):
                    found.add(place)
    return found


def _speaks_of(cycle: Cycle, term: Term, pod: Alike) -> bool:
    return term.speaks_of(pod, cycle.labels_of_namespace)


def _place(term: Term, candidate: Candidate) -> Place | None:
    value = candidate.labels.get(term.topology_key)
    return None if value is None else (term.topology_key, value)


# --- score


def scores(cycle: Cycle, fitting: Sequence[Candidate]) -> Sequence[float] | None:
    """By what the pod would rather have, and what those that run would. None when nobody prefers anything."""
    gains: dict[Place, int] = {}
    own = cycle.terms
    if own.rather_together or own.rather_apart:
        for candidate in cycle.nodes:
            for pod, number in candidate.usage.alike.items():
                _gain(gains, cycle, candidate, own.rather_together, pod, number)
                _gain(gains, cycle, candidate, own.rather_apart, pod, -number)
    for candidate in cycle.nodes:
        for pod, number in candidate.usage.affine.items():
            theirs = terms_of(pod)
            hard = [replace(term, weight=HARD_WEIGHT) for term in theirs.together]
            _gain(gains, cycle, candidate, (*hard, *theirs.rather_together), cycle.alike, number)
            _gain(gains, cycle, candidate, theirs.rather_apart, cycle.alike, -number)
    if not gains:
        return None
    sums = [
        sum(gain for (key, value), gain in gains.items() if one.labels.get(key) == value) for one in fitting
    ]
    least, most = min(sums), max(sums)
    return [100.0 * (one - least) / (most - least) if most > least else 0.0 for one in sums]


def _gain(
    gains: dict[Place, int],
    cycle: Cycle,
    candidate: Candidate,
    terms: Iterable[Term],
    pod: Alike,
    number: int,
) -> None:
    for term in terms:
        place = _place(term, candidate)
        if place is not None and _speaks_of(cycle, term, pod):
            gains[place] = gains.get(place, 0) + term.weight * number
