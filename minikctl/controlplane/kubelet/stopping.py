"""How containers are asked to end: in which order, and each by its preStop hook, its signal, then SIGKILL.

Rules (the kubelet's killContainer):
- Apps first, then sidecars, the last one first; their preStop hooks all begin at once.
- Hook, waiting for one's turn and the stop signal share the grace period. From its signal on a container
  has at least two seconds, whatever is left.
- Without a grace period there is no hook.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from minikctl.controlplane.kubelet.actions import Action, RunHook, SignalContainer
from minikctl.controlplane.kubelet.hooks import HookKind, handler_of, hook_check, sleep_of
from minikctl.controlplane.kubelet.instances import Instance
from minikctl.controlplane.kubelet.memo import PodMemo
from minikctl.model import Object, spec_of
from minikctl.model.pods import is_sidecar

SHORTEST_GRACE_SECONDS = 2.0


def next_to_stop(pod: Object, running: Sequence[Instance]) -> list[Instance]:
    """Of what runs: what should end now, because nothing that runs needs it any more."""
    sidecars = [one["name"] for one in spec_of(pod).get("initContainers") or () if is_sidecar(one)]
    others = [one for one in running if one.identity.container not in sidecars]
    if others or not running:
        return others
    last = max(running, key=lambda one: sidecars.index(one.identity.container)).identity.container
    return [one for one in running if one.identity.container == last]


class Stop(Struct):
    """What is done now about containers that should end."""

    memo: PodMemo
    actions: list[Action] = field(default_factory=list)
    begun: list[Instance] = field(default_factory=list)
    """Whose end begins with this look."""
    overdue: list[Instance] = field(default_factory=list)
    """Whose time is up."""
    look_again: list[float] = field(default_factory=list)


def stop(pod: Object, running: Sequence[Instance], memo: PodMemo, *, deadline: float, now: float) -> Stop:
    """`deadline` is the end of the grace period."""
    made = Stop(memo)
    turn = {one.id for one in next_to_stop(pod, running)}
    for one in running:
        if one.id not in made.memo.stopping:
            made.memo = made.memo.stopping_since(one.id, now)
            made.begun.append(one)
        if now < deadline and not _has_run_hook(made, pod, one, deadline, now):
            made.look_again.append(deadline)
        elif one.id not in memo.signalled:
            if one.id in turn or now >= deadline:
                made.actions.append(SignalContainer(one.id))
            if now < deadline:  # else it is looked at anew when the signal is heard of
                made.look_again.append(deadline)
        else:
            _wait(made, one, max(deadline, memo.signalled[one.id] + SHORTEST_GRACE_SECONDS), now)
    return made


def _wait(made: Stop, one: Instance, until: float, now: float) -> None:
    if now >= until:
        made.overdue.append(one)
    else:
        made.look_again.append(until)


def _has_run_hook(made: Stop, pod: Object, one: Instance, deadline: float, now: float) -> bool:
    container = container_named(pod, one.identity.container)
    handler = handler_of(container, HookKind.PRE_STOP)
    if not handler:
        return True
    key = one.id, HookKind.PRE_STOP
    run = made.memo.hooks.get(key)
    if run is not None and run.ended is not None:
        return True
    seconds = sleep_of(handler)
    if seconds is None:
        check = hook_check(handler, container)
        made.actions.append(RunHook(container["name"], one.id, HookKind.PRE_STOP, check, deadline - now))
        return False
    made.memo, due = made.memo.slept(key, seconds, now)
    if due is not None:
        made.look_again.append(due)
    return due is None


def container_named(pod: Object, name: str) -> dict[str, Any]:
    """{} where the pod has none of that name (any more)."""
    spec = spec_of(pod)
    both = (*(spec.get("initContainers") or ()), *spec["containers"])
    return next((one for one in both if one["name"] == name), {})
