"""Rollout arithmetic: how many pods a Deployment's ReplicaSets may have. Only numbers, upstream's rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def resolve(value: int | str, total: int, *, round_up: bool) -> int:
    """An int-or-percent of `total`: maxSurge rounds up, maxUnavailable down."""
    if isinstance(value, int):
        return value
    share = int(value.removesuffix("%")) * total / 100
    return math.ceil(share) if round_up else math.floor(share)


def surge_and_unavailable(spec: dict[str, Any]) -> tuple[int, int]:
    """maxSurge and maxUnavailable of a Deployment in pods. Both zero would be stuck: then one may go."""
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, 0
    rolling = strategy.get("rollingUpdate") or {}
    replicas = spec["replicas"]
    surge = resolve(rolling.get("maxSurge", "25%"), replicas, round_up=True)
    unavailable = resolve(rolling.get("maxUnavailable", "25%"), replicas, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, replicas)


def new_replicas(spec: dict[str, Any], new: int, total: int) -> int:
    """How many replicas the new ReplicaSet gets next. `new` it has, `total` all ReplicaSets have."""
    wanted: int = spec["replicas"]
    if (spec.get("strategy") or {}).get("type") == "Recreate":
        return wanted
    room = wanted + surge_and_unavailable(spec)[0] - total
    return new if room <= 0 else new + min(room, wanted - new)


def unhealthy_first(replicas: Sequence[int], available: Sequence[int], budget: int) -> list[int]:
    """Old ReplicaSets' sizes after their unavailable pods went, oldest first, at most `budget` of them."""
    result = list(replicas)
    for index, (size, healthy) in enumerate(zip(replicas, available, strict=True)):
        going = min(budget, size - healthy)
        if size and going > 0:
            result[index] = size - going
            budget -= going
    return result


def take(replicas: Sequence[int], count: int) -> list[int]:
    """Sizes after `count` pods are taken away, from the first on."""
    result = []
    for size in replicas:
        going = min(size, max(0, count))
        result.append(size - going)
        count -= going
    return result


def proportions(replicas: Sequence[int], previous_max: Sequence[int], allowed: int) -> list[int]:
    """Spreads a change of size over active ReplicaSets in proportion (upstream's GetReplicaSetProportion).

    `replicas` come in the order in which they are served (when growing largest and newest first), and
    `previous_max` says for each what its Deployment was allowed in all when it was last scaled.
    """
    to_add = allowed - sum(replicas)
    added, result = 0, []
    for size, maximum in zip(replicas, previous_max, strict=True):
        share = 0
        if to_add:
            left = to_add - added
            ideal = _round(size * allowed / maximum) - size if maximum else 0
            share = min(ideal, left) if to_add > 0 else max(ideal, left)
        added += share
        result.append(size + share)
    left = to_add - added
    if left < 0:  # upstream takes what is left from the first alone, and may so leave too many
        return take(result, -left)
    return [size + left if index == 0 else size for index, size in enumerate(result)]


def _round(value: float) -> int:
    """Half away from zero, as Go's math.Round."""
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)
