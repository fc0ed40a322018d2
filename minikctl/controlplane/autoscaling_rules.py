"""How fast an autoscaler follows what its metrics ask for: windows, policies, bounds. Only numbers.

Rules:
- Towards fewer pods the largest recommendation of the window counts, towards more the smallest.
- A policy allows so many pods, or percent, within its period; what was done in it already counts. Of several
  the one that allows most counts, or least, as `selectPolicy` says; `Disabled` allows nothing.
- An autoscaler without `behavior` has upstream's older rules: a window of 300 s towards fewer, and at most
  twice as many pods (or 4) at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

DOWN_WINDOW_SECONDS = 300.0
_LEAST_LIMIT = 4


class Change(NamedTuple):
    """At a time so many pods more or fewer (always positive), or so many that were recommended."""

    moment: float
    replicas: int


class Memory(Struct, frozen=True):
    """What an autoscaler remembers. A new control plane begins with a new one, as upstream's controller."""

    recommendations: tuple[Change, ...] = ()
    ups: tuple[Change, ...] = ()
    downs: tuple[Change, ...] = ()
    synced_at: float = float("-inf")
    generation: int = 0

    def scaled(self, moment: float, before: int, after: int) -> Memory:
        change = Change(moment, abs(after - before))
        if after > before:
            return replace(self, ups=(*self.ups, change))
        return replace(self, downs=(*self.downs, change))


class Reason(NamedTuple):
    """What a condition says."""

    reason: str
    message: str


class Limited(NamedTuple):
    """A size, and whether (and why) it is not the one that was asked for."""

    replicas: int
    is_limited: bool
    why: Reason


READY = Reason("ReadyForNewScale", "recommended size matches current size")
STABLE_UP = Reason(
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
STABLE_DOWN = Reason(
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)
WITHIN = Reason("DesiredWithinRange", "the desired count is within the acceptable range")
TOO_FEW = Reason("TooFewReplicas", "the desired replica count is less than the minimum replica count")
TOO_MANY = Reason("TooManyReplicas", "the desired replica count is more than the maximum replica count")
UP_LIMIT = Reason(
    "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate"
)
DOWN_LIMIT = Reason(
    "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate"
)


# --- windows


def stabilized(
    behavior: Mapping[str, Any] | None, memory: Memory, current: int, wanted: int, now: float
) -> tuple[int, Reason, Memory]:
    """What is recommended when what was recommended lately counts too, why, and what is remembered."""
    up, down = _windows(behavior)
    known = memory.recommendations or (Change(now, current),)
    lowest = min([wanted, *(one.replicas for one in known if one.moment > now - up)])
    highest = max([wanted, *(one.replicas for one in known if one.moment > now - down)])
    result = min(max(current, lowest), highest)
    if behavior is None:  # nothing holds back what goes up
        result = highest
    kept = tuple(one for one in known if one.moment > now - max(up, down))
    after = replace(memory, recommendations=(*kept, Change(now, wanted)))
    if result == wanted:
        return result, READY, after
    return result, STABLE_UP if behavior is not None and wanted >= current else STABLE_DOWN, after


def _windows(behavior: Mapping[str, Any] | None) -> tuple[float, float]:
    rules = behavior or {}
    up = (rules.get("scaleUp") or {}).get("stabilizationWindowSeconds", 0.0)
    down = (rules.get("scaleDown") or {}).get("stabilizationWindowSeconds", DOWN_WINDOW_SECONDS)
    return up, down


# --- bounds and policies


def limited(
    behavior: Mapping[str, Any] | None,
    memory: Memory,
    current: int,
    wanted: int,
    bounds: tuple[int, int],
    now: float,
) -> Limited:
    """`bounds`: the fewest and the most pods."""
    fewest, most = bounds
    if behavior is None:
        limit = max(2 * current, _LEAST_LIMIT)
        if wanted < fewest:
            return Limited(fewest, True, TOO_FEW)
        return _at_most(wanted, most, limit)
    if wanted > current:
        return _at_most(wanted, most, max(current, _up_limit(behavior["scaleUp"], memory, current, now)))
    if wanted < current:
        limit = min(current, _down_limit(behavior["scaleDown"], memory, current, now))
        least, why = (fewest, TOO_FEW) if fewest >= limit else (limit, DOWN_LIMIT)
        if wanted < least:
            return Limited(least, True, why)
    return Limited(wanted, False, WITHIN)


def _at_most(wanted: int, most: int, limit: int) -> Limited:
    allowed, why = (limit, UP_LIMIT) if most > limit else (most, TOO_MANY)
    return Limited(allowed, True, why) if wanted > allowed else Limited(wanted, False, WITHIN)


def _up_limit(rules: Mapping[str, Any], memory: Memory, current: int, now: float) -> int:
    def allowed(policy: Mapping[str, Any]) -> int:
        begin = _at_begin(policy, memory, current, now)
        if policy["type"] == "Pods":
            return begin + int(policy["value"])
        return math.ceil(begin * (1 + int(policy["value"]) / 100))

    return _selected(rules, allowed, current, greatest=max, least=min)


def _down_limit(rules: Mapping[str, Any], memory: Memory, current: int, now: float) -> int:
    def allowed(policy: Mapping[str, Any]) -> int:
        begin = _at_begin(policy, memory, current, now)
        if policy["type"] == "Pods":
            return begin - int(policy["value"])
        return int(begin * (1 - policy["value"] / 100))

    return _selected(rules, allowed, current, greatest=min, least=max)


def _selected(
    rules: Mapping[str, Any],
    allowed: Callable[[Mapping[str, Any]], int],
    current: int,
    *,
    greatest: Callable[[Iterable[int]], int],
    least: Callable[[Iterable[int]], int],
) -> int:
    """`greatest` is the change that goes farthest."""
    chosen = rules.get("selectPolicy", "Max")
    if chosen == "Disabled":
        return current
    limits = [allowed(policy) for policy in rules.get("policies") or ()]
    return (least if chosen == "Min" else greatest)(limits) if limits else current


def _at_begin(policy: Mapping[str, Any], memory: Memory, current: int, now: float) -> int:
    """How many pods there were when the policy's period began."""
    since = now - policy["periodSeconds"]
    added = sum(one.replicas for one in memory.ups if one.moment > since)
    removed = sum(one.replicas for one in memory.downs if one.moment > since)
    return current - added + removed


def forgotten(behavior: Mapping[str, Any] | None, memory: Memory, now: float) -> Memory:
    """Without the changes that no policy asks for any more."""
    rules = [one for one in (behavior or {}).values() if isinstance(one, Mapping)]
    periods = [policy["periodSeconds"] for one in rules for policy in one.get("policies") or ()]
    since = now - max(periods, default=0)
    ups, downs = (tuple(one for one in some if one.moment > since) for some in (memory.ups, memory.downs))
    return replace(memory, ups=ups, downs=downs)
