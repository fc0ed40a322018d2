"""How many pods of a budget may go: counted against what is there, or against what their controllers want."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import (
    NOW,
    Cluster,
    counted_ids,
    deployment,
    metadata,
    pod,
    puts,
    replica_set,
    view_of,
)
from hypothesis import given
from hypothesis import strategies as st

from minikctl.api.eviction import REFUSAL, SEVERAL, writes
from minikctl.controlplane.decision import Decision
from minikctl.controlplane.disruption import concerned, reconcile, with_eviction
from minikctl.errors import Forbidden, TooManyRequests
from minikctl.model import Object, ObjectKey, is_deleting, name_of, status_of
from minikctl.model.timestamps import format_time
from minikctl.model.writes import Put

KEY = ObjectKey("PodDisruptionBudget", "default", "web")


def budget(name: str = "web", status: dict[str, Any] | None = None, **spec: Any) -> Object:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(name),
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
        "status": status or {},
    }


def look(*objects: Object, now: float = NOW) -> Decision:
    return reconcile(KEY, view_of(*objects), now, counted_ids())


def status_after(*objects: Object, now: float = NOW) -> dict[str, Any]:
    (after,) = puts(look(*objects, now=now))
    return status_of(after)


def counts(status: dict[str, Any]) -> tuple[int, int, int, int]:
    fields = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    a, b, c, d = (status[field] for field in fields)
    return a, b, c, d


OWNER = replica_set(replicas=4)


@pytest.mark.parametrize(
    ("spec", "healthy", "sick", "expected"),
    [
        ({"minAvailable": 2}, 3, 0, (1, 3, 2, 3)),
        ({"minAvailable": 2}, 3, 1, (1, 3, 2, 4)),
        ({"minAvailable": 5}, 3, 0, (0, 3, 5, 3)),
        ({"minAvailable": "50%"}, 4, 0, (2, 4, 2, 4)),
        ({"minAvailable": "51%"}, 4, 0, (1, 4, 3, 4)),
        ({"maxUnavailable": 1}, 4, 0, (1, 4, 3, 4)),
        ({"maxUnavailable": 1}, 3, 0, (0, 3, 3, 4)),
        ({"maxUnavailable": "30%"}, 4, 0, (2, 4, 2, 4)),
        ({"maxUnavailable": 9}, 1, 3, (1, 1, 0, 4)),
        ({"minAvailable": 0}, 0, 0, (0, 0, 0, 0)),
        ({"minAvailable": 0}, 2, 0, (2, 2, 0, 2)),
        ({}, 3, 1, (0, 3, 0, 0)),
    ],
)
def test_the_arithmetic(spec: dict[str, Any], healthy: int, sick: int, expected: tuple[int, ...]) -> None:
    pods = [pod(f"h{number}", owner=OWNER) for number in range(healthy)]
    pods += [pod(f"s{number}", owner=OWNER, ready_for=None) for number in range(sick)]
    assert counts(status_after(budget(**spec), OWNER, *pods)) == expected


def test_a_percentage_is_of_the_deployment_behind_the_replica_sets() -> None:
    owner = deployment(replicas=10)
    old, new = replica_set("a", 2, owner), replica_set("b", 9, owner)
    pods = [pod("a1", owner=old), pod("b1", owner=new), pod("b2", owner=new)]
    assert counts(status_after(budget(minAvailable="10%"), owner, old, new, *pods)) == (2, 3, 1, 10)


def test_pods_that_nobody_controls_only_count_as_they_are() -> None:
    assert counts(status_after(budget(minAvailable=1), pod("a"), pod("b"))) == (1, 2, 1, 2)
    assert counts(status_after(budget(maxUnavailable=1), pod("a"), pod("b"))) == (0, 2, 0, 0)


def test_what_has_no_size_allows_nothing_and_says_so_once() -> None:
    owner = {**replica_set(), "kind": "DaemonSet"}
    first = look(budget(maxUnavailable=1), owner, pod(owner=owner))
    (after,) = puts(first)
    assert status_of(after)["disruptionsAllowed"] == 0
    assert status_of(after)["conditions"][0]["reason"] == "SyncFailed"
    text = (
        "Failed to calculate the number of expected pods:"
        " daemonsets.apps does not implement the scale subresource"
    )
    assert [one.message for one in first.happenings] == [text]
    again = look(after, owner, pod(owner=owner))
    assert (puts(again), again.happenings) == ([], [])


def test_an_empty_selector_is_everybodys_and_none_is_nobodys() -> None:
    everybody = budget(minAvailable=0) | {"spec": {"selector": {}, "minAvailable": 0}}
    assert status_after(everybody, pod("a", labels={"x": "y"}))["expectedPods"] == 1
    nobody = budget() | {"spec": {"minAvailable": 0}}
    assert status_after(nobody, pod("a"))["expectedPods"] == 0


def test_who_was_taken_is_not_healthy_until_it_is_marked_or_its_time_is_over() -> None:
    taken = with_eviction(
        budget(minAvailable=1, status={"disruptionsAllowed": 1, "currentHealthy": 2}), pod("a"), NOW
    )
    assert status_of(taken)["disruptionsAllowed"] == 0
    decision = look(taken, pod("a"), pod("b"))
    (after,) = puts(decision)
    assert counts(status_of(after)) == (0, 1, 1, 2)
    assert decision.look_again == NOW + 120
    marked = status_after(taken, pod("a", deleting=True), pod("b"))
    assert "disruptedPods" not in marked
    late = look(taken, pod("a"), pod("b"), now=NOW + 120)
    assert counts(status_of(puts(late)[0])) == (1, 2, 1, 2)
    assert [one.reason for one in late.happenings] == ["NotDeleted"]


def test_a_change_concerns_the_budgets_that_select_the_pod_before_or_after() -> None:
    view = view_of(budget(), budget("other") | {"spec": {"selector": {"matchLabels": {"app": "db"}}}})
    stranger = pod(labels={"app": "x"})
    assert [key.name for key in concerned(pod(), None, view)] == ["web"]
    assert [key.name for key in concerned(stranger, pod(), view)] == ["web"]
    assert list(concerned(stranger, None, view)) == []
    assert [key.name for key in concerned(replica_set(), None, view)] == ["web", "other"]


def test_the_status_follows_the_pods_of_a_cluster() -> None:
    cluster = Cluster(deployment(replicas=3), budget(minAvailable=2))
    cluster.settle()
    (found,) = cluster.view.list("PodDisruptionBudget")
    assert counts(status_of(found)) == (1, 3, 2, 3)


# --- evictions


def allowed(count: int, **status: Any) -> Object:
    known = {"disruptionsAllowed": count, "observedGeneration": 1, **status}
    return budget(minAvailable=1, status=known)


def evict(one: Object, *budgets: Object) -> list[Object]:
    return [write.obj for write in writes(one, budgets, NOW, None) if isinstance(write, Put)]


def test_a_budget_pays_in_the_same_commit() -> None:
    paid, going = evict(pod("a", node="n"), allowed(1))
    assert status_of(paid)["disruptionsAllowed"] == 0
    assert status_of(paid)["disruptedPods"] == {"a": format_time(NOW)}
    assert is_deleting(going)
    (target,) = [one for one in status_of(going)["conditions"] if one["type"] == "DisruptionTarget"]
    assert (target["reason"], target["message"]) == ("EvictionByEvictionAPI", "Eviction API: evicting")


@pytest.mark.parametrize("held", [allowed(0), allowed(3, observedGeneration=0)])
def test_a_budget_that_is_used_up_or_not_counted_yet_refuses(held: Object) -> None:
    with pytest.raises(TooManyRequests, match="^" + REFUSAL.replace(".", "[.]")):
        evict(pod(node="n"), held)


def test_two_budgets_are_one_too_many() -> None:
    with pytest.raises(Forbidden, match=SEVERAL[:30]):
        evict(pod(node="n"), allowed(1), allowed(1) | {"metadata": metadata("b")})


@pytest.mark.parametrize(
    "one",
    [
        pod(node="n", phase="Succeeded"),
        pod(node="n", phase="Failed"),
        pod(node="n", phase="Pending", ready_for=None),
    ],
)
def test_who_does_not_run_goes_free(one: Object) -> None:
    assert [name_of(found) for found in evict(one, allowed(0))] == ["p"]


def test_who_is_not_ready_goes_free_while_the_budget_is_met() -> None:
    sick = pod(node="n", ready_for=None)
    met = allowed(0, currentHealthy=1, desiredHealthy=1)
    assert [one["kind"] for one in evict(sick, met)] == ["Pod"]
    unmet = allowed(0, currentHealthy=0, desiredHealthy=1)
    with pytest.raises(TooManyRequests):
        evict(sick, unmet)
    always = unmet | {"spec": {**unmet["spec"], "unhealthyPodEvictionPolicy": "AlwaysAllow"}}
    assert [one["kind"] for one in evict(sick, always)] == ["Pod"]


@given(
    st.lists(st.sampled_from(["healthy", "sick", "going"]), max_size=6),
    st.sampled_from([{"minAvailable": n} for n in range(4)] + [{"maxUnavailable": n} for n in range(4)]),
    st.data(),
)
def test_whatever_is_evicted_the_budget_holds(states: list[str], spec: dict[str, Any], data: Any) -> None:
    """Evictions one after the other, with the controller looking in between or not."""
    owner = replica_set(replicas=len(states))
    pods = {
        f"p{number}": pod(
            f"p{number}",
            owner=owner,
            node="n",
            ready_for=None if state == "sick" else 1.0,
            deleting=state == "going",
        )
        for number, state in enumerate(states)
    }
    found = budget(**spec)

    def sync() -> Object:
        return next(iter(puts(look(found, owner, *pods.values()))), found)

    found = sync()
    desired = status_of(found)["desiredHealthy"]
    healthy = states.count("healthy")
    for name in data.draw(st.permutations(sorted(pods))):
        if states[int(name[1:])] != "healthy":
            continue
        try:
            found, pods[name] = evict(pods[name], found)
            healthy -= 1
            assert healthy >= desired
        except TooManyRequests:
            assert healthy <= desired
        if data.draw(st.booleans()):
            found = sync()
