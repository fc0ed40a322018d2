"""The kubelets of all engines: what they learn, what they ask, and what they are told to do.

Rules:
- Every question to an engine is a job for the executor; every answer comes back as news.
- What an engine does not say is not known: nothing is decided about the pods of one that does not answer.
- One pod's actions are under way at most once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from minikctl.agent import hosts, jobs
from minikctl.agent.engine import RESYNC_SECONDS, Engine
from minikctl.agent.listening import Listener
from minikctl.agent.ports import (
    News,
)
from minikctl.backend import Container, EngineInfo, Volume, labels
from minikctl.controlplane import node as nodes
from minikctl.controlplane.concerns import Work
from minikctl.controlplane.decision import Decision, earliest
from minikctl.controlplane.kubelet import (
    Action,
    NodeFacts,
    PodMemo,
    PullImage,
    RunHook,
    sync_pod,
)
from minikctl.controlplane.kubelet.seal import identity
from minikctl.controlplane.names import service_environment
from minikctl.controlplane.node import NodeConfig
from minikctl.controlplane.podcontrol import ended
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

GLANCE_SECONDS = 0.2


class Kubelets(Listener):
    """Shared by the loop and its manager: the manager asks `sync` about each pod."""

    def keep_nodes(self, now: float) -> None:
        """Every node is registered, and Ready exactly while its engine answers."""
        for engine in self.engines.values():
            said = engine.answers, engine.trouble, engine.info
            for config in engine.nodes:
                existing = self.manager.view.get(ObjectKey("Node", "", config.name))
                kept, then = engine.kept.get(config.name, (None, None))
                if existing is not None and existing is kept and said == then:
                    continue  # nothing has changed since it was as it should be
                node = self._node(engine, config, existing, now)
                if node is not None and node != existing:
                    self.manager.take(Work.KUBELET, key_of(node), _putting(node))
                else:
                    engine.kept[config.name] = existing, said

    def unregistered(self, now: float) -> list[Object]:
        """The nodes that are declared and known, and not in the store yet."""
        return [
            nodes.registered(config, engine.info, len(engine.nodes), None, self._ids.uid, now)
            for engine in self.engines.values()
            for config in engine.nodes
            if engine.info is not None and self.manager.view.get(ObjectKey("Node", "", config.name)) is None
        ]

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
                job = partial(jobs.introduce, name, backend, engine.volumes, engine.greeted)
                engine.greeted = None
                self._executor.submit(f"{name}:act", job)
            ids = [one for one in engine.still_hinted() if not self._is_busy(engine, one)]
            if ids and engine.answers and not engine.looking:
                engine.looking = True
                for container_id in ids:
                    del engine.hinted[container_id]
                serial = engine.next_serial()
                self._executor.submit(f"{name}:look", partial(jobs.look, name, backend, serial, ids))

    def _is_busy(self, engine: Engine, container_id: str) -> bool:
        """Its pod's own actions are under way: their results say more than a look now would."""
        container = engine.get(container_id)
        if container is None:
            return bool(engine.busy)
        return any(container_id == one.id for uid in engine.busy for one in engine.of_pod(uid))

    def clear_orphans(self) -> None:
        """Sealed containers of pods that the store does not have: what a crash left behind; and what is
        remembered of such pods.

        Only after the store was read in the same step: an empty view must never make everything an orphan.
        """
        for engine in self.engines.values():
            if engine.uncleared:
                engine.uncleared = False
                self._clear(engine)
                self._forget_pods(engine)

    def _forget_pods(self, engine: Engine) -> None:
        """What is remembered of pods that neither the store nor the engine has."""
        for uid in [uid for uid in engine.memos if not engine.of_pod(uid)]:
            if self.manager.view.by_uid(uid) is None:
                del engine.memos[uid]
                engine.prober.forget(uid)
                self._cooling.pop(uid, None)

    def _clear(self, engine: Engine) -> None:
        found = [
            one
            for uid in engine.pods()
            if uid not in engine.busy and self.manager.view.by_uid(uid) is None
            for one in _sandboxes_last(engine, uid)
        ]
        engine.strays = {one.id: _place_of(one) for one in found}
        orphans = list(engine.strays)
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
        # What is there is not asked of engines as long as the store knows it.
        with_claims = self._store.needs_recovery
        return partial(
            jobs.list_containers,
            engine.name,
            engine.backend,
            serial,
            engine.volumes,
            with_claims=with_claims,
        )

    def claimed(self) -> dict[str, tuple[Volume, ...]] | None:
        """By what their nodes call the engines: their own volumes; None before all have said them."""
        if any(engine.claimed is None for engine in self.engines.values()):
            return None
        return {nodes.engine_label(one.nodes[0]): one.claimed or () for one in self.engines.values()}

    # --- one pod

    def _has_double(self, pod: Object) -> bool:
        """An earlier pod of its name that nobody stores any more still has a container: it goes first."""
        place = (namespace_of(pod), name_of(pod))
        return any(
            theirs == place and engine.get(one) is not None
            for engine in self.engines.values()
            for one, theirs in engine.strays.items()
        )

    def sync(self, pod: Object) -> Decision:
        engine = self.engine_of.get(spec_of(pod).get("nodeName", ""))
        if engine is None or not engine.listed or not engine.answers or engine.info is None:
            return Decision()
        uid, now = uid_of(pod), self._now()
        if not (is_deleting(pod) or engine.of_pod(uid)) and self._has_double(pod):
            return Decision(look_again=now + GLANCE_SECONDS)
        if is_deleting(pod) and (moment := self._proxies.holds(pod, now)) is not None:
            return Decision(look_again=moment)
        self._proxies.seen(engine, pod)
        if (noted := self._proxies.noted(engine, pod, now)) is not None:
            decision = Decision(look_again=now)
            decision.put(noted)
            return decision
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
        self._usages.act(self.engines.values(), self.manager.view, now)
        self._external.act(self.engines.values(), self.manager.view, self.manager.names_serial, now)
        self._hosts.act()

    def _job(self, engine: Engine, uid: str, key: ObjectKey, actions: list[Action]) -> Callable[[], News]:
        todo = hosts.mounted(engine, uid, actions)
        together = self._executor.together
        job = partial(jobs.act, engine.name, engine.backend, uid, key, todo, engine.volumes, together)
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

    def next_question(self) -> float | None:
        """When an engine is to be asked next what it is and what runs there."""
        moments = [engine.next_list for engine in self.engines.values() if not engine.listing]
        moments += [
            engine.next_introduction
            for engine in self.engines.values()
            if engine.info is None and not engine.introducing
        ]
        return min(moments, default=None)

    def next_deed(self) -> float | None:
        """When `act` has something to do next, if nothing happens before."""
        moments = [one.prober.next_due() for one in self.engines.values() if one.answers]
        others = (self._proxies, self._removals, self._external, self._usages)
        moments += [one.next_moment() for one in others]
        return earliest(moments)

    def is_idle(self) -> bool:
        """Nothing is under way and nothing is waited for but time and news."""
        return all(
            engine.listed
            and not (engine.busy or engine.clearing or engine.listing or engine.looking or engine.hinted)
            and not engine.hooking
            and engine.images.is_idle()
            for engine in self.engines.values()
        ) and all(one.is_idle() for one in (self._proxies, self._hosts, self._removals, self._external))


def _place_of(container: Container) -> tuple[str, str]:
    return container.labels.get(labels.POD_NAMESPACE, ""), container.labels.get(labels.POD_NAME, "")


def _facts(engine: Engine, info: EngineInfo, allocatable: Mapping[str, str]) -> NodeFacts:
    return NodeFacts(
        info.name,
        info.host_ip,
        allocatable,
        engine.volumes.keeps_files,
        info.memory_bytes,
        info.rootless,
        info.pod_network,
        engine.resolver,
    )


def _putting(obj: Object) -> Decision:
    decision = Decision()
    decision.put(obj)
    return decision


def _sandboxes_last(engine: Engine, uid: str) -> list[Container]:
    return sorted(engine.of_pod(uid), key=lambda one: identity(one).is_sandbox)
