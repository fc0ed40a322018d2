"""One look at one pod: what its containers should do next, and what its status says.

The parent branches (deleting, finished, sandbox, each container); the leaves decide about one thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from minikctl.backend import Container, ContainerState
from minikctl.controlplane.decision import Decision, with_status
from minikctl.controlplane.kubelet.actions import (
    Action,
    InspectContainer,
    RemoveContainer,
    RunContainer,
    SignalContainer,
    StartContainer,
    TearDownVolumes,
)
from minikctl.controlplane.kubelet.backoff import next_wait
from minikctl.controlplane.kubelet.configuration import Find, nothing
from minikctl.controlplane.kubelet.hooks import (
    HookKind,
    handler_of,
)
from minikctl.controlplane.kubelet.images import ImageBook
from minikctl.controlplane.kubelet.initialization import initialization
from minikctl.controlplane.kubelet.instances import Instance, Instances
from minikctl.controlplane.kubelet.known import known_status, restart_counts
from minikctl.controlplane.kubelet.look import COMPONENT, DEADLINE_EXCEEDED, Look
from minikctl.controlplane.kubelet.memo import PodMemo
from minikctl.controlplane.kubelet.messages import unread, with_messages
from minikctl.controlplane.kubelet.probes import FIELDS, ProbePlan, failed_probe, plans
from minikctl.controlplane.kubelet.specs import (
    container_hash,
    engine_name,
)
from minikctl.controlplane.kubelet.status import NodeFacts, Waiting
from minikctl.controlplane.kubelet.volumes import has_volumes
from minikctl.model import (
    Object,
    is_deleting,
    spec_of,
    status_of,
)
from minikctl.model.pods import is_finished, is_sidecar
from minikctl.model.timestamps import parse_time


class PodSync(Struct):
    """The decision about one pod: what to do now (in order), what to write, when to look again."""

    decision: Decision
    actions: list[Action]
    memo: PodMemo
    probes: list[ProbePlan] = field(default_factory=list)
    """All that should be going on from now on."""
    is_gone: bool = False
    """A deleted pod of which nothing is left on the engine."""


def sync_pod(
    pod: Object,
    containers: Sequence[Container],
    memo: PodMemo,
    images: ImageBook,
    node: NodeFacts,
    now: float,
    *,
    cluster_id: str,
    seal_key: bytes,
    find: Find = nothing,
    links: Mapping[str, str] | None = None,
) -> PodSync:
    """`containers` is all that the engine shows of this pod. Never call it when the engine is Unknown.

    `find` gives the objects that the pod refers to, `links` is what its environment says of Services.
    """
    memo = memo.seeing([one.id for one in containers])
    instances = Instances(containers, restart_counts(pod))
    look = _Look(pod, instances, memo, images, node, now, cluster_id, seal_key, find, links or {})
    if is_deleting(pod):
        look.terminate()
    elif not is_finished(pod):
        look.run()
    else:
        look.rest()
    look.memo = look.memo.of_only({one.id for one in containers})
    return PodSync(look.decision, look.actions, look.memo, look.probes(), look.is_gone)


class _Look(Look):
    """Which steps are taken."""

    # --- the three lives of a pod

    def run(self) -> None:
        self.actions.extend(unread(self.pod, self.instances, self.memo.messages))
        if self._is_out_of_time():
            return
        if self._may_begin() and self._has_volumes() and self._has_network():
            self._run_containers()
        for container in self._all_containers():
            if self.instances.latest(container["name"]) is None:
                self.waiting.setdefault(container["name"], self._not_yet())
        self._write_status()

    def _run_containers(self) -> None:
        begun = initialization(self.pod, self.instances, self.memo)
        apps = spec_of(self.pod)["containers"]
        if begun.has_failed or (begun.is_complete and all(self._is_over(one) for one in apps)):
            self._stop_next(self._running())
            return
        for container in begun.due:
            self._run_container(container)
        if begun.is_complete:
            self._run_apps(apps)

    def _run_apps(self, apps: Sequence[dict[str, Any]]) -> None:
        """In order: while a postStart hook lasts, no later container is started, as many rely on."""
        is_held = False
        for container in apps:
            latest = self.instances.latest(container["name"])
            if not is_held or (latest is not None and latest.is_running):
                self._run_container(container)
            is_held = is_held or self._awaits_hook(container)

    def _awaits_hook(self, container: dict[str, Any]) -> bool:
        if not handler_of(container, HookKind.POST_START):
            return False
        name = container["name"]
        latest = self.instances.latest(name)
        if latest is not None and latest.is_running:
            run = self.memo.hooks.get((latest.id, HookKind.POST_START))
            has_failed = run is not None and run.failed
            return not has_failed and not self.memo.is_begun(self.pod, container, latest.id)
        starts = (one for one in self.actions if isinstance(one, RunContainer | StartContainer))
        return any(one.container == name for one in starts)

    def _is_out_of_time(self) -> bool:
        """activeDeadlineSeconds: all of it ends within the grace period, and the pod has failed."""
        seconds, began = spec_of(self.pod).get("activeDeadlineSeconds"), status_of(self.pod).get("startTime")
        if seconds is None or began is None:
            return False
        deadline = parse_time(began) + seconds
        if self.now < deadline:
            self.decision.look_at(deadline)
            return False
        running = self._running()
        if not self.memo.stopping:
            self.decision.tell(self.pod, DEADLINE_EXCEEDED.reason, DEADLINE_EXCEEDED.message, COMPONENT)
        self._stop_all(running, deadline)
        self._write_status(None if running else DEADLINE_EXCEEDED)
        return True

    def _is_over(self, container: dict[str, Any]) -> bool:
        """Whether it ended for good."""
        latest = self.instances.latest(container["name"])
        if latest is None or not latest.has_ended:
            return False
        changed = latest.identity.spec_hash != container_hash(container)
        return not changed and not self._should_restart(container, latest)

    def _not_yet(self) -> Waiting:
        return Waiting("PodInitializing" if spec_of(self.pod).get("initContainers") else "ContainerCreating")

    def rest(self) -> None:
        """A finished pod keeps its ended containers for `logs`; nothing of it may run."""
        for one in self.instances.apps():
            if one.is_running:
                self.actions.append(RemoveContainer(one.id))
        # Where an engine has pods, one that is removed takes its containers and their logs with it.
        for one in self.instances.sandboxes:
            if one.is_running:
                self.actions.append(SignalContainer(one.id, kill=True))
        self.actions.extend(unread(self.pod, self.instances, self.memo.messages))
        if changed := with_status(self.pod, with_messages(status_of(self.pod), self.memo.messages)):
            self.decision.put(changed)

    def terminate(self) -> None:
        running = self._running()
        deadline = parse_time(self.pod["metadata"]["deletionTimestamp"])
        if running and self.pod["metadata"].get("deletionGracePeriodSeconds", 0):
            overdue = self._stop(running, deadline)
            if len(overdue) < len(running):
                self.actions.extend(RemoveContainer(one.id) for one in overdue)
                self._write_status()
                return
        left = [*self.instances.apps(), *self.instances.sandboxes]
        self.actions.extend(RemoveContainer(one.id) for one in left)
        if not left and self.memo.perhaps:
            # Not listed is not gone: the next pod of this name must not run beside it.
            self.actions.extend(InspectContainer(one) for one in sorted(self.memo.perhaps))
            return
        if not left and not self.memo.torn_down and (has_volumes(self.pod) or self.node.keeps_files):
            self.actions.append(TearDownVolumes())
            return
        self.is_gone = not left
        if left and not running:
            self._write_status()

    def _stop_next(self, running: list[Instance]) -> None:
        """Sidecars of a pod that is done, or failed: within the pod's grace period from the last end."""
        ends = [one.container.finished_at or self.now for one in self.instances.apps() if one.has_ended]
        self._stop_all(running, max(ends, default=self.now))

    # --- one container

    def _run_container(self, container: dict[str, Any]) -> None:
        name = container["name"]
        latest = self.instances.latest(name)
        if latest is None:
            self._run_missing(container)
        elif latest.is_running:
            self._keep_running(container, latest)
        elif latest.container.state is ContainerState.CREATED:
            self._start_created(container, latest)
        elif latest.has_ended:
            self._restart_ended(container, latest)
        else:
            self.waiting[name] = Waiting("ContainerStatusUnknown", latest.container.message)

    def _keep_running(self, container: dict[str, Any], latest: Instance) -> None:
        name = container["name"]
        hook = self.memo.hooks.get((latest.id, HookKind.POST_START))
        if latest.identity.spec_hash != container_hash(container):
            text = f"Container {name} definition changed, will be restarted"
            self._end_attempt(latest, self._grace(), text)
        elif kind := failed_probe(latest, container, self.memo.probes):
            probe = container[FIELDS[kind]]
            text = f"Container {name} failed {kind.value.lower()} probe"
            if is_sidecar(container) or spec_of(self.pod).get("restartPolicy", "Always") != "Never":
                text += ", will be restarted"
            self._end_attempt(latest, probe.get("terminationGracePeriodSeconds", self._grace()), text)
        elif hook is not None and hook.failed:
            self._end_attempt(latest, self._grace(), "FailedPostStartHook")
        else:
            self._begin(container, latest)
            # The attempt before stays for `logs --previous`; what is older is of no use.
            older = [one for one in self.instances.of(name) if one is not latest]
            previous = self.instances.previous(name)
            self.actions.extend(RemoveContainer(one.id) for one in older if one is not previous)

    # --- its probes

    def probes(self) -> list[ProbePlan]:
        """What is to be asked from now on, until the next look."""
        if is_finished(self.pod) or self.is_gone:
            return []
        found: list[ProbePlan] = []
        for container in self._all_containers():
            latest = self.instances.latest(container["name"])
            if latest is None:
                continue
            found += plans(
                container,
                latest,
                self.memo.health(self.pod, container, self.instances),
                is_begun=self.memo.is_begun(self.pod, container, latest.id),
                is_ending=is_deleting(self.pod) or latest.id in self.memo.stopping,
            )
        return found

    def _run_missing(self, container: dict[str, Any]) -> None:
        name = container["name"]
        known = known_status(self.pod, name)
        attempt = known.get("restartCount", 0)
        identifier = known.get("containerID", "").partition("://")[2]
        if not identifier:
            self._start(container, attempt, None)
            return
        # By its name too: of one that was made in its place the id may never have been heard.
        same = (identifier, engine_name(self.pod, name, attempt))
        unsure = next((one for one in same if one not in self.memo.gone), None)
        if unsure is not None:
            self.actions.append(InspectContainer(unsure))
        else:
            self._start(container, attempt + 1, 0)

    def _start_created(self, container: dict[str, Any], latest: Instance) -> None:
        name = container["name"]
        if latest.identity.spec_hash != container_hash(container):
            self.actions.append(RemoveContainer(latest.id))
        elif name not in self.memo.troubles:
            self.actions.append(StartContainer(name, latest.id))
        elif self._may_retry(name):
            # The next attempt perhaps starts. It is made when this one is known to be gone.
            self.actions.append(RemoveContainer(latest.id))

    def _restart_ended(self, container: dict[str, Any], latest: Instance) -> None:
        name = container["name"]
        definition_changed = latest.identity.spec_hash != container_hash(container)
        if not definition_changed and not self._should_restart(container, latest):
            return
        wait = next_wait(latest.identity.backoff, latest.ran_seconds)
        due = (latest.container.finished_at or self.now) + wait
        if wait and due > self.now and not definition_changed:
            self._back_off(name, wait, due)
        else:
            self._start(container, latest.identity.attempt + 1, wait)

    def _should_restart(self, container: dict[str, Any], latest: Instance) -> bool:
        failed = bool(latest.container.exit_code)
        policy = spec_of(self.pod).get("restartPolicy", "Always")
        if container in (spec_of(self.pod).get("initContainers") or ()):
            return is_sidecar(container) or (failed and policy != "Never")
        return policy == "Always" or (policy == "OnFailure" and failed)

    def _back_off(self, name: str, wait: int, due: float) -> None:
        self.waiting[name] = Waiting("CrashLoopBackOff", self._back_off_text(name, wait))
        self.decision.look_at(due)
        was = (known_status(self.pod, name).get("state") or {}).get("waiting") or {}
        if was.get("reason") != "CrashLoopBackOff":
            text = f"Back-off restarting failed container {name} in pod {self._full_name()}"
            self.decision.tell(self.pod, "BackOff", text, COMPONENT, "Warning")
