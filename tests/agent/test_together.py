"""Containers of one pod are made side by side, and everything else of it in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from minikctl_memory import MemoryBackend
from minikctl_memory.engine import MemoryEngine

from minikctl.agent import jobs
from minikctl.agent.executor import ThreadExecutor
from minikctl.agent.ports import Outcome
from minikctl.agent.volumes import ImaginedVolumes
from minikctl.backend import ContainerSpec, VolumeSpec
from minikctl.controlplane.kubelet import Action, RemoveContainer, RunContainer, SetUpVolumes
from minikctl.controlplane.kubelet.volumes import ClaimVolume
from minikctl.errors import TemporaryError, UnreachableError
from minikctl.model import ObjectKey

KEY = ObjectKey("Pod", "default", "web")


def run(name: str) -> RunContainer:
    return RunContainer(name, ContainerSpec(name, "busybox:1", {}))


class Backend(MemoryBackend):
    def __init__(self) -> None:
        super().__init__("c", MemoryEngine())
        self.fails: dict[str, Exception] = {}
        self.calls: list[str] = []

    def create_container(self, spec: ContainerSpec) -> str:
        self.calls.append(spec.name)
        if spec.name in self.fails:
            raise self.fails[spec.name]
        return spec.name

    def start_container(self, container_id: str) -> None:  # type: ignore[override]
        """Nobody looks at it."""

    def remove_container(self, container_id: str) -> None:
        self.calls.append(f"remove {container_id}")

    def create_volume(self, spec: VolumeSpec) -> None:  # type: ignore[override]
        raise TemporaryError("no space left on device")


def act(backend: Backend, *actions: Action) -> tuple[list[Outcome], list[int]]:
    """What came of them, and how many calls were made together each time."""
    groups: list[int] = []

    def together(calls: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
        groups.append(len(calls))
        return [call() for call in calls]

    done = jobs.act("memory", backend, "uid", KEY, actions, ImaginedVolumes(), together)
    return list(done.outcomes), groups


def test_neighbours_are_made_together() -> None:
    backend = Backend()
    outcomes, groups = act(backend, run("a"), RemoveContainer("old"), run("b"), run("c"), run("d"))
    assert groups == [1, 3]
    assert backend.calls == ["a", "remove old", "b", "c", "d"]
    assert [one.error for one in outcomes] == [None] * 5


def test_one_that_fails_keeps_nobody_from_being_tried() -> None:
    backend = Backend()
    backend.fails["b"] = TemporaryError("no")
    outcomes, _ = act(backend, run("a"), run("b"), run("c"), RemoveContainer("old"))
    assert [one.error is None for one in outcomes] == [True, False, True, True]


def test_an_engine_that_is_gone_is_asked_no_more() -> None:
    backend = Backend()
    backend.fails["a"] = UnreachableError("gone")
    outcomes, _ = act(backend, run("a"), run("b"), RemoveContainer("old"))
    assert [type(one.error) for one in outcomes] == [UnreachableError, type(None)]
    assert "remove old" not in backend.calls


def test_nothing_is_made_without_its_volumes() -> None:
    backend = Backend()
    volumes = SetUpVolumes((ClaimVolume("data", "claim"),), "digest")
    outcomes, groups = act(backend, volumes, run("a"), RemoveContainer("old"), run("b"))
    assert groups == []
    assert backend.calls == ["remove old"]
    assert len(outcomes) == 2


def test_threads_really_work_side_by_side_and_keep_the_order() -> None:
    executor = ThreadExecutor({})
    meeting = threading.Barrier(3, timeout=5)

    def call(name: str) -> Callable[[], Outcome]:
        def made() -> Outcome:
            meeting.wait()
            return Outcome(run(name))

        return made

    done = executor.together([call(name) for name in "abc"])
    assert [one.action.container for one in done] == ["a", "b", "c"]  # type: ignore[union-attr]
