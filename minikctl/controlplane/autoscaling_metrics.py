"""How many pods a metric asks for (upstream's replica calculator).

Rules:
- Pods that have failed or are on their way out do not count. Of CPU, pods that are not ready or have only
  just begun do not either: starting costs more than running.
- Whoever can't be counted makes the decision smaller: towards fewer pods one without a figure is taken to use
  all that it asked for, towards more pods to use nothing. Nothing is done where that turns the decision
  round.
- Within the tolerance nothing is done.
- Amounts are thousandths (millicores, thousandths of a byte), as upstream's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from minikctl.controlplane.usage import PodUse, Usage
from minikctl.model import Object, conditions, is_deleting, name_of, spec_of, status_of, uid_of
from minikctl.model.pods import is_sidecar, phase
from minikctl.model.quantity import milli
from minikctl.model.timestamps import parse_time

INITIALIZATION_SECONDS = 300.0
READINESS_DELAY_SECONDS = 30.0
UNMEASURED = "no metrics returned from resource metrics API"
NO_PODS = "No pods returned by selector while calculating replica count"
UNREADY = "did not receive metrics for targeted pods (pods might be unready)"


class NoMetric(Exception):
    """The metric asks for nothing, because it is not known what it is."""


class Tolerance(Struct, frozen=True):
    """So much of the target a metric may be off it without anything being done."""

    up: float = 0.1
    down: float = 0.1

    def holds(self, ratio: float) -> bool:
        return 1.0 - self.down <= ratio <= 1.0 + self.up


class Target(Struct, frozen=True):
    """Of one metric: a share of what is asked for (percent), or an amount a pod (thousandths)."""

    resource: str
    container: str = ""
    """"" is all of a pod."""
    percent: int | None = None
    amount: int = 0


class Proposal(Struct, frozen=True):
    """`percent` is None where the target is an amount. `amount` is the mean of a pod, in thousandths."""

    replicas: int
    percent: int | None
    amount: int


class _Groups(Struct, frozen=True):
    """Pods by what their figures are good for."""

    ready: int
    measured: dict[str, int]
    """By uid, of those that are ready."""
    unready: tuple[str, ...]
    missing: tuple[str, ...]


def propose(
    target: Target, pods: Sequence[Object], usage: Usage, current: int, tolerance: Tolerance, now: float
) -> Proposal:
    """:raises NoMetric: says why not, in upstream's words."""
    figures = _figures(target, pods, usage)
    if not figures:
        raise NoMetric(f"unable to get metrics for resource {target.resource}: {UNMEASURED}")
    if not pods:
        raise NoMetric(NO_PODS)
    groups = _grouped(target.resource, pods, usage, figures, now)
    if not groups.measured:
        raise NoMetric(UNREADY)
    requests = _requests(target, pods) if target.percent is not None else {}
    ratio, percent = _ratio(target, groups.measured, requests)
    amount = sum(groups.measured.values()) // len(groups.measured)
    return Proposal(_replicas(target, groups, requests, ratio, current, tolerance), percent, amount)


def _replicas(
    target: Target,
    groups: _Groups,
    requests: Mapping[str, int],
    ratio: float,
    current: int,
    tolerance: Tolerance,
) -> int:
    counts_unready = bool(groups.unready) and ratio > 1.0
    if not counts_unready and not groups.missing:
        return current if tolerance.holds(ratio) else math.ceil(ratio * groups.ready)
    figures = dict(groups.measured)
    if ratio != 1.0:
        for uid in groups.missing:
            figures[uid] = 0 if ratio > 1.0 else _assumed(target, requests.get(uid, 0))
    if counts_unready:
        figures |= dict.fromkeys(groups.unready, 0)
    newer, _ = _ratio(target, figures, requests)
    turned = (ratio < 1.0 < newer) or (newer < 1.0 < ratio)
    if tolerance.holds(newer) or turned:
        return current
    replicas = math.ceil(newer * len(figures))
    overshoots = replicas > current if newer < 1.0 else replicas < current
    return current if overshoots else replicas


def _assumed(target: Target, request: int) -> int:
    """What a pod without a figure is taken to use, so that not too many go."""
    if target.percent is None:
        return target.amount
    return request * max(100, target.percent) // 100


def _ratio(
    target: Target, figures: Mapping[str, int], requests: Mapping[str, int]
) -> tuple[float, int | None]:
    """How many times the target is used, and how many percent that is of what was asked for."""
    if target.percent is None:
        return sum(figures.values()) / (len(figures) * target.amount), None
    asked = sum(requests.get(uid, 0) for uid in figures)
    if not asked:
        raise NoMetric("no metrics returned matched known pods")
    percent = sum(figures.values()) * 100 // asked
    return percent / target.percent, percent


# --- the pods


def _figures(target: Target, pods: Iterable[Object], usage: Usage) -> dict[str, int]:
    """By uid, in thousandths. Of any other resource than cpu and memory nobody has figures."""
    found = {}
    for pod in pods:
        use = usage.get(uid_of(pod))
        if use is None or (target.container and target.container not in use.containers):
            continue
        some = [use.containers[target.container]] if target.container else use.containers.values()
        match target.resource:
            case "cpu":
                found[uid_of(pod)] = sum(one.cpu_millicores for one in some)
            case "memory":
                found[uid_of(pod)] = sum(one.memory_bytes for one in some) * 1000
    return found


def _grouped(
    resource: str, pods: Iterable[Object], usage: Usage, figures: Mapping[str, int], now: float
) -> _Groups:
    measured: dict[str, int] = {}
    unready: list[str] = []
    missing: list[str] = []
    for pod in pods:
        uid = uid_of(pod)
        if is_deleting(pod) or phase(pod) in ("Failed", "Succeeded"):
            continue
        if phase(pod) == "Pending":
            unready.append(uid)
        elif uid not in figures:
            missing.append(uid)
        elif resource == "cpu" and _is_unready(pod, usage[uid], now):
            unready.append(uid)
        else:
            measured[uid] = figures[uid]
    return _Groups(len(measured), measured, tuple(unready), tuple(missing))


def _is_unready(pod: Object, use: PodUse, now: float) -> bool:
    """Whether what it uses is not what it will use: it is not ready, or was not for all of the window."""
    condition = conditions.find(status_of(pod), "Ready")
    started = status_of(pod).get("startTime")
    if condition is None or not started:
        return True
    is_false, since = condition["status"] == "False", parse_time(condition["lastTransitionTime"])
    begin = parse_time(started)
    if begin + INITIALIZATION_SECONDS > now:
        return is_false or use.moment < since + use.window
    return is_false and begin + READINESS_DELAY_SECONDS > since


def _requests(target: Target, pods: Iterable[Object]) -> dict[str, int]:
    """By uid, in thousandths.

    :raises NoMetric: a container does not say what it needs."""
    return {uid_of(pod): sum(_request(target, one, pod) for one in _counted(target, pod)) for pod in pods}


def _counted(target: Target, pod: Object) -> list[dict[str, Any]]:
    spec = spec_of(pod)
    sidecars = [one for one in spec.get("initContainers") or () if is_sidecar(one)]
    everybody = [*(spec.get("containers") or ()), *sidecars]
    return [one for one in everybody if target.container in ("", one["name"])]


def _request(target: Target, container: dict[str, Any], pod: Object) -> int:
    asked = ((container.get("resources") or {}).get("requests") or {}).get(target.resource)
    if asked is None:
        where = f"container {container['name']} of Pod {name_of(pod)}"
        raise NoMetric(f"missing request for {target.resource} in {where}")
    return milli(asked)
