"""One attempt of each of people's writes: read, decide, one commit. `server` makes it again after a Conflict.

A module of its own, because who only looks imports nothing of this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from minikctl.api import deletion, eviction
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
from minikctl.api.results import Applied, existing
from minikctl.apply.last_applied import read_last_applied
from minikctl.apply.order import apply_order
from minikctl.apply.threeway import three_way
from minikctl.clock import Clock
from minikctl.controlplane.decision import Ids
from minikctl.controlplane.overlay import Overlay
from minikctl.errors import AlreadyExists, Conflict, Forbidden, UsageError
from minikctl.model import Object, ObjectKey, copy, is_deleting, key_of
from minikctl.model.kinds import DEFAULT_NAMESPACE, KINDS
from minikctl.model.secrets import folded, redacted
from minikctl.model.writes import Put, Write
from minikctl.store import Store


class Writer:
    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self.store = store
        self.clock = clock
        self.ids = ids

    # --- before the first attempt

    def checked_new(self, manifest: Object, namespace: str) -> tuple[Object, Object]:
        """The manifest with its namespace, and the object that it makes.

        :raises Invalid: it breaks a rule.
        """
        manifest = in_namespace(manifest, namespace)
        check(manifest)
        return manifest, new_object(manifest, self.clock, self.ids)

    def checked_manifests(self, manifests: Sequence[Object], namespace: str) -> Sequence[Object]:
        """In the order in which they are applied.

        :raises Invalid: one breaks a rule.
        """
        for manifest in manifests:
            if "name" not in (manifest.get("metadata") or {}):
                raise UsageError("cannot use generate name with apply; use create instead")
        named = apply_order([in_namespace(manifest, namespace) for manifest in manifests])
        for manifest in named:
            check(manifest)
        return named

    # --- one attempt

    def create(self, manifest: Object, new: Object, dry_run: bool) -> Object:
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

    def apply(self, manifests: Sequence[Object], dry_run: bool) -> Sequence[Applied]:
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
        self, key: ObjectKey, change: Callable[[Object], Object], dry_run: bool
    ) -> tuple[Object, Object]:
        live = existing(self.store, key)
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
        grace_seconds: int | None,
        propagation: str,
        force: bool,
        dry_run: bool,
    ) -> Object:
        live = existing(self.store, key)
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

    def evict(self, key: ObjectKey, grace_seconds: int | None) -> Object:
        pod = existing(self.store, key)
        budgets = self.store.list("PodDisruptionBudget", key.namespace)
        self.store.commit(eviction.writes(pod, budgets, self.clock.now(), grace_seconds))
        return pod

    def ensure_namespace(self, name: str = DEFAULT_NAMESPACE) -> None:
        if self.store.get(ObjectKey("Namespace", "", name)) is None:
            manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            obj = new_object(manifest, self.clock, self.ids)
            try:
                self.store.commit([Put(obj)])
            except Conflict:
                return  # somebody else was faster

    # ---

    def _need_namespace(self, name: str) -> None:
        if not name:
            return
        if name == DEFAULT_NAMESPACE:
            self.ensure_namespace(name)
            return
        namespace = existing(self.store, ObjectKey("Namespace", "", name))
        if is_deleting(namespace):
            raise Forbidden(
                f"unable to create new content in namespace {name} because it is being terminated"
            )
