"""What goes when its owner, its node or its namespace goes; and that no change is overlooked."""

from __future__ import annotations

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
    removals,
    replica_set,
    view_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from minikctl.controlplane import garbage
from minikctl.controlplane import namespace as namespaces
from minikctl.controlplane.concerns import Work
from minikctl.controlplane.decision import Decision
from minikctl.controlplane.manager import CONTROLLERS
from minikctl.controlplane.view import View
from minikctl.model import Object, ObjectKey, is_deleting, key_of, name_of, spec_of, uid_of
from minikctl.model.writes import Put, Remove


def look(obj: Object, *others: Object) -> Decision:
    return garbage.reconcile(key_of(obj), view_of(obj, *others), NOW)


def in_foreground(obj: Object) -> Object:
    going = {"deletionTimestamp": "2027-01-15T08:00:00Z", "finalizers": ["foregroundDeletion"]}
    return {**obj, "metadata": {**obj["metadata"], **going}}


class TestOwners:
    def test_what_is_owned_by_nobody_stays(self) -> None:
        assert look(pod(node="node-1"), node()).writes == []

    def test_a_set_goes_with_its_owner(self) -> None:
        owned = replica_set(owner=deployment())
        assert look(owned, deployment()).writes == []
        assert removals(look(owned)) == [key_of(owned)]

    def test_a_pod_goes_gracefully(self) -> None:
        decision = look(pod(owner=replica_set(), node="node-1"), node())
        assert is_deleting(puts(decision)[0])
        assert look(puts(decision)[0], node()).writes == [], "it is asked once"

    def test_an_owner_of_the_same_name_is_another(self) -> None:
        again = deployment()
        again["metadata"]["uid"] = "made anew"
        owned = replica_set(owner=deployment())
        assert removals(look(owned, again)) == [key_of(owned)]

    def test_one_owner_left_is_enough(self) -> None:
        owned = replica_set(owner=deployment())
        owned["metadata"]["ownerReferences"].append({"kind": "Deployment", "name": "gone", "uid": "gone"})
        assert look(owned, deployment()).writes == []

    def test_in_the_foreground_dependents_go_first(self) -> None:
        owner = in_foreground(deployment())
        owned = replica_set(owner=owner)
        assert look(owner, owned).writes == []
        assert removals(look(owned, owner)) == [key_of(owned)]
        assert removals(look(owner)) == [key_of(owner)]

    def test_another_finalizer_still_holds_it(self) -> None:
        owner = in_foreground(deployment())
        owner["metadata"]["finalizers"].append("other")
        (held,) = puts(look(owner))
        assert held["metadata"]["finalizers"] == ["other"]

    def test_one_that_is_gone_is_no_business(self) -> None:
        assert garbage.reconcile(ObjectKey("Pod", "default", "x"), view_of(), NOW).writes == []


class TestLostPods:
    def test_the_node_is_gone(self) -> None:
        lost = pod(node="elsewhere")
        assert removals(look(lost, node())) == [key_of(lost)]

    def test_it_goes_before_it_was_bound(self) -> None:
        assert removals(look(pod(deleting=True))) == [ObjectKey("Pod", "default", "p")]
        assert look(pod()).writes == []


class TestNamespaces:
    def look(self, *objects: Object) -> Decision:
        return namespaces.reconcile(ObjectKey("Namespace", "", "default"), view_of(*objects), NOW)

    def test_one_that_stays_is_left_alone(self) -> None:
        assert self.look(namespace(), pod()).writes == []

    def test_its_contents_go(self) -> None:
        going = namespace(deleting=True)
        decision = self.look(going, pod(node="node-1"), deployment(), node())
        assert removals(decision) == [key_of(deployment())]
        assert [is_deleting(one) for one in puts(decision)] == [True]

    def test_it_goes_once_it_is_empty(self) -> None:
        going = namespace(deleting=True)
        assert removals(self.look(going, node())) == [key_of(going)]


class TestNothingIsOverlooked:
    """Through the manager: a change anywhere makes those look whom it concerns."""

    def test_a_deployment_takes_all_with_it(self) -> None:
        cluster = Cluster(deployment(replicas=2))
        cluster.settle()
        cluster.remove(ObjectKey("Deployment", "default", "web"))
        for _ in range(3):
            cluster.run()
            cluster.finish_deletions()
        assert [one["kind"] for one in cluster.view] == ["Node"]

    def test_in_the_foreground_the_deployment_goes_last(self) -> None:
        cluster = Cluster(deployment(replicas=2))
        cluster.settle()
        cluster.put(in_foreground(cluster.deployment()))
        cluster.run()
        assert len(list(cluster.view.list("Deployment"))) == 1
        first = next(iter(cluster.view.list("Pod")))
        cluster.remove(key_of(first))
        cluster.run()
        assert len(list(cluster.view.list("Deployment"))) == 1, "a pod is still there"
        cluster.finish_deletions()
        cluster.run()
        assert [one["kind"] for one in cluster.view] == ["Node"]

    def test_a_namespace_takes_all_with_it(self) -> None:
        cluster = Cluster(namespace(), deployment(replicas=2), pod("bare", labels={}))
        cluster.settle()
        cluster.put(namespace(deleting=True))
        for _ in range(4):
            cluster.run()
            cluster.finish_deletions()
        assert [one["kind"] for one in cluster.view] == ["Node"]

    def test_a_node_takes_its_pods_with_it_and_they_are_made_elsewhere(self) -> None:
        cluster = Cluster(node("node-2"), deployment(replicas=2))
        cluster.settle()
        cluster.remove(ObjectKey("Node", "", "node-1"))
        cluster.settle()
        assert [spec_of(one)["nodeName"] for one in cluster.pods()] == ["node-2", "node-2"]

    def test_made_anew_between_two_looks_it_does_not_inherit(self) -> None:
        """Somebody deleted and created a Deployment faster than anybody looked: one change is seen."""
        cluster = Cluster(deployment(replicas=2))
        cluster.settle()
        old = {uid_of(one) for one in cluster.sets()}
        again = deployment(replicas=1)
        again["metadata"]["uid"] = "made anew"
        cluster.put(again)
        cluster.settle()
        assert len(cluster.pods()) == 1
        assert not old & {uid_of(one) for one in cluster.view.list("ReplicaSet")}

    def test_a_conflict_goes_back_to_what_is_stored(self) -> None:
        cluster = Cluster(deployment(replicas=2))
        plan = cluster.manager.run(NOW)
        assert plan.writes
        newer = deployment(replicas=5)
        newer["metadata"]["resourceVersion"] = "77"
        touched = cluster.manager.touched()
        current: dict[ObjectKey, Object | None] = dict.fromkeys(touched)
        current[key_of(newer)] = newer
        cluster.manager.rejected(current)
        assert [one["kind"] for one in cluster.view] == ["Node", "Deployment"]
        cluster.settle()
        assert len(cluster.pods()) == 5

    def test_writes_are_based_on_what_was_loaded(self) -> None:
        cluster = Cluster(deployment(replicas=1))
        plan = cluster.manager.run(NOW)
        for write in plan.writes:
            assert isinstance(write, Put)
            based_on = write.obj["metadata"].get("resourceVersion", "")
            assert based_on == ("2" if write.obj["kind"] == "Deployment" else "")

    def test_what_came_and_went_in_one_pass_is_not_written(self) -> None:
        cluster = Cluster()
        decision = Decision()
        decision.put(pod("brief"))
        cluster.manager.take(0, ObjectKey("Pod", "default", "brief"), decision)
        gone = Decision()
        gone.remove(ObjectKey("Pod", "default", "brief"))
        cluster.manager.take(0, ObjectKey("Pod", "default", "brief"), gone)
        assert cluster.manager.run(NOW).writes == []

    def test_a_removal_is_based_on_what_was_loaded(self) -> None:
        cluster = Cluster(pod("lost", node="elsewhere", deleting=True))
        writes = cluster.manager.run(NOW).writes
        assert writes == [Remove(ObjectKey("Pod", "default", "lost"), "2")]

    def test_two_that_undo_each_other_are_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("minikctl.controlplane.manager.ENDLESS", 50)
        cluster = Cluster(deployment())
        flip = iter(range(1_000_000))

        def restless(key: ObjectKey, view: View, now: float, ids: object) -> Decision:
            decision = Decision()
            live = view.get(key)
            assert live is not None
            decision.put({**live, "status": {"number": next(flip)}})
            return decision

        monkeypatch.setitem(CONTROLLERS, Work.DEPLOYMENT, restless)
        with pytest.raises(RuntimeError, match="do not come to rest: DEPLOYMENT"):
            cluster.manager.run(NOW)


# --- the view's indices


objects = st.one_of(
    st.builds(
        lambda name, owner, where, phase, deleting: pod(
            name,
            owner=None if owner is None else replica_set(owner),
            node=where,
            phase=phase,
            deleting=deleting,
        ),
        st.sampled_from("abc"),
        st.sampled_from([None, "rs-1", "rs-2"]),
        st.sampled_from(["", "node-1", "node-2"]),
        st.sampled_from(["Pending", "Running", "Failed"]),
        st.booleans(),
    ),
    st.builds(
        lambda name, has_owner: replica_set(name, owner=deployment() if has_owner else None),
        st.sampled_from(["rs-1", "rs-2"]),
        st.booleans(),
    ),
    st.just(deployment()),
)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.booleans(), objects), max_size=20))
def test_the_view_answers_as_a_walk_over_all_would(steps: list[tuple[bool, Object]]) -> None:
    view, model = View(), dict[ObjectKey, Object]()
    for is_put, obj in steps:
        if is_put:
            view.put(obj)
            model[key_of(obj)] = obj
        else:
            view.remove(key_of(obj))
            model.pop(key_of(obj), None)
    fresh = View(model.values())
    for one in (view, fresh):
        assert {key_of(obj) for obj in one} == set(model)
        assert set(one.unscheduled) == {
            key for key, obj in model.items() if key.kind == "Pod" and not spec_of(obj).get("nodeName")
        }
        assert {key_of(obj) for obj in one.in_namespace("default")} == set(model)
    for kind in ("Pod", "ReplicaSet", "Deployment"):
        assert _names(view.list(kind)) == _names(fresh.list(kind))
        assert _names(view.orphans(kind, "default")) == _names(fresh.orphans(kind, "default"))
        for owner in ("rs-1", "rs-2", "web"):
            uid = f"uid-of-{owner}"
            assert _names(view.controlled(uid, kind)) == _names(fresh.controlled(uid, kind))
    for where in ("node-1", "node-2"):
        assert view.usage(where).requests == fresh.usage(where).requests
        assert view.usage(where).by_controller == fresh.usage(where).by_controller
        assert view.usage(where).host_ports == fresh.usage(where).host_ports
        assert _names(view.pods_on(where)) == _names(fresh.pods_on(where))
    for obj in model.values():
        assert view.by_uid(uid_of(obj)) == obj
    assert len(view) == len(model)


def _names(found: Any) -> list[str]:
    return sorted(name_of(obj) for obj in found)
