"""Where pods may run and who goes first: nodes, PriorityClasses, RuntimeClasses; and Leases."""

from __future__ import annotations

from msgspec.structs import replace

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


def _default_node(obj: Fields) -> None:
    status = obj.get("status", {})
    for side in ("allocatable", "capacity"):
        if side in status:
            status[side] = canonical_amounts(status[side])


_RUNTIME = types_of(maps=("podFixed",))
TYPES = {
    "Lease": types_of(
        pointers=("holderIdentity", "leaseDurationSeconds", "leaseTransitions", "preferredHolder", "strategy")
    ),
    "Node": types_of(lists_of_strings=("podCIDRs",), maps=("allocatable", "capacity")),
    "PriorityClass": types_of(pointers=("preemptionPolicy",)),
    # A pod's overhead is a map of amounts; here it is a struct with one.
    "RuntimeClass": replace(_RUNTIME, maps=_RUNTIME.maps - {"overhead"}),
}
DEFAULTS = {"Node": _default_node, "PriorityClass": _default_priority, "RuntimeClass": _default_runtime}
