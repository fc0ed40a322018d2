"""The Deployment controller together with those that it works with; pods do as the test says."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import (
    NOW,
    REVISION,
    Cluster,
    counted_ids,
    deployment,
    metadata,
    namespace,
    puts,
    replica_set,
    template,
    view_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from minikctl.controlplane import deployment as controller
from minikctl.controlplane.deployment_status import counts, is_complete
from minikctl.controlplane.rollout import surge_and_unavailable
from minikctl.model import (
    Object,
    ObjectKey,
    annotations_of,
    conditions,
    is_deleting,
    key_of,
    labels_of,
    name_of,
    spec_of,
    status_of,
)
from minikctl.model.hashing import template_hash
from minikctl.model.pods import is_active, is_available
from minikctl.model.timestamps import format_time

WEB = ObjectKey("Deployment", "default", "web")


def rolled(**spec: Any) -> Cluster:
    """A Deployment whose first rollout is complete."""
    cluster = Cluster(deployment(**spec))
    cluster.settle()
    return cluster


def progress(cluster: Cluster) -> tuple[str, str, str]:
    found = conditions.find(status_of(cluster.deployment()), "Progressing")
    assert found is not None
    return found["status"], found["reason"], found["message"]


class TestTheFirstRollout:
    def test_a_replica_set_is_made_from_the_template(self) -> None:
        cluster = Cluster(deployment(replicas=3, minReadySeconds=5))
        cluster.run()
        (made,) = cluster.sets()
        pod_hash = template_hash(spec_of(cluster.deployment())["template"])
        assert name_of(made) == f"web-{pod_hash}"
        assert labels_of(made) == {"app": "web", "pod-template-hash": pod_hash}
        assert spec_of(made)["selector"] == {"matchLabels": {"app": "web", "pod-template-hash": pod_hash}}
        assert spec_of(made)["template"]["metadata"]["labels"]["pod-template-hash"] == pod_hash
        assert spec_of(made)["replicas"] == 3
        assert spec_of(made)["minReadySeconds"] == 5
        (reference,) = made["metadata"]["ownerReferences"]
        assert (reference["kind"], reference["controller"]) == ("Deployment", True)
        assert annotations_of(made) == {
            REVISION: "1",
            "deployment.kubernetes.io/desired-replicas": "3",
            "deployment.kubernetes.io/max-replicas": "4",
        }
        assert annotations_of(cluster.deployment())[REVISION] == "1"
        assert len(cluster.pods()) == 3
        assert cluster.texts("ScalingReplicaSet") == [
            f"Scaled up replica set {name_of(made)} from 0 to 3",
        ]

    def test_the_second_look_decides_nothing(self) -> None:
        cluster = rolled(replicas=3)
        for kind in ("Deployment", "ReplicaSet"):
            for one in cluster.view.list(kind):
                cluster.put(one)
        assert cluster.run().writes == []
        assert cluster.run().happenings == []

    def test_its_conditions(self) -> None:
        cluster = Cluster(deployment(replicas=2))
        cluster.run()
        name = name_of(cluster.sets()[0])
        alone = controller.reconcile(WEB, view_of(deployment()), NOW, counted_ids())
        created = conditions.find(status_of(puts(alone, "Deployment")[0]), "Progressing")
        assert created is not None
        assert (created["status"], created["reason"]) == ("True", "NewReplicaSetCreated")
        assert created["message"] == f'Created new replica set "{name}"'
        available = conditions.find(status_of(cluster.deployment()), "Available")
        assert available is not None
        assert available["message"] == "Deployment does not have minimum availability."
        cluster.become_ready(cluster.pods()[:1])
        cluster.run()
        assert progress(cluster) == ("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
        cluster.settle()
        assert progress(cluster) == (
            "True",
            "NewReplicaSetAvailable",
            f'ReplicaSet "{name}" has successfully progressed.',
        )
        available = conditions.find(status_of(cluster.deployment()), "Available")
        assert available is not None
        assert (available["status"], available["reason"]) == ("True", "MinimumReplicasAvailable")
        assert available["message"] == "Deployment has minimum availability."

    def test_its_status(self) -> None:
        status = status_of(rolled(replicas=2).deployment())
        status.pop("conditions")
        assert {name: value for name, value in status.items() if value} == {
            "observedGeneration": 1,
            "replicas": 2,
            "updatedReplicas": 2,
            "readyReplicas": 2,
            "availableReplicas": 2,
        }

    def test_annotations_are_copied_but_for_the_systems(self) -> None:
        one = deployment()
        one["metadata"]["annotations"] = {
            "team": "a",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "deployment.kubernetes.io/revision": "9",
        }
        cluster = Cluster(one)
        cluster.run()
        copied = annotations_of(cluster.sets()[0])
        assert copied["team"] == "a"
        assert copied[REVISION] == "1"
        assert "kubectl.kubernetes.io/last-applied-configuration" not in copied

    def test_a_name_that_is_taken_gets_another_hash(self) -> None:
        first = Cluster(deployment())
        first.run()
        taken = replica_set(name_of(first.sets()[0]), selector={"matchLabels": {"app": "other"}})
        taken["spec"]["template"] = template(app="other")
        cluster = Cluster(taken, deployment())
        cluster.run()
        (made,) = cluster.sets()
        assert name_of(made) != name_of(taken)
        assert labels_of(made)["pod-template-hash"] == name_of(made).removeprefix("web-")


class TestRollingOut:
    def test_a_new_template_replaces_the_old_one(self) -> None:
        cluster = rolled(replicas=4)
        cluster.change(template=template("nginx:2"))
        cluster.settle()
        assert cluster.sizes() == [0, 4]
        assert annotations_of(cluster.deployment())[REVISION] == "2"
        assert {one["spec"]["containers"][0]["image"] for one in cluster.pods()} == {"nginx:2"}
        assert is_complete(cluster.deployment(), status_of(cluster.deployment()))

    @pytest.mark.parametrize(
        ("strategy", "first"),
        [
            ({"maxSurge": 1, "maxUnavailable": 0}, [4, 1]),
            ({"maxSurge": 0, "maxUnavailable": 1}, [3, 1]),
            ({"maxSurge": "25%", "maxUnavailable": "25%"}, [3, 2]),
            ({"maxSurge": "100%", "maxUnavailable": 0}, [4, 4]),
        ],
    )
    def test_its_first_step(self, strategy: dict[str, Any], first: list[int]) -> None:
        cluster = rolled(replicas=4, strategy={"type": "RollingUpdate", "rollingUpdate": strategy})
        cluster.change(template=template("nginx:2"))
        cluster.run()
        assert cluster.sizes() == first

    def test_pods_that_never_become_ready_hold_it(self) -> None:
        cluster = rolled(replicas=4)
        cluster.change(template=template("broken:1"))
        for _ in range(5):
            cluster.run()
            cluster.finish_deletions()
        assert cluster.sizes() == [3, 2]

    def test_undo_finds_the_old_set_and_makes_it_the_newest(self) -> None:
        cluster = rolled(replicas=2)
        first = name_of(cluster.sets()[0])
        cluster.change(template=template("nginx:2"))
        cluster.settle()
        cluster.change(template=template("nginx:1"))
        cluster.settle()
        newest = cluster.sets()[-1]
        assert name_of(newest) == first
        assert annotations_of(newest)[REVISION] == "3"
        assert annotations_of(newest)["deployment.kubernetes.io/revision-history"] == "1"
        assert cluster.sizes() == [0, 2]
        assert annotations_of(cluster.deployment())[REVISION] == "3"

    def test_a_template_changed_on_the_way_leaves_the_middle_one(self) -> None:
        cluster = rolled(replicas=4)
        cluster.change(template=template("nginx:2"))
        cluster.run()
        cluster.change(template=template("nginx:3"))
        cluster.settle()
        assert cluster.sizes() == [0, 0, 4]
        assert [annotations_of(one)[REVISION] for one in cluster.sets()] == ["1", "2", "3"]

    def test_the_hash_label_is_no_difference(self) -> None:
        with_hash = template()
        with_hash["metadata"]["labels"]["pod-template-hash"] = "abc"
        with_hash["metadata"]["annotations"] = {}
        assert controller.same_template(with_hash, template())
        assert not controller.same_template(with_hash, template("nginx:2"))

    def test_recreate_waits_until_all_old_pods_are_gone(self) -> None:
        cluster = rolled(replicas=3, strategy={"type": "Recreate"})
        cluster.change(template=template("nginx:2"))
        cluster.run()
        assert cluster.sizes() == [0]
        assert sum(is_deleting(one) for one in cluster.view.list("Pod")) == 3
        cluster.run()
        assert cluster.sizes() == [0], "old pods still run"
        last = next(iter(cluster.view.list("Pod")))
        for one in list(cluster.view.list("Pod")):
            if one is not last:
                cluster.remove(key_of(one))
        cluster.run()
        assert cluster.sizes() == [0]
        cluster.remove(key_of(last))
        cluster.run()
        assert cluster.sizes() == [0, 3]

    def test_min_ready_seconds_are_waited_for(self) -> None:
        cluster = rolled(replicas=1, minReadySeconds=0)
        cluster.change(minReadySeconds=10, template=template("nginx:2"))
        cluster.run()
        cluster.become_ready()
        cluster.run()
        assert cluster.sizes() == [1, 1], "it is ready, not available"
        due = cluster.manager.next_timer()
        assert due == NOW + 10
        cluster.now = due
        cluster.run()
        assert cluster.sizes() == [0, 1]


class TestPauseAndScale:
    def test_paused_rolls_nothing_and_resumed_does(self) -> None:
        cluster = rolled(replicas=2)
        cluster.change(paused=True, template=template("nginx:2"))
        cluster.settle()
        assert cluster.sizes() == [2]
        assert progress(cluster) == ("Unknown", "DeploymentPaused", "Deployment is paused")
        cluster.change(paused=None)
        cluster.run()
        assert len(cluster.sets()) == 2
        cluster.settle()
        assert cluster.sizes() == [0, 2]
        assert progress(cluster)[1] == "NewReplicaSetAvailable"

    def test_paused_scales(self) -> None:
        cluster = rolled(replicas=2)
        cluster.change(paused=True, replicas=5)
        cluster.settle()
        assert cluster.sizes() == [5]

    def test_made_paused_it_makes_nothing(self) -> None:
        cluster = Cluster(deployment(paused=True))
        cluster.settle()
        assert cluster.sets() == []
        assert status_of(cluster.deployment())["observedGeneration"] == 1

    @pytest.mark.parametrize(("before", "after"), [(3, 5), (5, 3), (3, 0), (0, 2)])
    def test_scaling(self, before: int, after: int) -> None:
        cluster = rolled(replicas=before)
        cluster.change(replicas=after)
        cluster.settle()
        assert cluster.sizes() == [after]
        assert len(cluster.pods()) == after
        assert len(cluster.sets()) == 1

    def test_in_the_middle_of_a_rollout_it_is_in_proportion(self) -> None:
        rolling = {"maxSurge": 0, "maxUnavailable": "50%"}
        cluster = rolled(replicas=10, strategy={"type": "RollingUpdate", "rollingUpdate": rolling})
        cluster.change(template=template("nginx:2"))
        cluster.run()
        assert cluster.sizes() == [5, 5]
        cluster.change(replicas=20)
        cluster.run()
        assert cluster.sizes() == [10, 10]
        assert {annotations_of(one)["deployment.kubernetes.io/max-replicas"] for one in cluster.sets()} == {
            "20"
        }

    @pytest.mark.parametrize(("replicas", "sizes"), [(8, [6, 4]), (1, [1, 1]), (0, [0, 0])])
    def test_each_set_weighs_what_it_had(self, replicas: int, sizes: list[int]) -> None:
        cluster = rolled(replicas=4)
        cluster.change(template=template("broken:1"))
        cluster.run()
        assert cluster.sizes() == [3, 2]
        cluster.change(replicas=replicas)
        cluster.run()
        assert cluster.sizes() == sizes

    def test_a_scaled_set_is_a_new_generation(self) -> None:
        cluster = rolled(replicas=2)
        cluster.change(replicas=3)
        cluster.run()
        assert cluster.sets()[0]["metadata"]["generation"] == 2
        assert cluster.texts("ScalingReplicaSet")[-1].endswith("from 2 to 3")


class TestHistory:
    @pytest.mark.parametrize("limit", [0, 1, 2, 10])
    def test_old_sets_beyond_the_limit_go(self, limit: int) -> None:
        cluster = rolled(replicas=1, revisionHistoryLimit=limit)
        for number in range(2, 6):
            cluster.change(template=template(f"nginx:{number}"))
            cluster.settle()
        expected = [str(number) for number in range(1, 6)][-(limit + 1) :]
        assert [annotations_of(one)[REVISION] for one in cluster.sets()] == expected

    def test_none_goes_before_the_rollout_is_complete(self) -> None:
        cluster = rolled(replicas=2, revisionHistoryLimit=0)
        cluster.change(template=template("nginx:2"))
        cluster.run()
        assert len(cluster.sets()) == 2


class TestTheDeadline:
    def test_it_passes_once_nothing_moves(self) -> None:
        cluster = rolled(replicas=2, progressDeadlineSeconds=60)
        cluster.change(template=template("broken:1"))
        for _ in range(3):
            cluster.run()
            cluster.finish_deletions()
        due = cluster.manager.next_timer()
        assert due == NOW + 61
        cluster.now = due - 1
        assert cluster.run().writes == []
        cluster.now = due
        cluster.run()
        name = name_of(cluster.sets()[-1])
        assert progress(cluster) == (
            "False",
            "ProgressDeadlineExceeded",
            f'ReplicaSet "{name}" has timed out progressing.',
        )
        cluster.now += 10_000
        assert cluster.run().writes == [], "it is said once"

    def test_progress_moves_it(self) -> None:
        cluster = Cluster(deployment(replicas=2, progressDeadlineSeconds=60))
        cluster.run()
        cluster.now += 50
        cluster.become_ready(cluster.pods()[:1])
        cluster.run()
        cluster.now += 50
        cluster.run()
        assert progress(cluster)[1] == "ReplicaSetUpdated"

    def test_late_success_is_success(self) -> None:
        cluster = Cluster(deployment(replicas=1, progressDeadlineSeconds=60))
        cluster.run()
        cluster.now += 100
        cluster.run()
        assert progress(cluster)[1] == "ProgressDeadlineExceeded"
        cluster.settle()
        assert progress(cluster)[1] == "NewReplicaSetAvailable"

    def test_without_one_there_is_no_condition(self) -> None:
        cluster = rolled(progressDeadlineSeconds=2**31 - 1)
        assert conditions.find(status_of(cluster.deployment()), "Progressing") is None


class TestOwning:
    def test_a_matching_orphan_is_adopted(self) -> None:
        cluster = rolled()
        adopted = cluster.sets()[0]
        orphan = {**adopted, "metadata": {**adopted["metadata"]}}
        del orphan["metadata"]["ownerReferences"]
        again = Cluster(deployment(), orphan)
        again.run()
        (found,) = again.sets()
        assert found["metadata"]["uid"] == orphan["metadata"]["uid"]

    def test_somebody_elses_is_not(self) -> None:
        other = deployment("other")
        cluster = Cluster(other, deployment(), replica_set("theirs", owner=other))
        decision = controller.reconcile(WEB, cluster.view, NOW, counted_ids())
        assert all(name_of(one) != "theirs" for one in puts(decision, "ReplicaSet"))

    def test_what_no_longer_matches_is_released(self) -> None:
        owner = deployment()
        stray = replica_set("stray", owner=owner)
        stray["metadata"]["labels"] = {"app": "not-web"}
        decision = controller.reconcile(WEB, view_of(owner, stray), NOW, counted_ids())
        released = next(one for one in puts(decision, "ReplicaSet") if name_of(one) == "stray")
        assert "ownerReferences" not in released["metadata"]

    def test_one_on_its_way_out_makes_nothing(self) -> None:
        going = deployment()
        going["metadata"] |= metadata("web", deletionTimestamp=format_time(NOW), finalizers=["x"])
        assert puts(controller.reconcile(WEB, view_of(going), NOW, counted_ids()), "ReplicaSet") == []

    def test_one_that_is_gone_is_no_business(self) -> None:
        assert controller.reconcile(WEB, view_of(), NOW, counted_ids()).writes == []


def test_counts_leave_zero_out() -> None:
    found = counts(deployment(), [], None)
    assert found == {"observedGeneration": 1, "terminatingReplicas": 0}


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 6),
    st.sampled_from([(1, 0), (0, 1), ("25%", "25%"), ("100%", 0), (0, "100%"), (3, 2)]),
    st.lists(
        st.one_of(
            st.tuples(st.just("image"), st.integers(1, 3)),
            st.tuples(st.just("replicas"), st.integers(0, 6)),
            st.tuples(st.just("ready"), st.integers(0, 9)),
            st.tuples(st.just("unready"), st.integers(0, 9)),
            st.tuples(st.just("gone"), st.integers(0, 9)),
        ),
        max_size=12,
    ),
)
def test_within_bounds_whatever_happens(
    replicas: int, rolling: tuple[Any, Any], deeds: list[tuple[str, int]]
) -> None:
    """Never above replicas + surge, no rollout takes more than may go, and it ends complete."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": dict(zip(_BOUNDS, rolling, strict=True))}
    cluster = rolled(replicas=replicas, strategy=strategy)
    for deed, number in deeds:
        alive = cluster.pods()
        match deed:
            case "image":
                cluster.change(template=template(f"nginx:{number}"))
            case "replicas":
                cluster.change(replicas=number)
            case "ready" | "unready":
                cluster.become_ready(alive[number : number + 1], deed == "ready")
            case "gone":
                cluster.finish_deletions()
        # Scaled in the middle of a rollout all shrink in proportion, as upstream, whoever is available.
        before = 0 if deed == "replicas" else _available(cluster)
        for _ in range(3):
            cluster.run()
            _check_bounds(cluster, before)
    cluster.settle()
    assert is_complete(cluster.deployment(), status_of(cluster.deployment()))
    assert cluster.sizes()[-1] == spec_of(cluster.deployment())["replicas"]


_BOUNDS = ("maxSurge", "maxUnavailable")


def _available(cluster: Cluster) -> int:
    return sum(is_available(one, 0, cluster.now) for one in cluster.pods())


def _check_bounds(cluster: Cluster, before: int) -> None:
    spec: dict[str, Any] = spec_of(cluster.deployment())
    up, down = surge_and_unavailable(spec)
    active: list[Object] = [one for one in cluster.pods() if is_active(one)]
    assert len(active) <= spec["replicas"] + up
    assert _available(cluster) >= min(before, spec["replicas"] - down)


def test_what_its_replica_set_may_not_make_is_the_deployments_failure() -> None:
    home = namespace()
    home["metadata"]["labels"] = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster = Cluster(home, deployment())
    cluster.run()
    failures = [
        one for one in status_of(cluster.deployment())["conditions"] if one["type"] == "ReplicaFailure"
    ]
    assert [one["reason"] for one in failures] == ["FailedCreate"]
    assert "violates PodSecurity" in failures[0]["message"]
    cluster.put({**home, "metadata": {**home["metadata"], "labels": {}}})
    cluster.run()
    types = [one["type"] for one in status_of(cluster.deployment())["conditions"]]
    assert "ReplicaFailure" not in types
