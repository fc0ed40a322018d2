"""What the kubelets hear of their engines, and what follows from it for what they know.

Rules:
- Every answer to a question is news; what an engine does not say is not known.
- News decide nothing: they change what is known, and have the pods looked at that they concern.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minikctl.agent import hosts
from minikctl.agent.engine import RETRY_SECONDS, Engine
from minikctl.agent.external_names import ExternalNames
from minikctl.agent.hosts import Hosts
from minikctl.agent.ports import (
    Acted,
    Cleared,
    Executor,
    Hinted,
    Hooked,
    HostsWritten,
    Introduced,
    Listed,
    Looked,
    Measured,
    News,
    Outcome,
    Probed,
    Pulled,
    Resolved,
    Told,
    VolumeRemoved,
)
from minikctl.agent.proxies import Proxies, brief
from minikctl.agent.removals import Removals
from minikctl.agent.usages import Usages
from minikctl.backend import EngineEvent
from minikctl.controlplane.concerns import Work
from minikctl.controlplane.decision import Decision, Ids
from minikctl.controlplane.kubelet import (
    Action,
    InspectContainer,
    PodMemo,
    ReadMessage,
    RemoveContainer,
    RunContainer,
    RunSandbox,
    SetUpVolumes,
    SignalContainer,
    StartContainer,
    TearDownVolumes,
    absorb,
)
from minikctl.controlplane.kubelet.hooks import HookKind
from minikctl.controlplane.kubelet.memo import IMAGE_NOT_FOUND
from minikctl.controlplane.kubelet.probes import probe_problem
from minikctl.controlplane.manager import Manager
from minikctl.controlplane.volumes import engine_of
from minikctl.errors import BackendError, TemporaryError, UnreachableError
from minikctl.model import (
    Object,
    ObjectKey,
    key_of,
    name_of,
)
from minikctl.store import Store

COOL_SECONDS = 1.0
"""How long a pod rests after an engine refused to stop or remove something of it."""
KUBELET = "kubelet"
FAILED_HOOK = {
    HookKind.POST_START: ("FailedPostStartHook", "PostStartHook failed"),
    HookKind.PRE_STOP: ("FailedPreStopHook", "PreStopHook failed"),
}


class Listener:
    """The half of `Kubelets` that hears; the other one asks and acts."""

    def __init__(
        self,
        engines: Sequence[Engine],
        store: Store,
        executor: Executor,
        ids: Ids,
        now: Callable[[], float],
        say: Callable[[str], None],
    ) -> None:
        self.engines = {engine.name: engine for engine in engines}
        self.engine_of = {config.name: engine for engine in engines for config in engine.nodes}
        self.manager = Manager(ids, self.sync)
        self._store = store
        self._executor = executor
        self._ids = ids
        self._now = now
        self._say = say
        self._actions: dict[str, tuple[Engine, ObjectKey, list[Action]]] = {}
        self._cooling: dict[str, float] = {}
        self._proxies = Proxies(executor, lambda: self.manager.view)
        self._hosts = Hosts(executor)
        self._external = ExternalNames(executor)
        self._usages = Usages(executor, now)
        self._removals = Removals(executor, lambda: self.manager.view)
        self._wanted: dict[tuple[str, str, str], set[ObjectKey]] = {}
        """Pods that wait for an image to be pulled, by engine, image, and with whose credentials."""

    def watch(self) -> None:
        """Begins to follow the engines' event streams."""
        for engine in self.engines.values():
            self._executor.watch(engine.name)

    def start_over(self) -> None:
        """The store is read anew: what was decided and not committed never was."""
        self.manager = Manager(self._ids, self.sync)
        self._actions.clear()

    def list_anew(self, now: float) -> None:
        """What runs counts as unknown until every engine has said it once more."""
        for engine in self.engines.values():
            engine.listed, engine.claimed = False, None
            engine.next_list = now

    def sync(self, pod: Object) -> Decision:
        """Looks at one pod that is bound to a node here."""
        raise NotImplementedError

    # --- learn

    def learn(self, news: News, now: float) -> None:
        match news:
            case Listed():
                self._learn_list(self.engines[news.engine], news, now)
            case Introduced():
                self._learn_introduction(self.engines[news.engine], news, now)
            case Acted():
                self._learn_outcomes(self.engines[news.engine], news, now)
            case Pulled():
                self._learn_pull(self.engines[news.engine], news, now)
            case Probed():
                self._learn_answer(self.engines[news.engine], news, now)
            case Hooked():
                self._learn_hook(self.engines[news.engine], news, now)
            case Told() | HostsWritten() | Resolved():
                self._learn_traffic(self.engines[news.engine], news, now)
            case Measured() | VolumeRemoved():
                self._learn_other(self.engines[news.engine], news, now)
            case Looked():
                self._learn_looks(self.engines[news.engine], news, now)
            case Cleared():
                self._learn_cleared(self.engines[news.engine], news, now)
            case Hinted():
                _learn_hint(self.engines[news.engine], news.event, now)

    def _learn_list(self, engine: Engine, news: Listed, now: float) -> None:
        engine.listing = False
        if news.error is not None:
            self._lose(engine, news.error, now)
            return
        first = not engine.listed
        self._regain(engine, now)
        for uid in engine.learn_list(news.serial, news.containers):
            self._look_at_pod(uid)
        if first:
            self._look_at_pods_of(engine)
        engine.uncleared = True
        engine.with_files = news.with_files
        if news.volumes is not None:
            engine.claimed = news.volumes

    def _learn_introduction(self, engine: Engine, news: Introduced, now: float) -> None:
        engine.introducing = False
        if news.info is None:
            if news.error is not None:
                self._lose(engine, news.error, now)
            return
        engine.info, engine.resolver = news.info, news.resolver

    def _learn_outcomes(self, engine: Engine, news: Acted, now: float) -> None:
        engine.busy.discard(news.uid)
        memo = engine.memos.get(news.uid, PodMemo())
        for outcome in news.outcomes:
            memo = self._learn_outcome(engine, news, outcome, memo, now)
        engine.memos[news.uid] = memo
        self.manager.look_at(Work.KUBELET, news.key)

    def _learn_outcome(
        self, engine: Engine, news: Acted, outcome: Outcome, memo: PodMemo, now: float
    ) -> PodMemo:
        action, error, container = outcome.action, outcome.error, outcome.container
        if container is not None:
            engine.learn(container.id, container)
        if isinstance(error, UnreachableError):
            self._lose(engine, error, now)
            return memo
        if error is not None and hosts.is_unseen(engine, action, error):
            self._say(f"{engine.name}: does not see {engine.state_dir}: its pods know no names of Services")
            engine.state_dir = None
            return memo
        match action:
            case RemoveContainer(container_id) if error is None:
                engine.learn(container_id, None)
            case InspectContainer(container_id) if error is None and container is None:
                engine.learn(container_id, None)
            case RunContainer(spec=spec) if error is not None and error.reason == IMAGE_NOT_FOUND:
                engine.images.mark_missing(spec.image)
            case ReadMessage(container_id=container_id) if not isinstance(error, TemporaryError):
                return memo.with_message(container_id, outcome.text)
            case SignalContainer() | RemoveContainer() | InspectContainer() | ReadMessage() if (
                error is not None
            ):
                self._cooling[news.uid] = now + COOL_SECONDS
        self._tell_outcome(news.key, outcome)
        return absorb(memo, action, error, container is not None, now)

    def _tell_outcome(self, key: ObjectKey, outcome: Outcome) -> None:
        pod = self.manager.view.get(key)
        if pod is None:
            return
        decision = Decision()
        match outcome.action:
            case RunContainer(container=name) | StartContainer(container=name) if outcome.error is None:
                decision.tell(pod, "Created", f"Created container: {name}", KUBELET)
                decision.tell(pod, "Started", f"Started container {name}", KUBELET)
            case SetUpVolumes() if outcome.error is not None:
                decision.tell(pod, outcome.error.reason, outcome.error.message, KUBELET, "Warning")
            case TearDownVolumes() if outcome.error is not None:
                self._say(outcome.error.message)
            case RunContainer() | StartContainer() | RunSandbox() if outcome.error is not None:
                if outcome.error.reason != IMAGE_NOT_FOUND:
                    decision.tell(pod, "Failed", f"Error: {outcome.error}", KUBELET, "Warning")
        self.manager.tell(decision)

    def _learn_pull(self, engine: Engine, news: Pulled, now: float) -> None:
        decision = Decision()
        image, who, error = news.wanted.image, news.wanted.who, news.error
        waiting = self._wanted.pop((engine.name, image, who), set())
        if error is None:
            engine.images.mark_pulled(image, now, who)
            facts = ("Pulled", f'Successfully pulled image "{image}"', "Normal")
        else:
            engine.images.mark_failed(image, now, error.reason, error.message, who)
            facts = ("Failed", f'Failed to pull image "{image}": {error}', "Warning")
            if isinstance(error, UnreachableError):
                self._lose(engine, error, now)
        for key in sorted(waiting):
            pod = self.manager.view.get(key)
            if pod is not None:
                decision.tell(pod, facts[0], facts[1], KUBELET, facts[2])
                self.manager.look_at(Work.KUBELET, key)
        self.manager.tell(decision)

    def _learn_answer(self, engine: Engine, news: Probed, now: float) -> None:
        """Of a probe. Only an answer that changes a verdict makes anybody look at the pod."""
        plan = news.plan
        is_wanted = engine.prober.answered(plan)
        if isinstance(news.error, UnreachableError):
            self._lose(engine, news.error, now)
        pod = self.manager.view.by_uid(news.uid)
        if not is_wanted or pod is None:
            return
        if (problem := probe_problem(plan.kind, news.checked, news.error)) is not None:
            decision = Decision()
            decision.tell(pod, *problem, KUBELET, "Warning")
            self.manager.tell(decision)
        if news.checked is None:
            return
        memo = engine.memos.get(news.uid, PodMemo())
        before = memo.probes.get(plan.key)
        memo = engine.memos[news.uid] = memo.answered(plan, news.checked.ok)
        if memo.probes[plan.key].verdict is not (before.verdict if before else None):
            self.manager.look_at(Work.KUBELET, key_of(pod))

    def _learn_hook(self, engine: Engine, news: Hooked, now: float) -> None:
        hook = news.hook
        engine.hooking.discard((hook.container_id, hook.kind))
        if isinstance(news.error, UnreachableError):
            self._lose(engine, news.error, now)
        elif news.error is not None and not news.failed:
            self._cooling[news.uid] = now + COOL_SECONDS
        else:
            memo = engine.memos.get(news.uid, PodMemo())
            key = hook.container_id, hook.kind
            engine.memos[news.uid] = memo.hook_ended(key, now, failed=news.failed)
            pod = self.manager.view.get(news.key)
            if news.failed and pod is not None:
                decision = Decision()
                decision.tell(pod, *FAILED_HOOK[hook.kind], KUBELET, "Warning")
                self.manager.tell(decision)
        self.manager.look_at(Work.KUBELET, news.key)

    def _learn_traffic(self, engine: Engine, news: Told | HostsWritten | Resolved, now: float) -> None:
        match news:
            case HostsWritten():
                self._hosts.learn(news)
            case Resolved():
                self._learn_names(news, now)
            case Told():
                self._learn_told(engine, news, now)

    def _learn_told(self, engine: Engine, news: Told, now: float) -> None:
        if isinstance(news.error, UnreachableError):
            self._lose(engine, news.error, now)
        elif news.error is not None:
            self._tell_unprogrammed(news.uid, news.error)
        for key in (news.key, *self._proxies.learn(engine, news, now)):
            self.manager.look_at(Work.KUBELET, key)

    def _learn_names(self, news: Resolved, now: float) -> None:
        changed, decision = self._external.learn(news, self.manager.view, now)
        self.manager.tell(decision)
        if changed:
            self._hosts.resolved = self._external.addresses
            self.manager.names_changed()

    def _tell_unprogrammed(self, uid: str, error: BackendError) -> None:
        pod = self.manager.view.by_uid(uid)
        if pod is not None:
            decision = Decision()
            decision.tell(pod, "FailedToTell", f"Error: {brief(error)}", KUBELET, "Warning")
            self.manager.tell(decision)

    def _learn_other(self, engine: Engine, news: Measured | VolumeRemoved, now: float) -> None:
        if isinstance(news.error, UnreachableError):
            self._lose(engine, news.error, now)
        if isinstance(news, Measured):
            self.manager.learn_usage(self._usages.learn(news))
        else:
            self._learn_removal(news, now)

    def _learn_removal(self, news: VolumeRemoved, now: float) -> None:
        self._removals.learn(news, now)
        if news.error is None:
            decision = Decision()
            decision.remove(news.key)
            self.manager.take(Work.KUBELET, news.key, decision)

    def _engine_labelled(self, label: str) -> Engine | None:
        nodes = self.manager.view.list("Node")
        found = (self.engine_of.get(name_of(node)) for node in nodes if engine_of(node) == label)
        return next(found, None)

    def _learn_looks(self, engine: Engine, news: Looked, now: float) -> None:
        engine.looking = False
        if isinstance(news.error, UnreachableError):
            self._lose(engine, news.error, now)
        elif news.error is not None:  # what was not looked at for it is in the list, soon
            engine.next_list = min(engine.next_list, now + RETRY_SECONDS)
        for container_id, container in news.containers.items():
            if not engine.is_newer(container_id, news.serial):
                uid = engine.learn(container_id, container)
                if uid is not None:
                    self._look_at_pod(uid)

    def _learn_cleared(self, engine: Engine, news: Cleared, now: float) -> None:
        engine.clearing.clear()
        for container_id in news.removed:
            engine.learn(container_id, None)
        if isinstance(news.error, UnreachableError):
            self._lose(engine, news.error, now)

    def _look_at_pod(self, uid: str) -> None:
        pod = self.manager.view.by_uid(uid)
        if pod is not None:
            self.manager.look_at(Work.KUBELET, key_of(pod))

    def _look_at_pods_of(self, engine: Engine) -> None:
        for config in engine.nodes:
            for pod in self.manager.view.pods_on(config.name):
                self.manager.look_at(Work.KUBELET, key_of(pod))

    # --- engines that come and go

    def _lose(self, engine: Engine, error: BackendError, now: float) -> None:
        """Unknown, from now on: nothing is decided about its pods until it answers."""
        engine.next_list = now + RETRY_SECONDS
        engine.next_introduction = now + RETRY_SECONDS
        engine.trouble = str(error)
        if engine.answers:
            engine.answers = False
            self._say(f"{engine.name}: lost: {error}")

    def _regain(self, engine: Engine, now: float) -> None:
        if not engine.answers:
            engine.answers = True
            engine.trouble = ""
            engine.info = None  # it may have come back as another version
            engine.next_introduction = now
            self._say(f"{engine.name}: answers again")
            self._look_at_pods_of(engine)


def _learn_hint(engine: Engine, event: EngineEvent, now: float) -> None:
    if not event.container_id:
        engine.next_list = now
    else:
        engine.hint(event.container_id, event.action)
