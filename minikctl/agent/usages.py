"""What pods use, measured for autoscalers: the part of metrics-server.

Rules:
- Only pods that an autoscaler sizes are looked at, and only while there is one: every 15 s, sooner where a
  container has been seen only once. CPU is a rate, so the first look at a container is no figure yet.
- One job an engine at a time. What an engine does not answer is not known, and its pods have no figures.
  Nor has a pod of which one container can't be measured; that hides no other pod.
- A figure is of one container id: a restarted container begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from minikctl.agent import jobs
from minikctl.agent.engine import Engine
from minikctl.agent.ports import Executor, Measured, Sample
from minikctl.backend import ContainerState
from minikctl.controlplane.kubelet.seal import identity
from minikctl.controlplane.usage import ContainerUse, PodUse, Usage
from minikctl.controlplane.view import View
from minikctl.model import uid_of
from minikctl.model.kinds import AUTOSCALER

PERIOD_SECONDS = 15.0
AGAIN_SECONDS = 3.0
"""After the first look at a container."""
_KIND = AUTOSCALER.name


class Usages:
    def __init__(self, executor: Executor, now: Callable[[], float]) -> None:
        self._executor = executor
        self._now = now
        self._next = 0.0
        self._under_way: set[str] = set()
        self._rounds: dict[str, int] = {}
        """How often each engine has answered, or failed to."""
        self._last: dict[str, Sample] = {}
        """By container id."""
        self._known: dict[str, tuple[str, str, PodUse]] = {}
        """By container id: its pod's uid, its name, and what it uses alone."""
        self._failed: dict[str, frozenset[str]] = {}
        """By engine: uids of the pods with a container that could not be measured."""
        self._is_wanted = False

    def act(self, engines: Iterable[Engine], view: View, now: float) -> None:
        self._is_wanted = view.has_any(_KIND)
        if not self._is_wanted:
            self._forget()
            return
        if now < self._next:
            return
        self._next = now + PERIOD_SECONDS
        uids = _sized(view)
        for engine in engines:
            if engine.name in self._under_way or not engine.answers or not engine.listed:
                continue
            found = [one for uid in uids for one in engine.of_pod(uid)]
            running = [
                (one.id, known.uid, known.container)
                for one in found
                if one.state is ContainerState.RUNNING and not (known := identity(one)).is_sandbox
            ]
            self._under_way.add(engine.name)
            job = partial(jobs.measure, engine.name, engine.backend, running, self._now)
            self._executor.submit(f"{engine.name}:probe", job)

    def _forget(self) -> None:
        self._next = 0.0
        for known in (self._rounds, self._last, self._known, self._failed):
            known.clear()

    def learn(self, news: Measured) -> Usage | None:
        """What all pods use now; None while not every container was measured as often as it takes."""
        self._under_way.discard(news.engine)
        if not self._is_wanted:
            return None
        self._rounds[news.engine] = self._rounds.get(news.engine, 0) + 1
        self._failed[news.engine] = news.failed
        seen = {one.container_id for one in news.samples}
        mine = [one for one, sample in self._last.items() if sample.engine == news.engine]
        for container_id in (one for one in mine if one not in seen):
            del self._last[container_id]
            self._known.pop(container_id, None)
        for sample in news.samples:
            self._take(sample)
        if any(one not in self._known for one in self._last):
            self._next = min(self._next, self._now() + AGAIN_SECONDS)
        first = any(count < 2 for count in self._rounds.values()) and bool(self._last)
        return None if first else self._usage()

    def _take(self, sample: Sample) -> None:
        before = self._last.get(sample.container_id)
        self._last[sample.container_id] = sample
        if before is None or sample.moment <= before.moment:
            return
        window = sample.moment - before.moment
        used = max(0, sample.cpu_nanoseconds - before.cpu_nanoseconds)
        millicores = -int(-used // (window * 1e6))
        use = ContainerUse(millicores, sample.memory_bytes)
        alone = PodUse(sample.moment, window, {sample.container: use})
        self._known[sample.container_id] = (sample.uid, sample.container, alone)

    def _usage(self) -> Usage:
        """Pods of which a running container has no figure (yet) are left out."""
        partial_pods = {sample.uid for one, sample in self._last.items() if one not in self._known}
        partial_pods = partial_pods.union(*self._failed.values())
        pods: dict[str, PodUse] = {}
        for uid, _, alone in self._known.values():
            if uid in partial_pods:
                continue
            others = pods.get(uid)
            containers = {**(others.containers if others else {}), **alone.containers}
            pods[uid] = PodUse(alone.moment, alone.window, containers)
        return pods

    def next_moment(self) -> float | None:
        return self._next if self._is_wanted and not self._under_way else None


def _sized(view: View) -> list[str]:
    """Uids of the pods that autoscalers size."""
    from minikctl.controlplane.autoscaling import pods_of, target_of

    found: dict[str, None] = {}
    for autoscaler in view.list(_KIND):
        target = target_of(autoscaler, view)
        if target is not None:
            found |= {uid_of(pod): None for pod in pods_of(target, view)}
    return list(found)
