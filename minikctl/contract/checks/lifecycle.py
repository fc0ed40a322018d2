"""Create, start, signal, remove: each may be made again, and says how the container is."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from minikctl.backend import Container, ContainerState, LogOptions
from minikctl.contract.base import ContractBase
from minikctl.contract.bench import FOREVER, Bench, in_time, shell
from minikctl.errors import PermanentError

_CLOCK_SKEW = 2.0
_PROMPT = 8.0
"""Seconds within which a container must be gone that ignores SIGTERM: nobody waits for its grace period."""


class LifecycleChecks(ContractBase):
    def test_life_of_a_container_that_ends_by_itself(self, bench: Bench) -> None:
        before = self.now()
        spec = bench.spec(*shell("exit 3"))
        container_id = bench.backend.create_container(spec)
        assert bench.backend.create_container(spec) == container_id, "create is idempotent by name"
        created = bench.look(container_id)
        assert created.id == container_id
        assert (created.name, created.image) == (spec.name, spec.image)
        assert created.image_id == bench.backend.image_id(spec.image)
        assert created.state is ContainerState.CREATED
        assert (created.started_at, created.finished_at, created.exit_code) == (None, None, None)
        bench.backend.signal_container(container_id, kill=False)
        bench.backend.signal_container(container_id, kill=True)
        assert bench.look(container_id).state is ContainerState.CREATED, "a signal before the start is fine"

        started = bench.backend.start_container(container_id)
        assert started.id == container_id
        assert started.state in (ContainerState.RUNNING, ContainerState.EXITED)
        exited = bench.until_exited(container_id)
        assert (exited.exit_code, exited.oom_killed) == (3, False)
        self._check_times(exited, before)
        bench.backend.signal_container(container_id, kill=False)
        bench.backend.signal_container(container_id, kill=True)
        assert bench.look(container_id) == exited, "a signal after the end is fine and changes nothing"

        bench.backend.remove_container(container_id)
        assert bench.backend.inspect_container(container_id) is None
        bench.backend.remove_container(container_id)
        bench.backend.signal_container(container_id, kill=True)
        bench.backend.signal_container(container_id, kill=False)
        with pytest.raises(PermanentError) as caught:
            bench.backend.start_container(container_id)
        assert caught.value.reason == "NotFound"
        assert bench.backend.create_container(spec) != container_id, "the name is free again"

    def _check_times(self, exited: Container, before: float) -> None:
        assert exited.started_at is not None
        assert exited.finished_at is not None
        assert before - _CLOCK_SKEW <= exited.created_at <= exited.started_at <= exited.finished_at
        assert exited.finished_at <= self.now() + _CLOCK_SKEW

    def test_running_and_killed(self, bench: Bench) -> None:
        container_id = bench.backend.create_container(bench.spec(*FOREVER))
        running = bench.backend.start_container(container_id)
        assert running.state is ContainerState.RUNNING
        assert running.started_at is not None
        assert (running.finished_at, running.exit_code) == (None, None)
        again = bench.backend.start_container(container_id)
        assert again.state is ContainerState.RUNNING
        assert again.started_at == running.started_at, "starting what runs changes nothing"
        assert bench.look(container_id).started_at == running.started_at
        bench.backend.signal_container(container_id, kill=True)
        killed = bench.until_exited(container_id)
        assert (killed.exit_code, killed.oom_killed) == (137, False)

    def test_exit_code_zero(self, bench: Bench) -> None:
        assert bench.run(bench.spec("true")).container.exit_code == 0

    def test_stop_signal_is_the_process_own_affair(self, bench: Bench) -> None:
        trapping = bench.start(
            bench.spec(*shell("trap 'exit 7' TERM; echo ready; while true; do sleep 1; done"))
        )
        deaf = bench.start(bench.spec(*FOREVER))
        bench.until_written(trapping.id, b"ready")
        bench.backend.signal_container(deaf.id, kill=False)
        bench.backend.signal_container(trapping.id, kill=False)
        assert bench.until_exited(trapping.id).exit_code == 7
        assert bench.look(deaf.id).state is ContainerState.RUNNING, "PID 1 without a handler ignores SIGTERM"

    def test_stop_signal_of_the_image(self, bench: Bench) -> None:
        if not self.configured_image:
            pytest.skip("no configured_image given")
        script = "trap 'exit 8' TERM; trap 'exit 9' USR1; echo ready; while true; do sleep 1; done"
        container = bench.start(bench.spec(*shell(script), image=self.configured_image))
        bench.until_written(container.id, b"ready")
        bench.backend.signal_container(container.id, kill=False)
        assert bench.until_exited(container.id).exit_code == 9

    def test_remove_ends_what_runs_without_waiting_for_it(self, bench: Bench) -> None:
        container = bench.start(bench.spec(*FOREVER))
        began = time.monotonic()
        in_time(lambda: bench.backend.remove_container(container.id))
        assert time.monotonic() - began < _PROMPT
        assert bench.backend.inspect_container(container.id) is None
        assert container.id not in bench.listed()
        with pytest.raises(PermanentError) as caught:
            list(bench.backend.logs(container.id, LogOptions()))
        assert caught.value.reason == "NotFound"

    def test_name_taken_by_somebody_else(self, bench: Bench, stranger: Bench) -> None:
        taken = stranger.spec(*FOREVER)
        theirs = stranger.backend.create_container(taken)
        with pytest.raises(PermanentError) as caught:
            bench.backend.create_container(bench.spec(*FOREVER, name=taken.name))
        assert caught.value.reason == "CreateContainerError"
        assert stranger.look(theirs).state is ContainerState.CREATED
        assert bench.listed() == {}

    def test_containers_of_another_cluster_are_not_touched(self, bench: Bench, stranger: Bench) -> None:
        theirs = stranger.start(stranger.spec(*FOREVER))
        assert bench.backend.inspect_container(theirs.id) is None
        assert bench.listed() == {}
        bench.backend.signal_container(theirs.id, kill=True)
        bench.backend.remove_container(theirs.id)
        assert stranger.look(theirs.id).state is ContainerState.RUNNING
        with pytest.raises(PermanentError) as caught:
            bench.backend.start_container(theirs.id)
        assert caught.value.reason == "NotFound"
        with pytest.raises(PermanentError) as caught:
            list(bench.backend.logs(theirs.id, LogOptions()))
        assert caught.value.reason == "NotFound"

    def test_eight_threads_at_once(self, bench: Bench) -> None:
        backend = bench.backend
        specs = [bench.spec(*FOREVER) for _ in range(8)]
        together = threading.Barrier(len(specs))

        def live(index: int) -> str:
            together.wait()
            container_id = backend.create_container(specs[index])
            assert backend.start_container(container_id).state is ContainerState.RUNNING
            assert container_id in {container.id for container in backend.list_containers()}
            if index % 2:
                backend.remove_container(container_id)
            return container_id

        with ThreadPoolExecutor(len(specs)) as threads:
            ids = list(threads.map(live, range(len(specs))))
        assert len(set(ids)) == len(specs)
        assert set(bench.listed()) == set(ids[::2])

    def test_an_attempt_that_has_ended_is_not_made_again(self, bench: Bench) -> None:
        """It would be started a second time, perhaps beside the one that followed it."""
        spec = bench.spec(*shell("exit 3"))
        container = bench.start(spec)
        bench.until_exited(container.id)
        with pytest.raises(PermanentError) as caught:
            bench.backend.create_container(spec)
        assert caught.value.reason == "AlreadyRan"
        assert bench.look(container.id).exit_code == 3

    def test_same_name_from_two_threads_is_one_container(self, bench: Bench) -> None:
        spec = bench.spec(*FOREVER)
        together = threading.Barrier(4)

        def create(_: int) -> str:
            together.wait()
            return bench.backend.create_container(spec)

        with ThreadPoolExecutor(4) as threads:
            ids = set(threads.map(create, range(4)))
        assert len(ids) == 1
        assert set(bench.listed()) == ids
