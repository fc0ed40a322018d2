"""PriorityClasses, RuntimeClasses and Leases."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.metadata import check_labels
from minikctl.manifests.rules.pod.placement import check_tolerations
from minikctl.manifests.rules.problems import (
    NOT_NEGATIVE,
    NOT_POSITIVE,
    duplicate,
    forbidden,
    invalid,
    label_advice,
    repeated_at,
    required,
    unsupported,
)
from minikctl.manifests.rules.resource_names import check_amount, check_container_name
from minikctl.manifests.rules.rule import Fields, Rule, UpdateRule
from minikctl.model import Object

_PRIORITY = frozenset({"PriorityClass"})
_RUNTIME = frozenset({"RuntimeClass"})
_HIGHEST_OF_USERS = 1_000_000_000
_SYSTEM = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_PREEMPTION = ("Never", "PreemptLowerPriority")


def priority(obj: Object) -> Iterator[FieldProblem]:
    name, value = (obj.get("metadata") or {}).get("name", ""), obj.get("value", 0)
    if name.startswith("system-"):
        if _SYSTEM.get(name) != value or obj.get("globalDefault"):
            detail = "priority class names with 'system-' prefix are reserved for system use only"
            yield forbidden("metadata.name", detail)
    elif value > _HIGHEST_OF_USERS:
        yield forbidden("value", f"maximum allowed value of a user defined priority is {_HIGHEST_OF_USERS}")
    policy = obj.get("preemptionPolicy", "")
    if not policy:
        yield required("preemptionPolicy")
    elif policy not in _PREEMPTION:
        yield unsupported("preemptionPolicy", policy, _PREEMPTION)


def priority_frozen(old: Object, new: Object) -> Iterator[FieldProblem]:
    if old.get("value", 0) != new.get("value", 0):
        yield forbidden("value", "may not be changed in an update.")
    if old.get("preemptionPolicy") != new.get("preemptionPolicy"):
        yield invalid("preemptionPolicy", new.get("preemptionPolicy"), "field is immutable")


# --- runtime classes ------------------------------------------------------------------------------


def runtime(obj: Object) -> Iterator[FieldProblem]:
    handler = obj.get("handler", "")
    if problem := label_advice(handler):
        yield invalid("handler", handler, problem)
    fixed = (obj.get("overhead") or {}).get("podFixed") or {}
    for name, quantity in fixed.items():
        # As the limits of a container, which the server takes the overhead for.
        yield from check_container_name(name, f"overhead.limits[{name}]")
        yield from check_amount(name, quantity, f"overhead.limits[{name}]")
    scheduling = obj.get("scheduling") or {}
    yield from check_labels(scheduling.get("nodeSelector") or {}, "scheduling.nodeSelector")
    yield from _tolerations(scheduling.get("tolerations") or [], "scheduling.tolerations")


def _tolerations(tolerations: list[Fields], path: str) -> Iterator[FieldProblem]:
    # The server says `tolerations` twice.
    yield from check_tolerations(tolerations, f"{path}.tolerations")
    again = repeated_at(tolerations)
    for index, toleration in enumerate(tolerations):
        if index in again:
            yield duplicate(f"{path}[{index}]", toleration)


def runtime_frozen(old: Object, new: Object) -> Iterator[FieldProblem]:
    if old.get("handler") != new.get("handler"):
        yield invalid("handler", new.get("handler"), "field is immutable")


# --- leases ---------------------------------------------------------------------------------------


def lease(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        yield invalid("spec.leaseDurationSeconds", seconds, NOT_POSITIVE)
    if transitions is not None and transitions < 0:
        yield invalid("spec.leaseTransitions", transitions, NOT_NEGATIVE)


RULES = (
    Rule(
        "priority-class", "priorities of users are below the system's", priority, _PRIORITY, on_update=False
    ),
    Rule(
        "runtime-class",
        "a handler has a name, and overhead is of known resources",
        runtime,
        _RUNTIME,
        on_update=False,
    ),
    Rule("lease", "a lease lasts, and its holders are counted", lease, frozenset({"Lease"})),
    UpdateRule("priority-class-frozen", "value and preemption stay", priority_frozen, _PRIORITY),
    UpdateRule("runtime-class-frozen", "the handler stays", runtime_frozen, _RUNTIME),
)
