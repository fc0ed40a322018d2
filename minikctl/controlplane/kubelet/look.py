"""One look at one pod: what it knows, and the steps that its decisions are made of.

A step adds actions, events and what is waited for; which one is taken is decided in `sync`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from minikctl.backend import ContainerState, PodOptions
from minikctl.controlplane.decision import Decision, with_status
from minikctl.controlplane.kubelet.actions import (
    Action,
    RemoveContainer,
    RunContainer,
    RunHook,
    RunSandbox,
    SignalContainer,
)
from minikctl.controlplane.kubelet.backoff import retry_wait
from minikctl.controlplane.kubelet.configuration import Find, Missing, Surroundings
from minikctl.controlplane.kubelet.environment import environment
from minikctl.controlplane.kubelet.hooks import (
    LONGEST_POST_START_SECONDS,
    HookKind,
    handler_of,
    hook_check,
    sleep_of,
)
from minikctl.controlplane.kubelet.images import ImageBook
from minikctl.controlplane.kubelet.instances import Instance, Instances
from minikctl.controlplane.kubelet.known import known_status
from minikctl.controlplane.kubelet.memo import SANDBOX, PodMemo, Trouble
from minikctl.controlplane.kubelet.messages import message_path
from minikctl.controlplane.kubelet.network import hostname_problem, is_on_host, unread_servers
from minikctl.controlplane.kubelet.oom import oom_score_adj
from minikctl.controlplane.kubelet.provision import provision
from minikctl.controlplane.kubelet.pulling import pulling
from minikctl.controlplane.kubelet.security import forbidden_directory, pod_options
from minikctl.controlplane.kubelet.specs import (
    container_spec,
    needs_sandbox,
    sandbox_spec,
)
from minikctl.controlplane.kubelet.status import Failure, NodeFacts, Waiting, pod_status
from minikctl.controlplane.kubelet.stopping import stop
from minikctl.controlplane.kubelet.volumes import mounts
from minikctl.model import Object, name_of, namespace_of, spec_of, uid_of
from minikctl.model.runtime_classes import class_name, class_of, runtime_of

COMPONENT = "kubelet"
UNREAD_SECRETS = (
    "Unable to retrieve some image pull secrets ({}); attempting to pull the image may not succeed."
)
CONFIG_ERROR = "CreateContainerConfigError"
START_FAILED = "RunContainerError"
DEADLINE_EXCEEDED = Failure(
    "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
)


class Look(Struct):
    """The fields without a default are what is looked at, the others what comes of it."""

    pod: Object
    instances: Instances
    memo: PodMemo
    images: ImageBook
    node: NodeFacts
    now: float
    cluster_id: str
    seal_key: bytes
    find: Find
    links: Mapping[str, str]
    decision: Decision = field(default_factory=Decision)
    actions: list[Action] = field(default_factory=list)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    is_gone: bool = False

    # --- what there is

    def _all_containers(self) -> list[dict[str, Any]]:
        spec = spec_of(self.pod)
        return [*(spec.get("initContainers") or ()), *spec["containers"]]

    def _running(self) -> list[Instance]:
        states = (ContainerState.RUNNING, ContainerState.UNKNOWN)
        return [one for one in self.instances.apps() if one.container.state in states]

    def _grace(self) -> int:
        grace: int = spec_of(self.pod).get("terminationGracePeriodSeconds", 30)
        return grace

    # --- ending

    def _stop(
        self, running: list[Instance], deadline: float, message: str = "Stopping container {name}"
    ) -> list[Instance]:
        """Brings nearer the end of these, and returns those whose time is up."""
        made = stop(self.pod, running, self.memo, deadline=deadline, now=self.now)
        self.memo = made.memo
        self.actions.extend(made.actions)
        for one in made.begun:
            text = message.format(name=one.identity.container)
            self.decision.tell(self.pod, "Killing", text, COMPONENT)
        for moment in made.look_again:
            self.decision.look_at(moment)
        return made.overdue

    def _stop_all(self, running: list[Instance], began: float) -> None:
        overdue = self._stop(running, began + self._grace())
        self.actions.extend(SignalContainer(one.id, kill=True) for one in overdue)

    def _end_attempt(self, latest: Instance, grace: int, message: str) -> None:
        """This container ends, and the pod goes on."""
        began = self.memo.stopping.get(latest.id, self.now)
        overdue = self._stop([latest], began + grace, message)
        self.actions.extend(SignalContainer(one.id, kill=True) for one in overdue)

    # --- beginning

    def _begin(self, container: dict[str, Any], latest: Instance) -> None:
        """Runs its postStart hook, if it has one that has not been run."""
        if self.memo.is_begun(self.pod, container, latest.id):
            return
        handler = handler_of(container, HookKind.POST_START)
        seconds = sleep_of(handler)
        if seconds is None:
            check = hook_check(handler, container)
            hook = RunHook(
                container["name"], latest.id, HookKind.POST_START, check, LONGEST_POST_START_SECONDS
            )
            self.actions.append(hook)
            return
        self.memo, due = self.memo.slept((latest.id, HookKind.POST_START), seconds, self.now)
        self.decision.look_at(due)

    def _may_begin(self) -> bool:
        """Whether the pod can be what it asks to be; one that has begun already is."""
        why = None if self.instances.apps() else hostname_problem(self.pod) or self._runtime_problem()
        if why is not None and why != self.memo.sandbox_complaint:
            text = f"Failed to create pod sandbox: {why}"
            self.decision.tell(self.pod, "FailedCreatePodSandBox", text, COMPONENT, "Warning")
        self.memo = replace(self.memo, sandbox_complaint=why or "")
        return why is None

    def _runtime_problem(self) -> str | None:
        name = class_name(self.pod)
        if not name or class_of(self.pod, self.find) is not None:
            return None
        return f'failed to get sandbox runtime: runtimeclass.node.k8s.io "{name}" not found'

    def _has_volumes(self) -> bool:
        made = provision(self._around(), self.instances, self.memo, self.now)
        self.memo = made.memo
        self.actions.extend(made.actions)
        for text in made.complaints:
            self.decision.tell(self.pod, "FailedMount", text, COMPONENT, "Warning")
        self.decision.look_at(made.look_again)
        return made.is_ready

    def _has_network(self) -> bool:
        return not needs_sandbox(self.pod) or self._has_sandbox()

    def _has_sandbox(self) -> bool:
        """Whether the pod's sandbox runs; otherwise says what leads there.

        A pod's sandbox has one name for life, so that no engine can ever run two of them. When it has ended,
        all that shared its network goes first: nobody could reach it any more.
        """
        sandbox = self.instances.sandbox()
        if sandbox is not None and sandbox.is_running:
            return True
        left = [*self.instances.apps(), *self.instances.sandboxes]
        if left:
            self.actions.extend(RemoveContainer(one.id) for one in left)
        elif self._may_retry(SANDBOX):
            spec = sandbox_spec(
                self.pod, cluster_id=self.cluster_id, seal_key=self.seal_key, options=self._options()
            )
            self.actions.append(RunSandbox(spec))
        return False

    def _start(self, container: dict[str, Any], attempt: int, backoff: int | None) -> None:
        name, latest = container["name"], self.instances.latest(container["name"])
        if latest is None or not latest.has_ended:  # else its end says more, for the moment that this takes
            self.waiting.setdefault(name, Waiting("ContainerCreating"))
        if not self._may_retry(name) or not self._has_image(container):
            return
        sandbox = self.instances.sandbox() if needs_sandbox(self.pod) else None
        around = self._around(sandbox.container.ip if sandbox else "")
        values = forbidden_directory(container) or environment(container, around)
        wanted = values if isinstance(values, Missing) else mounts(container, around, values)
        if isinstance(values, Missing) or isinstance(wanted, Missing):
            self._lack(container, wanted)
            return
        spec = container_spec(
            self.pod,
            container,
            attempt=attempt,
            backoff=backoff,
            sandbox_id=sandbox.id if sandbox else "",
            cluster_id=self.cluster_id,
            seal_key=self.seal_key,
            environment=values,
            oom_score_adj=self._oom_score_adj(container),
            options=self._options(),
        )
        self.actions.append(RunContainer(name, spec, wanted, attempt, message_path(container)))
        if not attempt and (text := unread_servers(self.pod, self.node.resolver)):
            self.decision.tell(self.pod, "DNSConfigForming", text, COMPONENT, "Warning")

    def _options(self) -> PodOptions:
        return pod_options(self.pod, self.node.resolver, runtime_of(self.pod, self.find))

    def _oom_score_adj(self, container: dict[str, Any]) -> int | None:
        score = oom_score_adj(self.pod, container, self.node.memory_bytes)
        # Without root nobody may be spared.
        return None if self.node.rootless and score < 0 else score

    def _around(self, pod_ip: str = "") -> Surroundings:
        node = self.node
        host_ip = node.address_for(self.pod)
        own_ip = host_ip if is_on_host(self.pod) else pod_ip
        return Surroundings(
            self.pod, self.find, own_ip, host_ip, node.allocatable, self.links, self.cluster_id
        )

    def _lack(self, container: dict[str, Any], missing: Any) -> None:
        """It waits: whoever changes what it needs has the pod looked at."""
        name = container["name"]
        self.waiting[name] = Waiting(CONFIG_ERROR, missing.message)
        was = (known_status(self.pod, name).get("state") or {}).get("waiting") or {}
        if was.get("message") != missing.message:
            self.decision.tell(self.pod, "Failed", f"Error: {missing.message}", COMPONENT, "Warning")

    def _awaits(self, name: str, trouble: Trouble) -> Waiting:
        """One that would not start again and again is one that crashes: `lastState` has the reason."""
        if name == SANDBOX or trouble.failures == 1 or trouble.reason != START_FAILED:
            return Waiting(trouble.reason, trouble.message)
        return Waiting("CrashLoopBackOff", self._back_off_text(name, retry_wait(trouble.failures)))

    def _back_off_text(self, name: str, wait: int) -> str:
        return f"back-off {_duration(wait)} restarting failed container={name} pod={self._full_name()}"

    def _full_name(self) -> str:
        return f"{name_of(self.pod)}_{namespace_of(self.pod)}({uid_of(self.pod)})"

    def _may_retry(self, name: str) -> bool:
        """False while an earlier failure's back-off runs: that failure is then what is waited for."""
        trouble = self.memo.troubles.get(name)
        if trouble is None:
            return True
        names = [name] if name != SANDBOX else [one["name"] for one in self._all_containers()]
        for waiting in names:
            self.waiting[waiting] = self._awaits(name, trouble)
        if trouble.retry_at > self.now:
            self.decision.look_at(trouble.retry_at)
            return False
        return True

    def _has_image(self, container: dict[str, Any]) -> bool:
        made = pulling(container, self._around(), self.images, self.memo, self.now)
        self.memo = made.memo
        if made.waiting is not None:
            self.waiting[container["name"]] = made.waiting
        if made.pull is not None:
            self.actions.append(made.pull)
        if made.unread:
            text = UNREAD_SECRETS.format(", ".join(made.unread))
            self.decision.tell(self.pod, "FailedToRetrieveImagePullSecret", text, COMPONENT, "Warning")
        self.decision.look_at(made.look_again)
        return made.is_there

    # --- the status

    def _write_status(self, failure: Failure | None = None) -> None:
        for container in self._all_containers():
            trouble = self.memo.troubles.get(container["name"])
            latest = self.instances.latest(container["name"])
            if latest is not None and latest.has_ended:
                continue  # it did start, whatever was heard of it
            if trouble is not None and container["name"] not in self.waiting:
                self.waiting[container["name"]] = self._awaits(container["name"], trouble)
        status = pod_status(self.pod, self.instances, self.waiting, self.memo, self.node, self.now, failure)
        if changed := with_status(self.pod, status):
            self.decision.put(changed)


def _duration(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
