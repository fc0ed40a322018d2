"""The loop. Every step does the same four things:

- learn: what engines answered, what others wrote to the store, what people changed in desired/;
- decide: run the controllers to rest, pure and in memory;
- commit: all writes of the pass at once; if somebody was faster, learn again and decide anew;
- act: hand each pod's actions to a worker. Their results are the next step's news.

It does no I/O of its own but the store's, starts no thread, and never waits: whoever runs it does. So the
same class runs in a command, in the agent, and under a simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from minikctl.agent import jobs
from minikctl.agent.engine import RESYNC_SECONDS, RETRY_SECONDS, Engine
from minikctl.agent.ports import (
    Acted,
    Cleared,
    Executor,
    Hinted,
    Introduced,
    Listed,
    Looked,
    News,
    Outcome,
    Pulled,
    Woken,
)
from minikctl.agent.recorder import Recorder, expired
from minikctl.api import Api
from minikctl.backend import Container
from minikctl.controlplane import node as nodes
from minikctl.controlplane.decision import Decision, Ids
from minikctl.controlplane.kubelet import (
    Action,
    InspectContainer,
    NodeFacts,
    PodMemo,
    PullImage,
    RemoveContainer,
    RunContainer,
    RunSandbox,
    SignalContainer,
    StartContainer,
    absorb,
    sync_pod,
)
from minikctl.controlplane.kubelet.memo import IMAGE_NOT_FOUND
from minikctl.controlplane.kubelet.seal import identity
from minikctl.controlplane.manager import Manager, Work
from minikctl.controlplane.node import NodeConfig
from minikctl.controlplane.recovery import recover
from minikctl.errors import BackendError, Conflict, RevisionExpired, StoreError, UnreachableError
from minikctl.model import Object, ObjectKey, key_of, name_of, spec_of, uid_of
from minikctl.model.kinds import KINDS
from minikctl.model.writes import Put, Write

LOOK_AT_FILES_SECONDS = 1.0
EXPIRE_EVENTS_SECONDS = 300.0
STORE_RETRY_SECONDS = 1.0
COOL_SECONDS = 1.0
"""How long a pod rests after an engine refused to stop or remove something of it."""
KUBELET = "kubelet"


class Loop:
    """One control plane over one store and its engines. Make a new one after a crash; nothing is lost."""

    def __init__(
        self,
        api: Api,
        engines: Sequence[Engine],
        executor: Executor,
        ids: Ids,
        *,
        say: Callable[[str], None] = lambda text: None,
        confirm_deletions: bool = False,
    ) -> None:
        self.api = api
        self.engines = {engine.name: engine for engine in engines}
        self.manager = Manager(ids, self._sync)
        self.changed = False
        """Whether the last step committed something or saw something new in the store."""
        self._store = api.store
        self._clock = api.clock
        self._executor = executor
        self._ids = ids
        self._say = say
        self._confirm_deletions = confirm_deletions
        self._recorder = Recorder(ids)
        self._engine_of = {config.name: engine for engine in engines for config in engine.nodes}
        self._revision = -1
        self._stamp: object = None
        self._actions: dict[str, tuple[Engine, ObjectKey, list[Action]]] = {}
        self._cooling: dict[str, float] = {}
        self._wanted: dict[tuple[str, str], set[ObjectKey]] = {}
        """Pods that wait for an image to be pulled, by engine and image."""
        self._next_files = 0.0
        self._next_expiry = self._clock.now() + EXPIRE_EVENTS_SECONDS
        self._said: set[str] = set()

    def start(self) -> None:
        """Begins to follow the engines. Call once, before the first step."""
        for engine in self.engines.values():
            self._executor.watch(engine.name)

    def step(self, news: Iterable[News] = ()) -> float:
        """One turn. Returns the moment (seconds since the epoch) at which the next is due without news."""
        now = self._clock.now()
        self.changed = False
        for one in news:
            self._learn(one, now)
        try:
            self._look_at_files(now)
            self._look_at_store()
            self._ask_engines(now)
            if self._knows_engines() and self._has_recovered(now):
                self._decide_and_commit(now)
                self._act(now)
        except StoreError as error:
            return self._start_over(error, now)
        return self._next_step(now)

    def _start_over(self, error: StoreError, now: float) -> float:
        """The store failed (a full disk, say): nothing is known of what it holds. Read it anew, later."""
        self._say(str(error))
        self.manager = Manager(self._ids, self._sync)
        self._recorder = Recorder(self._ids)
        self._actions.clear()
        self._revision = -1
        self._stamp = None
        return now + STORE_RETRY_SECONDS

    # --- learn

    def _learn(self, news: News, now: float) -> None:
        match news:
            case Listed():
                self._learn_list(self.engines[news.engine], news, now)
            case Introduced():
                self._learn_introduction(self.engines[news.engine], news, now)
            case Acted():
                self._learn_outcomes(self.engines[news.engine], news, now)
            case Pulled():
                self._learn_pull(self.engines[news.engine], news, now)
            case Looked():
                self._learn_looks(self.engines[news.engine], news, now)
            case Cleared():
                self._learn_cleared(self.engines[news.engine], news, now)
            case Hinted(name, event):
                engine = self.engines[name]
                if not event.container_id:
                    engine.next_list = now
                elif not engine.expects(event):
                    engine.hinted.add(event.container_id)
            case Woken():
                self._next_files = now

    def _learn_list(self, engine: Engine, news: Listed, now: float) -> None:
        engine.listing = False
        if news.error is not None:
            self._lose(engine, news.error, now)
            return
        first = not engine.listed
        self._regain(engine, now)
        engine.next_list = max(engine.next_list, now + RESYNC_SECONDS) if engine.next_list != now else now
        for uid in engine.learn_list(news.serial, news.containers):
            self._look_at_pod(uid)
        if first:
            self._look_at_pods_of(engine)
        self._clear_orphans(engine)

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
        match action:
            case RemoveContainer(container_id) if error is None:
                engine.learn(container_id, None)
            case InspectContainer(container_id) if error is None and container is None:
                engine.learn(container_id, None)
            case RunContainer(spec=spec) if error is not None and error.reason == IMAGE_NOT_FOUND:
                engine.images.mark_missing(spec.image)
            case SignalContainer() | RemoveContainer() | InspectContainer() if error is not None:
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
            case RunContainer() | StartContainer() | RunSandbox() if outcome.error is not None:
                if outcome.error.reason != IMAGE_NOT_FOUND:
                    decision.tell(pod, "Failed", f"Error: {outcome.error}", KUBELET, "Warning")
        self.manager.tell(decision)

    def _learn_pull(self, engine: Engine, news: Pulled, now: float) -> None:
        decision = Decision()
        waiting = self._wanted.pop((engine.name, news.image), set())
        if news.error is None:
            engine.images.mark_pulled(news.image, now)
            facts = ("Pulled", f'Successfully pulled image "{news.image}"', "Normal")
        else:
            engine.images.mark_failed(news.image, now, news.error.reason, news.error.message)
            facts = ("Failed", f'Failed to pull image "{news.image}": {news.error}', "Warning")
            if isinstance(news.error, UnreachableError):
                self._lose(engine, news.error, now)
        for key in sorted(waiting):
            pod = self.manager.view.get(key)
            if pod is not None:
                decision.tell(pod, facts[0], facts[1], KUBELET, facts[2])
                self.manager.look_at(Work.KUBELET, key)
        self.manager.tell(decision)

    def _learn_looks(self, engine: Engine, news: Looked, now: float) -> None:
        engine.looking = False
        if news.error is not None:
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
        if engine.answers and isinstance(error, UnreachableError):
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

    def _keep_nodes(self, now: float) -> None:
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

    def _ask_engines(self, now: float) -> None:
        for engine in self.engines.values():
            name, backend = engine.name, engine.backend
            if not engine.listing and engine.next_list <= now:
                engine.listing = True
                engine.next_list = now + RESYNC_SECONDS
                serial = engine.next_serial()
                self._executor.submit(f"{name}:look", partial(jobs.list_containers, name, backend, serial))
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

    def _clear_orphans(self, engine: Engine) -> None:
        """Sealed containers of pods that the store does not have: what a crash left behind."""
        if self._store.needs_recovery:
            return
        orphans = [
            one.id
            for uid in engine.pods()
            if uid not in engine.busy and self.manager.view.by_uid(uid) is None
            for one in _sandboxes_last(engine, uid)
        ]
        if orphans and not engine.clearing:
            engine.clearing.update(orphans)
            job = partial(jobs.clear, engine.name, engine.backend, orphans)
            self._executor.submit(f"{engine.name}:act", job)

    # --- the store and the files

    def _look_at_files(self, now: float) -> None:
        if now < self._next_files:
            return
        self._next_files = now + LOOK_AT_FILES_SECONDS
        problems = {str(one) for one in self.api.absorb(confirm_deletions=self._confirm_deletions)}
        for problem in sorted(problems - self._said):
            self._say(problem)
        self._said = problems

    def _look_at_store(self) -> None:
        stamp = self._store.stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        if self._revision < 0:
            self._load_all()
            return
        try:
            changes = self._store.changes(self._revision)
        except RevisionExpired:
            self._load_all()
            return
        self._revision = changes.revision
        if changes.changed or changes.removed:
            self.changed = True
        self.manager.load(obj for obj in changes.changed if obj["kind"] != "Event")
        self.manager.unload(changes.removed)

    def _load_all(self) -> None:
        self._revision = self._store.revision()
        objects = [obj for kind in KINDS if kind != "Event" for obj in self._store.list(kind)]
        present = {key_of(obj) for obj in objects}
        self.manager.unload([key for key in map(key_of, self.manager.view) if key not in present])
        self.manager.load(objects)
        self._remove_undeclared_nodes()
        self.changed = True

    def _remove_undeclared_nodes(self) -> None:
        """cluster.yaml is what says which nodes there are."""
        for node in self.manager.view.list("Node"):
            if name_of(node) not in self._engine_of:
                decision = Decision()
                decision.remove(key_of(node), node["metadata"]["resourceVersion"])
                self.manager.take(Work.KUBELET, key_of(node), decision)

    def _has_recovered(self, now: float) -> bool:
        """After state.db was lost nothing is decided before every engine said what runs there."""
        if not self._store.needs_recovery:
            return True
        if not all(engine.listed for engine in self.engines.values()):
            return False
        containers = [one for engine in self.engines.values() for one in engine.all()]
        found = recover(containers, self.manager.view, now)
        try:
            self._store.commit([Put(obj) for obj in found])
        except Conflict:
            self._next_files = now
            return False
        self._store.finish_recovery()
        self._stamp = None
        self._look_at_store()
        if found:
            self._say(f"state.db was lost: {len(found)} objects known again from what runs")
        for engine in self.engines.values():
            self._clear_orphans(engine)
        return True

    # --- decide and commit

    def _sync(self, pod: Object) -> Decision:
        engine = self._engine_of.get(spec_of(pod).get("nodeName", ""))
        if engine is None or not engine.listed or not engine.answers or engine.info is None:
            return Decision()
        uid, now = uid_of(pod), self._clock.now()
        sync = sync_pod(
            pod,
            engine.of_pod(uid),
            engine.memos.get(uid, PodMemo()),
            engine.images,
            NodeFacts(engine.info.name, engine.info.host_ip),
            now,
            cluster_id=self._store.cluster_id,
            seal_key=self._store.seal_key,
        )
        engine.memos[uid] = sync.memo
        resting = self._cooling.get(uid, 0.0)
        if uid in engine.busy:
            return sync.decision
        if resting > now:
            sync.decision.look_at(resting)
            return sync.decision
        self._cooling.pop(uid, None)
        if sync.is_gone:
            sync.decision.remove(key_of(pod))
            engine.memos.pop(uid, None)
        self._actions.pop(uid, None)
        if sync.actions:
            self._actions[uid] = (engine, key_of(pod), sync.actions)
        return sync.decision

    def _decide_and_commit(self, now: float) -> None:
        while True:
            self._keep_nodes(now)
            plan = self.manager.run(now)
            writes = [*plan.writes, *self._recorder.writes(plan.happenings, now)]
            if now >= self._next_expiry:
                self._next_expiry = now + EXPIRE_EVENTS_SECONDS
                writes.extend(expired(self._store.list("Event"), now))
            if not writes:
                return
            if self._commit(writes):
                return

    def _commit(self, writes: Sequence[Write]) -> bool:
        try:
            stored = self._store.commit(writes)
        except Conflict:
            self._recorder.rejected()
            touched = self.manager.touched()
            self._forget_actions(touched)
            self.manager.rejected({key: self._store.get(key) for key in touched})
            self._stamp = None
            self._look_at_store()
            return False
        self.changed = True
        self.manager.committed(obj for obj in stored if obj["kind"] != "Event")
        self._recorder.committed(stored)
        stamp = self._store.stamp()
        if self._store.revision() == self._revision + len(writes):
            self._revision += len(writes)
            self._stamp = stamp
        return True

    def _forget_actions(self, touched: Iterable[ObjectKey]) -> None:
        keys = set(touched)
        for uid in [uid for uid, (_, key, _) in self._actions.items() if key in keys]:
            del self._actions[uid]

    # --- act

    def _act(self, now: float) -> None:
        actions, self._actions = self._actions, {}
        for uid, (engine, key, todo) in actions.items():
            pulls = [one for one in todo if isinstance(one, PullImage)]
            others = [one for one in todo if not isinstance(one, PullImage)]
            for action in pulls:
                self._pull(engine, key, action.image)
            if others:
                engine.busy.add(uid)
                job = partial(jobs.act, engine.name, engine.backend, uid, key, others)
                self._executor.submit(f"{engine.name}:act", job)

    def _pull(self, engine: Engine, key: ObjectKey, image: str) -> None:
        """One pull for all pods that want the image."""
        self._wanted.setdefault((engine.name, image), set()).add(key)
        if not engine.images.get(image).pulling:
            engine.images.mark_pulling(image)
            job = partial(jobs.pull, engine.name, engine.backend, image)
            self._executor.submit(f"{engine.name}:pull", job)

    # ---

    def _next_step(self, now: float) -> float:
        moments = [self._next_files, self.manager.next_timer()]
        for engine in self.engines.values():
            if not engine.listing:
                moments.append(engine.next_list)
            if engine.info is None and not engine.introducing:
                moments.append(engine.next_introduction)
        return max(now, min(moment for moment in moments if moment is not None))

    def has_looked(self) -> bool:
        """Every engine said what runs, or does not answer; statuses in the store are of now."""
        return self._knows_engines() and not self._store.needs_recovery

    def _knows_engines(self) -> bool:
        """Before that, deciding would only say what the next moment proves wrong ("no nodes available")."""
        return all(
            not engine.answers or (engine.listed and engine.info is not None)
            for engine in self.engines.values()
        )

    def is_idle(self) -> bool:
        """Nothing is under way and nothing is waited for but time and news."""
        return all(
            engine.listed
            and not (engine.busy or engine.clearing or engine.listing or engine.looking or engine.hinted)
            and engine.images.is_idle()
            for engine in self.engines.values()
        )


def _putting(obj: Object) -> Decision:
    decision = Decision()
    decision.put(obj)
    return decision


def _sandboxes_last(engine: Engine, uid: str) -> list[Container]:
    return sorted(engine.of_pod(uid), key=lambda one: identity(one).is_sandbox)
