"""As many pods as are wanted, which goes first, whose they are, and when they count as available."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import (
    NOW,
    Cluster,
    counted_ids,
    deployment,
    namespace,
    pod,
    puts,
    replica_set,
    template,
    view_of,
)
from hypothesis import given
from hypothesis import strategies as st

from minikctl.controlplane.decision import Decision
from minikctl.controlplane.replicaset import new_pod, reconcile
from minikctl.model import Object, ObjectKey, is_deleting, key_of, labels_of, name_of, status_of, uid_of

SET = ObjectKey("ReplicaSet", "default", "web-1")
COST = "controller.kubernetes.io/pod-deletion-cost"


def look(*objects: Object, now: float = NOW) -> Decision:
    return reconcile(SET, view_of(*objects), now, counted_ids())


def deleted_names(decision: Decision) -> list[str]:
    return [name_of(one) for one in puts(decision, "Pod") if is_deleting(one)]


class TestNumbers:
    def test_missing_pods_are_made(self) -> None:
        owner = replica_set(replicas=3)
        decision = look(owner, pod("a", owner=owner))
        made = puts(decision, "Pod")
        assert len({name_of(one) for one in made}) == len({uid_of(one) for one in made}) == 2
        assert [one.message for one in decision.happenings] == [
            f"Created pod: {name_of(one)}" for one in made
        ]

    def test_a_made_pod_is_whole(self) -> None:
        owner = replica_set()
        owner["spec"]["template"]["metadata"]["annotations"] = {"a": "b"}
        (made,) = puts(look(owner), "Pod")
        assert made["metadata"]["generateName"] == "web-1-"
        assert made["metadata"]["namespace"] == "default"
        assert made["metadata"]["annotations"] == {"a": "b"}
        assert labels_of(made) == {"app": "web"}
        assert made["metadata"]["ownerReferences"][0]["uid"] == uid_of(owner)
        assert made["spec"]["terminationGracePeriodSeconds"] == 30, "defaults of a pod"
        assert made["status"] == {"phase": "Pending"}

    def test_the_template_is_not_shared(self) -> None:
        owner = replica_set()
        made = new_pod(owner, NOW)
        made["spec"]["containers"][0]["image"] = "other"
        made["metadata"]["labels"]["x"] = "y"
        assert owner["spec"]["template"] == template()

    @pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
    def test_finished_pods_do_not_count(self, phase: str) -> None:
        owner = replica_set()
        assert len(puts(look(owner, pod(owner=owner, phase=phase)), "Pod")) == 1

    def test_pods_on_their_way_out_do_not_count(self) -> None:
        owner = replica_set()
        decision = look(owner, pod(owner=owner, deleting=True))
        assert len(puts(decision, "Pod")) == 1
        assert status_of(puts(decision, "ReplicaSet")[0])["terminatingReplicas"] == 1

    def test_a_replication_controller_counts_no_pods_that_go(self) -> None:
        owner = {**replica_set(), "apiVersion": "v1", "kind": "ReplicationController"}
        owner["spec"] = {**owner["spec"], "selector": {"app": "web"}}
        view = view_of(owner, pod("a", owner=owner), pod("b", owner=owner, deleting=True))
        decision = reconcile(ObjectKey("ReplicationController", "default", "web-1"), view, NOW, counted_ids())
        (after,) = puts(decision, "ReplicationController")
        assert "terminatingReplicas" not in status_of(after), "as upstream its status has no such field"

    def test_one_on_its_way_out_makes_nothing(self) -> None:
        owner = replica_set(replicas=3)
        owner["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:00Z"
        assert puts(look(owner), "Pod") == []

    def test_one_that_is_gone_is_no_business(self) -> None:
        assert look().writes == []

    @given(st.integers(0, 8), st.lists(st.booleans(), max_size=8))
    def test_one_look_is_enough(self, replicas: int, ready: list[bool]) -> None:
        owner = replica_set(replicas=replicas)
        pods = [
            pod(f"p{index}", owner=owner, ready_for=5.0 if one else None) for index, one in enumerate(ready)
        ]
        view = view_of(owner, *pods)
        first = reconcile(SET, view, NOW, counted_ids())
        for one in puts(first):
            view.put(one)
        active = [one for one in view.list("Pod") if not is_deleting(one)]
        assert len(active) == replicas
        kept_ready = sum(bool(status_of(one).get("conditions")) for one in active)
        assert kept_ready == min(replicas, sum(ready)) if len(ready) >= replicas else True
        second = reconcile(SET, view, NOW, counted_ids())
        assert puts(second, "Pod") == []
        for one in puts(second):
            view.put(one)
        assert reconcile(SET, view, NOW, counted_ids()).writes == []


# Each pair: the first goes before the second, because of this one difference.
RANKING: list[Any] = [
    pytest.param({"node": "", "phase": "Pending"}, {"node": "n", "phase": "Pending"}, id="unassigned"),
    pytest.param({"phase": "Pending"}, {"phase": "Running"}, id="pending"),
    pytest.param({"phase": "Pending"}, {"phase": "Unknown"}, id="pending before unknown"),
    pytest.param({"phase": "Unknown"}, {"phase": "Running"}, id="unknown"),
    pytest.param({"ready_for": None}, {"ready_for": 1.0}, id="not ready"),
    pytest.param({"annotations": {COST: "-5"}}, {}, id="cheaper"),
    pytest.param({}, {"annotations": {COST: "10"}}, id="dearer stays"),
    pytest.param({"annotations": {COST: "9"}}, {"annotations": {COST: "10"}}, id="costs are numbers"),
    pytest.param({"ready_for": 10.0}, {"ready_for": 100.0}, id="ready for a shorter time"),
    pytest.param({"restarts": 3}, {"restarts": 1}, id="more restarts"),
    pytest.param({"age": 10.0}, {"age": 1000.0}, id="newer"),
    pytest.param({"ready_for": None, "annotations": {COST: "99"}}, {}, id="readiness beats cost"),
    pytest.param(
        {"ready_for": 10.0, "restarts": 0}, {"ready_for": 90.0, "restarts": 9}, id="time beats restarts"
    ),
]


class TestWhichGoesFirst:
    @pytest.mark.parametrize(("first", "second"), RANKING)
    @pytest.mark.parametrize("names", [("a", "z"), ("z", "a")])
    def test_ranking(self, first: dict[str, Any], second: dict[str, Any], names: tuple[str, str]) -> None:
        owner = replica_set(replicas=1)
        plain = {"node": "n", "owner": owner}
        pods = [pod(names[0], **(plain | first)), pod(names[1], **(plain | second))]
        for order in (pods, pods[::-1]):
            assert deleted_names(look(owner, *order)) == [names[0]]

    def test_the_node_with_more_of_them(self) -> None:
        owner = replica_set(replicas=2)
        pods = [pod("a", owner=owner, node="one"), pod("b", owner=owner, node="two", ready_for=1000.0)]
        pods.append(pod("c", owner=owner, node="two", ready_for=1000.0))
        assert deleted_names(look(owner, *pods)) in (["b"], ["c"])

    def test_it_goes_gracefully(self) -> None:
        owner = replica_set(replicas=0)
        decision = look(owner, pod("a", owner=owner, terminationGracePeriodSeconds=7))
        going = puts(decision, "Pod")[0]
        assert going["metadata"]["deletionGracePeriodSeconds"] == 7
        assert [one.message for one in decision.happenings] == ["Deleted pod: a"]


class TestOwning:
    def test_a_matching_orphan_is_adopted_and_counts(self) -> None:
        owner = replica_set(replicas=1)
        (adopted,) = puts(look(owner, pod("orphan")), "Pod")
        assert adopted["metadata"]["ownerReferences"][0]["uid"] == uid_of(owner)

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(pod("x", labels={"app": "other"}), id="no match"),
            pytest.param(pod("x", deleting=True), id="on its way out"),
            pytest.param(pod("x", owner=deployment("other")), id="somebody else's"),
        ],
    )
    def test_what_is_not_adopted(self, other: Object) -> None:
        owner = replica_set(replicas=0)
        assert all(name_of(one) != "x" for one in puts(look(owner, other)))

    def test_no_selector_adopts_nothing(self) -> None:
        assert puts(look(replica_set(replicas=0, selector={}), pod("x")), "Pod") == []

    def test_one_on_its_way_out_adopts_nothing(self) -> None:
        owner = replica_set()
        owner["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:00Z"
        assert puts(look(owner, pod("orphan")), "Pod") == []

    def test_what_no_longer_matches_is_let_go_and_replaced(self) -> None:
        owner = replica_set(replicas=1)
        stray = pod("stray", owner=owner, labels={"app": "debug"})
        released, made = puts(look(owner, stray), "Pod")
        assert name_of(released) == "stray"
        assert "ownerReferences" not in released["metadata"]
        assert name_of(made) != "stray"

    def test_other_owners_stay(self) -> None:
        owner = replica_set(replicas=0)
        stray = pod("stray", owner=owner, labels={})
        stray["metadata"]["ownerReferences"].insert(0, {"kind": "ConfigMap", "name": "c", "uid": "c"})
        (released,) = puts(look(owner, stray), "Pod")
        assert [one["uid"] for one in released["metadata"]["ownerReferences"]] == ["c"]

    def test_what_goes_is_kept_until_it_is_gone(self) -> None:
        owner = replica_set(replicas=0)
        stray = pod("stray", owner=owner, labels={}, deleting=True)
        assert puts(look(owner, stray), "Pod") == []


class TestStatus:
    def status(self, *pods: Object, **spec: Any) -> dict[str, Any]:
        owner = replica_set(replicas=len(pods), **spec)
        for one in pods:
            one["metadata"]["ownerReferences"] = pod("x", owner=owner)["metadata"]["ownerReferences"]
        (found,) = puts(look(owner, *pods), "ReplicaSet")
        return status_of(found)

    def test_counts(self) -> None:
        unlabelled = template()
        unlabelled["metadata"]["labels"]["extra"] = "x"
        full = pod("a", labels={"app": "web", "extra": "x"})
        assert self.status(full, pod("b"), pod("c", ready_for=None), template=unlabelled) == {
            "replicas": 3,
            "fullyLabeledReplicas": 1,
            "readyReplicas": 2,
            "availableReplicas": 2,
            "observedGeneration": 1,
        }

    def test_min_ready_seconds(self) -> None:
        found = self.status(pod("a", ready_for=30.0), pod("b", ready_for=29.0), minReadySeconds=30)
        assert (found["readyReplicas"], found["availableReplicas"]) == (2, 1)

    def test_it_looks_again_when_the_next_becomes_available(self) -> None:
        owner = replica_set(replicas=3, minReadySeconds=30)
        pods = [pod(name, owner=owner, ready_for=age) for name, age in (("a", 5.0), ("b", 20.0), ("c", 99.0))]
        assert look(owner, *pods).look_again == NOW + 10
        assert look(owner, *pods, now=NOW + 10).look_again == NOW + 25
        assert look(owner, *pods, now=NOW + 25).look_again is None


def test_a_pod_that_is_deleted_is_replaced() -> None:
    cluster = Cluster(deployment(replicas=2))
    cluster.settle()
    victim = cluster.pods()[0]
    cluster.remove(key_of(victim))
    cluster.settle()
    assert len(cluster.pods()) == 2
    assert victim not in cluster.pods()


class TestPodSecurity:
    """Pods that an API server would refuse are not made."""

    LEVEL = "pod-security.kubernetes.io/enforce"

    def owner(self) -> Object:
        owner = replica_set(replicas=2)
        container = owner["spec"]["template"]["spec"]["containers"][0]
        container["securityContext"] = {"privileged": True}
        return owner

    def home(self, level: str) -> Object:
        home = namespace()
        home["metadata"]["labels"] = {self.LEVEL: level}
        return home

    def test_what_the_level_forbids_is_told_and_not_made(self) -> None:
        decision = look(self.owner(), self.home("baseline"))
        assert puts(decision, "Pod") == []
        (happening,) = decision.happenings
        assert (happening.kind, happening.reason) == ("Warning", "FailedCreate")
        refused = 'pods "web-1-" is forbidden: violates PodSecurity "baseline:latest": privileged (container '
        assert happening.message.startswith(f"Error creating: {refused}")
        (condition,) = status_of(puts(decision, "ReplicaSet")[-1])["conditions"]
        assert (condition["type"], condition["reason"]) == ("ReplicaFailure", "FailedCreate")
        assert condition["message"].startswith(refused)

    def test_it_is_told_once(self) -> None:
        first = look(self.owner(), self.home("baseline"))
        again = look(puts(first, "ReplicaSet")[-1], self.home("baseline"))
        assert not again.happenings
        assert not again.writes

    def test_another_level_makes_it_good(self) -> None:
        refused = puts(look(self.owner(), self.home("baseline")), "ReplicaSet")[-1]
        decision = look(refused, self.home("privileged"))
        assert len(puts(decision, "Pod")) == 2
        assert "conditions" not in status_of(puts(decision, "ReplicaSet")[-1])

    def test_a_new_label_of_the_namespace_is_noticed(self) -> None:
        cluster = Cluster(self.owner(), self.home("baseline"))
        cluster.run()
        assert not list(cluster.view.list("Pod"))
        cluster.put(self.home("privileged"))
        cluster.run()
        assert len(list(cluster.view.list("Pod"))) == 2
