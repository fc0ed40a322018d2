"""What is made in engines' volumes before containers mount them, on engines that treat a volume's root as the
real ones do."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from msgspec import Struct, field

from minikctl.agent.claim_volumes import HELPER, PLACE, clear, prepare
from minikctl.agent.removals import remove
from minikctl.backend import Capabilities, Container, ContainerSpec, ContainerState, labels
from minikctl.controlplane.kubelet.volumes import ClaimVolume, VolumeMount
from minikctl.errors import PermanentError, TemporaryError
from minikctl.model import ObjectKey

CLUSTER = "c"


class Folder(Struct):
    mode: int
    gid: int


class Engine(Struct):
    """One volume, by path ("" is its root), and the containers that mount it."""

    is_docker: bool
    folders: dict[str, Folder] = field(default_factory=lambda: {"": Folder(0o755, 0)})
    containers: dict[str, ContainerSpec] = field(default_factory=dict)
    made: int = 0
    puts: int = 0
    removed: bool = False
    capabilities: Any = Capabilities()

    def create_container(self, spec: ContainerSpec) -> str:
        self.made += 1
        self.containers[spec.name] = spec
        return spec.name

    def remove_container(self, container_id: str) -> None:
        self.containers.pop(container_id, None)

    def list_containers(self) -> list[Container]:
        return [
            Container(name, name, spec.labels, ContainerState.CREATED, "", "", 0.0)
            for name, spec in self.containers.items()
        ]

    def remove_volume(self, name: str) -> None:
        if self.containers:
            raise TemporaryError("in use", reason="VolumeInUse")
        self.removed = True

    def get_archive(self, container_id: str, path: str) -> Iterator[bytes]:
        place = path.removeprefix(PLACE).strip("/")
        if place not in self.folders:
            raise PermanentError("no such path", reason="NotFound")
        below = [
            one for one in sorted(self.folders) if one == place or one.startswith(f"{place}/".lstrip("/"))
        ]
        written = io.BytesIO()
        with tarfile.open(fileobj=written, mode="w") as tar:
            for one in below:
                member = tarfile.TarInfo(f"root/{one}")
                member.type, member.mode = tarfile.DIRTYPE, self.folders[one].mode
                member.gid = self.folders[one].gid if self.is_docker else 0
                tar.addfile(member)
        data = written.getvalue()
        yield from (data[start : start + 100] for start in range(0, len(data), 100))

    def put_archive(self, container_id: str, path: str, data: bytes) -> None:
        self.puts += 1
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                whole = f"{path}/{member.name}".replace("//", "/")
                if whole.endswith("/."):
                    if self.is_docker or self.puts == 1:
                        continue
                    whole = whole.removesuffix("/.")
                elif whole == PLACE and not self.is_docker:
                    continue  # the image's own folder, below the volume
                place = whole.removeprefix(PLACE).strip("/")
                self.folders[place] = Folder(member.mode, member.gid)


@pytest.fixture(params=["docker", "podman"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return Engine(request.param == "docker")


def mounts(*sub_paths: str, group: int | None = None) -> Sequence[VolumeMount]:
    volume = ClaimVolume("data", "v", ((labels.CLUSTER, CLUSTER),), group)
    return [VolumeMount(volume, "/data", one) for one in sub_paths]


def run(engine: Engine, wanted: Sequence[VolumeMount]) -> None:
    prepare(engine, "busybox:1", wanted)  # type: ignore[arg-type]
    assert engine.containers == {}, "nothing is left behind"


def test_an_empty_volume_gets_the_group(engine: Engine) -> None:
    run(engine, mounts("", group=1234))
    assert engine.folders[""] == Folder(0o2775, 1234)


def test_what_has_something_in_it_is_left_alone(engine: Engine) -> None:
    engine.folders["pgdata"] = Folder(0o700, 999)
    run(engine, mounts("", group=1234))
    assert engine.folders[""] == Folder(0o755, 0)
    assert engine.puts == 0


def test_missing_folders_are_made_and_others_stay(engine: Engine) -> None:
    engine.folders["a"] = Folder(0o700, 7)
    run(engine, mounts("a/b/c", "a", "x/"))
    assert engine.folders == {
        "": Folder(0o755, 0),
        "a": Folder(0o700, 7),
        "a/b": Folder(0o755, 0),
        "a/b/c": Folder(0o755, 0),
        "x": Folder(0o755, 0),
    }


def test_folders_have_the_group_too(engine: Engine) -> None:
    run(engine, mounts("deep/er", group=1234))
    assert engine.folders["deep/er"] == Folder(0o2775, 1234)


def test_who_asks_for_nothing_costs_nothing(engine: Engine) -> None:
    run(engine, mounts(""))
    assert engine.made == 0


def test_a_container_that_a_crash_left_keeps_no_volume(engine: Engine) -> None:
    left = ContainerSpec("left", "i", {labels.CLUSTER: CLUSTER, HELPER: "v"})
    engine.create_container(left)
    engine.create_container(ContainerSpec("app", "i", {labels.CLUSTER: CLUSTER}))
    clear(engine, "v")  # type: ignore[arg-type]
    assert list(engine.containers) == ["app"]
    engine.containers = {"left": left}
    key = ObjectKey("PersistentVolume", "", "pvc-1")
    assert remove("e", engine, key, "v").error is None  # type: ignore[arg-type]
    assert engine.removed
