"""The kubelets of all engines: what they learn, what they ask, and what they are told to do.

Rules:
- Every question to an engine is a job for the executor; every answer comes back as news.
- What an engine does not say is not known: nothing is decided about the pods of one that does not answer.
- One pod's actions are under way at most once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from minikctl.agent import hosts, jobs
from minikctl.agent.engine import RESYNC_SECONDS, RETRY_SECONDS, Engine
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
    News,
    Outcome,
    Probed,
    Pulled,
    Told,
    VolumeRemoved,
)
from minikctl.agent.proxies import Proxies
from minikctl.agent.removals import Removals
from minikctl.backend import Container, EngineEvent, EngineInfo
from minikctl.controlplane import node as nodes
from minikctl.controlplane.claims import engine_of
from minikctl.controlplane.decision import Decision, Ids
from minikctl.controlplane.kubelet import (
    Action,
    InspectContainer,
    NodeFacts,
    PodMemo,
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
    absorb,
    sync_pod,
)
from minikctl.controlplane.kubelet.hooks import HookKind
from minikctl.controlplane.kubelet.memo import IMAGE_NOT_FOUND
from minikctl.controlplane.kubelet.probes import probe_problem
from minikctl.controlplane.kubelet.seal import identity
from minikctl.controlplane.manager import Manager, Work
from minikctl.controlplane.names import service_environment
from minikctl.controlplane.node import NodeConfig
from minikctl.controlplane.podcontrol import ended
from minikctl.errors import BackendError, TemporaryError, UnreachableError
from minikctl.model import (
    Object,
    ObjectKey,
    is_deleting,
    key_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.store import Store

COOL_SECONDS = 1.0
"""How long a pod rests after an engine refused to stop or remove something of it."""
KUBELET = "kubelet"
FAILED_HOOK = {
    HookKind.POST_START: ("FailedPostStartHook", "PostStartHook failed"),
    HookKind.PRE_STOP: ("FailedPreStopHook", "PreStopHook failed"),
}


class Kubelets:
    """Shared by the loop and its manager: the manager asks `sync` about each pod."""

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
            engine.listed = False
            engine.next_list = now

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
            case Told() | HostsWritten():
                self._learn_traffic(self.engines[news.engine], news, now)
            case VolumeRemoved():
                self._learn_removal(self.engines[news.engine], news, now)
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
        self._forget_pods(engine)

    def _forget_pods(self, engine: Engine) -> None:
        """What is remembered of pods that neither the store nor the engine has."""
        for uid in [uid for uid in engine.memos if not engine.of_pod(uid)]:
            if self.manager.view.by_uid(uid) is None:
                del engine.memos[uid]
                engine.prober.forget(uid)
                self._cooling.pop(uid, None)

    def _learn_introduction(self, engine: Engine, news: Introduced, now: float) -> None:
        engine.introducing = False
        if news.info is None:
            if news.error is not None:
                self._lose(engine, news.error, now)
            return
        engine.info = news.info

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

    def _learn_traffic(self, engine: Engine, news: Told | HostsWritten, now: float) -> None:
        if isinstance(news, HostsWritten):
            self._hosts.learn(news)
            return
        if isinstance(news.error, UnreachableError):
            self._lose(engine, news.error, now)
        elif news.error is not None:
            self._tell_unprogrammed(news)
        for key in self._proxies.learn(engine, news, now):
            self.manager.look_at(Work.KUBELET, key)

    def _tell_unprogrammed(self, news: Told) -> None:
        pod = self.manager.view.get(news.key)
        if pod is not None:
            decision = Decision()
            decision.tell(pod, "FailedToTell", f"Error: {news.error}", KUBELET, "Warning")
            self.manager.tell(decision)

    def _learn_removal(self, engine: Engine, news: VolumeRemoved, now: float) -> None:
        self._removals.learn(news, now)
        if isinstance(news.error, UnreachableError):
            self._lose(engine, news.error, now)
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

    def keep_nodes(self, now: float) -> None:
        """Every node is registered, and Ready exactly while its engine answers."""
        for engine in self.engines.values():
            for config in engine.nodes:
                existing = self.manager.view.get(ObjectKey("Node", "", config.name))
                node = self._node(engine, config, existing, now)
                if node is not None and node != existing:
                    self.manager.take(Work.KUBELET, key_of(node), _putting(node))

    def _node(self, engine: Engine, config: NodeConfig, existing: Object | None, now: float) -> Object | None:
        if not engine.answers:
            return existing and nodes.unreachable(existing, engine.trouble, now)
        if engine.info is None:
            return existing
        shares = len(engine.nodes)
        return nodes.registered(config, engine.info, shares, existing, self._ids.uid, now)

    def ask(self, now: float) -> None:
        for engine in self.engines.values():
            name, backend = engine.name, engine.backend
            if not engine.listing and engine.next_list <= now:
                engine.listing = True
                engine.next_list = now + RESYNC_SECONDS
                serial = engine.next_serial()
                self._executor.submit(f"{name}:look", self._listing(engine, serial))
            if engine.info is None and not engine.introducing and engine.next_introduction <= now:
                engine.introducing = True
                self._executor.submit(f"{name}:act", partial(jobs.introduce, name, backend))
            ids = [one for one in sorted(engine.hinted) if not self._is_busy(engine, one)]
            if ids and engine.answers and not engine.looking:
                engine.looking = True
                engine.hinted.difference_update(ids)
                serial = engine.next_serial()
                self._executor.submit(f"{name}:look", partial(jobs.look, name, backend, serial, ids))

    def _is_busy(self, engine: Engine, container_id: str) -> bool:
        """Its pod's own actions are under way: their results say more than a look now would."""
        container = engine.get(container_id)
        if container is None:
            return bool(engine.busy)
        return any(container_id == one.id for uid in engine.busy for one in engine.of_pod(uid))

    def clear_orphans(self) -> None:
        """Sealed containers of pods that the store does not have: what a crash left behind.

        Only after the store was read in the same step: an empty view must never make everything an orphan.
        """
        for engine in self.engines.values():
            if engine.uncleared:
                engine.uncleared = False
                self._clear(engine)

    def _clear(self, engine: Engine) -> None:
        orphans = [
            one.id
            for uid in engine.pods()
            if uid not in engine.busy and self.manager.view.by_uid(uid) is None
            for one in _sandboxes_last(engine, uid)
        ]
        files = [uid for uid in sorted(engine.with_files) if self._is_forgotten(uid, engine)]
        if (orphans or files) and not engine.clearing:
            engine.clearing.update(orphans, files)
            job = partial(jobs.clear, engine.name, engine.backend, orphans, engine.volumes, files)
            self._executor.submit(f"{engine.name}:act", job)

    def _is_forgotten(self, uid: str, engine: Engine) -> bool:
        """Whether nobody needs a pod's files: it is not stored, and runs on no engine any more."""
        others = (one for one in self.engines.values() if one is not engine)
        return (
            self.manager.view.by_uid(uid) is None
            and uid not in engine.busy
            and all(one.listed and one.answers and not one.of_pod(uid) for one in others)
        )

    def _listing(self, engine: Engine, serial: int) -> Callable[[], News]:
        return partial(jobs.list_containers, engine.name, engine.backend, serial, engine.volumes)

    # --- one pod

    def sync(self, pod: Object) -> Decision:
        engine = self.engine_of.get(spec_of(pod).get("nodeName", ""))
        if engine is None or not engine.listed or not engine.answers or engine.info is None:
            return Decision()
        uid, now = uid_of(pod), self._now()
        if is_deleting(pod) and (moment := self._proxies.holds(pod, now)) is not None:
            return Decision(look_again=moment)
        self._proxies.seen(engine, pod)
        self._hosts.seen(engine, pod, self.manager.view, self.manager.names_serial)
        node = self.manager.view.get(ObjectKey("Node", "", spec_of(pod)["nodeName"]))
        allocatable = status_of(node).get("allocatable") or {} if node is not None else {}
        sync = sync_pod(
            pod,
            engine.of_pod(uid),
            engine.memos.get(uid, PodMemo()),
            engine.images,
            _facts(engine, engine.info, allocatable),
            now,
            cluster_id=self._store.cluster_id,
            seal_key=self._store.seal_key,
            find=self.manager.view.get,
            links=self._links(pod),
        )
        engine.memos[uid] = sync.memo
        engine.prober.keep(uid, sync.probes, now)
        resting = self._cooling.get(uid, 0.0)
        if uid in engine.busy:
            return sync.decision
        if resting > now:
            sync.decision.look_at(resting)
            return sync.decision
        self._cooling.pop(uid, None)
        if sync.is_gone and (held := ended(pod)) is not None:
            sync.decision.put(held)
        elif sync.is_gone:
            sync.decision.remove(key_of(pod))
            engine.memos.pop(uid, None)
            engine.prober.forget(uid)
            self._proxies.gone(pod)
            self._hosts.gone(pod)
        self._actions.pop(uid, None)
        if sync.actions:
            self._actions[uid] = (engine, key_of(pod), sync.actions)
        return sync.decision

    def _links(self, pod: Object) -> dict[str, str]:
        """Only asked for where a container may be made."""
        if is_deleting(pod) or not spec_of(pod).get("enableServiceLinks", True):
            return {}
        return service_environment(self.manager.view, namespace_of(pod))

    def forget_actions(self, touched: Iterable[ObjectKey]) -> None:
        keys = set(touched)
        for uid in [uid for uid, (_, key, _) in self._actions.items() if key in keys]:
            del self._actions[uid]

    # --- act

    def act(self, now: float) -> None:
        actions, self._actions = self._actions, {}
        for uid, (engine, key, todo) in actions.items():
            others: list[Action] = []
            for action in todo:
                match action:
                    case PullImage():
                        self._pull(engine, key, action)
                    case RunHook():
                        self._run_hook(engine, uid, key, action)
                    case _:
                        others.append(action)
            if others:
                engine.busy.add(uid)
                self._executor.submit(f"{engine.name}:act", self._job(engine, uid, key, others))
        for engine in self.engines.values():
            self._probe(engine, now)
        self._removals.act(self._engine_labelled, now)
        self._proxies.act(now)
        self._hosts.act()

    def _job(self, engine: Engine, uid: str, key: ObjectKey, actions: list[Action]) -> Callable[[], News]:
        todo = hosts.mounted(engine, uid, actions)
        job = partial(jobs.act, engine.name, engine.backend, uid, key, todo, engine.volumes)
        pod = self.manager.view.by_uid(uid)
        if pod is None:
            return job
        text = self._hosts.text(pod, self.manager.view, self.manager.names_serial)
        return hosts.with_file(engine, uid, todo, text, job)

    def _probe(self, engine: Engine, now: float) -> None:
        """Nobody asks through an engine that does not answer."""
        if not engine.answers:
            return
        for due in engine.prober.take_due(now):
            job = partial(jobs.probe, engine.name, engine.backend, due.uid, due.plan)
            self._executor.submit(f"{engine.name}:probe", job)

    def _run_hook(self, engine: Engine, uid: str, key: ObjectKey, hook: RunHook) -> None:
        if (hook.container_id, hook.kind) not in engine.hooking:
            engine.hooking.add((hook.container_id, hook.kind))
            job = partial(jobs.run_hook, engine.name, engine.backend, uid, key, hook)
            self._executor.submit(f"{engine.name}:hook", job)

    def _pull(self, engine: Engine, key: ObjectKey, wanted: PullImage) -> None:
        """One pull for all pods that want the image, and come with the same credentials."""
        self._wanted.setdefault((engine.name, wanted.image, wanted.who), set()).add(key)
        if not engine.images.get(wanted.image, wanted.who).pulling:
            engine.images.mark_pulling(wanted.image, wanted.who)
            job = partial(jobs.pull, engine.name, engine.backend, wanted)
            self._executor.submit(f"{engine.name}:pull", job)

    # --- what the loop asks

    def know_engines(self) -> bool:
        """Before that, deciding would only say what the next moment proves wrong ("no nodes available")."""
        return all(
            not engine.answers or (engine.listed and engine.info is not None)
            for engine in self.engines.values()
        )

    def next_moment(self) -> float | None:
        """When an engine is to be asked next, if nothing happens before."""
        moments = [engine.next_list for engine in self.engines.values() if not engine.listing]
        moments += [
            engine.next_introduction
            for engine in self.engines.values()
            if engine.info is None and not engine.introducing
        ]
        probes = (one.prober.next_due() for one in self.engines.values() if one.answers)
        moments += [moment for moment in probes if moment is not None]
        for retry in (self._proxies.next_moment(), self._removals.next_moment()):
            if retry is not None:
                moments.append(retry)
        return min(moments, default=None)

    def is_idle(self) -> bool:
        """Nothing is under way and nothing is waited for but time and news."""
        return all(
            engine.listed
            and not (engine.busy or engine.clearing or engine.listing or engine.looking or engine.hinted)
            and not engine.hooking
            and engine.images.is_idle()
            for engine in self.engines.values()
        ) and (self._proxies.is_idle() and self._hosts.is_idle() and self._removals.is_idle())


def _learn_hint(engine: Engine, event: EngineEvent, now: float) -> None:
    if not event.container_id:
        engine.next_list = now
    elif not engine.expects(event):
        engine.hinted.add(event.container_id)


def _facts(engine: Engine, info: EngineInfo, allocatable: Mapping[str, str]) -> NodeFacts:
    return NodeFacts(
        info.name,
        info.host_ip,
        allocatable,
        engine.volumes.keeps_files,
        info.memory_bytes,
        info.rootless,
    )


def _putting(obj: Object) -> Decision:
    decision = Decision()
    decision.put(obj)
    return decision


def _sandboxes_last(engine: Engine, uid: str) -> list[Container]:
    return sorted(engine.of_pod(uid), key=lambda one: identity(one).is_sandbox)
