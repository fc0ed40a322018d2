"""What an API server's admission makes of a new object, and whether it lets it in.

The same answers at the door (`api`) and for what controllers make (`podcontrol`, `manager`). In upstream's
order: LimitRange, priority, the default StorageClass, Pod Security, and quotas last, because who is refused
uses nothing.
"""

from __future__ import annotations

from minikctl.controlplane.reader import Reader
from minikctl.model import Object, ObjectKey, labels_of, namespace_of, priorities, runtime_classes
from minikctl.model.pod_security import refusal as insecure


def admitted(obj: Object, reader: Reader) -> Object:
    """The new object: a pod with what its namespace and its PriorityClass give it, a claim with its class."""
    if obj["kind"] == "PersistentVolumeClaim":
        from minikctl.model import claims

        return claims.with_default_class(obj, reader.list("StorageClass", None))
    if obj["kind"] != "Pod":
        return obj
    ranges = list(reader.list("LimitRange", namespace_of(obj)))
    if ranges:
        from minikctl.controlplane import limits

        obj = limits.with_defaults(obj, ranges)
    if runtime_classes.class_name(obj):
        obj = runtime_classes.with_class(obj, reader.get)
    return priorities.with_priority(obj, reader.list("PriorityClass", None))


def refusal(obj: Object, reader: Reader, *, made: int = 0) -> str | None:
    """Why the admitted object is not let in, without its name; None where it is.

    :param made: so many just like it come in at the same time, and before it.
    """
    why = _beyond_limits(obj, reader)
    if why is None and obj["kind"] == "Pod":
        home = reader.get(ObjectKey("Namespace", "", namespace_of(obj)))
        why = insecure(labels_of(home) if home is not None else None, obj)
        why = why or runtime_classes.refusal(obj, reader.get)
        why = why or priorities.refusal(obj, reader.list("PriorityClass", None))
    return why or beyond_quota(obj, reader, made=made)


def refusal_of_change(old: Object, obj: Object, reader: Reader) -> str | None:
    """Why `old` may not become the object; None where it may. A pod's change is held to no LimitRange: what
    they bound of it never changes."""
    why = _beyond_limits(obj, reader) if obj["kind"] != "Pod" else None
    return why or beyond_quota(obj, reader, old=old)


def _beyond_limits(obj: Object, reader: Reader) -> str | None:
    if obj["kind"] not in ("Pod", "PersistentVolumeClaim"):
        return None
    ranges = list(reader.list("LimitRange", namespace_of(obj)))
    if not ranges:
        return None
    from minikctl.controlplane import limits

    return limits.refusal(obj, ranges)


def beyond_quota(obj: Object, reader: Reader, *, made: int = 0, old: Object | None = None) -> str | None:
    """Why the namespace has no room for the object, or for what becomes of `old`; None where it has."""
    namespace = namespace_of(obj)
    if not namespace or not any(True for _ in reader.list("ResourceQuota", namespace)):
        return None
    from minikctl.controlplane import quotas

    return quotas.refusal(obj, reader, made=made, old=old)
