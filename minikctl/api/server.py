"""Get, list, create, apply, update and delete, for people; every one of them ends in one commit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from minikctl.api import deletion
from minikctl.api.absorb import Deletions, FileProblem, Refusals, absorb
from minikctl.api.admission import (
    admit,
    admit_change,
    changed_object,
    check,
    in_namespace,
    is_same,
    merge_table,
    new_object,
)
from minikctl.api.charges import charges
from minikctl.api.intent import intent
from minikctl.apply.last_applied import read_last_applied
from minikctl.apply.order import apply_order
from minikctl.apply.threeway import three_way
from minikctl.clock import Clock
from minikctl.controlplane.decision import Ids
from minikctl.controlplane.overlay import Overlay
from minikctl.errors import AlreadyExists, Conflict, Forbidden, NotFound, UsageError
from minikctl.model import Object, ObjectKey, is_deleting, key_of, labels_of, selectors
from minikctl.model.kinds import KINDS
from minikctl.model.secrets import folded, redacted
from minikctl.model.writes import Put, Write
from minikctl.store import Store

DEFAULT_NAMESPACE = "default"
ATTEMPTS = 20
"""How often a write that met a newer revision is made again from it."""

Objects: TypeAlias = list[Object]
T = TypeVar("T")


class Applied(Struct, frozen=True):
    """What applying one manifest did (or would do): kubectl's verb, and the object before and after."""

    verb: str
    """created, configured or unchanged."""
    before: Object | None
    after: Object


class Api:
    """One process' door to one store."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self.store = store
        self.clock = clock
        self.ids = ids
        self._refusals: Refusals = {}

    # --- reading

    def get(self, key: ObjectKey) -> Object:
        """:raises NotFound: there is no such object."""
        obj = self.store.get(key)
        if obj is None:
            raise NotFound(KINDS[key.kind].resource, key.name)
        return obj

    def find(self, key: ObjectKey) -> Object | None:
        return self.store.get(key)

    def list(self, kind: str, namespace: str | None = None, selector: selectors.Selector = ()) -> Objects:
        """Objects of a kind, by namespace and name. `namespace` None is all of them."""
        found = self.store.list(kind, namespace)
        return [obj for obj in found if selectors.matches(selector, labels_of(obj))] if selector else found

    # --- writing, for people

    def create(
        self, manifest: Object, namespace: str = DEFAULT_NAMESPACE, *, dry_run: bool = False
    ) -> Object:
        """A new declared object.

        :raises AlreadyExists: there is one of that name.
        :raises Invalid: the manifest breaks a rule.
        :raises Forbidden: its namespace does not let it in.
        """
        manifest = in_namespace(manifest, namespace)
        check(manifest)
        obj = new_object(manifest, self.clock, self.ids)
        return self._retrying(lambda: self._create_once(manifest, obj, dry_run))

    def _create_once(self, manifest: Object, new: Object, dry_run: bool) -> Object:
        key, coming = key_of(new), Overlay(self.store)
        obj = admit(new, coming)
        if self.store.get(key) is not None:
            raise AlreadyExists(KINDS[key.kind].resource, key.name)
        if dry_run:
            return obj
        self._need_namespace(key.namespace)
        coming.add(obj)
        try:
            return self.store.commit(
                [Put(obj, intent(obj, [manifest], coming.get)), *charges([obj], coming)]
            )[0]
        except Conflict as error:
            if (error.resource, error.name) == (KINDS[key.kind].resource, key.name):
                raise AlreadyExists(error.resource, error.name) from None
            raise  # a quota that somebody else has used meanwhile

    def apply(
        self, manifests: Sequence[Object], namespace: str = DEFAULT_NAMESPACE, *, dry_run: bool = False
    ) -> Sequence[Applied]:
        """kubectl's three-way apply of several manifests, as one commit. The results come in apply order.

        :raises Invalid: a manifest, or the change that it means, breaks a rule. Nothing was done.
        :raises Forbidden: a namespace does not let a Pod in. Nothing was done.
        """
        for manifest in manifests:
            if "name" not in (manifest.get("metadata") or {}):
                raise UsageError("cannot use generate name with apply; use create instead")
        named = apply_order([in_namespace(manifest, namespace) for manifest in manifests])
        for manifest in named:
            check(manifest)
        # Who applies an object whose file vanished declares it anew: that is no deletion any more.
        return self._retrying(lambda: self._apply_once(named, dry_run), Deletions.LEFT)

    def _apply_once(self, manifests: Sequence[Object], dry_run: bool) -> Sequence[Applied]:
        results: list[Applied] = []
        writes: list[Write] = []
        # Namespaces, PriorityClasses and quotas come first: pods are held to what these will be.
        coming = Overlay(self.store)
        for manifest in manifests:
            key = key_of(manifest)
            if not dry_run and not coming.has(ObjectKey("Namespace", "", key.namespace)):
                self._need_namespace(key.namespace)
            result = self._applied(manifest, self.store.get(key))
            if result.before is None:
                result = replace(result, after=admit(result.after, coming))
            elif result.verb == "configured":
                admit_change(result.before, result.after, coming)
            coming.add(result.after)
            results.append(result)
            remembered = redacted(manifest)
            if result.verb != "unchanged" or self._is_news(key, remembered):
                hints = [self.store.declared(key) or manifest, manifest]
                wanted = intent(result.after, hints, coming.get)
                writes.append(Put(result.after, wanted, remembered, restores=True))
        if not dry_run and writes:
            writes += charges((one.after for one in results if one.verb != "unchanged"), coming)
            stored = {key_of(obj): obj for obj in self.store.commit(writes)}
            results = [
                Applied(one.verb, one.before, stored.get(key_of(one.after), one.after)) for one in results
            ]
        return results

    def _is_news(self, key: ObjectKey, manifest: Object) -> bool:
        """Whether something is to be written though the object stays as it is."""
        return self.store.last_applied(key) != manifest or self.store.lost_file(key)

    def _applied(self, manifest: Object, live: Object | None) -> Applied:
        if live is None:
            return Applied("created", None, new_object(manifest, self.clock, self.ids))
        if is_deleting(live):
            name = f'{KINDS[live["kind"]].resource} "{key_of(live).name}"'
            raise Forbidden(f"{name} is being deleted; wait until it is gone")
        last = self.store.last_applied(key_of(live)) or read_last_applied(live)
        wanted = folded({name: value for name, value in manifest.items() if name != "status"})
        merged = three_way(last, live, wanted, merge_table(live["kind"]))
        obj = changed_object(live, merged)
        if is_same(live, obj):
            return Applied("unchanged", live, live)
        check(obj, live)
        return Applied("configured", live, obj)

    def update(
        self, key: ObjectKey, change: Callable[[Object], Object], *, dry_run: bool = False
    ) -> tuple[Object, Object]:
        """Changes one object as `scale` and `set image` do: from its newest state, again if that moved on.

        `change` gets a copy of the object and returns the new one. Returns the object before and after.

        :raises NotFound: there is no such object.
        :raises Invalid: the change breaks a rule.
        """
        return self._retrying(lambda: self._update_once(key, change, dry_run))

    def _update_once(
        self, key: ObjectKey, change: Callable[[Object], Object], dry_run: bool
    ) -> tuple[Object, Object]:
        from minikctl.model import copy

        live = self.get(key)
        obj = changed_object(live, change(copy(live)))
        if is_same(live, obj):
            return live, live
        check(obj, live)
        coming = Overlay(self.store)
        admit_change(live, obj, coming)
        if dry_run:
            return live, obj
        coming.add(obj)
        paid = charges([obj], coming)
        declared = self.store.declared(key)
        if declared is None and key.kind != "Node":
            return live, self.store.commit([Put(obj), *paid])[0]
        hints = [declared] if declared else []
        return live, self.store.commit([Put(obj, intent(obj, hints, coming.get)), *paid])[0]

    def delete(
        self,
        key: ObjectKey,
        *,
        grace_seconds: int | None = None,
        propagation: str = "background",
        force: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """Asks an object to go. Pods end gracefully (by the kubelet), dependents follow by `propagation`.

        `propagation`: background, foreground or orphan. Returns the object as it was.

        :raises NotFound: there is no such object.
        :raises Forbidden: it may not be deleted.
        """

        def once() -> Object:
            live = self.get(key)
            writes = deletion.writes(
                live,
                list(self.store.list()) if propagation == "orphan" else [],
                self.clock.now(),
                grace_seconds=grace_seconds,
                propagation=propagation,
                force=force,
            )
            if not dry_run:
                self.store.commit(writes)
            return live

        return self._retrying(once)

    def evict(self, key: ObjectKey, *, grace_seconds: int | None = None) -> Object:
        """Asks a pod to go where its PodDisruptionBudget allows it. Returns the pod as it was.

        :raises NotFound: there is no such pod.
        :raises TooManyRequests: its budget does not allow it now.
        """
        from minikctl.api import eviction

        def once() -> Object:
            pod = self.get(key)
            budgets = self.store.list("PodDisruptionBudget", key.namespace)
            self.store.commit(eviction.writes(pod, budgets, self.clock.now(), grace_seconds))
            return pod

        return self._retrying(once)

    def ensure_namespace(self, name: str = DEFAULT_NAMESPACE) -> None:
        """The namespaces that every cluster has are made when they are first needed."""
        if self.store.get(ObjectKey("Namespace", "", name)) is None:
            manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            obj = new_object(manifest, self.clock, self.ids)
            try:
                self.store.commit([Put(obj)])
            except Conflict:
                return  # somebody else was faster

    def absorb(self, deletions: Deletions = Deletions.OBEYED) -> Sequence[FileProblem]:
        """Takes over what people changed in desired files. Returns what could not be taken over, and why."""
        return self._retrying(lambda: self._absorb_once(deletions))

    # ---

    def _need_namespace(self, name: str) -> None:
        if not name:
            return
        if name == DEFAULT_NAMESPACE:
            self.ensure_namespace(name)
            return
        namespace = self.get(ObjectKey("Namespace", "", name))
        if is_deleting(namespace):
            raise Forbidden(
                f"unable to create new content in namespace {name} because it is being terminated"
            )

    def _retrying(self, once: Callable[[], T], deletions: Deletions = Deletions.OBEYED) -> T:
        """Again from the newest state, hand edits in desired/ included."""
        problems: Sequence[FileProblem] = ()
        for attempt in range(ATTEMPTS):
            try:
                return once()
            except Conflict:
                if attempt == ATTEMPTS - 1:
                    if problems:
                        raise Forbidden(
                            f"{problems[0]} (until that is mended nothing is written over it)"
                        ) from None
                    raise
            with contextlib.suppress(Conflict):
                problems = self._absorb_once(deletions)
        raise AssertionError("unreachable")

    def _absorb_once(self, deletions: Deletions) -> Sequence[FileProblem]:
        return absorb(self.store, self.clock, self.ids, deletions, self._refusals)
