"""PriorityClasses, and what an API server's admission makes of them: the priority of a new pod.

Rules:
- A pod's class says its priority; without one the class with `globalDefault` does (of several the one with
  the lowest value), and without that it is 0.
- Nobody may give a pod another priority than its class has. The default 0 counts as not given.
- The two classes of the system are there without being declared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikctl.model import Object, name_of, spec_of

DEFAULT_POLICY = "PreemptLowerPriority"
_SYSTEM = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_FIELDS = ("priority", "preemptionPolicy", "priorityClassName")


def priority_of(pod: Object) -> int:
    found: int = spec_of(pod).get("priority") or 0
    return found


def with_priority(pod: Object, classes: Iterable[Object]) -> Object:
    """A new pod, which has its defaults, with the priority of its class; as it is where that is not known."""
    spec = spec_of(pod)
    found = _class_of(spec, list(classes))
    if found is None:
        return pod
    given = {
        "priorityClassName": name_of(found),
        "priority": spec.get("priority") or found.get("value", 0),
        "preemptionPolicy": _policy(spec) or found.get("preemptionPolicy", DEFAULT_POLICY),
    }
    return {**pod, "spec": {**spec, **given}}


def refusal(pod: Object, classes: Iterable[Object]) -> str | None:
    """Why a new pod is not let in, in the API server's words."""
    spec = spec_of(pod)
    name, asked = spec.get("priorityClassName", ""), spec.get("priority") or 0
    if not (name or asked):
        return None
    found = _class_of(spec, list(classes))
    if found is None and name:
        return f"no PriorityClass with name {name} was found"
    value = 0 if found is None else found.get("value", 0)
    if asked not in (0, value):
        return (
            f"the integer value of priority ({asked}) must not be provided in pod spec;"
            f" priority admission controller computed {value} from the given PriorityClass name"
        )
    policy = DEFAULT_POLICY if found is None else found.get("preemptionPolicy", DEFAULT_POLICY)
    if _policy(spec) not in ("", policy):
        return (
            f"the string value of PreemptionPolicy ({_policy(spec)}) must not be provided in pod spec;"
            f" priority admission controller computed {policy} from the given PriorityClass name"
        )
    return None


def without_priority(spec: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """A pod's spec without what the admission gave it; what somebody said himself stays."""
    return {name: value for name, value in spec.items() if name not in _FIELDS or name in said}


def _policy(spec: dict[str, Any]) -> str:
    """What is not the default."""
    policy: str = spec.get("preemptionPolicy", "")
    return "" if policy == DEFAULT_POLICY else policy


def _class_of(spec: dict[str, Any], classes: list[Object]) -> Object | None:
    name = spec.get("priorityClassName")
    if not name:
        defaults = [one for one in classes if one.get("globalDefault")]
        return min(defaults, key=lambda one: one.get("value", 0), default=None)
    if name in _SYSTEM:
        return {"metadata": {"name": name}, "value": _SYSTEM[name]}
    return next((one for one in classes if name_of(one) == name), None)
