"""Where pods go, and what is said of those that fit nowhere."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from controlplane_builders import NOW, Cluster, deployment, node, pod, puts, replica_set, view_of
from hypothesis import given, settings
from hypothesis import strategies as st

from minikctl.controlplane.decision import Decision
from minikctl.controlplane.scheduler import capacity_of, reconcile
from minikctl.model import Object, ObjectKey, conditions, name_of, spec_of, status_of
from minikctl.model.pods import pod_requests
from minikctl.model.taints import tolerates

POD = ObjectKey("Pod", "default", "p")
TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


def unbound(name: str = "p", /, **spec: Any) -> Object:
    return pod(name, phase="Pending", ready_for=None, **spec)


def asking(name: str = "p", node: str = "", **requests: str) -> Object:
    containers = [{"name": "a", "image": "a:1", "resources": {"requests": requests}}]
    return pod(name, phase="Pending", ready_for=None, node=node, containers=containers)


def on_port(name: str, port: int, node: str = "", protocol: str = "TCP") -> Object:
    ports = [{"containerPort": 80, "hostPort": port, "protocol": protocol}]
    return pod(name, node=node, containers=[{"name": "a", "image": "a:1", "ports": ports}])


def look(*objects: Object) -> Decision:
    return reconcile(POD, view_of(*objects), NOW)


def place(*objects: Object) -> str:
    """The node's name, or why there is none; without what is said of preemption."""
    (found,) = puts(look(*objects))
    if bound := spec_of(found).get("nodeName"):
        return str(bound)
    condition = conditions.find(status_of(found), "PodScheduled")
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
    return str(condition["message"]).partition(" preemption: ")[0]


FULL = "0/1 nodes are available: 1 "

CASES: list[Any] = [
    pytest.param(unbound(), [node()], "node-1", id="free"),
    pytest.param(unbound(), [], "no nodes available to schedule pods", id="no nodes"),
    pytest.param(unbound(), [node(is_ready=False)], FULL + "node(s) were not ready.", id="not ready"),
    pytest.param(unbound(), [node(unschedulable=True)], FULL + "node(s) were unschedulable.", id="cordoned"),
    pytest.param(
        unbound(tolerations=[{"operator": "Exists"}]),
        [node(unschedulable=True)],
        "node-1",
        id="tolerates all",
    ),
    pytest.param(unbound(), [node(taints=[TAINT])], FULL + "node(s) had untolerated taint(s).", id="taint"),
    pytest.param(
        unbound(), [node(taints=[TAINT | {"effect": "PreferNoSchedule"}])], "node-1", id="soft taint alone"
    ),
    pytest.param(
        unbound(),
        [node("a", taints=[TAINT | {"effect": "PreferNoSchedule"}]), node("b")],
        "b",
        id="soft taint",
    ),
    pytest.param(
        unbound(tolerations=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]),
        [node(taints=[TAINT])],
        "node-1",
        id="tolerated",
    ),
    pytest.param(
        unbound(nodeSelector={"disk": "ssd"}),
        [node("a", labels={"disk": "hdd"}), node("b", labels={"disk": "ssd", "x": "y"})],
        "b",
        id="selector",
    ),
    pytest.param(
        unbound(nodeSelector={"disk": "ssd"}),
        [node()],
        FULL + "node(s) didn't match Pod's node affinity/selector.",
        id="no such label",
    ),
    pytest.param(asking(cpu="2"), [node(cpu="1"), node("b", cpu="2")], "b", id="cpu"),
    pytest.param(asking(cpu="2001m"), [node(cpu="2")], FULL + "Insufficient cpu.", id="too much cpu"),
    pytest.param(
        asking(memory="1Gi"), [node(memory="1023Mi")], FULL + "Insufficient memory.", id="too much memory"
    ),
    pytest.param(
        asking(cpu="1"),
        [node(cpu="2"), asking("q", "node-1", cpu="1500m")],
        FULL + "Insufficient cpu.",
        id="others ask too",
    ),
    pytest.param(
        asking(cpu="1"),
        [node(cpu="2"), asking("q", "node-1", cpu="1500m") | {"status": {"phase": "Succeeded"}}],
        "node-1",
        id="finished pods ask for nothing",
    ),
    pytest.param(
        unbound(), [node(pods="1"), pod("q", node="node-1")], FULL + "Too many pods.", id="too many"
    ),
    pytest.param(
        on_port("p", 80),
        [node(), on_port("q", 80, "node-1")],
        FULL + "node(s) didn't have free ports for the requested pod ports.",
        id="port taken",
    ),
    pytest.param(on_port("p", 80), [node(), on_port("q", 81, "node-1")], "node-1", id="another port"),
    pytest.param(
        on_port("p", 80), [node(), on_port("q", 80, "node-1", "UDP")], "node-1", id="another protocol"
    ),
    pytest.param(
        on_port("p", 80), [node(), node("node-2"), on_port("q", 80, "node-1")], "node-2", id="free elsewhere"
    ),
    pytest.param(
        asking(cpu="3"),
        [node("a", cpu="1"), node("b", cpu="2"), node("c", taints=[TAINT]), node("d", unschedulable=True)],
        "0/4 nodes are available: 1 node(s) had untolerated taint(s), "
        "1 node(s) were unschedulable, 2 Insufficient cpu.",
        id="each for its reason",
    ),
]


@pytest.mark.parametrize(("wanted", "others", "expected"), CASES)
def test_place(wanted: Object, others: list[Object], expected: str) -> None:
    assert place(wanted, *others) == expected


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "value": "yes"}, True),
        ({"key": "gpu", "value": "no"}, False),
        ({"key": "gpu"}, False),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"operator": "Exists"}, True),
        ({"operator": "Exists", "effect": "NoSchedule"}, True),
        ({"operator": "Equal", "value": "yes"}, False),
    ],
)
def test_tolerations(toleration: dict[str, Any], tolerated: bool) -> None:
    assert tolerates(toleration, TAINT) is tolerated


def test_binding_says_so() -> None:
    decision = look(unbound(), node())
    (bound,) = puts(decision)
    assert conditions.is_true(status_of(bound), "PodScheduled")
    (told,) = decision.happenings
    assert (told.reason, told.message) == ("Scheduled", "Successfully assigned default/p to node-1")
    assert told.component == "default-scheduler"


def test_a_refusal_is_said_once() -> None:
    decision = look(unbound(), node(unschedulable=True))
    (waiting,) = puts(decision)
    assert decision.happenings[0].kind == "Warning"
    assert decision.happenings[0].reason == "FailedScheduling"
    again = look(waiting, node(unschedulable=True))
    assert (again.writes, again.happenings) == ([], [])
    other = look(waiting, node(is_ready=False))
    assert other.happenings[0].message == (
        "0/1 nodes are available: 1 node(s) were not ready."
        " preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )


@pytest.mark.parametrize("one", [pod("p", node="node-1"), pod("p", deleting=True)], ids=["bound", "going"])
def test_what_is_not_scheduled(one: Object) -> None:
    assert look(one, node()).writes == []


def test_it_binds_once_something_changed() -> None:
    cluster = Cluster(unbound(nodeSelector={"disk": "ssd"}))
    cluster.run()
    assert not spec_of(cluster.pods()[0]).get("nodeName")
    cluster.put(node(labels={"disk": "ssd"}))
    cluster.run()
    assert spec_of(cluster.pods()[0])["nodeName"] == "node-1"


def test_a_pod_that_goes_makes_room() -> None:
    cluster = Cluster(node(pods="1"), pod("first", node="node-1"), unbound())
    cluster.run()
    assert "p" in {name_of(one) for one in cluster.pods() if not spec_of(one).get("nodeName")}
    cluster.remove(ObjectKey("Pod", "default", "first"))
    cluster.run()
    assert [spec_of(one)["nodeName"] for one in cluster.pods()] == ["node-1"]


@pytest.mark.parametrize(
    ("replicas", "nodes", "spread"), [(4, 3, [2, 1, 1]), (6, 3, [2, 2, 2]), (2, 4, [1, 1])]
)
def test_replicas_are_spread(replicas: int, nodes: int, spread: list[int]) -> None:
    cluster = Cluster(
        *(node(f"node-{number}") for number in range(2, nodes + 1)), deployment(replicas=replicas)
    )
    cluster.settle()
    counts = Counter(spec_of(one)["nodeName"] for one in cluster.pods())
    assert sorted(counts.values(), reverse=True) == spread


def test_the_emptier_node_is_better() -> None:
    assert place(unbound(), node("a"), node("b"), asking("q", "a", cpu="2", memory="4Gi")) == "b"


def test_spread_counts_more_than_an_emptier_node() -> None:
    owner = replica_set()
    sibling = pod("sibling", owner=owner, node="a")
    other = asking("other", "b", cpu="1", memory="2Gi")
    one = {**unbound(), "metadata": pod("p", owner=owner)["metadata"]}
    assert place(one, node("a"), node("b"), sibling, other, owner) == "b"
    assert place(unbound(), node("a"), node("b"), sibling, other) == "a"


def test_ties_go_to_the_first_name() -> None:
    assert place(unbound(), node("b"), node("a"), node("c")) == "a"


def test_capacity_without_status() -> None:
    assert capacity_of({"status": {}}).pods == 0


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(100, 1500), st.integers(64, 900)), min_size=1, max_size=12),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
)
def test_no_node_ever_has_more_than_it_can_bear(asks: list[tuple[int, int]], cores: list[int]) -> None:
    """And what waits fits nowhere."""
    nodes = [
        node(f"node-{index}", cpu=str(count), memory="2Gi", pods="4") for index, count in enumerate(cores, 1)
    ]
    owner = replica_set(replicas=0, selector={"matchLabels": {"app": "none"}})
    pods = [asking(f"p{index:02}", cpu=f"{cpu}m", memory=f"{mem}Mi") for index, (cpu, mem) in enumerate(asks)]
    cluster = Cluster(owner, *nodes, *pods)
    cluster.run()
    for one in nodes:
        used = cluster.view.usage(name_of(one)).requests
        capacity = capacity_of(one)
        bound = list(cluster.view.pods_on(name_of(one)))
        assert used.cpu_millicores == sum(pod_requests(one).cpu_millicores for one in bound)
        assert used.cpu_millicores <= capacity.cpu_millicores
        assert used.memory_bytes <= capacity.memory_bytes
        assert used.pods == len(bound) <= capacity.pods
    for waiting in (one for one in cluster.pods() if not spec_of(one).get("nodeName")):
        asked = pod_requests(waiting)
        for one in nodes:
            used, capacity = cluster.view.usage(name_of(one)).requests, capacity_of(one)
            assert (
                used.pods + 1 > capacity.pods
                or used.cpu_millicores + asked.cpu_millicores > capacity.cpu_millicores
                or used.memory_bytes + asked.memory_bytes > capacity.memory_bytes
            )
