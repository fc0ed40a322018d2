"""Objects as the store would have them, and a cluster whose kubelet is told what to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, TypeVar

from msgspec import structs

from minikctl.controlplane.decision import Decision, Happening, Ids
from minikctl.controlplane.manager import Manager, Plan
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    controller_of,
    controller_reference,
    is_deleting,
    key_of,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.defaults import set_defaults
from minikctl.model.pods import is_ready as ready_now
from minikctl.model.pods import phase
from minikctl.model.timestamps import format_time
from minikctl.model.writes import Put, Remove

NOW = 1_800_000_000.0


T = TypeVar("T")


def but(value: T, **fields: Any) -> T:
    """A record with some fields replaced."""
    return structs.replace(value, **fields)  # type: ignore[type-var]


def counted_ids(start: int = 1) -> Ids:
    serial = count(start)
    return Ids(lambda: f"uid-{next(serial):04}", lambda: f"s{next(serial):04}")


def metadata(name: str, owner: Object | None = None, age: float = 0.0, **fields: Any) -> dict[str, Any]:
    result: dict[str, Any] = {
        "name": name,
        "namespace": "default",
        "uid": f"uid-of-{name}",
        "generation": 1,
        "creationTimestamp": format_time(NOW - age),
        "resourceVersion": "1",
        **fields,
    }
    if owner is not None:
        result["ownerReferences"] = [controller_reference(owner)]
    return result


def ready(since: float, is_ready: bool = True) -> dict[str, Any]:
    return {
        "type": "Ready",
        "status": "True" if is_ready else "False",
        "lastTransitionTime": format_time(since),
    }


def pod(
    name: str = "p",
    *,
    owner: Object | None = None,
    node: str = "",
    phase: str = "Running",
    ready_for: float | None = 100.0,
    labels: dict[str, str] | None = None,
    restarts: int = 0,
    age: float = 0.0,
    deleting: bool = False,
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> Object:
    """`ready_for`: since how many seconds it is ready, None for not ready."""
    fields: dict[str, Any] = {"labels": {"app": "web"} if labels is None else labels}
    if annotations:
        fields["annotations"] = annotations
    if deleting:
        fields |= {"deletionTimestamp": format_time(NOW + 30), "deletionGracePeriodSeconds": 30}
    status: dict[str, Any] = {"phase": phase}
    if ready_for is not None:
        status["conditions"] = [ready(NOW - ready_for)]
    if restarts:
        status["containerStatuses"] = [{"name": "app", "restartCount": restarts}]
    body: dict[str, Any] = {"containers": [{"name": "app", "image": "nginx:1"}], **spec}
    if node:
        body["nodeName"] = node
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(name, owner, age, **fields),
        "spec": body,
        "status": status,
    }


def template(image: str = "nginx:1", app: str = "web") -> dict[str, Any]:
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [{"name": "app", "image": image}]},
    }


def deployment(name: str = "web", image: str = "nginx:1", **spec: Any) -> Object:
    whole: Object = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(name),
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template(image, name), **spec},
        "status": {},
    }
    return set_defaults(whole)


def replica_set(name: str = "web-1", replicas: int = 1, owner: Object | None = None, **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": metadata(name, owner),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(),
            **spec,
        },
        "status": {"replicas": 0},
    }


def node(
    name: str = "node-1",
    *,
    cpu: str = "4",
    memory: str = "8Gi",
    pods: str = "110",
    is_ready: bool = True,
    labels: dict[str, str] | None = None,
    **spec: Any,
) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {**metadata(name), "namespace": "", "labels": labels or {}},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": cpu, "memory": memory, "pods": pods},
            "conditions": [ready(NOW, is_ready)],
        },
    }


def namespace(name: str = "default", *, deleting: bool = False) -> Object:
    fields = {"deletionTimestamp": format_time(NOW)} if deleting else {}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {**metadata(name, **fields), "namespace": ""},
        "status": {"phase": "Terminating" if deleting else "Active"},
    }


def view_of(*objects: Object) -> View:
    return View(objects)


def puts(decision: Decision, kind: str | None = None) -> list[Object]:
    found = [write.obj for write in decision.writes if isinstance(write, Put)]
    return [obj for obj in found if kind in (None, obj["kind"])]


def removals(decision: Decision) -> list[ObjectKey]:
    return [write.key for write in decision.writes if isinstance(write, Remove)]


class Cluster:
    """The controllers over a store that always agrees. Pods become what `become` says."""

    def __init__(self, *objects: Object, first_id: int = 1) -> None:
        self.now = NOW
        self.revision = 0
        self.manager = Manager(counted_ids(first_id), lambda one: Decision())
        self.happenings: list[Happening] = []
        self.checks: list[Callable[[], None]] = []
        for obj in (node(), *objects):
            self.put(obj)

    @property
    def view(self) -> View:
        return self.manager.view

    def put(self, obj: Object) -> Object:
        """Somebody else writes an object."""
        self.revision += 1
        stored = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.revision)}}
        self.manager.load([stored])
        return stored

    def change(self, name: str = "web", **spec: Any) -> None:
        """Somebody changes a Deployment; None takes a field out."""
        live = self.deployment(name)
        changed = {field: value for field, value in {**spec_of(live), **spec}.items() if value is not None}
        generation = live["metadata"]["generation"] + 1
        self.put(
            set_defaults(
                {**live, "metadata": {**live["metadata"], "generation": generation}, "spec": changed}
            )
        )

    def remove(self, key: ObjectKey) -> None:
        self.manager.unload([key])

    def run(self) -> Plan:
        plan = self.manager.run(self.now)
        stored = []
        for write in plan.writes:
            if isinstance(write, Put):
                self.revision += 1
                meta = {**write.obj["metadata"], "resourceVersion": str(self.revision)}
                stored.append({**write.obj, "metadata": meta})
        happenings = list(plan.happenings)
        self.happenings.extend(happenings)
        self.manager.committed(stored)
        for check in self.checks:
            check()
        return Plan(list(plan.writes), happenings)

    def become_ready(self, some: Iterable[Object] | None = None, is_ready: bool = True) -> int:
        changed = 0
        for one in list(self.pods() if some is None else some):
            live = self.view.get(key_of(one))
            if live is None or is_deleting(live):
                continue
            status = {**status_of(live), "phase": "Running", "conditions": [ready(self.now, is_ready)]}
            if phase(live) != "Running" or ready_now(live) != is_ready:
                self.put({**live, "status": status})
                changed += 1
        return changed

    def finish_deletions(self) -> int:
        going = [one for one in self.view.list("Pod") if is_deleting(one)]
        for one in going:
            self.remove(key_of(one))
        return len(going)

    def settle(self, rounds: int = 60) -> None:
        """Pods come and go at once, until nothing is decided any more."""
        for _ in range(rounds):
            plan = self.run()
            moved = self.become_ready() + self.finish_deletions()
            if not plan.writes and not moved:
                return
        raise AssertionError("it does not settle")

    def deployment(self, name: str = "web") -> Object:
        found = self.view.get(ObjectKey("Deployment", "default", name))
        assert found is not None
        return found

    def sets(self, name: str = "web") -> list[Object]:
        owned = self.view.controlled(uid_of(self.deployment(name)), "ReplicaSet")
        return sorted(owned, key=lambda one: int(one["metadata"]["annotations"][REVISION]))

    def sizes(self, name: str = "web") -> list[int]:
        """By revision."""
        return [spec_of(one)["replicas"] for one in self.sets(name)]

    def pods(self, owner: Object | None = None) -> list[Object]:
        found = [one for one in self.view.list("Pod") if not is_deleting(one)]
        if owner is not None:
            found = [one for one in found if (controller_of(one) or {}).get("uid") == uid_of(owner)]
        return sorted(found, key=name_of)

    def texts(self, reason: str) -> list[str]:
        return [one.message for one in self.happenings if one.reason == reason]


REVISION = "deployment.kubernetes.io/revision"
