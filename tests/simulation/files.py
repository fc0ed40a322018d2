"""The files of pods in a simulated world: kept beside the engine, so that they outlive the control plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minikctl.agent.volumes import ImaginedVolumes
from minikctl.controlplane.kubelet.volumes import FileVolume, Volume


class SimulatedVolumes(ImaginedVolumes):
    """What was made last for each pod. The process may die before and after each change.

    :param maybe_crash: told where.
    """

    keeps_files = True

    def __init__(self, maybe_crash: Callable[[str], None]) -> None:
        self._maybe_crash = maybe_crash
        self.made: dict[str, dict[str, dict[str, bytes]]] = {}
        """By pod uid and volume: the content of each file."""

    def set_up(self, uid: str, volumes: Sequence[Volume]) -> None:
        self._maybe_crash("before volumes are made")
        for volume in volumes:
            if isinstance(volume, FileVolume):
                content = {file.path: file.content for file in volume.files}
                self.made.setdefault(uid, {})[volume.name] = content
                self._maybe_crash("while volumes are made")

    def tear_down(self, uid: str) -> None:
        self._maybe_crash("before volumes are removed")
        self.made.pop(uid, None)
        self._maybe_crash("after volumes are removed")

    def uids(self) -> set[str]:
        return set(self.made)
