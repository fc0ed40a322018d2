"""ResourceQuotas: what a namespace's objects use together, what is refused because of it, and the status.

Rules:
- What is used is always counted from the objects themselves, never taken from a status: a status may be late,
  and the same function answers at the door and in the controller.
- Who adds something to a namespace writes the status with it: two at a time can't both take the last place.
- A pod that has ended uses nothing but its place among `count/pods`. Quotas with scopes count pods only.
- A quota on cpu or memory asks every container to say what it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from minikctl.controlplane.decision import Decision, Ids, with_status
from minikctl.controlplane.reader import Reader
from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, key_of, name_of, namespace_of, spec_of
from minikctl.model.amounts import ONE, Amount, Amounts, added, amount, amounts_of, pod_totals
from minikctl.model.kinds import KINDS
from minikctl.model.pods import is_finished, qos_class

KIND = "ResourceQuota"
_CLASS = ".storageclass.storage.k8s.io/"
_OLD_NAMES = {
    "ConfigMap": "configmaps",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "Pod": "pods",
    "ReplicationController": "replicationcontrollers",
    "ResourceQuota": "resourcequotas",
    "Secret": "secrets",
    "Service": "services",
}
"""Kinds that could be counted before there was `count/`."""
_OF_PODS = ("requests.", "limits.", "ephemeral-storage", "hugepages-")
"""How the resources begin, beside cpu and memory, that pods use; most of them no pod may ask for here."""
_MUST_BE_SAID = {
    "cpu": ("requests", "cpu"),
    "memory": ("requests", "memory"),
    "requests.cpu": ("requests", "cpu"),
    "requests.memory": ("requests", "memory"),
    "limits.cpu": ("limits", "cpu"),
    "limits.memory": ("limits", "memory"),
}


def reconcile(key: ObjectKey, view: View, _now: float, _ids: Ids) -> Decision:
    """Keeps the quota's status."""
    decision = Decision()
    quota = view.get(key)
    if quota is not None and (new := with_used(quota, view)) is not None:
        decision.put(new)
    return decision


def with_used(quota: Object, reader: Reader) -> Object | None:
    """The quota with its status; None where that is what it is."""
    hard = spec_of(quota).get("hard") or {}
    used = {name: str(value) for name, value in used_of(quota, reader).items()}
    return with_status(quota, {"hard": hard, "used": used} if hard else {})


def concerned(obj: Object, old: Object | None, view: View) -> list[ObjectKey]:
    """The quotas whose status may differ when `old` has become `obj`; None is what is new or gone."""
    quotas = view.list(KIND, namespace_of(obj))
    return [
        key_of(quota)
        for quota in quotas
        if old is None or _counted(quota, obj) != _counted(quota, old) or key_of(quota) == key_of(obj)
    ]


def _counted(quota: Object, obj: Object) -> Amounts:
    return usage_of(obj) if matches(quota, obj) else {}


# --- counting


def used_of(quota: Object, reader: Reader, without: ObjectKey | None = None) -> Amounts:
    """What the objects of its namespace use of what it bounds; all that it bounds is in it.

    :param without: one that is not counted.
    """
    names = spec_of(quota).get("hard") or {}
    total: Amounts = dict.fromkeys(names, Amount())
    for kind in _kinds_of(names):
        for obj in reader.list(kind, namespace_of(quota)):
            if key_of(obj) != without and matches(quota, obj):
                usage = {name: value for name, value in usage_of(obj).items() if name in total}
                total = added(total, usage)
    return total


def _kinds_of(names: Iterable[str]) -> list[str]:
    """The kinds whose objects use any of these resources."""
    wanted = set(names)
    return [
        kind.name for kind in KINDS.values() if kind.namespaced and any(map(_speaks_of(kind.name), wanted))
    ]


def _speaks_of(kind: str) -> Callable[[str], bool]:
    def speaks(name: str) -> bool:
        if name in (f"count/{KINDS[kind].resource}", _OLD_NAMES.get(kind)):
            return True
        match kind:
            case "Pod":
                return name in _MUST_BE_SAID or name.startswith(_OF_PODS)
            case "Service":
                return name.startswith("services.")
            case "PersistentVolumeClaim":
                return name == "requests.storage" or _CLASS in name
        return False

    return speaks


def usage_of(obj: Object) -> Amounts:
    """What one object uses, by every name that a quota may have for it."""
    kind = KINDS.get(obj["kind"])
    if kind is None or not kind.namespaced:
        return {}
    used = {f"count/{kind.resource}": ONE}
    if kind.name == "Pod" and is_finished(obj):
        return used
    if (old_name := _OLD_NAMES.get(kind.name)) is not None:
        used[old_name] = ONE
    match kind.name:
        case "Pod":
            return used | _usage_of_pod(obj)
        case "Service":
            return used | _usage_of_service(spec_of(obj))
        case "PersistentVolumeClaim":
            return used | _usage_of_claim(spec_of(obj))
    return used


def _usage_of_pod(pod: Object) -> Amounts:
    requests, limits = pod_totals(pod, "requests"), pod_totals(pod, "limits")
    used = {f"limits.{name}": value for name, value in limits.items()}
    for name, value in requests.items():
        used |= {name: value, f"requests.{name}": value}
    return used


def _usage_of_service(spec: Mapping[str, Any]) -> Amounts:
    ports = spec.get("ports") or ()
    match spec.get("type"):
        case "NodePort":
            return {"services.nodeports": ONE.times(len(ports))}
        case "LoadBalancer":
            count = len(ports)
            if not spec.get("allocateLoadBalancerNodePorts", True):
                count = sum(1 for port in ports if port.get("nodePort"))
            return {"services.loadbalancers": ONE, "services.nodeports": ONE.times(count)}
    return {}


def _usage_of_claim(spec: Mapping[str, Any]) -> Amounts:
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    used = {} if asked is None else {"requests.storage": amount(asked)}
    if storage_class := spec.get("storageClassName"):
        of_class = {"persistentvolumeclaims": ONE, **used}
        used |= {f"{storage_class}{_CLASS}{name}": value for name, value in of_class.items()}
    return used


# --- scopes


def matches(quota: Object, obj: Object) -> bool:
    """Whether the quota counts the object at all."""
    spec = spec_of(quota)
    scopes = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    scopes += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return not scopes or (obj["kind"] == "Pod" and all(_is_in(scope, obj) for scope in scopes))


def _is_in(scope: Mapping[str, Any], pod: Object) -> bool:
    spec = spec_of(pod)
    match scope["scopeName"]:
        case "Terminating":
            return "activeDeadlineSeconds" in spec
        case "NotTerminating":
            return "activeDeadlineSeconds" not in spec
        case "BestEffort":
            return qos_class(spec) == "BestEffort"
        case "NotBestEffort":
            return qos_class(spec) != "BestEffort"
        case "CrossNamespacePodAffinity":
            return _looks_elsewhere(spec.get("affinity") or {})
        case "PriorityClass":
            return _has_class(scope, spec.get("priorityClassName", ""))
    return False


def _has_class(scope: Mapping[str, Any], name: str) -> bool:
    values = scope.get("values") or ()
    match scope["operator"]:
        case "In":
            return name in values
        case "NotIn":
            return name not in values
        case "Exists":
            return bool(name)
    return not name


def _looks_elsewhere(affinity: Mapping[str, Any]) -> bool:
    for side in ("podAffinity", "podAntiAffinity"):
        found = affinity.get(side) or {}
        terms = [*(found.get("requiredDuringSchedulingIgnoredDuringExecution") or ())]
        preferred = found.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [one["podAffinityTerm"] for one in preferred]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


# --- at the door


def refusal(obj: Object, reader: Reader, *, made: int = 0, old: Object | None = None) -> str | None:
    """Why an object is not let in; None where it is.

    :param made: so many objects just like it come at the same time, and before it.
    :param old: what it was before a change.
    """
    quotas = [one for one in reader.list(KIND, namespace_of(obj)) if matches(one, obj)]
    quotas.sort(key=name_of)
    for quota in quotas:
        if old is None and (why := _unsaid(quota, obj)):
            return f"failed quota: {name_of(quota)}: {why}"
    usage = usage_of(obj) if quotas else {}
    before = usage_of(old) if old is not None else {}
    wanted = {name: value.minus(before.get(name, Amount())) for name, value in usage.items()}
    for quota in quotas:
        if why := _exceeded(quota, wanted, reader, made, None if old is None else key_of(old), before):
            return why
    return None


def _exceeded(
    quota: Object,
    wanted: Amounts,
    reader: Reader,
    made: int,
    changed: ObjectKey | None,
    before: Amounts,
) -> str | None:
    hard = amounts_of(spec_of(quota).get("hard"))
    asked = {name: value for name, value in wanted.items() if name in hard and value.value > 0}
    if not asked:
        return None
    used = used_of(quota, reader, changed)
    if changed is not None:
        used = added(used, {name: value for name, value in before.items() if name in used})
    used = added(used, {name: value.times(made) for name, value in asked.items()})
    over = sorted(name for name in asked if used[name].plus(asked[name]).value > hard[name].value)
    if not over:
        return None
    parts = (("requested", asked), ("used", used), ("limited", hard))
    texts = (f"{title}: {','.join(f'{name}={known[name]}' for name in over)}" for title, known in parts)
    return f"exceeded quota: {name_of(quota)}, {', '.join(texts)}"


def _unsaid(quota: Object, obj: Object) -> str | None:
    """What the containers of a pod must say and don't."""
    if obj["kind"] != "Pod":
        return None
    missing: dict[str, set[str]] = {}
    for name in sorted(spec_of(quota).get("hard") or {}):
        if name in _MUST_BE_SAID:
            side, resource = _MUST_BE_SAID[name]
            for group in ("containers", "initContainers"):
                for container in spec_of(obj).get(group) or ():
                    if resource not in ((container.get("resources") or {}).get(side) or {}):
                        missing.setdefault(name, set()).add(container["name"])
    if not missing:
        return None
    return "must specify " + "; ".join(
        f"{name} for: {','.join(sorted(who))}" for name, who in missing.items()
    )
