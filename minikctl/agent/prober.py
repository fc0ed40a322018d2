"""When which probe is due on one engine: a schedule that costs nothing between two ticks.

Rules:
- What is asked, and what the answers mean, is the kubelet's (`minikctl.controlplane.kubelet.probes`). Here
  are only the plans that stand, and the moment of each one's next tick.
- A probe is under way at most once: a tick that falls into the one before is left out.
- Answers that change no verdict wake nobody: the pod is only looked at when one does.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from msgspec import Struct, field

from minikctl.controlplane.kubelet import ProbePlan
from minikctl.controlplane.kubelet.probes import ProbeKey

TOGETHER_SECONDS = 0.1
"""Ticks that are so near are taken together: a loop that wakes once instead of ten times."""


class Due(Struct, frozen=True):
    uid: str
    """The pod's."""
    plan: ProbePlan


class Prober(Struct):
    _plans: dict[str, Sequence[ProbePlan]] = field(default_factory=dict)
    """By pod uid."""
    _standing: dict[ProbeKey, Due] = field(default_factory=dict)
    _next: dict[ProbeKey, float] = field(default_factory=dict)
    _heap: list[tuple[float, int, ProbeKey]] = field(default_factory=list)
    """By moment; what does not agree with `_next` is of the past."""
    _serial: int = 0
    _under_way: set[ProbeKey] = field(default_factory=set)

    def keep(self, uid: str, plans: Sequence[ProbePlan], now: float) -> None:
        """From now on these are the pod's probes."""
        before = self._plans.get(uid, ())
        if before == plans:
            return
        self._drop(one for one in before if one not in plans)
        if plans:
            self._plans[uid] = plans
        else:
            self._plans.pop(uid, None)
        for plan in plans:
            if plan not in before:
                self._standing[plan.key] = Due(uid, plan)
                self._schedule(plan.key, plan.first_at if plan.first_at >= now else now)

    def forget(self, uid: str) -> None:
        self._drop(self._plans.pop(uid, ()))

    def _drop(self, plans: Iterable[ProbePlan]) -> None:
        for plan in plans:
            self._standing.pop(plan.key, None)
            self._next.pop(plan.key, None)

    def _schedule(self, key: ProbeKey, moment: float) -> None:
        self._next[key] = moment
        self._serial += 1
        heapq.heappush(self._heap, (moment, self._serial, key))

    def take_due(self, now: float) -> list[Due]:
        """The probes whose time has come, and those that are about to; each is then under way."""
        found: list[Due] = []
        while self._heap and self._heap[0][0] <= now + TOGETHER_SECONDS:
            if self._heap[0][0] > now and not found:
                break  # nothing that is really due
            moment, _, key = heapq.heappop(self._heap)
            due = self._standing.get(key)
            if due is None or self._next.get(key) != moment:
                continue
            self._schedule(key, due.plan.next_after(max(now, moment)))
            if key not in self._under_way:
                self._under_way.add(key)
                found.append(due)
        return found

    def answered(self, plan: ProbePlan) -> bool:
        """It is not under way any more. Returns whether anybody still wants to know the answer."""
        self._under_way.discard(plan.key)
        due = self._standing.get(plan.key)
        return due is not None and due.plan == plan

    def next_due(self) -> float | None:
        return self._heap[0][0] if self._heap else None
