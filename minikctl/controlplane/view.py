"""All objects in memory, indexed the ways that controllers ask (an informer's cache).

The view belongs to one control plane and one thread. Objects in it are never changed in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from minikctl.model import (
    Object,
    ObjectKey,
    controller_of,
    key_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.pod_terms import Alike, alike
from minikctl.model.pods import PodRequests, is_finished, pod_requests
from minikctl.model.priorities import priority_of
from minikctl.model.references import Reference, references


class NodeUsage(Struct):
    """What the pods bound to a node ask of it. Kept up to date, so that the scheduler never counts."""

    requests: PodRequests = field(default_factory=PodRequests)
    pods: dict[ObjectKey, None] = field(default_factory=dict)
    """Also those that have ended, and ask for nothing any more."""
    by_controller: dict[str, int] = field(default_factory=dict)
    """Pods of one controller (its uid) on this node."""
    host_ports: dict[tuple[str, int], int] = field(default_factory=dict)
    alike: dict[Alike, int] = field(default_factory=dict)
    """Pods that other pods' placement can't tell from one another, and how many of them there are."""
    affine: dict[Alike, int] = field(default_factory=dict)
    """Those of them that ask something of other pods."""
    priorities: dict[int, int] = field(default_factory=dict)
    """How many pods there are of each."""

    def copy(self) -> NodeUsage:
        return NodeUsage(
            self.requests,
            dict(self.pods),
            dict(self.by_controller),
            dict(self.host_ports),
            dict(self.alike),
            dict(self.affine),
            dict(self.priorities),
        )


class View:
    """Objects by key, with indices. Insertion order is kept, so that iteration is deterministic."""

    def __init__(self, objects: Iterable[Object] = ()) -> None:
        self._objects: dict[ObjectKey, Object] = {}
        self._by_kind: dict[str, dict[ObjectKey, None]] = {}
        self._by_place: dict[tuple[str, str], dict[ObjectKey, None]] = {}
        self._by_controller: dict[str, dict[ObjectKey, None]] = {}
        self._by_uid: dict[str, ObjectKey] = {}
        self._orphans: dict[tuple[str, str], dict[ObjectKey, None]] = {}
        self._usage: dict[str, NodeUsage] = {}
        self._users: dict[tuple[str, Reference], dict[ObjectKey, None]] = {}
        self._references: dict[ObjectKey, tuple[Reference, ...]] = {}
        self.unscheduled: dict[ObjectKey, None] = {}
        """Pods that are bound to no node. Read only."""
        self.nominated: dict[ObjectKey, None] = {}
        """Those of them that a node is kept for. Read only."""
        for obj in objects:
            self.put(obj)

    # --- reading

    def get(self, key: ObjectKey) -> Object | None:
        return self._objects.get(key)

    def by_uid(self, uid: str) -> Object | None:
        key = self._by_uid.get(uid)
        return None if key is None else self._objects.get(key)

    def list(self, kind: str, namespace: str | None = None) -> Iterator[Object]:
        keys = self._by_kind.get(kind) if namespace is None else self._by_place.get((kind, namespace))
        return (self._objects[key] for key in tuple(keys or ()))

    def has(self, kind: str, namespace: str) -> bool:
        """Whether there is any."""
        return bool(self._by_place.get((kind, namespace)))

    def has_any(self, kind: str) -> bool:
        """Whether there is any, in whatever namespace."""
        return bool(self._by_kind.get(kind))

    def in_namespace(self, namespace: str) -> Iterator[Object]:
        """Everything that lives in a namespace."""
        for (_, place), keys in tuple(self._by_place.items()):
            if place == namespace and place:
                yield from (self._objects[key] for key in tuple(keys))

    def controlled(self, uid: str, kind: str) -> Iterator[Object]:
        """Objects of a kind whose controller has that uid."""
        keys = tuple(self._by_controller.get(uid) or ())
        return (self._objects[key] for key in keys if key.kind == kind)

    def dependents(self, uid: str) -> Iterator[Object]:
        """Objects of every kind whose controller has that uid."""
        return (self._objects[key] for key in tuple(self._by_controller.get(uid) or ()))

    def orphans(self, kind: str, namespace: str) -> Iterator[Object]:
        """Objects of a kind that nobody controls."""
        keys = self._orphans.get((kind, namespace))
        return (self._objects[key] for key in tuple(keys or ()))

    def usage(self, node: str) -> NodeUsage:
        """What is bound to a node. Read only."""
        return self._usage.get(node) or NodeUsage()

    def pods_on(self, node: str) -> Iterator[Object]:
        """All pods that are bound to the node, those that have ended too."""
        return (self._objects[key] for key in tuple(self.usage(node).pods))

    def users(self, key: ObjectKey) -> Iterator[Object]:
        """Pods that refer to a ConfigMap, a Secret or a claim, whether that is there or not."""
        found = self._users.get((key.namespace, Reference(key.kind, key.name)))
        return (self._objects[pod] for pod in tuple(found or ()))

    def missing(self, kind: str, namespace: str | None = None) -> Iterator[ObjectKey]:
        """What pods refer to and is not there; `namespace` None is all of them."""
        for place, reference in tuple(self._users):
            key = ObjectKey(kind, place, reference.name)
            if reference.kind == kind and namespace in (None, place) and key not in self._objects:
                yield key

    def __iter__(self) -> Iterator[Object]:
        return iter(tuple(self._objects.values()))

    def __len__(self) -> int:
        return len(self._objects)

    # --- writing (only by whoever runs the controllers)

    def put(self, obj: Object) -> None:
        key = key_of(obj)
        if key in self._objects:
            self._forget(key)
        self._objects[key] = obj
        self._by_kind.setdefault(key.kind, {})[key] = None
        self._by_place.setdefault((key.kind, key.namespace), {})[key] = None
        self._by_uid[uid_of(obj)] = key
        if owner := controller_of(obj):
            self._by_controller.setdefault(owner["uid"], {})[key] = None
        else:
            self._orphans.setdefault((key.kind, key.namespace), {})[key] = None
        if key.kind == "Pod":
            self._count(key, obj, 1)
            self._refer(key, references(obj))
            if not spec_of(obj).get("nodeName"):
                self.unscheduled[key] = None
                if status_of(obj).get("nominatedNodeName"):
                    self.nominated[key] = None

    def remove(self, key: ObjectKey) -> None:
        if key in self._objects:
            self._forget(key)
            obj = self._objects.pop(key)
            self._by_kind[key.kind].pop(key, None)
            self._by_place[key.kind, key.namespace].pop(key, None)
            self._by_uid.pop(uid_of(obj), None)
            self._refer(key, ())

    def _refer(self, key: ObjectKey, found: tuple[Reference, ...]) -> None:
        known = self._references.get(key, ())
        if known == found:
            return
        for reference in known:
            users = self._users[key.namespace, reference]
            users.pop(key, None)
            if not users:
                del self._users[key.namespace, reference]
        for reference in found:
            self._users.setdefault((key.namespace, reference), {})[key] = None
        if found:
            self._references[key] = found
        else:
            del self._references[key]

    def _forget(self, key: ObjectKey) -> None:
        """Takes the old object out of the indices whose key may differ in the new one."""
        old = self._objects[key]
        if owner := controller_of(old):
            owned = self._by_controller[owner["uid"]]
            owned.pop(key, None)
            if not owned:
                del self._by_controller[owner["uid"]]
        else:
            self._orphans[key.kind, key.namespace].pop(key, None)
        if self._by_uid.get(uid_of(old)) == key:
            del self._by_uid[uid_of(old)]
        if key.kind == "Pod":
            self._count(key, old, -1)
            self.unscheduled.pop(key, None)
            self.nominated.pop(key, None)

    def _count(self, key: ObjectKey, pod: Object, sign: int) -> None:
        node = spec_of(pod).get("nodeName")
        if not node:
            return
        usage = self._usage.setdefault(node, NodeUsage())
        if sign > 0:
            usage.pods[key] = None
        else:
            usage.pods.pop(key, None)
        count_pod(usage, pod, sign)


def count_pod(usage: NodeUsage, pod: Object, sign: int) -> None:
    """Adds what the pod asks for to the sums, or takes it out. One that has ended asks for nothing."""
    if is_finished(pod):
        return
    requests = pod_requests(pod)
    usage.requests = usage.requests.plus(requests, sign)
    owner = controller_of(pod)
    counters: list[tuple[dict[object, int], object]] = []
    if owner:
        counters.append((usage.by_controller, owner["uid"]))  # type: ignore[arg-type]
    counters.extend((usage.host_ports, port) for port in requests.host_ports)  # type: ignore[misc]
    counters.append((usage.priorities, priority_of(pod)))  # type: ignore[arg-type]
    one = alike(pod)
    counters.append((usage.alike, one))  # type: ignore[arg-type]
    if one.terms:
        counters.append((usage.affine, one))  # type: ignore[arg-type]
    for counter, name in counters:
        counter[name] = counter.get(name, 0) + sign
        if not counter[name]:
            del counter[name]
