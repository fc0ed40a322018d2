"""Who goes for a pod that fits nowhere, from which node, and what is kept for it."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import NOW, Cluster, deployment, metadata, node, pod, puts, ready, view_of
from hypothesis import given
from hypothesis import strategies as st

from minikctl.controlplane.decision import Decision
from minikctl.controlplane.scheduler import reconcile
from minikctl.model import (
    Object,
    ObjectKey,
    conditions,
    controller_of,
    is_deleting,
    key_of,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.timestamps import format_time


def asking(
    name: str, cpu: str, priority: int = 0, on: str = "", started: float = 0.0, **fields: Any
) -> Object:
    containers = [{"name": "app", "image": "a", "resources": {"requests": {"cpu": cpu}}}]
    found = pod(name, node=on, containers=containers, priority=priority, **fields)
    found["status"]["startTime"] = format_time(NOW - 1000 + started)
    if not on:
        found["status"] = {"phase": "Pending"}
    return found


def budget(allowed: int, **labels: str) -> Object:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata("b"),
        "spec": {"selector": {"matchLabels": labels}},
        "status": {"disruptionsAllowed": allowed},
    }


def look(wanted: Object, *others: Object) -> Decision:
    return reconcile(key_of(wanted), view_of(wanted, *others), NOW)


def victims(decision: Decision) -> list[str]:
    return sorted({name_of(one) for one in puts(decision, "Pod") if is_deleting(one)})


def nominated(decision: Decision, name: str = "new") -> str:
    found = [one for one in puts(decision, "Pod") if name_of(one) == name]
    return str(status_of(found[-1]).get("nominatedNodeName", ""))


def message(decision: Decision, name: str = "new") -> str:
    found = [one for one in puts(decision, "Pod") if name_of(one) == name]
    condition = conditions.find(status_of(found[-1]), "PodScheduled")
    assert condition is not None
    return str(condition["message"])


def test_what_is_written_about_a_victim() -> None:
    new = asking("new", "1", 10)
    decision = look(new, node(cpu="1"), asking("old", "1", 5, "node-1", terminationGracePeriodSeconds=7))
    (old,) = [one for one in puts(decision) if name_of(one) == "old"]
    assert old["metadata"]["deletionGracePeriodSeconds"] == 7
    target = conditions.find(status_of(old), "DisruptionTarget")
    assert target is not None
    assert (target["reason"], target["message"]) == (
        "PreemptionByScheduler",
        "default-scheduler: preempting to accommodate a higher priority pod",
    )
    assert nominated(decision) == "node-1"
    assert message(decision) == "0/1 nodes are available: 1 Insufficient cpu."
    told = [(one.about["metadata"]["name"], one.reason, one.message) for one in decision.happenings]
    assert told[0] == ("old", "Preempted", f"Preempted by pod {uid_of(new)} on node node-1")
    assert told[1][:2] == ("new", "FailedScheduling")


CASES: list[Any] = [
    pytest.param([asking("a", "2", 10, "node-1")], [], id="of the same priority"),
    pytest.param([asking("a", "2", 9, "node-1")], ["a"], id="of a lower one"),
    pytest.param(
        [asking("a", "1", 1, "node-1"), asking("b", "1", 2, "node-1")], ["a"], id="the least important"
    ),
    pytest.param([asking("a", "1", 1, "node-1"), asking("b", "1", 1, "node-1", 5)], ["b"], id="the youngest"),
    pytest.param(
        [asking("a", "500m", 1, "node-1"), asking("b", "1500m", 2, "node-1")], ["b"], id="no more than needed"
    ),
    pytest.param(
        [asking("a", "1", 1, "node-1"), asking("b", "1", 2, "node-1", deleting=True)],
        [],
        id="who goes anyway",
    ),
    pytest.param(
        [
            asking("a", "1", 1, "node-1", labels={"app": "x"}),
            asking("b", "1", 2, "node-1"),
            budget(0, app="x"),
        ],
        ["b"],
        id="the unprotected",
    ),
    pytest.param(
        [
            asking("a", "1", 1, "node-1", labels={"app": "x"}),
            asking("b", "1", 2, "node-1"),
            budget(1, app="x"),
        ],
        ["a"],
        id="a budget with room",
    ),
    pytest.param(
        [asking("a", "2", 1, "node-1", labels={"app": "x"}), budget(0, app="x")], ["a"], id="at best"
    ),
]


@pytest.mark.parametrize(("others", "gone"), CASES)
def test_who_goes(others: list[Object], gone: list[str]) -> None:
    decision = look(asking("new", "1", 10), node(cpu="2"), *others)
    assert [name for name in victims(decision) if name != "new"] == gone


def test_who_is_on_its_way_out_is_not_asked_again() -> None:
    going = asking("b", "1", 2, "node-1", deleting=True)
    decision = look(asking("new", "1", 10), node(cpu="2"), asking("a", "1", 1, "node-1"), going)
    assert nominated(decision) == "node-1"
    assert victims(decision) == []


@pytest.mark.parametrize(
    ("spec", "others", "why"),
    [
        (
            {"preemptionPolicy": "Never"},
            [asking("a", "2", 1, "node-1")],
            "not eligible due to preemptionPolicy=Never.",
        ),
        (
            {},
            [asking("a", "2", 10, "node-1")],
            "0/1 nodes are available: 1 No preemption victims found for incoming pod.",
        ),
        (
            {"nodeSelector": {"x": "y"}},
            [asking("a", "2", 1, "node-1")],
            "0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
        ),
    ],
)
def test_why_nobody_goes(spec: dict[str, Any], others: list[Object], why: str) -> None:
    decision = look(asking("new", "1", 10, **spec), node(cpu="2"), *others)
    assert message(decision).partition(" preemption: ")[2] == why
    assert victims(decision) == []


def test_a_pod_that_never_fits_makes_nobody_go() -> None:
    decision = look(asking("new", "3", 10), node(cpu="2"), asking("a", "2", 1, "node-1"))
    assert victims(decision) == []
    assert message(decision).endswith("1 Preemption is not helpful for scheduling.")


def test_a_port_and_a_neighbour_can_be_given_up() -> None:
    ports = [{"name": "app", "image": "a", "ports": [{"containerPort": 80, "hostPort": 80}]}]
    new, old = (pod(name, containers=ports, priority=number) for name, number in (("new", 2), ("old", 1)))
    new["status"] = {"phase": "Pending"}
    spec_of(old)["nodeName"] = "node-1"
    assert victims(look(new, node(), old)) == ["old"]
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    lonely = asking("new", "1m", 5, affinity=apart)
    here = node(labels={"kubernetes.io/hostname": "node-1"})
    assert victims(look(lonely, here, asking("old", "1m", 1, "node-1"))) == ["old"]


NODES: list[Any] = [
    pytest.param([asking("a", "1", 3, "n1"), asking("b", "1", 2, "n2")], "n2", id="lower priority"),
    pytest.param(
        [asking("a", "1", 1, "n1"), asking("b", "500m", 1, "n2"), asking("c", "500m", 1, "n2")],
        "n1",
        id="fewer",
    ),
    pytest.param([asking("a", "1", 1, "n1"), asking("b", "1", 1, "n2", 9)], "n2", id="later start"),
    pytest.param(
        [asking("a", "1", 1, "n1", labels={"app": "x"}), asking("b", "1", 2, "n2"), budget(0, app="x")],
        "n2",
        id="no budget broken",
    ),
    pytest.param([asking("a", "1", 1, "n1"), asking("b", "1", 1, "n2")], "n1", id="the first of equals"),
]


@pytest.mark.parametrize(("others", "chosen"), NODES)
def test_from_which_node(others: list[Object], chosen: str) -> None:
    new = asking("new", "1", 10)
    decision = look(new, node("n1", cpu="1"), node("n2", cpu="1"), *others)
    assert nominated(decision) == chosen


# --- what is kept


def waiting(name: str, cpu: str, priority: int, on: str = "node-1") -> Object:
    found = asking(name, cpu, priority)
    found["status"]["nominatedNodeName"] = on
    return found


def test_what_was_made_free_is_kept_from_pods_of_lower_priority() -> None:
    kept = waiting("kept", "1", 10)
    assert "Insufficient cpu" in message(look(asking("new", "1", 9), node(cpu="1"), kept))
    (bound, *_) = puts(look(asking("new", "1", 11), node(cpu="1"), kept))
    assert spec_of(bound)["nodeName"] == "node-1", "a more important one may have it"


def test_nobody_more_goes_while_the_victims_end() -> None:
    target = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
    going = asking("old", "1", 1, "node-1", deleting=True)
    going["status"]["conditions"] = [ready(NOW), target]
    decision = look(waiting("new", "1", 10), node(cpu="2"), going, asking("other", "1", 1, "node-1"))
    assert victims(decision) == []
    assert message(decision).endswith(
        "preemption: not eligible due to a terminating pod on the nominated node."
    )
    assert nominated(decision) == "node-1"


def test_a_nomination_that_leads_nowhere_is_given_up() -> None:
    decision = look(waiting("new", "1", 10), node(cpu="1"), asking("other", "1", 20, "node-1"))
    assert nominated(decision) == ""


def test_the_nominated_node_is_taken_and_the_nomination_goes() -> None:
    (bound,) = puts(look(waiting("new", "1", 10, "n2"), node("n1"), node("n2", cpu="1")))
    assert spec_of(bound)["nodeName"] == "n2"
    assert "nominatedNodeName" not in status_of(bound)


def test_a_nomination_of_lower_priority_is_taken_back() -> None:
    decision = look(
        asking("new", "1", 10), node(cpu="1"), asking("a", "1", 1, "node-1"), waiting("low", "1", 5)
    )
    assert nominated(decision, "low") == ""


# --- a cluster


def priorities_of(cluster: Cluster) -> list[int]:
    return sorted(spec_of(one).get("priority", 0) for one in cluster.pods() if spec_of(one).get("nodeName"))


def settle(cluster: Cluster) -> None:
    """Pods that have a place run, those that go are gone at once."""
    for _ in range(30):
        plan = cluster.run()
        placed = [one for one in cluster.pods() if spec_of(one).get("nodeName")]
        moved = cluster.become_ready(placed) + cluster.finish_deletions()
        if not plan.writes and not moved:
            return
    raise AssertionError("it does not settle")


def test_a_deployment_of_a_higher_class_displaces_pods_of_another() -> None:
    low, high = (deployment(name, replicas=3) for name in ("low", "web"))
    for found, name in ((low, "low"), (high, "high")):
        template = spec_of(found)["template"]["spec"]
        template["priorityClassName"] = name
        template["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
    classes = [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": metadata(name) | {"namespace": ""},
            "value": value,
        }
        for name, value in (("low", 1), ("high", 9))
    ]
    cluster = Cluster(*classes, low)
    settle(cluster)
    assert priorities_of(cluster) == [1, 1, 1]
    cluster.put(high)
    settle(cluster)
    assert priorities_of(cluster) == [1, 9, 9, 9]
    assert len(cluster.texts("Preempted")) == 2
    assert not cluster.view.nominated


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(1, 2)), max_size=8),
    st.integers(1, 6),
    st.integers(0, 4),
)
def test_victims_are_enough_and_none_of_them_is_needless(
    there: list[tuple[int, int, int]], cpu: int, priority: int
) -> None:
    """On nodes of 6 cores: afterwards the pod fits, and putting back any victim is too much."""
    room = {"n1": 6, "n2": 6}
    others = []
    for number, (size, own, where) in enumerate(there):
        name = f"n{where}"
        if room[name] >= size:
            room[name] -= size
            others.append(asking(f"p{number}", str(size), own, name))
    new = asking("new", str(cpu), priority)
    decision = look(new, node("n1", cpu="6"), node("n2", cpu="6"), *others)
    gone = victims(decision)
    if any(free >= cpu for free in room.values()):
        assert not gone
        return
    sizes = {
        name_of(one): (spec_of(one)["nodeName"], spec_of(one)["priority"], size_of(one)) for one in others
    }
    could = [
        node_name
        for node_name, free in room.items()
        if free + sum(size for where, own, size in sizes.values() if where == node_name and own < priority)
        >= cpu
    ]
    chosen = nominated(decision)
    assert bool(chosen) is bool(could)
    if not chosen:
        assert not gone
        return
    assert all(sizes[name][0] == chosen and sizes[name][1] < priority for name in gone)
    freed = room[chosen] + sum(sizes[name][2] for name in gone)
    assert freed >= cpu
    assert all(freed - sizes[name][2] < cpu for name in gone)


def size_of(one: Object) -> int:
    return int(spec_of(one)["containers"][0]["resources"]["requests"]["cpu"])


def test_a_controlled_victim_comes_back_when_there_is_room() -> None:
    web = deployment(replicas=4)
    spec_of(web)["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
    cluster = Cluster(web)
    settle(cluster)
    cluster.put(asking("new", "2", 10))
    settle(cluster)
    bound = [one for one in cluster.pods() if spec_of(one).get("nodeName")]
    assert sorted(controller_of(one) is not None for one in bound) == [False, True, True]
    cluster.remove(ObjectKey("Pod", "default", "new"))
    settle(cluster)
    assert len([one for one in cluster.pods() if spec_of(one).get("nodeName")]) == 4
