"""The order in which documents are applied and deleted.

What others live in or read goes first (`model.kinds.APPLY_ORDER`), whatever the order in the files; within
one rank the files' order stays. Deletion is the reverse, rank by rank.
"""

from __future__ import annotations

from collections.abc import Iterable

from minikctl.model import Object, ObjectKey
from minikctl.model.kinds import APPLY_ORDER

# A kind that is not in the table can depend on anything in it, so it goes last.
_LAST = max(APPLY_ORDER.values()) + 1


def apply_order(documents: Iterable[Object]) -> list[Object]:
    """Namespaces and configuration first, workloads last; stable."""
    return sorted(documents, key=lambda document: APPLY_ORDER.get(document["kind"], _LAST))


def deletion_order(keys: Iterable[ObjectKey]) -> list[ObjectKey]:
    """Workloads first, then what they use, namespaces last; stable."""
    return sorted(keys, key=lambda key: -APPLY_ORDER.get(key.kind, _LAST))
