"""Which of the objects that count others (PodDisruptionBudgets, ResourceQuotas) a change concerns.

Asked at every change, so it costs next to nothing where there is none of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, namespace_of


def concerned(obj: Object, old: Object | None, view: View) -> Iterator[ObjectKey]:
    """`old` is what became of it before; None for what is new or gone."""
    if view.has("PodDisruptionBudget", namespace_of(obj)):
        from minikctl.controlplane import disruption

        yield from disruption.concerned(obj, old, view)
    if view.has("ResourceQuota", namespace_of(obj)):
        from minikctl.controlplane import quotas

        yield from quotas.concerned(obj, old, view)
