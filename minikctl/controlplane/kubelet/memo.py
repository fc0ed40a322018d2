"""What the kubelet remembers of a pod between two looks, beside what the engine shows. May be lost."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from minikctl.controlplane.kubelet.actions import (
    Action,
    InspectContainer,
    RemoveContainer,
    RunContainer,
    RunSandbox,
    SetUpVolumes,
    SignalContainer,
    StartContainer,
    TearDownVolumes,
)
from minikctl.controlplane.kubelet.backoff import retry_wait
from minikctl.controlplane.kubelet.hooks import HookKey, HookRun, HookRuns, is_begun
from minikctl.controlplane.kubelet.instances import Instances
from minikctl.controlplane.kubelet.known import known_status
from minikctl.controlplane.kubelet.probes import Health, ProbePlan, ProbeRecord, ProbeRecords, health
from minikctl.errors import BackendError
from minikctl.model import Object

SANDBOX = "POD"
"""The sandbox's name where container names stand, as in every kubelet."""
VOLUMES = "VOLUMES"
"""All volumes together, where container names stand: no container has such a name."""
IMAGE_NOT_FOUND = "ImageNotFound"


class Trouble(Struct, frozen=True):
    """A creation or start that failed, and when to try again."""

    reason: str
    message: str
    failures: int
    retry_at: float

    @property
    def failed_at(self) -> float:
        return self.retry_at - retry_wait(self.failures)


class PodMemo(Struct, frozen=True):
    troubles: Mapping[str, Trouble] = field(default_factory=dict)
    """By container name."""
    signalled: Mapping[str, float] = field(default_factory=dict)
    """Ids of containers that were sent their stop signal, and when."""
    stopping: Mapping[str, float] = field(default_factory=dict)
    """Ids of containers whose end was decided, and when: their grace period runs from there."""
    probes: ProbeRecords = field(default_factory=dict)
    hooks: HookRuns = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    """By container id: what those that ended said of it, "" where they said nothing."""
    gone: frozenset[str] = frozenset()
    """Ids of containers that the engine confirmed not to have."""
    perhaps: frozenset[str] = frozenset()
    """Ids of containers that were seen and are not known to be gone; names on the engine of those whose
    making failed as far as was heard. They may all be there, whatever a list says."""
    waiting_since: Mapping[str, float] = field(default_factory=dict)
    """By container name: since when an image is wanted that must be pulled anew."""

    volumes: str = ""
    """The digest of the volumes as they were made last."""
    complaint: str = ""
    """What was told last about volumes that can't be made."""
    sandbox_complaint: str = ""
    """What was told last about a sandbox that can't even be asked for."""
    torn_down: bool = False
    """Whether the removal of the volumes was tried: what it left goes with the next clearing."""

    def wanting(self, container: str, now: float) -> PodMemo:
        if container in self.waiting_since:
            return self
        return replace(self, waiting_since={**self.waiting_since, container: now})

    def seeing(self, ids: Collection[str]) -> PodMemo:
        """With the containers that a list shows now."""
        return self if self.perhaps.issuperset(ids) else replace(self, perhaps=self.perhaps.union(ids))

    def without_trouble(self, container: str) -> PodMemo:
        troubles = {name: trouble for name, trouble in self.troubles.items() if name != container}
        waiting = {name: since for name, since in self.waiting_since.items() if name != container}
        return replace(self, troubles=troubles, waiting_since=waiting)

    def is_begun(self, pod: Object, container: dict[str, Any], container_id: str) -> bool:
        """Whether the container's postStart hook is over, if it has one."""
        return is_begun(container, container_id, known_status(pod, container["name"]), self.hooks)

    def health(self, pod: Object, container: dict[str, Any], instances: Instances) -> Health:
        """Whether the newest attempt has started and is ready."""
        latest = instances.latest(container["name"])
        if latest is None or not latest.is_running:
            return Health(False, False)
        begun = self.is_begun(pod, container, latest.id)
        return health(container, latest, known_status(pod, container["name"]), self.probes, begun)

    def stopping_since(self, container_id: str, now: float) -> PodMemo:
        return replace(self, stopping={**self.stopping, container_id: now})

    def answered(self, plan: ProbePlan, succeeded: bool) -> PodMemo:
        """After one answer to a probe."""
        record = self.probes.get(plan.key) or ProbeRecord()
        record = record.after(succeeded, plan.success_threshold, plan.failure_threshold)
        return replace(self, probes={**self.probes, plan.key: record})

    def with_message(self, container_id: str, text: str) -> PodMemo:
        return replace(self, messages={**self.messages, container_id: text})

    def with_hook(self, key: HookKey, run: HookRun) -> PodMemo:
        return replace(self, hooks={**self.hooks, key: run})

    def hook_ended(self, key: HookKey, now: float, *, failed: bool) -> PodMemo:
        known = self.hooks.get(key)
        return self.with_hook(key, HookRun(known.began if known else now, now, failed))

    def slept(self, key: HookKey, seconds: float, now: float) -> tuple[PodMemo, float | None]:
        """For a hook that only sleeps: the memo, and when the hook ends; None when it is over."""
        run = self.hooks.get(key) or HookRun(now)
        due = run.began + seconds
        if run.ended is not None or now >= due:
            return self.with_hook(key, HookRun(run.began, now)), None
        return self.with_hook(key, run), due

    def of_only(self, ids: Collection[str]) -> PodMemo:
        """Without what was remembered of containers that are not there any more."""
        if all(key[0] in ids for key in (*self.probes, *self.hooks)) and all(
            one in ids for one in (*self.signalled, *self.stopping, *self.messages)
        ):
            return self
        return replace(
            self,
            probes={key: record for key, record in self.probes.items() if key[0] in ids},
            hooks={key: run for key, run in self.hooks.items() if key[0] in ids},
            signalled={one: when for one, when in self.signalled.items() if one in ids},
            stopping={one: when for one, when in self.stopping.items() if one in ids},
            messages={one: text for one, text in self.messages.items() if one in ids},
        )


def absorb(memo: PodMemo, action: Action, error: BackendError | None, found: bool, now: float) -> PodMemo:
    """The memo after an action ended. `found` says whether an inspected container exists."""
    match action:
        case SignalContainer(container_id):
            return memo if error else _signalled(memo, container_id, now)
        case InspectContainer(container_id):
            if error is not None:
                return memo
            memo = replace(memo, perhaps=memo.perhaps - {container_id})
            return memo if found else replace(memo, gone=memo.gone | {container_id})
        case RemoveContainer(container_id):
            return memo if error else replace(memo, perhaps=memo.perhaps - {container_id})
        case RunContainer(container=name, spec=spec):
            return _made(memo, name, spec.name, error, now)
        case RunSandbox(spec):
            if error is None:  # what failed in the last one may well work in this one, and at once
                kept = {name: one for name, one in memo.troubles.items() if name == VOLUMES}
                memo = replace(memo, troubles=kept)
            return _made(memo, SANDBOX, spec.name, error, now)
        case StartContainer(container=name):
            return memo.without_trouble(name) if error is None else _troubled(memo, name, error, now)
        case SetUpVolumes(digest=digest):
            return _set_up(memo, digest) if error is None else _troubled(memo, VOLUMES, error, now)
        case TearDownVolumes():
            return replace(memo, torn_down=True)
        case _:
            return memo


def _made(memo: PodMemo, name: str, engine_name: str, error: BackendError | None, now: float) -> PodMemo:
    if error is None:
        return replace(memo.without_trouble(name), perhaps=memo.perhaps - {engine_name})
    if error.reason != IMAGE_NOT_FOUND:
        memo = replace(memo, perhaps=memo.perhaps | {engine_name})
    return _troubled(memo, name, error, now)


def _set_up(memo: PodMemo, digest: str) -> PodMemo:
    return replace(memo.without_trouble(VOLUMES), volumes=digest, complaint="")


def _signalled(memo: PodMemo, container_id: str, now: float) -> PodMemo:
    """A later SIGKILL is no new beginning."""
    if container_id in memo.signalled:
        return memo
    return replace(memo, signalled={**memo.signalled, container_id: now})


def _troubled(memo: PodMemo, name: str, error: BackendError, now: float) -> PodMemo:
    if error.reason == IMAGE_NOT_FOUND:
        return memo  # the image book knows; a pull follows
    known = memo.troubles.get(name)
    failures = known.failures + 1 if known else 1
    reason = error.reason or "CreateContainerError"
    trouble = Trouble(reason, error.message, failures, now + retry_wait(failures))
    return replace(memo, troubles={**memo.troubles, name: trouble})
