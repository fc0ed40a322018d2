"""Podman keeps every promise of the backend port, on each Podman that the environment names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from engines import rig
from minikctl_podman import PodmanBackend
from minikctl_podman.engine import Engine

from minikctl.backend import Backend, ResourceLimits, Settings
from minikctl.contract import BackendContract
from minikctl.contract.base import Folder
from minikctl.contract.bench import Bench
from minikctl.errors import BackendError

CONFIGURED = "localhost/minikctl-contract/configured"
PULLABLE = "docker.io/library/busybox:1.35"
"""In the test registry, which mirrors docker.io for the newer engines; the older ones can't reach it."""
TAG = str(os.getpid())
"""Several runs may share an engine."""
_CHANGES = ('ENTRYPOINT ["echo","entry"]', 'CMD ["cmd"]', "STOPSIGNAL SIGUSR1")


@pytest.mark.parametrize("engine", rig.engine_params("podman"))
class TestPodmanContract(BackendContract):
    configured_image = f"{CONFIGURED}:{TAG}"
    pullable_image = PULLABLE

    @pytest.fixture
    def make_backend(
        self, engine: rig.Engine | None, configured_at: Callable[[str], None]
    ) -> Callable[[str], Backend]:
        self.engine = rig.engine_or_skip(engine)
        configured_at(self.engine.endpoint)

        def make(cluster_id: str) -> Backend:
            backend = PodmanBackend.open(Settings(self.engine.endpoint, cluster_id))
            if self.engine.name != "podman-5":
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

    def test_pull(self, bench: Bench) -> None:
        if self.engine.name == "podman-5":
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

    def test_out_of_memory_is_told(self, bench: Bench) -> None:
        """Podman 4's monitor does not tell: there the exit code alone speaks."""
        if not bench.backend.info().version.startswith("4."):
            super().test_out_of_memory_is_told(bench)
            return
        limits = ResourceLimits(memory_limit_bytes=16 * 1024 * 1024)
        container = bench.run(bench.spec("tail", "/dev/zero", resources=limits)).container
        assert container.exit_code == 137


@pytest.fixture(scope="module")
def configured_at() -> Iterator[Callable[[str], None]]:
    """Makes the configured image on an engine, once; it is removed at the end."""
    made: dict[str, tuple[Engine, str]] = {}

    def make(endpoint: str) -> None:
        if endpoint not in made:
            engine = Engine(endpoint)
            made[endpoint] = (engine, commit(engine))

    yield make
    for engine, image_id in made.values():
        assert engine.delete(f"/images/{image_id}", {"force": "true"}).ok
        engine.delete(f"/images/{PULLABLE}", {"force": "true"})
        engine.close()


def commit(engine: Engine) -> str:
    """The image's id."""
    created = engine.post("/containers/create", body={"image": "busybox:1.36"})
    container_id = created.body["Id"]
    changes = "&".join(f"changes={change}" for change in _CHANGES)
    reply = engine.post(f"/commit?container={container_id}&repo={CONFIGURED}&tag={TAG}&{changes}")
    engine.delete(f"/containers/{container_id}", {"force": "true"})
    assert reply.ok, reply.message
    return str(reply.body["Id"])
