"""Volumes of engines whose claims are gone: removed, and then forgotten. One at a time of each volume."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from minikctl.agent.engine import Engine
from minikctl.agent.ports import Executor, VolumeRemoved
from minikctl.backend import Backend
from minikctl.controlplane.view import View
from minikctl.controlplane.volumes import is_removed_by_engine, place_of
from minikctl.errors import BackendError, TemporaryError
from minikctl.model import Object, ObjectKey, is_deleting, key_of, spec_of
from minikctl.model.claims import claim_reference

RETRY_SECONDS = 2.0


class Removals:
    def __init__(self, executor: Executor, view: Callable[[], View]) -> None:
        self._executor = executor
        self._view = view
        self._under_way: set[ObjectKey] = set()
        self._retry: dict[ObjectKey, float] = {}

    def act(self, by_label: Callable[[str], Engine | None], now: float) -> None:
        # What is due is not waited for: it is done now, or when its engine answers, or it is gone.
        self._retry = {key: moment for key, moment in self._retry.items() if moment > now}
        for volume in self._view().list("PersistentVolume"):
            if not self._is_due(volume, now):
                continue
            key = key_of(volume)
            engine = by_label(place_of(volume))
            if engine is None or not engine.answers:
                continue
            self._under_way.add(key)
            kept = spec_of(volume).get("persistentVolumeReclaimPolicy") != "Delete"
            name = "" if kept else spec_of(volume)["csi"]["volumeHandle"]
            self._executor.submit(
                f"{engine.name}:act", partial(remove, engine.name, engine.backend, key, name)
            )

    def _is_due(self, volume: Object, now: float) -> bool:
        key = key_of(volume)
        waits = key in self._under_way or self._retry.get(key, 0.0) > now
        return self._is_to_go(volume) and not waits

    def _is_to_go(self, volume: Object) -> bool:
        """A volume that its claim still has stays until that is gone; somebody may never let it go."""
        if not (is_deleting(volume) and is_removed_by_engine(volume)):
            return False
        return self._view().by_uid(claim_reference(volume).get("uid", "")) is None

    def learn(self, news: VolumeRemoved, now: float) -> None:
        self._under_way.discard(news.key)
        self._retry.pop(news.key, None)
        if news.error is not None:
            self._retry[news.key] = now + RETRY_SECONDS

    def next_moment(self) -> float | None:
        return min(self._retry.values(), default=None)

    def is_idle(self) -> bool:
        return not self._under_way and not any(map(self._is_to_go, self._view().list("PersistentVolume")))


def _remove(backend: Backend, name: str) -> None:
    try:
        backend.remove_volume(name)
    except TemporaryError as error:
        if error.reason != "VolumeInUse":
            raise
        from minikctl.agent import claim_volumes

        claim_volumes.clear(backend, name)
        backend.remove_volume(name)


def remove(engine: str, backend: Backend, key: ObjectKey, name: str) -> VolumeRemoved:
    """A job. Without a name there is nothing to remove: the data is somebody's to keep."""
    try:
        if name:
            _remove(backend, name)
        return VolumeRemoved(engine, key)
    except BackendError as error:
        return VolumeRemoved(engine, key, error)
