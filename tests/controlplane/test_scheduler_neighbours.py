"""Pods that ask for nodes by preference, for other pods, for an even spread; and who is looked at first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from controlplane_builders import (
    NOW,
    Cluster,
    deployment,
    namespace,
    node,
    pod,
    puts,
    view_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from minikctl.controlplane.scheduler import reconcile
from minikctl.model import Object, ObjectKey, conditions, labels_of, name_of, namespace_of, spec_of, status_of

POD = ObjectKey("Pod", "default", "p")
HOST, ZONE = "kubernetes.io/hostname", "zone"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
NOT_TOGETHER = "node(s) didn't match pod affinity rules"
NOT_APART = "node(s) didn't match pod anti-affinity rules"
OTHERS_APART = "node(s) didn't satisfy existing pods anti-affinity rules"
SKEWED = "node(s) didn't match pod topology spread constraints"


def on(name: str, zone: str | None = None, **fields: Any) -> Object:
    labels = {HOST: name} | ({ZONE: zone} if zone else {})
    return node(name, labels=labels | fields.pop("labels", {}), **fields)


def waiting(labels: Mapping[str, str] | None = None, name: str = "p", **spec: Any) -> Object:
    return pod(name, phase="Pending", ready_for=None, labels=dict(labels or {"app": "web"}), **spec)


def there(name: str, where: str, labels: Mapping[str, str] | None = None, **spec: Any) -> Object:
    return pod(name, node=where, labels=dict(labels or {"app": "web"}), **spec)


def in_other(namespace: str, one: Object) -> Object:
    return {**one, "metadata": {**one["metadata"], "namespace": namespace}}


def of_team(name: str) -> Object:
    home = namespace(name)
    return {**home, "metadata": home["metadata"] | {"labels": {"team": name}}}


def term(key: str = HOST, app: str | None = "web", **fields: Any) -> dict[str, Any]:
    selector = {} if app is None else {"labelSelector": {"matchLabels": {"app": app}}}
    return {"topologyKey": key, **selector, **fields}


def together(*terms: dict[str, Any]) -> dict[str, Any]:
    asked: dict[str, Any] = {"podAffinity": {REQUIRED: list(terms)}}
    return asked


def apart(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"podAntiAffinity": {REQUIRED: list(terms)}}


def rather(kind: str, weight: int, one: dict[str, Any]) -> dict[str, Any]:
    return {kind: {PREFERRED: [{"weight": weight, "podAffinityTerm": one}]}}


def on_nodes(*expressions: tuple[str, ...], fields: tuple[str, ...] = ()) -> dict[str, Any]:
    """Node affinity; each expression is a key, an operator and values."""
    found: dict[str, Any] = {}
    if expressions:
        found["matchExpressions"] = [
            {"key": key, "operator": operator, "values": list(values)}
            for key, operator, *values in expressions
        ]
    if fields:
        key, operator, *values = fields
        found["matchFields"] = [{"key": key, "operator": operator, "values": list(values)}]
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [found]}}}


def evenly(skew: int = 1, key: str = HOST, action: str = "DoNotSchedule", **fields: Any) -> dict[str, Any]:
    asked = {
        "maxSkew": skew,
        "topologyKey": key,
        "whenUnsatisfiable": action,
        "labelSelector": {"matchLabels": {"app": "web"}},
        **fields,
    }
    return {"topologySpreadConstraints": [{name: one for name, one in asked.items() if one is not None}]}


def place(*objects: Object) -> str:
    """The node's name, or why there is none, without what every such message begins and ends with."""
    (found,) = puts(reconcile(POD, view_of(*objects), NOW))
    if bound := spec_of(found).get("nodeName"):
        return str(bound)
    condition = conditions.find(status_of(found), "PodScheduled")
    assert condition is not None
    why, _, _ = str(condition["message"]).partition(" preemption: ")
    return why.partition("nodes are available: ")[2].removesuffix(".")


A, B, C = on("a", "1"), on("b", "1"), on("c", "2")
SSD = on("a", labels={"disk": "ssd", "gen": "3"})


@pytest.mark.parametrize(
    ("expressions", "fits"),
    [
        ([("disk", "In", "ssd", "nvme")], True),
        ([("disk", "In", "hdd")], False),
        ([("disk", "NotIn", "hdd")], True),
        ([("none", "NotIn", "x")], True),
        ([("disk", "NotIn", "ssd")], False),
        ([("disk", "Exists")], True),
        ([("none", "Exists")], False),
        ([("disk", "DoesNotExist")], False),
        ([("none", "DoesNotExist")], True),
        ([("gen", "Gt", "2")], True),
        ([("gen", "Gt", "3")], False),
        ([("gen", "Lt", "4")], True),
        ([("disk", "Lt", "4")], False),
        ([("disk", "In", "ssd"), ("gen", "Lt", "3")], False),
    ],
)
def test_node_affinity(expressions: list[tuple[str, ...]], fits: bool) -> None:
    found = place(waiting(affinity=on_nodes(*expressions)), SSD)
    assert found == ("a" if fits else "1 node(s) didn't match Pod's node affinity/selector")


def test_terms_of_nodes_are_alternatives_and_an_empty_one_is_none() -> None:
    terms = [{}, {"matchExpressions": [{"key": "none", "operator": "Exists"}]}]
    asked = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}
    assert place(waiting(affinity=asked), SSD) == "1 node(s) didn't match Pod's node affinity/selector"
    terms.append({"matchExpressions": [{"key": "disk", "operator": "Exists"}]})
    assert place(waiting(affinity=asked), SSD) == "a"


def test_nodes_by_name() -> None:
    by_name = on_nodes(fields=("metadata.name", "In", "b"))
    assert place(waiting(affinity=by_name), A, B) == "b"
    assert place(waiting(affinity=by_name), A, C) == "2 node(s) didn't satisfy plugin(s) [NodeAffinity]"
    assert place(waiting(affinity=on_nodes(fields=("metadata.name", "NotIn", "a"))), A, B) == "b"


def test_preferred_nodes() -> None:
    preferred = [
        {"weight": 1, "preference": {"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["1"]}]}},
        {"weight": 9, "preference": {"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["2"]}]}},
    ]
    assert place(waiting(affinity={"nodeAffinity": {PREFERRED: preferred}}), A, B, C) == "c"


OTHER = {"app": "other"}
CASES: list[Any] = [
    pytest.param(together(term()), [A, B, there("q", "b")], "b", id="beside"),
    pytest.param(together(term(ZONE)), [on("0", "2"), A, B, there("q", "b")], "a", id="in its zone"),
    pytest.param(together(term()), [A, B], "a", id="the first of its group"),
    pytest.param(together(term(app="db")), [A, B], f"2 {NOT_TOGETHER}", id="nobody there"),
    pytest.param(together(term(app=None)), [A, there("q", "a")], f"1 {NOT_TOGETHER}", id="no selector"),
    pytest.param(
        together({"topologyKey": HOST, "labelSelector": {}}), [A, B, there("q", "b", OTHER)], "b", id="all"
    ),
    pytest.param(together(term("rack")), [A], f"1 {NOT_TOGETHER}", id="no such label"),
    pytest.param(
        together(term(ZONE), term(ZONE, app="db")),
        [A, C, there("q", "a"), there("d", "a", {"app": "db"})],
        f"2 {NOT_TOGETHER}",
        id="all terms by one pod",
    ),
    pytest.param(apart(term()), [A, B, there("q", "a")], "b", id="apart"),
    pytest.param(apart(term(ZONE)), [A, B, C, there("q", "a")], "c", id="in another zone"),
    pytest.param(apart(term()), [A, there("q", "a")], f"1 {NOT_APART}", id="no room apart"),
    pytest.param(apart(term("rack")), [A, there("q", "a")], "a", id="apart without the label"),
    pytest.param(
        {}, [A, there("q", "a", OTHER, affinity=apart(term()))], f"1 {OTHERS_APART}", id="others apart"
    ),
    pytest.param(
        {},
        [A, there("q", "a", OTHER, affinity=apart(term()), phase="Succeeded")],
        "a",
        id="who has ended keeps nobody away",
    ),
    pytest.param(apart(term()), [A, in_other("n", there("q", "a"))], "a", id="own namespace"),
    pytest.param(
        apart(term(namespaces=["n"])),
        [A, in_other("n", there("q", "a"))],
        f"1 {NOT_APART}",
        id="other namespace",
    ),
    pytest.param(
        apart(term(namespaces=["n"])), [A, there("q", "a")], "a", id="not its own, when others are named"
    ),
    pytest.param(
        apart(term(namespaceSelector={"matchLabels": {"team": "x"}})),
        [A, B, of_team("x"), in_other("x", there("q", "a")), in_other("y", there("r", "b"))],
        "b",
        id="namespaces by label",
    ),
    pytest.param(
        apart(term(namespaceSelector={})), [A, in_other("y", there("q", "a"))], f"1 {NOT_APART}", id="any"
    ),
    pytest.param(rather("podAffinity", 1, term()), [A, B, there("q", "b")], "b", id="rather beside"),
    pytest.param(rather("podAntiAffinity", 1, term()), [A, B, there("q", "a")], "b", id="rather apart"),
    pytest.param(
        {},
        [A, B, there("q", "b", OTHER, affinity=rather("podAffinity", 50, term()))],
        "b",
        id="somebody rather beside it",
    ),
    pytest.param({}, [A, B, there("q", "b", OTHER, affinity=together(term()))], "b", id="somebody beside it"),
    pytest.param(
        {**apart(term()), **on_nodes((ZONE, "In", "1"))},
        [A, B, C, there("q", "a"), there("r", "b")],
        f"1 node(s) didn't match Pod's node affinity/selector, 2 {NOT_APART}",
        id="each for its reason",
    ),
]


@pytest.mark.parametrize(("affinity", "others", "expected"), CASES)
def test_other_pods(affinity: dict[str, Any], others: list[Object], expected: str) -> None:
    assert place(waiting(affinity=affinity), *others) == expected


TAINT = {"key": "gpu", "effect": "NoSchedule"}
SPREADS: list[Any] = [
    pytest.param(evenly(), {}, [A, B, there("q", "a")], "b", id="even"),
    pytest.param(evenly(), {}, [A, B, on("z", pods="0"), there("q", "a"), there("r", "b")], None, id="full"),
    pytest.param(
        evenly(2),
        {},
        [A, on("z", pods="0"), there("q", "a"), there("r", "z")],
        "a",
        id="more skew is allowed",
    ),
    pytest.param(
        evenly(key=ZONE),
        {},
        [A, B, C, there("q", "a"), there("r", "a"), there("s", "c")],
        "c",
        id="by zone",
    ),
    pytest.param(evenly(key="rack"), {}, [A], f"1 {SKEWED} (missing required label)", id="no label"),
    pytest.param(
        evenly(),
        {},
        [A, B, there("q", "a", deleting=True), there("o", "a", deleting=True), there("r", "b")],
        "a",
        id="going",
    ),
    pytest.param(evenly(), {}, [A, B, in_other("n", there("q", "a")), there("r", "b")], "a", id="namespace"),
    pytest.param(evenly(minDomains=3), {}, [A, B, there("q", "a"), there("r", "b")], None, id="min domains"),
    pytest.param(evenly(minDomains=3), {}, [A, B], "a", id="min domains, the first"),
    pytest.param(
        evenly(),
        {"nodeSelector": {ZONE: "1"}},
        [A, C, there("q", "a")],
        "a",
        id="who it can't go to is no domain",
    ),
    pytest.param(
        evenly(nodeAffinityPolicy="Ignore"),
        {"nodeSelector": {ZONE: "1"}},
        [A, C, there("q", "a")],
        None,
        id="affinity ignored",
    ),
    pytest.param(evenly(), {}, [A, on("t", taints=[TAINT]), there("q", "a")], None, id="tainted is a domain"),
    pytest.param(
        evenly(nodeTaintsPolicy="Honor"),
        {},
        [A, on("t", taints=[TAINT]), there("q", "a")],
        "a",
        id="taints honoured",
    ),
    pytest.param(
        evenly(labelSelector=None), {}, [A, B, there("q", "a")], "b", id="no selector counts nobody"
    ),
    pytest.param(
        evenly(action="ScheduleAnyway"),
        {},
        [A, on("b", pods="2"), there("q", "a"), there("r", "a"), there("s", "b")],
        "b",
        id="anyway",
    ),
    pytest.param(
        evenly(action="ScheduleAnyway", key=ZONE),
        {},
        [A, B, C, there("q", "a"), there("r", "c"), there("s", "c")],
        "b",
        id="anyway by zone",
    ),
]


@pytest.mark.parametrize(("constraints", "spec", "others", "expected"), SPREADS)
def test_spreading(
    constraints: dict[str, Any], spec: dict[str, Any], others: list[Object], expected: str | None
) -> None:
    found = place(waiting(**constraints, **spec), *others)
    assert (SKEWED in found) if expected is None else found == expected


# --- gates and queues -----------------------------------------------------------------------------------


def test_a_gate_holds_a_pod_back_without_an_event() -> None:
    gated = waiting(schedulingGates=[{"name": "x"}])
    decision = reconcile(POD, view_of(gated, A), NOW)
    (held,) = puts(decision)
    condition = conditions.find(status_of(held), "PodScheduled")
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("False", "SchedulingGated")
    assert condition["message"] == "Scheduling is blocked due to non-empty scheduling gates"
    assert decision.happenings == []
    assert reconcile(POD, view_of(held, A), NOW).writes == []
    free = {**held, "spec": {**spec_of(held), "schedulingGates": []}}
    assert place(free, A) == "a"


def test_who_waits_for_a_neighbour_is_looked_at_when_it_is_there() -> None:
    cluster = Cluster(on("a"), on("b"), waiting(OTHER, affinity=together(term())))
    cluster.run()
    assert not spec_of(cluster.pods()[0]).get("nodeName")
    cluster.put(there("q", "b"))
    cluster.run()
    assert [spec_of(one)["nodeName"] for one in cluster.pods()] == ["b", "b"]


def test_who_waits_for_an_even_spread_is_looked_at_when_labels_change() -> None:
    cluster = Cluster(on("a"), on("b", unschedulable=True), there("q", "a"), waiting(**evenly()))
    cluster.remove(ObjectKey("Node", "", "node-1"))
    cluster.run()
    assert not spec_of(cluster.pods()[0]).get("nodeName")
    cluster.put(there("q", "a", OTHER))
    cluster.run()
    assert spec_of(cluster.pods()[0])["nodeName"] == "a"


def priority_class(name: str, value: int, **fields: Any) -> Object:
    metadata = {"name": name, "uid": f"uid-of-{name}", "resourceVersion": "1"}
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": metadata,
        "value": value,
        **fields,
    }


def test_the_highest_priority_comes_first() -> None:
    first = [waiting(name=f"p{value}", priority=value) for value in (1, 3, 2)]
    cluster = Cluster(*first)
    cluster.put(node(pods="2"))
    cluster.run()
    assert [name_of(one) for one in cluster.pods() if spec_of(one).get("nodeName")] == ["p2", "p3"]
    cluster.put(waiting(name="p9", priority=9))
    cluster.run()
    cluster.remove(ObjectKey("Pod", "default", "p2"))
    cluster.run()
    assert [name_of(one) for one in cluster.pods() if spec_of(one).get("nodeName")] == ["p3", "p9"]


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("high", ("high", 1000, "Never")),
        ("", ("usual", 5, "PreemptLowerPriority")),
        ("system-node-critical", ("system-node-critical", 2_000_001_000, "PreemptLowerPriority")),
    ],
)
def test_pods_of_controllers_get_the_priority_of_their_class(asked: str, given: tuple[str, int, str]) -> None:
    web = deployment(replicas=1)
    web["spec"]["template"]["spec"]["priorityClassName"] = asked
    high = priority_class("high", 1000, preemptionPolicy="Never")
    cluster = Cluster(high, priority_class("usual", 5, globalDefault=True), web)
    cluster.settle()
    (one,) = cluster.pods()
    spec = spec_of(one)
    assert (spec["priorityClassName"], spec["priority"], spec["preemptionPolicy"]) == given


def test_a_class_that_is_missing_is_told_and_waited_for() -> None:
    web = deployment(replicas=1)
    web["spec"]["template"]["spec"]["priorityClassName"] = "high"
    cluster = Cluster(web)
    cluster.settle()
    assert cluster.pods() == []
    (text,) = cluster.texts("FailedCreate")
    assert text.endswith("is forbidden: no PriorityClass with name high was found")
    cluster.put(priority_class("high", 7))
    cluster.settle()
    assert [spec_of(one)["priority"] for one in cluster.pods()] == [7]


# --- properties -----------------------------------------------------------------------------------------

_APPS = st.sampled_from(["web", "db"])
_KEYS = st.sampled_from([HOST, ZONE])
_TERMS = st.lists(st.builds(term, _KEYS, _APPS), max_size=1)
_EVENLY = st.one_of(st.just({}), st.builds(evenly, st.integers(1, 2), _KEYS))
_WANTED = st.fixed_dictionaries({"app": _APPS, "near": _TERMS, "far": _TERMS, "spread": _EVENLY})


def _asked(index: int, wanted: dict[str, Any]) -> Object:
    affinity = together(*wanted["near"]) | apart(*wanted["far"])
    return waiting({"app": wanted["app"]}, f"p{index:02}", affinity=affinity, **wanted["spread"])


def _obeys(one: Object, others: list[Object], nodes: dict[str, Object]) -> bool:
    """Whether a placed pod has all that it must have, told without the scheduler's own words."""
    affinity = spec_of(one)["affinity"]

    def where(who: Object, key: str) -> str:
        return labels_of(nodes[spec_of(who)["nodeName"]])[key]

    def meets(found: dict[str, Any], by: Object) -> bool:
        same_namespace = namespace_of(by) == namespace_of(one)
        return same_namespace and labels_of(by)["app"] == found["labelSelector"]["matchLabels"]["app"]

    for found in affinity["podAntiAffinity"][REQUIRED]:
        key = found["topologyKey"]
        if any(meets(found, by) and where(by, key) == where(one, key) for by in others):
            return False
    for found in affinity["podAffinity"][REQUIRED]:
        key = found["topologyKey"]
        mates = [by for by in others if meets(found, by)]
        alone = not mates and meets(found, one)
        if not alone and not any(where(by, key) == where(one, key) for by in mates):
            return False
    return True


@settings(max_examples=120, deadline=None)
@given(st.lists(_WANTED, min_size=1, max_size=8))
def test_a_placed_pod_has_all_that_it_must_have(wanted: list[dict[str, Any]]) -> None:
    """Looked at one after the other, as they are placed; anti-affinity holds for those that came later."""
    nodes = {name_of(one): one for one in (A, B, C)}
    view = view_of(*nodes.values())
    placed: list[Object] = []
    for index, asked in enumerate(wanted):
        view.put(_asked(index, asked))
        (found,) = puts(reconcile(ObjectKey("Pod", "default", f"p{index:02}"), view, NOW))
        view.put(found)
        if not spec_of(found).get("nodeName"):
            continue
        assert _obeys(found, placed, nodes)
        for constraint in spec_of(found).get("topologySpreadConstraints") or ():
            assert _skew(found, placed, nodes, constraint["topologyKey"]) <= constraint["maxSkew"]
        placed.append(found)
    for one in placed:
        others = [by for by in placed if by is not one]
        asked = apart(*spec_of(one)["affinity"]["podAntiAffinity"][REQUIRED]) | together()
        far = {**one, "spec": {**spec_of(one), "affinity": asked}}
        assert _obeys(far, others, nodes)


def _skew(one: Object, others: list[Object], nodes: dict[str, Object], key: str) -> int:
    """How many more there are where it went than where there are the fewest."""
    counts = Counter({labels_of(found)[key]: 0 for found in nodes.values()})
    counts.update(
        labels_of(nodes[spec_of(by)["nodeName"]])[key]
        for by in (*others, one)
        if labels_of(by)["app"] == "web"
    )
    return counts[labels_of(nodes[spec_of(one)["nodeName"]])[key]] - min(counts.values())
