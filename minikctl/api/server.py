"""Get, list, create, apply, update and delete, for people; every one of them ends in one commit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from minikctl.api.results import Applied, Deletions, FileProblem, Refusals, existing
from minikctl.clock import Clock
from minikctl.controlplane.decision import Ids
from minikctl.errors import Conflict, Forbidden
from minikctl.model import Object, ObjectKey, labels_of, selectors
from minikctl.model.kinds import DEFAULT_NAMESPACE
from minikctl.store import Store

if TYPE_CHECKING:
    from minikctl.api.writer import Writer

ATTEMPTS = 20
"""How often a write that met a newer revision is made again from it."""

Objects: TypeAlias = list[Object]
T = TypeVar("T")


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
        return existing(self.store, key)

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
        manifest, new = self._writer.checked_new(manifest, namespace)
        return self._retrying(lambda: self._writer.create(manifest, new, dry_run))

    def apply(
        self, manifests: Sequence[Object], namespace: str = DEFAULT_NAMESPACE, *, dry_run: bool = False
    ) -> Sequence[Applied]:
        """kubectl's three-way apply of several manifests, as one commit. The results come in apply order.

        :raises Invalid: a manifest, or the change that it means, breaks a rule. Nothing was done.
        :raises Forbidden: a namespace does not let a Pod in. Nothing was done.
        """
        named = self._writer.checked_manifests(manifests, namespace)
        # Who applies an object whose file vanished declares it anew: that is no deletion any more.
        return self._retrying(lambda: self._writer.apply(named, dry_run), Deletions.LEFT)

    def update(
        self, key: ObjectKey, change: Callable[[Object], Object], *, dry_run: bool = False
    ) -> tuple[Object, Object]:
        """Changes one object as `scale` and `set image` do: from its newest state, again if that moved on.

        `change` gets a copy of the object and returns the new one. Returns the object before and after.

        :raises NotFound: there is no such object.
        :raises Invalid: the change breaks a rule.
        """
        return self._retrying(lambda: self._writer.update(key, change, dry_run))

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
        return self._retrying(
            lambda: self._writer.delete(
                key, grace_seconds=grace_seconds, propagation=propagation, force=force, dry_run=dry_run
            )
        )

    def evict(self, key: ObjectKey, *, grace_seconds: int | None = None) -> Object:
        """Asks a pod to go where its PodDisruptionBudget allows it. Returns the pod as it was.

        :raises NotFound: there is no such pod.
        :raises TooManyRequests: its budget does not allow it now.
        """
        return self._retrying(lambda: self._writer.evict(key, grace_seconds))

    def ensure_namespace(self, name: str = DEFAULT_NAMESPACE) -> None:
        """The namespaces that every cluster has are made when they are first needed."""
        self._writer.ensure_namespace(name)

    def absorb(self, deletions: Deletions = Deletions.OBEYED) -> Sequence[FileProblem]:
        """Takes over what people changed in desired files. Returns what could not be taken over, and why."""
        return self._retrying(lambda: self._absorb_once(deletions))

    # ---

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
        files = self.store.scan()
        if not files:
            return ()
        from minikctl.api.absorb import absorb  # most commands meet no file that was changed

        return absorb(files, self.store, self.clock, self.ids, deletions, self._refusals)

    @cached_property
    def _writer(self) -> Writer:
        from minikctl.api.writer import Writer

        return Writer(self.store, self.clock, self.ids)
