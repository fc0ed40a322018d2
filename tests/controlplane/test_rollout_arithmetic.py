"""How many pods each ReplicaSet may have: upstream's own tables, and what holds for all numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikctl.controlplane.rollout import (
    new_replicas,
    proportions,
    resolve,
    surge_and_unavailable,
    take,
    unhealthy_first,
)


def spec(replicas: int, surge: int | str = "25%", unavailable: int | str = "25%") -> dict[str, Any]:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}


@pytest.mark.parametrize(
    ("value", "total", "up", "down"),
    [
        ("25%", 10, 3, 2),
        ("25%", 4, 1, 1),
        ("0%", 10, 0, 0),
        ("100%", 3, 3, 3),
        (2, 10, 2, 2),
        ("1%", 1, 1, 0),
    ],
)
def test_resolve(value: int | str, total: int, up: int, down: int) -> None:
    assert resolve(value, total, round_up=True) == up
    assert resolve(value, total, round_up=False) == down


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (spec(10), (3, 2)),
        (spec(1), (1, 0)),
        (spec(1, 0, 0), (0, 1)),
        (spec(4, "0%", "1%"), (0, 1)),
        (spec(2, 1, 5), (1, 2)),
        (spec(0), (0, 0)),
        ({"replicas": 4, "strategy": {"type": "Recreate"}}, (0, 0)),
        ({"replicas": 4}, (1, 1)),
    ],
)
def test_surge_and_unavailable(spec: dict[str, Any], expected: tuple[int, int]) -> None:
    assert surge_and_unavailable(spec) == expected


@pytest.mark.parametrize(
    ("replicas", "surge", "new", "total", "expected"),
    [
        (10, 2, 0, 10, 2),  # upstream: should create up to the surge
        (10, 2, 2, 10, 4),
        (10, 2, 2, 12, 2),  # no room
        (10, 0, 0, 10, 0),
        (10, 0, 0, 8, 2),
        (10, 5, 8, 8, 10),  # never more than wanted
        (2, 3, 0, 20, 0),  # far above: nothing is added
    ],
)
def test_new_replicas(replicas: int, surge: int, new: int, total: int, expected: int) -> None:
    assert new_replicas(spec(replicas, surge, 1), new, total) == expected


def test_recreate_makes_all_at_once() -> None:
    assert new_replicas({"replicas": 7, "strategy": {"type": "Recreate"}}, 0, 3) == 7


@pytest.mark.parametrize(
    ("sizes", "available", "budget", "expected"),
    [
        # upstream's TestDeploymentController_cleanupUnhealthyReplicas
        ([10], [8], 1, [9]),
        ([10], [8], 3, [8]),
        ([10], [8], 2, [8]),
        ([10], [10], 5, [10]),
        ([3, 5], [0, 4], 2, [1, 5]),
        ([3, 5], [0, 4], 9, [0, 4]),
        ([0, 5], [0, 0], 1, [0, 4]),
        ([5], [0], 0, [5]),
    ],
)
def test_unhealthy_first(sizes: list[int], available: list[int], budget: int, expected: list[int]) -> None:
    assert unhealthy_first(sizes, available, budget) == expected


@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [([3, 4], 0, [3, 4]), ([3, 4], 2, [1, 4]), ([3, 4], 5, [0, 2]), ([3, 4], 99, [0, 0]), ([], 1, [])],
)
def test_take(sizes: list[int], count: int, expected: list[int]) -> None:
    assert take(sizes, count) == expected


@pytest.mark.parametrize(
    ("sizes", "maxima", "allowed", "expected"),
    [
        # upstream's TestScale; sizes stand in the order in which they are served
        ([10], [10], 12, [12]),
        ([10], [10], 5, [5]),
        ([8, 2], [10, 10], 20, [16, 4]),
        ([20, 10], [30, 30], 33, [22, 11]),
        ([5, 5], [10, 10], 13, [6, 7]),
        ([5, 5], [10, 10], 7, [3, 4]),
        ([7, 7], [14, 14], 10, [5, 5]),
        ([60, 40], [100, 100], 50, [30, 20]),
        ([5, 3], [8, 8], 0, [0, 0]),
        ([3, 3, 4], [10, 10, 10], 10, [3, 3, 4]),
    ],
)
def test_proportions(sizes: list[int], maxima: list[int], allowed: int, expected: list[int]) -> None:
    found = proportions(sizes, maxima, allowed)
    assert sum(found) == allowed
    assert sorted(found) == sorted(expected)


amounts = st.one_of(st.integers(0, 30), st.integers(0, 100).map(lambda share: f"{share}%"))


@given(st.integers(0, 100), amounts, amounts)
def test_something_may_always_move(replicas: int, surge: int | str, unavailable: int | str) -> None:
    up, down = surge_and_unavailable(spec(replicas, surge, unavailable))
    assert 0 <= down <= replicas
    assert up >= 0
    assert up + down > 0 or replicas == 0


@given(st.lists(st.integers(0, 50), min_size=1, max_size=5), st.integers(0, 250), st.data())
def test_proportions_come_to_what_is_allowed(sizes: list[int], allowed: int, data: st.DataObject) -> None:
    """Nothing is below zero, the sum is exact, and nobody grows while the whole shrinks (and conversely)."""
    sizes = sorted((size for size in sizes if size), reverse=True)
    total = sum(sizes)
    found = proportions(sizes, [total] * len(sizes), allowed)
    assert sum(found) == (allowed if sizes else 0)
    assert all(size >= 0 for size in found)
    for before, after in zip(sizes[1:], found[1:], strict=True):
        assert after >= before if allowed >= total else after <= before
        assert abs(after - before * allowed / total) <= max(1.0, len(sizes))


@given(
    st.integers(0, 20),
    amounts,
    amounts,
    st.lists(st.integers(0, 20), min_size=1, max_size=3),
    st.integers(0, 20),
    st.data(),
)
def test_a_walk_stays_within_its_bounds(
    replicas: int,
    surge: int | str,
    unavailable: int | str,
    old: list[int],
    new: int,
    data: st.DataObject,
) -> None:
    """Whatever becomes available in whatever order: never above replicas + surge, and what is available
    never falls below the minimum by our doing; and the walk ends."""
    wanted = spec(replicas, surge, unavailable)
    up, down = surge_and_unavailable(wanted)
    new = min(new, replicas)
    allowed, minimum = replicas + up, replicas - down
    started_above = sum(old) + new > allowed
    available_old, available_new = list(old), new
    for _ in range(200):
        total = sum(old) + new
        grown = min(replicas, new_replicas(wanted, new, total))
        assert grown >= new
        assert sum(old) + grown <= max(allowed, total)
        assert started_above or sum(old) + grown <= allowed
        new = grown
        budget = sum(old) + new - minimum - (new - available_new)
        if budget > 0:
            cleaned = unhealthy_first(old, available_old, budget)
            available = sum(available_old) + available_new
            after = take(cleaned, max(0, available - minimum))
            kept = [min(one, size) for one, size in zip(available_old, after, strict=True)]
            assert sum(kept) + available_new >= min(minimum, available)
            old, available_old = after, kept
        available_new = min(new, available_new + data.draw(st.integers(1, 3)))
        if sum(old) == 0 and new == replicas:
            return
    raise AssertionError(f"it does not end: old {old}, new {new} of {replicas}")


def test_rounding_is_gos() -> None:
    """Half away from zero: 0.5 → 1, unlike Python's round."""
    assert proportions([1, 1], [2, 2], 3) == [1, 2] or proportions([1, 1], [2, 2], 3) == [2, 1]
    assert math.isclose(sum(proportions([1, 1, 1], [2, 2, 2], 5)), 5)
