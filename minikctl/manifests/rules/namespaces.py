"""Namespaces: what must be done before one goes."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import invalid, qualified_name_advice
from minikctl.manifests.rules.rule import Rule
from minikctl.model import Object

_STANDARD = ("foregroundDeletion", "kubernetes", "orphan")


def finalizers(obj: Object) -> Iterator[FieldProblem]:
    for name in (obj.get("spec") or {}).get("finalizers") or ():
        if problem := qualified_name_advice(name):
            yield invalid("spec.finalizers", name, problem)
        if "/" not in name and name not in _STANDARD:
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid("spec.finalizers", name, detail)


RULES = (
    Rule(
        "namespace-finalizers",
        "finalizers are Kubernetes' own or have a domain",
        finalizers,
        frozenset({"Namespace"}),
        on_update=False,
    ),
)
