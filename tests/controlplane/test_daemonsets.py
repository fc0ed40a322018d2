"""DaemonSets: one pod on each node that fits, whatever happens to nodes; updates node by node."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import Cluster, metadata, node, template

from minikctl.model import Object, ObjectKey, is_deleting, labels_of, spec_of, status_of
from minikctl.model.defaults import set_defaults
from minikctl.model.node_affinity import fits, pinned, pinned_to, unpinned
from minikctl.model.pods import is_ready

KEY = ObjectKey("DaemonSet", "default", "agent")
GPU = {"key": "gpu", "effect": "NoSchedule"}


def daemon_set(image: str = "nginx:1", pod: dict[str, Any] | None = None, **spec: Any) -> Object:
    made = template(image, "agent")
    made["spec"] |= pod or {}
    return set_defaults(
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": metadata("agent"),
            "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": made, **spec},
            "status": {},
        }
    )


class Nodes(Cluster):
    """node-1 is there always."""

    def __init__(self, one: Object, *others: Object) -> None:
        super().__init__(*others, one)

    @property
    def set(self) -> Object:
        found = self.view.get(KEY)
        assert found is not None
        return found

    def edit(self, **spec: Any) -> None:
        live = self.set
        generation = live["metadata"]["generation"] + 1
        whole = {**live, "metadata": {**live["metadata"], "generation": generation}}
        self.put(set_defaults({**whole, "spec": {**spec_of(live), **spec}}))

    def change_node(self, name: str, labels: dict[str, str] | None = None, **spec: Any) -> None:
        live = self.view.get(ObjectKey("Node", "", name))
        assert live is not None
        changed = {**live["metadata"], "labels": {**labels_of(live), **(labels or {})}}
        self.put({**live, "metadata": changed, "spec": {**spec_of(live), **spec}})

    def places(self) -> list[str]:
        """Node and image of each pod; those on their way out in brackets, not ready ones with a mark."""
        return sorted(
            f"({self._place(one)})" if is_deleting(one) else self._place(one) + ("" if is_ready(one) else "?")
            for one in self.view.list("Pod")
        )

    def _place(self, one: Object) -> str:
        image = spec_of(one)["containers"][0]["image"].removeprefix("nginx:")
        return f"{pinned_to(one).removeprefix('node-')}:{image}"


def test_one_on_each_node_as_nodes_come_and_go() -> None:
    cluster = Nodes(daemon_set(), node("node-2"))
    cluster.settle()
    assert cluster.places() == ["1:1", "2:1"]
    cluster.put(node("node-3"))
    cluster.settle()
    assert cluster.places() == ["1:1", "2:1", "3:1"]
    cluster.remove(ObjectKey("Node", "", "node-2"))
    cluster.settle()
    assert cluster.places() == ["1:1", "3:1"]
    assert status_of(cluster.set)["desiredNumberScheduled"] == 2


def test_the_scheduler_binds_it_where_it_belongs() -> None:
    cluster = Nodes(daemon_set(), node("node-2", cpu="64"))
    cluster.settle()
    assert sorted(spec_of(one)["nodeName"] for one in cluster.pods()) == ["node-1", "node-2"]


def test_a_cordon_changes_nothing() -> None:
    cluster = Nodes(daemon_set())
    cluster.change_node("node-1", unschedulable=True)
    cluster.settle()
    assert cluster.places() == ["1:1"]


@pytest.mark.parametrize(("effect", "stays"), [("NoSchedule", True), ("NoExecute", False)])
def test_taints(effect: str, stays: bool) -> None:
    cluster = Nodes(daemon_set())
    cluster.settle()
    cluster.change_node("node-1", taints=[{"key": "gpu", "effect": effect}])
    cluster.settle()
    assert cluster.places() == (["1:1"] if stays else [])
    assert status_of(cluster.set)["desiredNumberScheduled"] == 0


def test_what_daemons_tolerate_they_tolerate_for_ever() -> None:
    """The defaults of other pods end after five minutes."""
    cluster = Nodes(daemon_set(pod={"tolerations": [{"key": "gpu", "operator": "Exists"}]}))
    cluster.settle()
    (pod,) = cluster.view.list("Pod")
    found = spec_of(pod)["tolerations"]
    assert found[0] == {"key": "gpu", "operator": "Exists"}
    assert not [one for one in found if "tolerationSeconds" in one]
    keys = [one["key"] for one in found]
    assert len(keys) == len(set(keys)) == 7


def test_tolerated_taints() -> None:
    tolerations = [{"key": "gpu", "operator": "Exists"}]
    cluster = Nodes(daemon_set(pod={"tolerations": tolerations}), node("node-2", taints=[GPU]))
    cluster.settle()
    assert cluster.places() == ["1:1", "2:1"]


def test_labels() -> None:
    cluster = Nodes(daemon_set(pod={"nodeSelector": {"disk": "fast"}}))
    cluster.settle()
    assert cluster.places() == []
    cluster.change_node("node-1", {"disk": "fast"})
    cluster.settle()
    assert cluster.places() == ["1:1"]
    cluster.change_node("node-1", {"disk": "slow"})
    cluster.run()
    assert cluster.places() == ["(1:1)"]


def test_a_node_that_is_not_ready_keeps_its_pod_and_gets_none() -> None:
    cluster = Nodes(daemon_set(), node("node-2", is_ready=False))
    cluster.settle()
    assert cluster.places() == ["1:1"]
    cluster.put(node("node-1", is_ready=False))
    cluster.settle()
    assert cluster.places() == ["1:1"]


class TestUpdates:
    def test_one_node_at_a_time(self) -> None:
        cluster = Nodes(daemon_set(), node("node-2"), node("node-3"))
        cluster.settle()
        cluster.edit(template=template("nginx:2", "agent"))
        cluster.run()
        assert cluster.places() == ["(1:1)", "2:1", "3:1"]
        cluster.finish_deletions()
        cluster.run()
        assert cluster.places() == ["1:2?", "2:1", "3:1"], "it waits for the new one"
        cluster.become_ready()
        cluster.run()
        assert cluster.places() == ["(2:1)", "1:2", "3:1"]
        cluster.settle()
        assert cluster.places() == ["1:2", "2:2", "3:2"]

    def test_pods_that_are_not_ready_are_replaced_first(self) -> None:
        cluster = Nodes(daemon_set(), node("node-2"))
        cluster.settle()
        cluster.become_ready([one for one in cluster.pods() if pinned_to(one) == "node-2"], is_ready=False)
        cluster.edit(template=template("nginx:2", "agent"))
        cluster.run()
        assert cluster.places() == ["(1:1)", "(2:1)"] or cluster.places() == ["(2:1)", "1:1"]

    def test_the_new_one_beside_the_old(self) -> None:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
        cluster = Nodes(daemon_set(updateStrategy=strategy), node("node-2"))
        cluster.settle()
        cluster.edit(template=template("nginx:2", "agent"))
        cluster.run()
        assert cluster.places() == ["1:1", "1:2?", "2:1"]
        cluster.become_ready()
        cluster.run()
        assert cluster.places() in (["(1:1)", "1:2", "2:1"], ["(1:1)", "1:2", "2:1", "2:2?"])
        cluster.settle()
        assert cluster.places() == ["1:2", "2:2"]

    def test_a_new_one_that_must_be_ready_for_a_while(self) -> None:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
        cluster = Nodes(daemon_set(updateStrategy=strategy, minReadySeconds=10))
        cluster.settle()
        cluster.now += 10
        cluster.settle()
        cluster.edit(template=template("nginx:2", "agent"))
        cluster.settle()
        assert cluster.places() == ["1:1", "1:2"]
        assert cluster.manager.next_timer() == cluster.now + 10
        cluster.now += 10
        cluster.settle()
        assert cluster.places() == ["1:2"]

    def test_a_node_that_takes_no_new_one_holds_nobody_up(self) -> None:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
        cluster = Nodes(daemon_set(updateStrategy=strategy), node("node-2"))
        cluster.settle()
        cluster.change_node("node-1", taints=[{"key": "gpu", "effect": "NoSchedule"}])
        cluster.settle()
        assert cluster.places() == ["1:1", "2:1"]
        cluster.edit(template=template("nginx:2", "agent"))
        cluster.settle()
        assert cluster.places() == ["2:2"]

    def test_on_delete_people_delete(self) -> None:
        cluster = Nodes(daemon_set(updateStrategy={"type": "OnDelete"}))
        cluster.settle()
        cluster.edit(template=template("nginx:2", "agent"))
        cluster.settle()
        assert cluster.places() == ["1:1"]


def test_a_pod_that_failed_is_made_anew() -> None:
    cluster = Nodes(daemon_set())
    cluster.settle()
    (one,) = cluster.pods()
    cluster.put({**one, "status": {"phase": "Failed"}})
    cluster.run()
    assert cluster.places() == ["(1:1)"]
    assert cluster.texts("FailedDaemonPod")[0].endswith("on node node-1, will try to kill it")
    cluster.settle()
    assert cluster.places() == ["1:1"]


@pytest.mark.parametrize(
    ("term", "fitting"),
    [
        ({"matchExpressions": [{"key": "disk", "operator": "In", "values": ["fast"]}]}, True),
        ({"matchExpressions": [{"key": "disk", "operator": "NotIn", "values": ["fast"]}]}, False),
        ({"matchExpressions": [{"key": "size", "operator": "Gt", "values": ["3"]}]}, True),
        ({"matchExpressions": [{"key": "size", "operator": "Lt", "values": ["3"]}]}, False),
        ({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}, True),
        ({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-2"]}]}, False),
        ({}, False),
    ],
)
def test_node_affinity(term: dict[str, Any], fitting: bool) -> None:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    one = {"spec": {"affinity": {"nodeAffinity": required}}}
    assert fits(one, node(labels={"disk": "fast", "size": "4"})) is fitting


def test_pinned_and_unpinned() -> None:
    spec = pinned({"containers": []}, "node-7")
    assert pinned_to({"spec": spec}) == "node-7"
    assert unpinned(spec) == {"containers": []}
