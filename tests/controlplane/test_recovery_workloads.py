"""After state.db was lost: Jobs, CronJobs, sets and controllers go on with what runs and what has ended."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import NOW, Cluster, deployment, metadata, pod, template, view_of
from msgspec.structs import replace
from test_cronjobs import SLOT, Clock, cron_job
from test_daemonsets import Nodes, daemon_set
from test_jobs import Work, indexed
from test_recovery import running
from test_statefulsets import Sets, stateful_set

from minikctl.backend import Container, ContainerState
from minikctl.controlplane.recovery import recover
from minikctl.controlplane.recovery_sizes import recovered_sizes
from minikctl.model import Object, key_of, name_of, spec_of, status_of, uid_of
from minikctl.model.controller_revisions import number_of, owned_by, template_of
from minikctl.model.defaults import set_defaults
from minikctl.model.defaults.batch import with_uid
from minikctl.model.jobs import index_of, is_tracked


def lost(cluster: Cluster, containers: list[Container]) -> None:
    """All that the store knew of pods is lost, and known again from these containers."""
    for one in recover(containers, cluster.view, NOW):
        cluster.put(one)


def made_anew(obj: Object) -> Object:
    """As it comes from its file: with another uid, and nothing is known of it."""
    if obj["kind"] == "Job":
        return {**with_uid(obj, "made anew"), "status": {}}
    return {**obj, "metadata": {**obj["metadata"], "uid": "made anew"}, "status": {}}


def uids(cluster: Cluster) -> set[str]:
    return {uid_of(one) for one in cluster.pods()}


class TestJobs:
    def test_what_has_ended_is_counted_and_not_done_again(self) -> None:
        before = Work(indexed(4, parallelism=2))
        ended, alive = before.active()
        first, second = running(ended), running(alive)
        exited = [replace(one, state=ContainerState.EXITED, exit_code=0) for one in first]
        again = Cluster(made_anew(before.job), first_id=5000)
        lost(again, [*exited, *second])
        (job,) = again.view.list("Job")
        assert uid_of(job) == uid_of(before.job), "the pods know it by its uid"
        assert {uid_of(one) for one in again.view.list("Pod")} == {uid_of(ended), uid_of(alive)}
        assert all(map(is_tracked, again.view.list("Pod")))
        (known,) = (one for one in again.view.list("Pod") if uid_of(one) == uid_of(ended))
        again.put({**known, "status": {"phase": "Succeeded"}})  # what the kubelet sees of it
        again.run()
        (job,) = again.view.list("Job")
        assert status_of(job)["completedIndexes"] == str(index_of(ended))
        active = [one for one in again.pods() if status_of(one)["phase"] != "Succeeded"]
        assert sorted(map(index_of, active)) == [1, 2]

    def test_pods_of_another_template_are_those_of_an_earlier_job(self) -> None:
        before = Work(indexed(1))
        changed = indexed(1)
        spec_of(changed)["template"]["spec"]["containers"][0]["image"] = "busybox:2"
        again = Cluster(made_anew(changed), first_id=5000)
        lost(again, running(*before.pods()))
        assert again.pods() == []
        (job,) = again.view.list("Job")
        assert uid_of(job) == "made anew"


def test_a_cron_job_takes_no_time_again() -> None:
    before = Clock(cron_job())
    (job,) = before.view.list("Job")
    (pod,) = before.pods()
    again = Clock(made_anew(cron_job(age=0, suspend=True)))
    lost(again, running(pod))
    (known,) = again.view.list("Job")
    assert (name_of(known), uid_of(known)) == (f"tick-{SLOT}", uid_of(job))
    assert (
        status_of(again.view.list("CronJob").__next__())["lastScheduleTime"]
        == status_of(before.view.list("CronJob").__next__())["lastScheduleTime"]
    )
    again.run()
    assert again.jobs() == [f"tick-{SLOT}"]


class TestSets:
    def test_nothing_healthy_is_restarted(self) -> None:
        for before, wanted in (
            (Sets(stateful_set(replicas=3)), 3),
            (Nodes(daemon_set()), 1),
            (Cluster(controller()), 2),
        ):
            before.settle()
            (owner,) = (one for one in before.view if one["kind"] in OWNERS)
            again = Cluster(made_anew(owner), first_id=5000)
            lost(again, running(*before.pods()))
            again.settle()
            assert len(uids(again)) == wanted
            assert uids(again) == uids(before)

    def test_a_partitioned_update_stays_where_it_was(self) -> None:
        before = Sets(stateful_set(replicas=2))
        before.settle()
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
        before.edit(template=template("nginx:2", "db"), updateStrategy=strategy)
        before.settle()
        again = Sets(made_anew(before.set))
        lost(again, running(*before.pods()))
        again.settle()
        assert uids(again) == uids(before)
        old, new = owned_by(again.set, again.view.list("ControllerRevision"))
        assert (number_of(old), number_of(new)) == (1, 2)
        assert template_of(old)["spec"]["containers"][0]["image"] == "nginx:1"
        (first,) = (one for one in again.pods() if name_of(one) == "db-0")
        again.remove(key_of(first))
        again.settle()
        assert again.images() == ["nginx:1", "nginx:2"], "what is below the partition stays as it was"


OWNERS = ("DaemonSet", "ReplicationController", "StatefulSet")


def controller(replicas: int = 2, **spec: Any) -> Object:
    return set_defaults(
        {
            "apiVersion": "v1",
            "kind": "ReplicationController",
            "metadata": metadata("web"),
            "spec": {"replicas": replicas, "template": template(), **spec},
            "status": {},
        }
    )


def test_a_replication_controller_keeps_its_pods() -> None:
    cluster = Cluster(controller(3))
    cluster.settle()
    assert len(cluster.pods()) == 3
    (one,) = cluster.view.list("ReplicationController")
    assert status_of(one)["readyReplicas"] == 3
    assert {event.component for event in cluster.happenings if event.reason == "SuccessfulCreate"} == {
        "replication-controller"
    }
    cluster.put({**one, "spec": {**spec_of(one), "replicas": 1}})
    cluster.settle()
    assert len(cluster.pods()) == 1


@pytest.mark.parametrize(("there", "size"), [(0, None), (1, 2), (3, 3), (9, 5)])
def test_what_has_no_pod_is_no_size_that_an_autoscaler_gave(there: int, size: int | None) -> None:
    sized = deployment(replicas=1)
    body = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 2, "maxReplicas": 5}
    autoscaler = {"kind": "HorizontalPodAutoscaler", "metadata": metadata("web"), "spec": body}
    found = recovered_sizes([pod(f"p{number}") for number in range(there)], view_of(sized, autoscaler))
    assert [spec_of(one)["replicas"] for one in found.values()] == ([] if size is None else [size])
