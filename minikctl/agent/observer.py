"""One look at what runs, without doing or writing anything: the loop with its hands tied.

The same controllers compute the same statuses; of their decisions only those are kept, and only in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minikctl.agent.engine import Engine
from minikctl.agent.executor import InlineExecutor
from minikctl.agent.kubelets import Kubelets
from minikctl.agent.loop import Loop
from minikctl.api import Api
from minikctl.controlplane import concerns
from minikctl.controlplane.decision import Decision, Ids
from minikctl.controlplane.view import View
from minikctl.model import Object, key_of
from minikctl.model.writes import Put, Write

WORK_OF = {"Pod": concerns.Work.KUBELET, **concerns.WORK_OF}
PASSES = 3
"""Ask, learn the answers, and whatever those raised."""


def observe(api: Api, engines: Sequence[Engine], ids: Ids) -> list[Object]:
    """All objects except events, with statuses as of now. Engines that do not answer leave theirs as is."""
    executor = InlineExecutor()
    observer = _Observer(api, engines, executor, ids)
    _look(observer, executor)
    return list(observer.manager.view)


def know_again(api: Api, engines: Sequence[Engine], ids: Ids) -> None:
    """After state.db was lost: the store has what engines say of it. Nothing is decided or done."""
    executor = InlineExecutor()
    _look(_Recoverer(api, engines, executor, ids, kubelets=_TiedKubelets), executor)


def _look(loop: Loop, executor: InlineExecutor) -> None:
    for _ in range(PASSES):
        news, executor.news = executor.news, []
        loop.step(news)


class _TiedKubelets(Kubelets):
    def clear_orphans(self) -> None:
        """Nothing is removed."""

    def act(self, now: float) -> None:
        """Nothing is done."""


class _Observer(Loop):
    def __init__(self, api: Api, engines: Sequence[Engine], executor: InlineExecutor, ids: Ids) -> None:
        super().__init__(api, engines, executor, ids, kubelets=_TiedKubelets)
        self.manager.policy = only_statuses

    def _look_at_files(self, now: float) -> None:
        """The files were looked at when the directory was opened."""

    def _has_recovered(self, now: float) -> bool:
        """What a lost state.db knew is known again for this look; the store gets it from whoever acts."""
        engines = self.kubelets.engines.values()
        if self._store.needs_recovery and all(engine.listed for engine in engines):
            from minikctl.controlplane.recovery import recover
            from minikctl.controlplane.recovery_claims import recovered_claims

            containers = [one for engine in engines for one in engine.all()]
            found = recover(containers, self.manager.view, now)
            found += recovered_claims(self.kubelets.claimed() or {}, self.manager.view, self._ids)
            for obj in found:
                self.manager.view.put(obj)
                if (work := WORK_OF.get(obj["kind"])) is not None:
                    self.manager.look_at(work, key_of(obj))
        return True

    def _commit(self, writes: Sequence[Write]) -> bool:
        return True


class _Recoverer(Loop):
    """Only the beginning of a step: what must be known before anything may be decided."""

    def _look_at_files(self, now: float) -> None:
        """The files were looked at when the directory was opened."""

    def _decide_and_commit(self, now: float) -> None:
        """Nothing is."""


def only_statuses(view: View, decision: Decision) -> Decision:
    """Of a decision, what it says about objects that exist already; everything else is left out."""
    return Decision(writes=list(_statuses(view, decision.writes)))


def _statuses(view: View, writes: Iterable[Write]) -> Iterable[Write]:
    for write in writes:
        if not isinstance(write, Put):
            continue
        known = view.get(key_of(write.obj))
        if known is None:
            if write.obj["kind"] == "Node":
                yield write
        elif known.get("status") != write.obj.get("status"):
            yield Put({**known, "status": write.obj.get("status") or {}})
