"""PriorityClasses, RuntimeClasses and Leases."""

from __future__ import annotations

from minikctl.model.defaults.compaction import Fields, types_of
from minikctl.model.defaults.quotas import canonical_amounts


def _default_priority(obj: Fields) -> None:
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")
    # No pointer in Go: always written.
    obj.setdefault("value", 0)


def _default_runtime(obj: Fields) -> None:
    overhead = obj.get("overhead", {})
    if "podFixed" in overhead:
        overhead["podFixed"] = canonical_amounts(overhead["podFixed"])


TYPES = {
    "Lease": types_of(
        pointers=("holderIdentity", "leaseDurationSeconds", "leaseTransitions", "preferredHolder", "strategy")
    ),
    "PriorityClass": types_of(pointers=("preemptionPolicy",)),
    "RuntimeClass": types_of(maps=("podFixed",)),
}
DEFAULTS = {"PriorityClass": _default_priority, "RuntimeClass": _default_runtime}
