"""The contract suite is not lenient: backends that break one promise each fail the check of that promise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from minikctl_memory import MemoryBackend, MemoryEngine
from msgspec.structs import astuple, replace

from minikctl.backend import (
    Check,
    Checked,
    Container,
    ContainerSpec,
    Credentials,
    EngineEvent,
    ExecResult,
    LogLine,
    LogOptions,
    Volume,
    VolumeSpec,
)
from minikctl.backend.wrappers.base import BackendWrapper
from minikctl.contract import BackendContract
from minikctl.contract.bench import Bench, new_cluster_id
from minikctl.errors import PermanentError, TemporaryError


class MakesOldAttemptsAgain(BackendWrapper):
    def create_container(self, spec: ContainerSpec) -> str:
        try:
            return super().create_container(spec)
        except PermanentError as error:
            if error.reason != "AlreadyRan":
                raise
            found = self.inspect_container(spec.name)
            assert found is not None
            return found.id


class CreatesTwice(BackendWrapper):
    def create_container(self, spec: ContainerSpec) -> str:
        return super().create_container(replace(spec, name=f"{spec.name}-{len(self.list_containers())}"))


class TakesForeignNames(BackendWrapper):
    def create_container(self, spec: ContainerSpec) -> str:
        try:
            return super().create_container(spec)
        except PermanentError:
            return super().create_container(replace(spec, name=spec.name + "-mine"))


class PullsByItself(BackendWrapper):
    def create_container(self, spec: ContainerSpec) -> str:
        return super().create_container(replace(spec, image=BackendContract.image))


class MindsWhatIsGone(BackendWrapper):
    def remove_container(self, container_id: str) -> None:
        if self.inspect_container(container_id) is None:
            raise PermanentError("no such container", reason="NotFound")
        super().remove_container(container_id)


class WrongErrorForWhatIsGone(BackendWrapper):
    def start_container(self, container_id: str) -> Container:
        try:
            return super().start_container(container_id)
        except PermanentError as error:
            raise TemporaryError(str(error)) from error


class HidesWhatEnded(BackendWrapper):
    def list_containers(self) -> list[Container]:
        return [container for container in super().list_containers() if container.exit_code is None]


class LosesLines(BackendWrapper):
    def list_containers(self) -> list[Container]:
        def flat(labels: Any) -> dict[str, str]:
            return {key: value.replace("\n", " ") for key, value in labels.items()}

        return [replace(one, labels=flat(one.labels)) for one in super().list_containers()]


class KeepsLineEnds(BackendWrapper):
    def logs(self, container_id: str, options: LogOptions) -> Iterator[LogLine]:
        return (replace(line, text=line.text + b"\n") for line in super().logs(container_id, options))


class CutsLongLines(BackendWrapper):
    def logs(self, container_id: str, options: LogOptions) -> Iterator[LogLine]:
        for line in super().logs(container_id, options):
            for start in range(0, max(1, len(line.text)), 16384):
                yield replace(line, text=line.text[start : start + 16384])


class IgnoresSince(BackendWrapper):
    def logs(self, container_id: str, options: LogOptions) -> Iterator[LogLine]:
        return super().logs(container_id, replace(options, since=None))


class SaysNothingFirst(BackendWrapper):
    def events(self) -> Iterator[EngineEvent]:
        return (event for event in super().events() if event.container_id)


class AlwaysKills(BackendWrapper):
    def signal_container(self, container_id: str, *, kill: bool) -> None:
        super().signal_container(container_id, kill=True)


class KeepsEverything(BackendWrapper):
    def exec_container(self, container_id: str, command: Sequence[str], *, timeout: float) -> ExecResult:
        result = super().exec_container(container_id, command, timeout=timeout)
        return replace(result, output=result.output * 2)


class ForgetsExitCodes(BackendWrapper):
    def exec_container(self, container_id: str, command: Sequence[str], *, timeout: float) -> ExecResult:
        return replace(super().exec_container(container_id, command, timeout=timeout), exit_code=0)


class FindsEverythingHealthy(BackendWrapper):
    def probe(self, container_id: str, check: Check, *, timeout: float) -> Checked:
        return super().probe(container_id, check, timeout=timeout)._replace(ok=True)


class ProbesWhatDoesNotRun(BackendWrapper):
    def probe(self, container_id: str, check: Check, *, timeout: float) -> Checked:
        try:
            return super().probe(container_id, check, timeout=timeout)
        except PermanentError as error:
            return Checked(False, str(error))


class UnpacksElsewhere(BackendWrapper):
    def put_archive(self, container_id: str, path: str, data: Iterable[bytes] | bytes) -> None:
        super().put_archive(container_id, "/root", data)


class MakesVolumesAnew(BackendWrapper):
    def create_volume(self, spec: VolumeSpec) -> Volume:
        super().remove_volume(spec.name)
        return super().create_volume(spec)


class TellsPasswords(BackendWrapper):
    def pull_image(self, image: str, credentials: Credentials | None = None) -> str:
        try:
            return super().pull_image(image, credentials)
        except TemporaryError as error:
            told = astuple(credentials) if credentials else ()
            raise TemporaryError(f"{error} {told}", reason=error.reason) from error


CASES = [
    (KeepsEverything, BackendContract.test_exec_keeps_ten_kibibytes),
    (ForgetsExitCodes, BackendContract.test_exec_tells_output_and_exit_code),
    (FindsEverythingHealthy, BackendContract.test_commands_as_probes),
    (FindsEverythingHealthy, BackendContract.test_a_file_as_probe),
    (ProbesWhatDoesNotRun, BackendContract.test_probes_where_nothing_runs),
    (UnpacksElsewhere, BackendContract.test_archives_of_what_is_not_there),
    (MakesVolumesAnew, BackendContract.test_life_of_a_volume),
    (TellsPasswords, BackendContract.test_missing_image),
    (MakesOldAttemptsAgain, BackendContract.test_an_attempt_that_has_ended_is_not_made_again),
    (CreatesTwice, BackendContract.test_life_of_a_container_that_ends_by_itself),
    (CreatesTwice, BackendContract.test_same_name_from_two_threads_is_one_container),
    (TakesForeignNames, BackendContract.test_name_taken_by_somebody_else),
    (PullsByItself, BackendContract.test_missing_image),
    (MindsWhatIsGone, BackendContract.test_life_of_a_container_that_ends_by_itself),
    (MindsWhatIsGone, BackendContract.test_life_of_a_sandbox),
    (WrongErrorForWhatIsGone, BackendContract.test_life_of_a_container_that_ends_by_itself),
    (WrongErrorForWhatIsGone, BackendContract.test_command_that_does_not_exist),
    (WrongErrorForWhatIsGone, BackendContract.test_host_port),
    (HidesWhatEnded, BackendContract.test_every_state_is_listed_as_inspected),
    (LosesLines, BackendContract.test_labels_come_back_intact),
    (KeepsLineEnds, BackendContract.test_command_and_args_where_the_image_has_only_cmd),
    (CutsLongLines, BackendContract.test_odd_lines),
    (IgnoresSince, BackendContract.test_both_streams_tail_since_and_times),
    (AlwaysKills, BackendContract.test_stop_signal_is_the_process_own_affair),
    (SaysNothingFirst, BackendContract.test_two_listeners_hear_the_same),
]


class Contract(BackendContract):
    """On an engine whose time passes ten times as fast."""

    def now(self) -> float:
        return super().now() * 10


def perform(check: Callable[..., None], wrapper: type[BackendWrapper]) -> None:
    """Makes one check of the suite on the simulated engine behind that wrapper."""
    contract = Contract()
    engine = MemoryEngine(clock=contract.now)
    for image in (contract.image, contract.other_image):
        engine.pull(image)

    def make(cluster_id: str) -> BackendWrapper:
        return wrapper(MemoryBackend(cluster_id, engine))

    def bench() -> Bench:
        cluster_id = new_cluster_id()
        return Bench(make(cluster_id), cluster_id, contract.image)

    given = {"bench": bench, "stranger": bench, "make_backend": lambda: make}
    names = check.__code__.co_varnames[1 : check.__code__.co_argcount]
    check(contract, **{name: given[name]() for name in names})


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bench.until, "__defaults__", (1.0,))


@pytest.mark.parametrize(("broken", "check"), CASES)
def test_broken_promises_are_caught(broken: type[BackendWrapper], check: Callable[..., None]) -> None:
    with pytest.raises((AssertionError, PermanentError, TemporaryError, pytest.fail.Exception)):
        perform(check, broken)


@pytest.mark.parametrize("check", sorted({check for _, check in CASES}, key=lambda check: check.__name__))
def test_kept_promises_are_not(check: Callable[..., None]) -> None:
    perform(check, BackendWrapper)
