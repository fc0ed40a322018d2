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

from minikctl.agent.engine import Engine
from minikctl.agent.kubelets import Kubelets
from minikctl.agent.ports import Executor, News, Woken
from minikctl.agent.recorder import Recorder, expired
from minikctl.api import Api
from minikctl.api.results import Deletions
from minikctl.controlplane.concerns import Work
from minikctl.controlplane.decision import Decision, Ids
from minikctl.controlplane.manager import Manager
from minikctl.errors import Conflict, RevisionExpired, StoreError
from minikctl.model import is_deleting, key_of, name_of
from minikctl.model.claims import as_asked, needs_file
from minikctl.model.kinds import KINDS
from minikctl.model.writes import Put, Write

LOOK_AT_FILES_SECONDS = 1.0
EXPIRE_EVENTS_SECONDS = 300.0
STORE_RETRY_SECONDS = 1.0


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
        kubelets: type[Kubelets] = Kubelets,
    ) -> None:
        self.api = api
        self.kubelets = kubelets(engines, api.store, executor, ids, api.clock.now, say)
        self.changed = False
        """Whether the last step committed something or saw something new in the store."""
        self.store_failures = 0
        """How many steps in a row the store could not be read or written; `store_error` says why."""
        self.store_error: StoreError | None = None
        self._store = api.store
        self._clock = api.clock
        self._ids = ids
        self._say = say
        self._deletions = Deletions.CONFIRMED if confirm_deletions else Deletions.OBEYED
        self._recorder = Recorder(ids)
        self._revision = -1
        self._stamp: object = None
        self._next_files = 0.0
        self._next_expiry = self._clock.now() + EXPIRE_EVENTS_SECONDS
        self._said: set[str] = set()

    @property
    def manager(self) -> Manager:
        return self.kubelets.manager

    def take_over(self) -> None:
        """Goes on with the back-offs of the agent before. Call before the first step; a command does not: who
        types it wants a try at once."""
        from minikctl.controlplane.kubelet.pull_history import failed_pulls

        failed = failed_pulls(self._store.list("Event"), self._clock.now())
        for engine in self.kubelets.engines.values():
            engine.images.failed_before = failed

    def start(self) -> None:
        """Begins to follow the engines. Call once, before the first step."""
        self.kubelets.watch()

    def step(self, news: Iterable[News] = ()) -> float:
        """One turn. Returns the moment (seconds since the epoch) at which the next is due without news."""
        now = self._clock.now()
        self.changed = False
        for one in news:
            if isinstance(one, Woken):
                self._next_files = now
            else:
                self.kubelets.learn(one, now)
        try:
            self._look_at_files(now)
            self._look_at_store()
            self.kubelets.ask(now)
            if self.kubelets.know_engines() and self._has_recovered(now):
                self.kubelets.clear_orphans()  # before anybody takes a name that one of them still has
                self._decide_and_commit(now)
                self.kubelets.act(now)
            self.store_failures = 0
        except StoreError as error:
            return self._start_over(error, now)
        return self._next_step(now)

    def _start_over(self, error: StoreError, now: float) -> float:
        """The store failed (a full disk, say): nothing is known of what it holds. Read it anew, later."""
        self._say(str(error))
        self._forget_store()
        self._next_files = now  # perhaps they were not taken over: before that nothing may be recovered
        self.store_failures += 1
        self.store_error = error
        return now + STORE_RETRY_SECONDS

    def _forget_store(self) -> None:
        self.kubelets.start_over()
        self._recorder = Recorder(self._ids)
        self._revision = -1
        self._stamp = None

    # --- the store and the files

    def _look_at_files(self, now: float) -> None:
        if now < self._next_files:
            return
        self._next_files = now + LOOK_AT_FILES_SECONDS
        if self._store.reopen_if_lost():
            self._forget_store()
            self.kubelets.list_anew(now)  # the pods are made again from what runs
        problems = {str(one) for one in self.api.absorb(self._deletions)}
        self._deletions = Deletions.OBEYED  # what vanishes later is another matter
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
            if name_of(node) not in self.kubelets.engine_of:
                decision = Decision()
                decision.remove(key_of(node), node["metadata"]["resourceVersion"])
                self.manager.take(Work.KUBELET, key_of(node), decision)

    def _has_recovered(self, now: float) -> bool:
        """After state.db was lost nothing is decided before every engine said what runs there."""
        if not self._store.needs_recovery:
            return True
        engines = self.kubelets.engines.values()
        if not all(engine.listed and engine.info is not None and not engine.busy for engine in engines):
            return False
        claimed = self.kubelets.claimed()
        if claimed is None:
            return False
        containers = [one for engine in engines for one in engine.all()]
        from minikctl.controlplane.recovery import recover
        from minikctl.controlplane.recovery_claims import recovered_claims

        found = recover(containers, self.manager.view, now)
        found += recovered_claims(claimed, self.manager.view, self._ids)
        # With their nodes: pods whose node is not stored would go if the next commit never came.
        nodes = self.kubelets.unregistered(now)
        try:
            self._store.commit([Put(obj) for obj in (*nodes, *found)])
        except Conflict:
            self._next_files = now
            return False
        self._store.finish_recovery()
        self._stamp = None
        self._look_at_store()
        if found:
            self._say(f"state.db was lost: {len(found)} objects known again from what runs")
        for engine in engines:
            engine.uncleared = True
        return True

    # --- decide and commit

    def _decide_and_commit(self, now: float) -> None:
        while True:
            self.kubelets.keep_nodes(now)
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
            stored = self._store.commit([self._with_intent(one) for one in writes])
        except Conflict:
            self._recorder.rejected()
            touched = self.manager.touched()
            self.kubelets.forget_actions(touched)
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

    def _with_intent(self, write: Write) -> Write:
        """Whose a volume is stands in its file too, where it has one, and what a claim's is called in the
        claim's: nobody could find that out again, and another claim would find the data."""
        if not isinstance(write, Put) or is_deleting(write.obj):
            return write
        if write.obj["kind"] != "PersistentVolume" and not needs_file(write.obj):
            return write
        declared = self._store.declared(key_of(write.obj))
        if declared is None and not needs_file(write.obj):
            return write
        from minikctl.api.intent import intent  # slow to import, and controllers seldom write a file

        wanted = intent(write.obj, [declared or as_asked(write.obj)])
        return write if wanted == declared else Put(write.obj, wanted)

    # ---

    def _next_step(self, now: float) -> float:
        moments = [self._next_files, self.kubelets.next_question()]
        if self.has_looked():  # before that nothing is decided: what is due would only turn the loop
            moments += [self.manager.next_timer(), self.kubelets.next_deed()]
        return max(now, min(moment for moment in moments if moment is not None))

    def has_looked(self) -> bool:
        """Every engine said what runs, or does not answer; statuses in the store are of now."""
        return self.kubelets.know_engines() and not self._store.needs_recovery

    def is_idle(self) -> bool:
        """Nothing is under way and nothing is waited for but time and news."""
        return self.kubelets.is_idle()
