"""The files behind pods' volumes: made before their containers are, and removed with them.

    STATE/pods/POD_UID/volumes/VOLUME       files and scratch space; beside them other files of the pod
    /dev/shm/minikctl-…/POD_UID/VOLUME      scratch space in memory

Rules:
- The folders above a volume are 0700: only who has the volume mounted reaches what is in it.
- Everything is safe to do twice, and after a crash in the middle.
- A path that somebody else may write to (hostPath, subPath) is resolved here, once, and handed to the engine
  without a link in it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from minikctl.agent.atomic_files import write_files
from minikctl.agent.safe_paths import Escape, resolve_below
from minikctl.backend import Mount, MountKind
from minikctl.controlplane.kubelet.volumes import (
    ClaimVolume,
    EmptyDir,
    FileVolume,
    HostPath,
    Volume,
    VolumeMount,
    socket_refusal,
)
from minikctl.errors import PermanentError
from minikctl.model.pod_security.sockets import holds_a_socket
from minikctl.store.files import make_private_folder

PODS, VOLUMES, CONTAINERS = "pods", "volumes", "containers"
SHARED_MEMORY = Path("/dev/shm")
FAILED_MOUNT = "FailedMount"


class ImaginedVolumes:
    """Of an engine that is simulated: nothing is made, and containers mount places that are not there."""

    keeps_files = False

    def set_up(self, uid: str, volumes: Sequence[Volume]) -> None:
        """All is well."""

    def mounts(self, uid: str, container: str, wanted: Sequence[VolumeMount]) -> tuple[Mount, ...]:
        return tuple(_imagined(uid, one) for one in wanted)

    def message_file(self, uid: str, container: str, attempt: int) -> Path | None:
        return None

    def tear_down(self, uid: str) -> None:
        """There is nothing."""

    def uids(self) -> set[str]:
        return set()


class DistantVolumes(ImaginedVolumes):
    """Of an engine that does not see this machine's files: claims and its own machine's paths are mounted;
    what would have to be made here can't be."""

    def set_up(self, uid: str, volumes: Sequence[Volume]) -> None:
        for volume in volumes:
            if isinstance(volume, FileVolume | EmptyDir):
                why = "the engine is on another machine and does not see the files of this one"
                text = f'MountVolume.SetUp failed for volume "{volume.name}" : {why}'
                raise PermanentError(text, reason=FAILED_MOUNT)


def _imagined(uid: str, wanted: VolumeMount) -> Mount:
    volume = wanted.volume
    if isinstance(volume, ClaimVolume):
        return _of_claim(volume, wanted)
    source = volume.path if isinstance(volume, HostPath) else f"/{PODS}/{uid}/{VOLUMES}/{volume.name}"
    if wanted.sub_path:
        source = f"{source}/{wanted.sub_path}"
    return Mount(MountKind.BIND, source, wanted.target, wanted.read_only, wanted.propagation)


def _of_claim(volume: ClaimVolume, wanted: VolumeMount) -> Mount:
    """What `claim_volumes` prepares."""
    return Mount(MountKind.VOLUME, volume.volume, wanted.target, wanted.read_only, sub_path=wanted.sub_path)


class LocalVolumes:
    """Those of one state directory.

    :param sockets: of engines that pods run on here; a hostPath must not reach them unless it may.
    """

    keeps_files = True

    def __init__(self, state_dir: Path, sockets: Iterable[str] = ()) -> None:
        self.root = state_dir.absolute() / PODS
        self._memory_root = _memory_root(self.root)
        self._sockets = tuple(sockets)

    # --- making

    def set_up(self, uid: str, volumes: Sequence[Volume]) -> None:
        """:raises PermanentError: with the kubelet's words for the first one that can't be made."""
        for volume in volumes:
            try:
                self._set_up(uid, volume)
            except (OSError, ValueError) as error:
                text = f'MountVolume.SetUp failed for volume "{volume.name}" : {error}'
                raise PermanentError(text, reason=FAILED_MOUNT) from error

    def _set_up(self, uid: str, volume: Volume) -> None:
        match volume:
            case FileVolume(name, files, group):
                folder = self._folder(uid, name, 0o755)
                write_files(folder, files, group)
            case EmptyDir(name, in_memory, group):
                folder = self._folder(uid, name, 0o777, in_memory=in_memory)
                if group is not None:
                    _give_to_group(folder, group)
            case HostPath():
                _check_host_path(volume, self._sockets)
            case ClaimVolume():
                pass

    def _folder(self, uid: str, name: str, mode: int, *, in_memory: bool = False) -> Path:
        folder = self.place(uid, name, in_memory=in_memory)
        make_private_folder(folder.parent)
        if not folder.is_dir():
            folder.mkdir(mode=mode)
            folder.chmod(mode)
        return folder

    def place(self, uid: str, name: str, *, in_memory: bool = False) -> Path:
        return self._memory_root / uid / name if in_memory else self.root / uid / VOLUMES / name

    # --- mounting

    def mounts(self, uid: str, container: str, wanted: Sequence[VolumeMount]) -> tuple[Mount, ...]:
        """:raises PermanentError: a subPath leads out of its volume."""
        return tuple(self._mount(uid, container, index, one) for index, one in enumerate(wanted))

    def _mount(self, uid: str, container: str, index: int, wanted: VolumeMount) -> Mount:
        volume = wanted.volume
        if isinstance(volume, ClaimVolume):
            return _of_claim(volume, wanted)
        source = self._source(uid, volume)
        if wanted.sub_path:
            makes = not isinstance(volume, FileVolume)
            try:
                source = resolve_below(source, wanted.sub_path, make_folders=makes)
            except (Escape, OSError) as error:
                text = f'failed to prepare subPath for volumeMount "{volume.name}" of container "{container}"'
                raise PermanentError(f"{text}: {error}", reason="CreateContainerConfigError") from error
        return Mount(MountKind.BIND, source, wanted.target, wanted.read_only, wanted.propagation)

    def _source(self, uid: str, volume: Volume) -> str:
        if isinstance(volume, HostPath):
            return _checked(volume, self._sockets)
        in_memory = isinstance(volume, EmptyDir) and volume.in_memory
        return str(self.place(uid, volume.name, in_memory=in_memory))

    def message_file(self, uid: str, container: str, attempt: int) -> Path | None:
        return self.root / uid / CONTAINERS / f"{container}.{attempt}"

    # --- removing

    def tear_down(self, uid: str) -> None:
        """All volumes of a pod that has no containers any more. Gone already is fine.

        :raises PermanentError: something of it can't be removed (what a container's root owns, by somebody
            who is not root).
        """
        for root in (self.root, self._memory_root):
            try:
                _remove_tree(root / uid)
            except FileNotFoundError:
                pass
            except OSError as error:
                text = f"cannot remove the volumes of pod {uid}: {error}"
                raise PermanentError(text, reason="FailedUnmount") from error
            _remove_if_empty(root)

    def uids(self) -> set[str]:
        """Of pods that have something here."""
        found: set[str] = set()
        for root in (self.root, self._memory_root):
            if root.is_dir():
                found.update(entry.name for entry in os.scandir(root))
        return found


def _memory_root(root: Path) -> Path:
    """Where files are memory; on disk where there is no such place."""
    if not SHARED_MEMORY.is_dir():
        return root
    from hashlib import sha256

    digest = sha256(os.fsencode(root)).hexdigest()[:16]
    return SHARED_MEMORY / f"minikctl-{digest}"


def _remove_tree(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # other pods' volumes are in it


def _give_to_group(folder: Path, group: int) -> None:
    """As fsGroup asks: what is made in it belongs to the group too."""
    try:
        os.chown(folder, -1, group)
        folder.chmod(0o2777)
    except PermissionError:
        return  # everybody may write there anyway


# --- hostPath -------------------------------------------------------------------------------------------


def _checked(volume: HostPath, sockets: Sequence[str]) -> str:
    """The path without links, after the engines' sockets were looked for once more."""
    path = os.path.realpath(volume.path)
    if not volume.may_hold_sockets and (holds_a_socket(path) or _holds_one_of(path, sockets)):
        raise PermanentError(socket_refusal(volume.path).message, reason="CreateContainerConfigError")
    return path


def _holds_one_of(path: str, sockets: Sequence[str]) -> bool:
    real = (os.path.realpath(one) for one in sockets)
    return any(one == path or one.startswith(f"{path.rstrip('/')}/") for one in real)


def _check_host_path(volume: HostPath, sockets: Sequence[str]) -> None:
    try:
        _checked(volume, sockets)
    except PermanentError as error:
        raise ValueError(error.message) from None
    path, kind = Path(volume.path), volume.type
    if kind in ("", "DirectoryOrCreate") and not path.exists():
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    if kind == "FileOrCreate" and not path.exists():
        path.touch(mode=0o644)
    what = _TYPES.get(kind)
    if what is not None:
        word, is_so = what
        if not path.exists() or not is_so(path.stat().st_mode):
            raise ValueError(f"hostPath type check failed: {volume.path} is not {word}")


_TYPES: dict[str, tuple[str, Callable[[int], bool]]] = {
    "BlockDevice": ("a block device", stat.S_ISBLK),
    "CharDevice": ("a character device", stat.S_ISCHR),
    "Directory": ("a directory", stat.S_ISDIR),
    "DirectoryOrCreate": ("a directory", stat.S_ISDIR),
    "File": ("a file", stat.S_ISREG),
    "FileOrCreate": ("a file", stat.S_ISREG),
    "Socket": ("a socket file", stat.S_ISSOCK),
}
