"""What pods ask of the pods beside them: the terms of podAffinity and podAntiAffinity, read once.

Rules:
- A term without a `labelSelector` is met by no pod; one with an empty selector by every pod.
- Without `namespaces` and without a `namespaceSelector` a term speaks of the pod's own namespace; with both,
  of the pods of either. An empty `namespaceSelector` is every namespace.
- `matchLabelKeys` and `mismatchLabelKeys` are in the selector already: the defaults put them there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from minikctl.model import Object, is_deleting, labels_of, namespace_of, spec_of
from minikctl.model.field_names import PREFERRED, REQUIRED
from minikctl.model.selectors import Selector, from_object, matches

LabelsOfNamespace: TypeAlias = Callable[[str], Mapping[str, str]]


class Alike(Struct, frozen=True):
    """All that the placement of other pods can depend on. Pods of one template share it, so that a thousand
    of them are counted, not looked at."""

    namespace: str
    labels: tuple[tuple[str, str], ...]
    is_deleting: bool = False
    terms: bytes = b""
    """Its podAffinity and podAntiAffinity as JSON; empty where it has none."""


class Term(Struct, frozen=True):
    """Pods, and the label of nodes that says what is "together". `weight` is 0 where it is required."""

    topology_key: str
    selector: Selector | None
    namespaces: frozenset[str]
    namespace_selector: Selector | None
    weight: int = 0

    def speaks_of(self, pod: Alike, labels_of_namespace: LabelsOfNamespace) -> bool:
        if self.selector is None or not matches(self.selector, dict(pod.labels)):
            return False
        if pod.namespace in self.namespaces:
            return True
        chosen = self.namespace_selector
        return chosen is not None and matches(chosen, labels_of_namespace(pod.namespace))


class PodTerms(Struct, frozen=True):
    """Of one pod. The required ones, then those with weights."""

    together: tuple[Term, ...] = ()
    apart: tuple[Term, ...] = ()
    rather_together: tuple[Term, ...] = ()
    rather_apart: tuple[Term, ...] = ()


def alike(pod: Object) -> Alike:
    affinity = spec_of(pod).get("affinity") or {}
    asked = {kind: affinity[kind] for kind in ("podAffinity", "podAntiAffinity") if affinity.get(kind)}
    return Alike(
        namespace_of(pod),
        tuple(sorted(labels_of(pod).items())),
        is_deleting(pod),
        msgspec.json.encode(asked) if asked else b"",
    )


def terms_of(pod: Alike) -> PodTerms:
    return _terms(pod.namespace, pod.terms) if pod.terms else PodTerms()


@lru_cache(maxsize=1024)
def _terms(namespace: str, text: bytes) -> PodTerms:
    asked: dict[str, Any] = msgspec.json.decode(text)
    near, far = asked.get("podAffinity") or {}, asked.get("podAntiAffinity") or {}
    return PodTerms(
        tuple(_term(one, namespace) for one in near.get(REQUIRED) or ()),
        tuple(_term(one, namespace) for one in far.get(REQUIRED) or ()),
        tuple(_weighted(near.get(PREFERRED) or (), namespace)),
        tuple(_weighted(far.get(PREFERRED) or (), namespace)),
    )


def _weighted(found: Iterable[dict[str, Any]], namespace: str) -> Iterable[Term]:
    return (_term(one["podAffinityTerm"], namespace, one["weight"]) for one in found)


def _term(term: dict[str, Any], namespace: str, weight: int = 0) -> Term:
    namespaces = term.get("namespaces") or ()
    asks_no_namespace = not namespaces and term.get("namespaceSelector") is None
    return Term(
        term["topologyKey"],
        selector_or_nothing(term.get("labelSelector")),
        frozenset((namespace,) if asks_no_namespace else namespaces),
        selector_or_nothing(term.get("namespaceSelector")),
        weight,
    )


def depends_on_others(pod: Object) -> bool:
    """Whether it may fit once other pods are somewhere else."""
    asked = spec_of(pod).get("affinity") or {}
    return bool(
        asked.get("podAffinity")
        or asked.get("podAntiAffinity")
        or spec_of(pod).get("topologySpreadConstraints")
    )


def selector_or_nothing(selector: Mapping[str, Any] | None) -> Selector | None:
    """None, which is not the empty selector, matches nothing."""
    return None if selector is None else from_object(selector)
