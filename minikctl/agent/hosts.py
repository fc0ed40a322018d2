"""The pods' hosts files: under the state directory, mounted into their containers, kept up to date.

Rules:
- A container is only made when its pod's file is there. A change is written into the same file: a mount holds
  on to the file, not to its name.
- Only where the engine sees this machine's files. Elsewhere containers have what their engine gives them.
- Who mounts something at /etc/hosts wants that.
- A pod on its machine's network knows what the machine's own file says, as it was when the pod was looked at.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from minikctl.agent.engine import Engine
from minikctl.agent.ports import Executor, HostsWritten, News
from minikctl.backend import Mount, MountKind
from minikctl.controlplane.kubelet import Action, RunContainer
from minikctl.controlplane.kubelet.network import hostname, is_on_host, knows_services
from minikctl.controlplane.names import hosts_file, service_lines
from minikctl.controlplane.view import View
from minikctl.errors import BackendError
from minikctl.model import Object, namespace_of, uid_of

PODS = "pods"
"""The folder of the state directory that has a folder for each pod, by uid."""
NAME = "etc-hosts"
TARGET = "/etc/hosts"


class Hosts:
    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._written: dict[str, str] = {}
        """What stands in the files, by pod uid."""
        self._due: dict[str, tuple[Engine, Path, str]] = {}
        self._under_way: set[str] = set()
        self._lines: dict[str, str] = {}
        """Of all Services, by the namespace that knows them so."""
        self._serial = -1
        self.resolved: Mapping[str, tuple[str, ...]] = {}
        """Addresses of names outside of the cluster. Other ones come with another serial."""

    def text(self, pod: Object, view: View, serial: int) -> str:
        """`serial` changes with the names of Services."""
        if serial != self._serial:
            self._serial = serial
            self._lines.clear()
        services = self._services(view, namespace_of(pod)) if knows_services(pod) else ""
        return hosts_file(pod, hostname(pod), services, of_machine() if is_on_host(pod) else "")

    def _services(self, view: View, namespace: str) -> str:
        if namespace not in self._lines:
            self._lines[namespace] = service_lines(view, namespace, self.resolved)
        return self._lines[namespace]

    def seen(self, engine: Engine, pod: Object, view: View, serial: int) -> None:
        """The pod was looked at: its file may have to be another one."""
        if engine.state_dir is None:
            return
        text, uid = self.text(pod, view, serial), uid_of(pod)
        if self._written.get(uid) == text:
            self._due.pop(uid, None)
        else:
            self._due[uid] = (engine, path_of(engine.state_dir, uid), text)

    def gone(self, pod: Object) -> None:
        uid = uid_of(pod)
        self._due.pop(uid, None)
        self._written.pop(uid, None)

    def act(self) -> None:
        """One job for all files of an engine's pods that are to be written."""
        by_engine: dict[str, dict[str, tuple[Path, str]]] = {}
        for uid, (engine, path, text) in list(self._due.items()):
            if uid not in self._under_way:
                del self._due[uid]
                by_engine.setdefault(engine.name, {})[uid] = (path, text)
        for name, files in by_engine.items():
            self._under_way.update(files)
            self._executor.submit(f"{name}:tell", partial(write_all, name, files))

    def learn(self, news: HostsWritten) -> None:
        self._under_way.difference_update(news.uids)
        self._written.update(news.texts)

    def is_idle(self) -> bool:
        return not (self._due or self._under_way)


def of_machine() -> str:
    try:
        return Path(TARGET).read_text(errors="replace")
    except OSError:
        return ""


def path_of(state_dir: Path, uid: str) -> Path:
    return state_dir / PODS / uid / NAME


def mounted(engine: Engine, uid: str, actions: Sequence[Action]) -> list[Action]:
    """The actions, with the pod's hosts file mounted in the containers that they make."""
    if engine.state_dir is None:
        return list(actions)
    mount = Mount(MountKind.BIND, str(path_of(engine.state_dir, uid)), TARGET)
    return [_with_mount(one, mount) for one in actions]


def _with_mount(action: Action, mount: Mount) -> Action:
    match action:
        case RunContainer(spec=spec, mounts=own):
            targets = (*(one.target for one in spec.mounts), *(one.target for one in own))
            if TARGET in targets:
                return action
            return replace(action, spec=replace(spec, mounts=(*spec.mounts, mount)))
        case _:
            return action


def with_file(
    engine: Engine, uid: str, actions: Sequence[Action], text: str, job: Callable[[], News]
) -> Callable[[], News]:
    """The job, after the pod's file was written where it makes containers."""
    if engine.state_dir is None or not any(isinstance(one, RunContainer) for one in actions):
        return job
    path = path_of(engine.state_dir, uid)

    def write_first() -> News:
        with contextlib.suppress(OSError):  # without the file the container is not made, and that is told
            write(path, text)
        return job()

    return write_first


def is_unseen(engine: Engine, action: Action, error: BackendError) -> bool:
    """Whether the container was not made because the engine does not find the file that we wrote."""
    is_about_it = isinstance(action, RunContainer) and f"/{PODS}/" in error.message and NAME in error.message
    return is_about_it and engine.state_dir is not None


def write_all(engine: str, files: Mapping[str, tuple[Path, str]]) -> HostsWritten:
    """A job. A file that can't be written is left as it is; the next look at its pod tries again."""
    texts: dict[str, str] = {}
    for uid, (path, text) in files.items():
        with contextlib.suppress(OSError):
            write(path, text)
            texts[uid] = text
    return HostsWritten(engine, tuple(files), texts)


def write(path: Path, text: str) -> None:
    """Into the same file, by one write: who reads meanwhile sees the old text or the new one."""
    data = text.encode()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        if os.pread(descriptor, len(data) + 1, 0) == data:
            return
        os.fchmod(descriptor, 0o644)
        os.pwrite(descriptor, data, 0)
        os.ftruncate(descriptor, len(data))
    finally:
        os.close(descriptor)
