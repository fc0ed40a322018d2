"""Docker keeps every promise of the backend port, on each Docker that the environment names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engines import rig
from minikctl_docker import DockerBackend
from minikctl_docker.engine import Engine

from minikctl.backend import Backend, SecurityContext, Settings
from minikctl.contract import BackendContract
from minikctl.contract.base import Folder
from minikctl.contract.bench import Bench
from minikctl.errors import BackendError, PermanentError

CONFIGURED = "localhost/minikctl-contract/configured"
TAG = str(os.getpid())
"""Several runs may share an engine."""
PULLABLE = "docker.io/library/busybox:1.35"
"""In the test registry, which mirrors docker.io for the newer engines; the older ones can't reach it."""


@pytest.mark.parametrize("engine", rig.engine_params("docker"))
class TestDockerContract(BackendContract):
    configured_image = f"{CONFIGURED}:{TAG}"
    pullable_image = PULLABLE

    @pytest.fixture
    def make_backend(
        self, engine: rig.Engine | None, configured_at: Callable[[str], None]
    ) -> Callable[[str], Backend]:
        self.engine = rig.engine_or_skip(engine)
        configured_at(self.engine.endpoint)

        def make(cluster_id: str) -> Backend:
            backend = DockerBackend.open(Settings(self.engine.endpoint, cluster_id))
            if self.engine.name != "docker-28":
                backend.probe_from_inside()  # the others have a network of their own, with the same addresses
            return backend

        return make

    @pytest.fixture
    def folder(self) -> Iterator[Folder]:
        """In the engine's own root, which is mounted here."""
        name = f"minikctl-{os.urandom(8).hex()}"
        here = rig.root_of(self.engine.name) / "var" / "tmp" / name
        here.mkdir()
        yield Folder(here, f"/var/tmp/{name}")
        shutil.rmtree(here)

    def path_of_profile(self, folder: Folder, name: str) -> str:
        """Docker is given the text, so it is read here."""
        return str(folder.here / name)

    def test_pull(self, bench: Bench) -> None:
        if self.engine.name == "docker-28":
            super().test_pull(bench)
            return
        with pytest.raises(BackendError) as caught:
            bench.backend.pull_image(self.pullable_image)
        assert caught.value.reason == "ErrImagePull"

    def dial(self, host_ip: str, port: int) -> bytes:
        """From the engine's own network: the older ones are not in the machine's."""
        script = f"exec 3<>/dev/tcp/{host_ip}/{port} && head -c 100 <&3"
        try:
            return rig.run_beside(self.engine.name, "timeout", "2", "bash", "-c", script).encode()
        except RuntimeError:
            return b""

    def test_privileged(self, bench: Bench) -> None:
        """An old runc asks for every capability that the kernel knows, and where the machine lacks one it
        refuses: then that has to be said clearly."""
        if not bench.backend.info().version.startswith("20.") or all_capabilities():
            super().test_privileged(bench)
            return
        spec = bench.spec("true", security=SecurityContext(privileged=True))
        with pytest.raises(PermanentError, match="caps") as caught:
            bench.backend.start_container(bench.backend.create_container(spec))
        assert caught.value.reason == "RunContainerError"


def all_capabilities() -> bool:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    return int(status["CapBnd"], 16) == (1 << last + 1) - 1


@pytest.fixture(scope="module")
def configured_at() -> Iterator[Callable[[str], None]]:
    """Makes the configured image on an engine, once; it is removed at the end."""
    engines: dict[str, Engine] = {}

    def make(endpoint: str) -> None:
        if endpoint not in engines:
            engines[endpoint] = Engine(endpoint)
            commit(engines[endpoint])

    yield make
    for engine in engines.values():
        assert engine.delete(f"/images/{CONFIGURED}:{TAG}", {"force": "1"}).status in (200, 404)
        engine.delete(f"/images/{PULLABLE}")
        engine.close()


def commit(engine: Engine) -> None:
    created = engine.post("/containers/create", body={"Image": "busybox:1.36"})
    container_id = created.body["Id"]
    changes = {"container": container_id, "repo": CONFIGURED, "tag": TAG}
    # Older engines know no STOPSIGNAL here, but all take a whole configuration.
    config = {"Entrypoint": ["echo", "entry"], "Cmd": ["cmd"], "StopSignal": "SIGUSR1"}
    reply = engine.post("/commit", changes, body=config)
    engine.delete(f"/containers/{container_id}", {"force": "1"})
    assert reply.ok, reply.message
