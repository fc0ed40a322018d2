"""Calls to engines, as jobs: what runs in a worker. They never raise; errors are part of the news."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import TypeAlias

from msgspec.structs import replace

from minikctl.agent import messages
from minikctl.agent.ports import (
    Acted,
    Cleared,
    Hooked,
    Introduced,
    Listed,
    Looked,
    Measured,
    Outcome,
    PodVolumes,
    Probed,
    Pulled,
    Sample,
)
from minikctl.agent.resolver import machine_resolver
from minikctl.backend import Backend, Container, Dns, EngineInfo, ExecCheck, VolumeSpec
from minikctl.backend.attempts import ALREADY_RAN
from minikctl.controlplane.kubelet import (
    Action,
    InspectContainer,
    ProbePlan,
    PullImage,
    ReadMessage,
    RemoveContainer,
    RunContainer,
    RunHook,
    RunSandbox,
    SetUpVolumes,
    SignalContainer,
    StartContainer,
    TearDownVolumes,
)
from minikctl.controlplane.kubelet.volumes import ClaimVolume
from minikctl.errors import BackendError, PermanentError, TemporaryError, UnreachableError
from minikctl.model import ObjectKey

Together: TypeAlias = Callable[[Sequence[Callable[[], Outcome]]], list[Outcome]]
"""As `Executor.together`."""


def list_containers(
    engine: str, backend: Backend, serial: int, volumes: PodVolumes, *, with_claims: bool = False
) -> Listed:
    """`with_claims` asks for the engine's own volumes, too."""
    try:
        # First the files: whose containers are not listed after that had none when they were seen.
        with_files = frozenset(volumes.uids())
        claimed = tuple(backend.list_volumes()) if with_claims else None
        return Listed(engine, serial, tuple(backend.list_containers()), with_files, claimed)
    except Exception as error:
        return Listed(engine, serial, error=_told(error))


def introduce(
    engine: str, backend: Backend, volumes: PodVolumes, greeted: Callable[[], EngineInfo | None] | None
) -> Introduced:
    try:
        # Files that the engine sees are of its machine, which is this one.
        resolver = machine_resolver() if volumes.keeps_files else Dns()
        info = greeted() if greeted is not None else None
        return Introduced(engine, info or backend.info(), resolver)
    except Exception as error:
        return Introduced(engine, error=_told(error))


def pull(engine: str, backend: Backend, wanted: PullImage) -> Pulled:
    """With the first credentials that the registry takes; else says what it said to the last."""
    error: BackendError | None = None
    for credentials in wanted.credentials or (None,):
        try:
            backend.pull_image(wanted.image, credentials)
            return Pulled(engine, wanted)
        except Exception as raised:
            error = _told(raised)
            if not isinstance(error, PermanentError):
                break  # it could not be asked: nobody else will be heard either
    return Pulled(engine, wanted, error)


def measure(
    engine: str,
    backend: Backend,
    running: Sequence[tuple[str, str, str]],
    now: Callable[[], float],
) -> Measured:
    """`running`: id, pod uid and name of each container. Those that have ended meanwhile are left out, and
    one that can't be measured hides no other."""
    samples: list[Sample] = []
    failed: set[str] = set()
    error: BackendError | None = None
    for container_id, uid, name in running:
        try:
            usage = backend.usage(container_id)
        except Exception as raised:
            failed.add(uid)
            error = _told(raised)
            if isinstance(error, UnreachableError):
                break  # nobody else will be heard either
            continue
        if usage is not None:
            cpu, memory = usage.cpu_nanoseconds, usage.memory_bytes
            samples.append(Sample(engine, container_id, uid, name, now(), cpu, memory))
    return Measured(engine, tuple(samples), frozenset(failed), error)


ANSWERED = "HTTP probe failed with statuscode"
"""A hook's request only has to be answered, as in the kubelet; a probe's must be answered well."""


def probe(engine: str, backend: Backend, uid: str, plan: ProbePlan) -> Probed:
    if isinstance(plan.check, str):
        return Probed(engine, uid, plan, error=PermanentError(plan.check, reason="InvalidProbe"))
    try:
        return Probed(engine, uid, plan, backend.probe(plan.container_id, plan.check, timeout=plan.timeout))
    except Exception as error:
        return Probed(engine, uid, plan, error=_told(error))


def run_hook(engine: str, backend: Backend, uid: str, key: ObjectKey, hook: RunHook) -> Hooked:
    try:
        return Hooked(engine, uid, key, hook, failed=not _hook_succeeds(backend, hook))
    except (UnreachableError, TemporaryError) as error:
        return Hooked(engine, uid, key, hook, error=error)
    except Exception as error:
        return Hooked(engine, uid, key, hook, failed=True, error=_told(error))


def _hook_succeeds(backend: Backend, hook: RunHook) -> bool:
    if isinstance(hook.check, str):
        return False
    if isinstance(hook.check, ExecCheck):
        done = backend.exec_container(hook.container_id, hook.check.command, timeout=hook.timeout)
        return done.exit_code == 0
    checked = backend.probe(hook.container_id, hook.check, timeout=hook.timeout)
    return checked.ok or checked.message.startswith(ANSWERED)


def look(engine: str, backend: Backend, serial: int, ids: Sequence[str]) -> Looked:
    found: dict[str, Container | None] = {}
    try:
        for container_id in ids:
            found[container_id] = backend.inspect_container(container_id)
        return Looked(engine, serial, found)
    except Exception as error:
        return Looked(engine, serial, found, _told(error))


def clear(
    engine: str, backend: Backend, ids: Sequence[str], volumes: PodVolumes, uids: Sequence[str]
) -> Cleared:
    """Containers, then the files of pods that have none any more."""
    removed: list[str] = []
    try:
        for container_id in ids:
            backend.remove_container(container_id)
            removed.append(container_id)
        for uid in uids:
            volumes.tear_down(uid)
        return Cleared(engine, tuple(removed))
    except Exception as error:
        return Cleared(engine, tuple(removed), _told(error))


def act(
    engine: str,
    backend: Backend,
    uid: str,
    key: ObjectKey,
    actions: Sequence[Action],
    volumes: PodVolumes,
    together: Together,
) -> Acted:
    """All actions of one pod, in order, except that containers which are next to each other are made side
    by side. One that fails does not keep the next ones from being tried, except where the engine is gone,
    and where containers would not have their volumes."""
    outcomes: list[Outcome] = []
    lacks_volumes = False
    for makes_containers, group in groupby(actions, lambda one: isinstance(one, RunContainer)):
        if makes_containers and lacks_volumes:
            continue
        if makes_containers:
            done = together([partial(_do, backend, one, uid, volumes) for one in group])
        else:
            done = list(_one_by_one(backend, group, uid, volumes))
        outcomes += done
        if any(isinstance(one.error, UnreachableError) for one in done):
            break
        lacks_volumes = any(one.error and isinstance(one.action, SetUpVolumes) for one in outcomes)
    return Acted(engine, uid, key, tuple(outcomes))


def _one_by_one(
    backend: Backend, actions: Iterable[Action], uid: str, volumes: PodVolumes
) -> Iterator[Outcome]:
    for action in actions:
        outcome = _do(backend, action, uid, volumes)
        yield outcome
        if isinstance(outcome.error, UnreachableError):
            return


def _do(backend: Backend, action: Action, uid: str, volumes: PodVolumes) -> Outcome:
    try:
        match action:
            case RunContainer():
                return _run(backend, action, uid, volumes)
            case SetUpVolumes():
                _set_up(backend, action, uid, volumes)
            case TearDownVolumes():
                volumes.tear_down(uid)
            case StartContainer(container_id=container_id):
                return Outcome(action, backend.start_container(container_id))
            case RunSandbox(spec):
                return Outcome(action, backend.create_sandbox(spec))
            case SignalContainer(container_id, kill):
                backend.signal_container(container_id, kill=kill)
            case RemoveContainer(container_id):
                backend.remove_container(container_id)
            case InspectContainer(container_id):
                return Outcome(action, backend.inspect_container(container_id))
            case ReadMessage(container, container_id, attempt):
                path = volumes.message_file(uid, container, attempt)
                return Outcome(action, text=messages.read(backend, action, path))
            case PullImage() | RunHook():
                raise AssertionError("a job of its own")
        return Outcome(action)
    except Exception as error:
        return Outcome(action, error=_told(error))


def _set_up(backend: Backend, action: SetUpVolumes, uid: str, volumes: PodVolumes) -> None:
    for one in action.volumes:
        if isinstance(one, ClaimVolume):
            backend.create_volume(VolumeSpec(one.volume, dict(one.labels)))
    volumes.set_up(uid, action.volumes)


def _run(backend: Backend, action: RunContainer, uid: str, volumes: PodVolumes) -> Outcome:
    spec = action.spec
    mounts = volumes.mounts(uid, action.container, action.mounts) if action.mounts else ()
    message = messages.mount(volumes.message_file(uid, action.container, action.attempt), action)
    if mounts and not action.attempt:  # later attempts find what the first one needed
        from minikctl.agent import claim_volumes  # slow to import, and most pods have no volumes

        claim_volumes.prepare(backend, spec.image, action.mounts)
    if mounts or message:
        spec = replace(spec, mounts=(*spec.mounts, *mounts, *message))
    try:
        container_id = backend.create_container(spec)
    except PermanentError as error:
        if error.reason != ALREADY_RAN:
            raise
        return Outcome(action, backend.inspect_container(spec.name))
    try:
        return Outcome(action, backend.start_container(container_id))
    except Exception as error:
        return Outcome(action, _after_failed_start(backend, container_id), _told(error))


def _after_failed_start(backend: Backend, container_id: str) -> Container | None:
    """The container that was made and would not start: the kubelet tries that one again."""
    try:
        return backend.inspect_container(container_id)
    except Exception:
        return None


def _told(error: Exception) -> BackendError:
    """A backend may only raise its three errors. One that breaks that promise must not end a worker."""
    if isinstance(error, BackendError):
        return error
    return PermanentError(f"bug in the backend: {type(error).__name__}: {error}", reason="BackendBug")
