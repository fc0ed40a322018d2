"""What a backend's tests give to the suite, and what the suite's checks share."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest

from minikctl.backend import Backend
from minikctl.contract.bench import Bench, new_cluster_id

MakeBackend: TypeAlias = Callable[[str], Backend]


class Folder(NamedTuple):
    here: Path
    there: str
    """As the engine knows it."""


class ContractBase:
    """The attributes and methods here are what a subclass may have to override."""

    image = "busybox:1.36"
    """Present on the engine: busybox's applets on PATH, `CMD ["sh"]`, no ENTRYPOINT, run as root."""
    other_image = "busybox:1.37"
    """Present too, with the same properties and another id or not."""
    missing_image = "registry.invalid/missing:1"
    """Not present, and can't be pulled."""
    configured_image = ""
    """Present, and made by the lines below; the checks that need it are skipped when this is empty:

        FROM busybox:1.36
        ENTRYPOINT ["echo", "entry"]
        CMD ["cmd"]
        STOPSIGNAL SIGUSR1
    """
    pullable_image = ""
    """Can be pulled. The check that needs it is skipped when this is empty."""

    @pytest.fixture
    def make_backend(self) -> MakeBackend:
        """A function from a cluster id to a new connection to the engine under test."""
        raise NotImplementedError("a subclass of BackendContract gives the fixture make_backend")

    def pause(self, seconds: float) -> None:
        """Lets seconds pass; a simulated engine may advance its clock instead."""
        time.sleep(seconds)

    def now(self) -> float:
        """The engine's time, in seconds since the epoch."""
        return time.time()

    def dial(self, host_ip: str, port: int) -> bytes:
        """What a TCP server on the engine's host sends first; b"" while nobody answers."""
        try:
            with socket.create_connection((host_ip, port), timeout=2) as connection:
                return connection.recv(100)
        except OSError:
            return b""

    def free_port(self) -> int:
        """A TCP port of the engine's host that nobody listens on."""
        with socket.socket() as listener:
            listener.bind(("", 0))
            port: int = listener.getsockname()[1]
            return port

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Folder:
        """An empty folder of the engine's machine; where that is not this one, it is under two paths."""
        return Folder(tmp_path, str(tmp_path))

    def path_of_profile(self, folder: Folder, name: str) -> str:
        """Of a seccomp profile in that folder, where the backend looks for it."""
        return f"{folder.there}/{name}"

    @pytest.fixture
    def bench(self, make_backend: MakeBackend) -> Iterator[Bench]:
        bench = self._bench(make_backend)
        yield bench
        self._finish(bench)

    @pytest.fixture
    def stranger(self, make_backend: MakeBackend) -> Iterator[Bench]:
        """The same engine on behalf of another cluster."""
        bench = self._bench(make_backend)
        yield bench
        self._finish(bench)

    def _bench(self, make_backend: MakeBackend) -> Bench:
        cluster_id = new_cluster_id()
        return Bench(make_backend(cluster_id), cluster_id, self.image, self.pause)

    def _finish(self, bench: Bench) -> None:
        try:
            bench.clear()
        finally:
            bench.backend.close()


def only_where_real(backend: Backend) -> None:
    """Skips the rest of a check on an engine where nothing really runs."""
    if backend.capabilities.simulated:
        pytest.skip("nothing really runs in a simulated engine")
