"""Engines' volumes before containers mount them: the group that fsGroup asks for, and folders for subPaths.

Rules:
- An engine's volume can't be reached from here: the engine may be on another machine. So a container that is
  never started mounts it, and archives go in and out of that.
- Only the root of a volume gets the group, while it is empty: what is made there inherits it. Later
  nobody can say of every engine whose it is, and what a program made of its folder is left alone.
- A container that a crash left behind says of which volume it was; who removes the volume removes it first.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import islice
from uuid import uuid4

from minikctl.backend import Backend, ContainerSpec, Mount, MountKind, labels
from minikctl.backend.archives import ByteReader
from minikctl.controlplane.kubelet.volumes import ClaimVolume, VolumeMount
from minikctl.errors import PermanentError

HELPER = "minikctl.io/prepares-volume"
"""The label of such a container: the volume's name."""
PLACE = "/minikctl-volume"
SHARED = 0o2770
"""What fsGroup adds to a folder's mode: the group may do all, and what is made in it is the group's."""


def prepare(backend: Backend, image: str, wanted: Sequence[VolumeMount]) -> None:
    """Makes what one container's mounts of claims need. `image` is one that the engine has.

    :raises PermanentError: reason `CreateContainerConfigError`: a subPath leads through something that is no
        folder of the volume.
    """
    if backend.capabilities.simulated:
        return
    by_volume: dict[ClaimVolume, list[str]] = {}
    for mount in wanted:
        volume = mount.volume
        if isinstance(volume, ClaimVolume) and (mount.sub_path or volume.group is not None):
            by_volume.setdefault(volume, []).append(mount.sub_path)
    for volume, sub_paths in by_volume.items():
        with _Prepared(backend, image, volume) as prepared:
            prepared.share(volume.group)
            for sub_path in sub_paths:
                try:
                    prepared.make_folders(sub_path, volume.group)
                except PermanentError as error:  # a link, in the engine's words
                    text = f'failed to prepare subPath for volumeMount "{volume.name}": {error}'
                    raise PermanentError(text, reason="CreateContainerConfigError") from error


def clear(backend: Backend, volume: str) -> None:
    """Removes what keeps a volume from being removed, though no pod uses it."""
    for container in backend.list_containers():
        if container.labels.get(HELPER) == volume:
            backend.remove_container(container.id)


class _Prepared:
    """One volume, mounted where archives reach it."""

    def __init__(self, backend: Backend, image: str, volume: ClaimVolume) -> None:
        self._backend = backend
        self._image = image
        self._volume = volume
        self._id = ""

    def __enter__(self) -> _Prepared:
        # Not the same name twice: containers of a pod are made side by side.
        spec = ContainerSpec(
            name=f"{self._volume.volume}_{uuid4().hex[:12]}",
            image=self._image,
            labels={labels.CLUSTER: dict(self._volume.labels)[labels.CLUSTER], HELPER: self._volume.volume},
            command=("true",),
            mounts=(Mount(MountKind.VOLUME, self._volume.volume, PLACE),),
        )
        self._id = self._backend.create_container(spec)
        return self

    def __exit__(self, *_: object) -> None:
        self._backend.remove_container(self._id)

    # --- fsGroup

    def share(self, group: int | None) -> None:
        if group is None:
            return
        root, *content = self._members("", 2)
        if content:
            return
        root.gid, root.mode = group, root.mode | SHARED
        for _ in range(2):  # Podman, which gives a new volume away once more after the first time
            self._put(PLACE, [_folder(".", root)])
        self._put("/", [_folder(PLACE.strip("/"), root)])  # Docker

    # --- subPath

    def make_folders(self, sub_path: str, group: int | None) -> None:
        """Those that are missing, like the volume's root. (Podman does not say which group that has.)"""
        parts = [part for part in sub_path.split("/") if part not in ("", ".")]
        known = 0
        while known < len(parts) and self._look("/".join(parts[: known + 1])) is not None:
            known += 1
        root = self._look("")
        if known < len(parts) and root is not None:
            root.gid = root.gid if group is None else group
            missing = ["/".join(parts[known : end + 1]) for end in range(known, len(parts))]
            self._put("/".join([PLACE, *parts[:known]]), [_folder(one, root) for one in missing])

    # ---

    def _look(self, path: str) -> tarfile.TarInfo | None:
        """What stands at the path in the volume; None for nothing."""
        try:
            return self._members(path, 1)[0]
        except PermanentError as error:
            if error.reason != "NotFound":
                raise
            return None

    def _members(self, path: str, most: int) -> list[tarfile.TarInfo]:
        """What stands there, and then what is in it.

        :raises PermanentError: reason `NotFound`.
        """
        chunks = self._backend.get_archive(self._id, f"{PLACE}/{path}".rstrip("/"))
        with closing(ByteReader(chunks)) as source, tarfile.open(fileobj=source, mode="r|") as archive:
            return list(islice(archive, most))

    def _put(self, folder: str, members: Iterable[tarfile.TarInfo]) -> None:
        written = io.BytesIO()
        with tarfile.open(fileobj=written, mode="w") as archive:
            for member in members:
                archive.addfile(member)
        self._backend.put_archive(self._id, folder, written.getvalue())


def _folder(name: str, like: tarfile.TarInfo) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = tarfile.DIRTYPE
    member.mode, member.uid, member.gid, member.mtime = like.mode, like.uid, like.gid, like.mtime
    return member
