"""Jobs: how many pods at once, what counts as failed, how a Job ends, and that each pod counts once."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import Cluster, metadata

from minikctl.controlplane.job_failures import backoff
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
from minikctl.model.defaults import set_defaults
from minikctl.model.defaults.batch import as_created, with_uid, without_generated_selector
from minikctl.model.indexes import format_indexes, parse_indexes
from minikctl.model.jobs import index_of, is_tracked
from minikctl.model.timestamps import format_time

KEY = ObjectKey("Job", "default", "work")


def job(restart: str = "Never", **spec: Any) -> Object:
    template = {"spec": {"restartPolicy": restart, "containers": [{"name": "main", "image": "busybox:1"}]}}
    whole: Object = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata("work"),
        "spec": {"template": template, **spec},
    }
    return {**as_created(set_defaults(whole)), "status": {}}


def indexed(completions: int, **spec: Any) -> Object:
    return job(completionMode="Indexed", completions=completions, **spec)


class Work(Cluster):
    """A cluster with one Job."""

    def __init__(self, one: Object) -> None:
        super().__init__(one)
        self.run()

    @property
    def job(self) -> Object:
        found = self.view.get(KEY)
        assert found is not None
        return found

    @property
    def status(self) -> dict[str, Any]:
        return status_of(self.job)

    def active(self) -> list[Object]:
        return [one for one in self.pods() if status_of(one)["phase"] in ("Pending", "Running")]

    def end(self, pod: Object, code: int = 0) -> None:
        """The pod's container ends now."""
        live = self.view.get(key_of(pod))
        assert live is not None
        terminated = {"exitCode": code, "finishedAt": format_time(self.now)}
        container = {"name": "main", "state": {"terminated": terminated}}
        phase = "Failed" if code else "Succeeded"
        self.put({**live, "status": {"phase": phase, "containerStatuses": [container]}})

    def fail(self, code: int = 1) -> None:
        self.end(self.active()[0], code)
        self.run()

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.run()

    def has(self, kind: str) -> str:
        """The reason of a condition that holds, else ""."""
        found = conditions.find(self.status, kind)
        return found["reason"] if found and found["status"] == "True" else ""

    def edit(self, **spec: Any) -> None:
        live = self.job
        self.put({**live, "spec": {**spec_of(live), **spec}})
        self.run()


def test_as_many_as_may_run_at_once_until_enough_succeeded() -> None:
    work = Work(job(completions=5, parallelism=2))
    for left in (5, 4, 3, 2, 1):
        assert len(work.active()) == min(2, left)
        work.end(work.active()[0])
        work.run()
    assert work.has("Complete") == "CompletionsReached"
    assert work.status["succeeded"] == 5
    assert work.status["completionTime"]
    assert work.active() == []
    assert work.texts("Completed") == ["Job completed"]


def test_without_completions_one_success_is_enough() -> None:
    work = Work(job(parallelism=3))
    work.end(work.active()[0])
    work.run()
    assert len(work.active()) == 2, "those that run may go on"
    assert not work.has("Complete")
    for pod in work.active():
        work.end(pod)
    work.run()
    assert work.has("Complete")


class TestPods:
    def test_they_know_their_job_and_their_index(self) -> None:
        work = Work(indexed(2, parallelism=2))
        for number, pod in enumerate(sorted(work.pods(), key=index_of)):
            assert name_of(pod).startswith(f"work-{number}-")
            assert spec_of(pod)["hostname"] == f"work-{number}"
            labels = labels_of(pod)
            assert labels["batch.kubernetes.io/job-name"] == labels["job-name"] == "work"
            assert labels["batch.kubernetes.io/controller-uid"] == "uid-of-work"
            assert labels["batch.kubernetes.io/job-completion-index"] == str(number)
            (variable,) = spec_of(pod)["containers"][0]["env"]
            assert variable["name"] == "JOB_COMPLETION_INDEX"
            assert is_tracked(pod)

    def test_indexes_that_succeeded_are_not_done_again(self) -> None:
        work = Work(indexed(4, parallelism=2))
        work.end(next(one for one in work.active() if index_of(one) == 1))
        work.run()
        assert sorted(map(index_of, work.active())) == [0, 2]
        assert work.status["completedIndexes"] == "1"

    def test_a_surplus_is_no_failure(self) -> None:
        work = Work(job(completions=4, parallelism=4))
        work.edit(parallelism=1)
        assert len(work.active()) == 1
        assert work.status.get("failed", 0) == 0

    def test_one_that_is_deleted_counts_as_failed_and_is_replaced_at_once(self) -> None:
        work = Work(job(completions=1))
        (first,) = work.active()
        work.put({**first, "metadata": {**first["metadata"], "deletionTimestamp": format_time(work.now)}})
        work.run()
        assert len(work.active()) == 1
        assert work.status["failed"] == 1

    def test_only_what_really_failed_is_replaced_where_that_is_asked_for(self) -> None:
        work = Work(job(completions=1, podReplacementPolicy="Failed"))
        (first,) = work.active()
        work.put({**first, "metadata": {**first["metadata"], "deletionTimestamp": format_time(work.now)}})
        work.run()
        assert work.active() == []
        assert work.status["terminating"] == 1


class TestFailures:
    def test_the_wait_doubles(self) -> None:
        work = Work(job(backoffLimit=6))
        for wait in (10, 20, 40):
            work.fail()
            work.wait(wait - 1)
            assert work.active() == [], f"{wait} s are not over"
            work.wait(1)
            assert len(work.active()) == 1

    def test_backoff_has_an_end(self) -> None:
        assert [backoff(count) for count in (0, 1, 2, 7, 100)] == [0, 10, 20, 600, 600]

    def test_too_many(self) -> None:
        work = Work(job(backoffLimit=1, parallelism=1))
        work.fail()
        work.wait(10)
        work.fail()
        assert work.has("Failed") == "BackoffLimitExceeded"
        assert work.status["failed"] == 2
        assert not any(map(is_tracked, work.pods()))

    def test_the_others_are_ended_with_it_and_counted(self) -> None:
        work = Work(job(backoffLimit=0, parallelism=3, completions=3))
        work.fail()
        assert work.has("FailureTarget") == "BackoffLimitExceeded"
        assert not work.has("Failed"), "as long as pods end"
        work.finish_deletions()
        work.run()
        assert work.has("Failed") == "BackoffLimitExceeded"
        assert work.status["failed"] == 3

    def test_the_deadline_comes_before_the_limit(self) -> None:
        work = Work(job(activeDeadlineSeconds=30))
        assert work.manager.next_timer() == work.now + 30
        work.wait(30)
        work.finish_deletions()
        work.run()
        assert work.has("Failed") == "DeadlineExceeded"

    def test_restarts_in_place_count(self) -> None:
        work = Work(job("OnFailure", backoffLimit=2))
        (pod,) = work.active()
        status = {"phase": "Running", "containerStatuses": [{"name": "main", "restartCount": 2}]}
        work.put({**pod, "status": status})
        work.run()
        assert work.has("FailureTarget") == "BackoffLimitExceeded"


class TestPerIndex:
    def test_one_poisoned_index_fails_alone(self) -> None:
        work = Work(indexed(3, parallelism=3, backoffLimitPerIndex=1))
        poisoned = next(one for one in work.active() if index_of(one) == 1)
        work.end(poisoned, 3)
        work.run()
        assert sorted(map(index_of, work.active())) == [0, 2], "it waits before it is tried again"
        work.wait(10)
        again = next(one for one in work.active() if index_of(one) == 1)
        assert annotations_of(again)["batch.kubernetes.io/job-index-failure-count"] == "1"
        work.end(again, 3)
        for other in (one for one in work.active() if index_of(one) != 1):
            work.end(other)
        work.run()
        assert (work.status["failedIndexes"], work.status["completedIndexes"]) == ("1", "0,2")
        assert work.has("Failed") == "FailedIndexes"
        assert work.status["failed"] == 2

    def test_too_many_failed_indexes(self) -> None:
        work = Work(indexed(4, parallelism=4, backoffLimitPerIndex=0, maxFailedIndexes=1))
        work.fail()
        assert not work.has("FailureTarget")
        work.fail()
        assert work.has("FailureTarget") == "MaxFailedIndexesExceeded"


class TestPolicies:
    @pytest.mark.parametrize(
        ("action", "failed", "end"),
        [("FailJob", 1, "PodFailurePolicy"), ("Ignore", 0, ""), ("Count", 1, "BackoffLimitExceeded")],
    )
    def test_on_exit_codes(self, action: str, failed: int, end: str) -> None:
        rule = {"action": action, "onExitCodes": {"operator": "In", "values": [42]}}
        work = Work(job(podFailurePolicy={"rules": [rule]}, backoffLimit=0))
        work.fail(42)
        work.finish_deletions()
        work.run()
        assert (work.status.get("failed", 0), work.has("Failed")) == (failed, end)

    def test_fail_index(self) -> None:
        rule = {"action": "FailIndex", "onExitCodes": {"operator": "NotIn", "values": [1]}}
        work = Work(indexed(2, backoffLimitPerIndex=5, podFailurePolicy={"rules": [rule]}))
        work.fail(3)
        assert work.status["failedIndexes"] == "0"

    def test_on_conditions(self) -> None:
        rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
        work = Work(job(podFailurePolicy={"rules": [rule]}, backoffLimit=0))
        (pod,) = work.active()
        condition = {"type": "DisruptionTarget", "status": "True"}
        work.put({**pod, "status": {"phase": "Failed", "conditions": [condition]}})
        work.run()
        assert not work.has("FailureTarget")
        assert work.status.get("failed", 0) == 0

    def test_success(self) -> None:
        rules = [{"succeededIndexes": "2-3", "succeededCount": 1}]
        work = Work(indexed(4, parallelism=4, successPolicy={"rules": rules}))
        work.end(next(one for one in work.active() if index_of(one) == 0))
        work.run()
        assert not work.has("SuccessCriteriaMet")
        work.end(next(one for one in work.active() if index_of(one) == 3))
        work.run()
        assert work.has("SuccessCriteriaMet") == "SuccessPolicy"
        assert all(is_deleting(one) for one in work.view.list("Pod") if index_of(one) in (1, 2))
        work.finish_deletions()
        work.run()
        assert work.has("Complete") == "SuccessPolicy"


def test_suspended_and_resumed() -> None:
    work = Work(job(completions=2, parallelism=2))
    work.edit(suspend=True)
    assert work.active() == []
    assert work.has("Suspended") == "JobSuspended"
    assert work.status.get("failed", 0) == 0
    work.finish_deletions()
    work.now += 100
    work.edit(suspend=False)
    assert len(work.active()) == 2
    assert work.status["startTime"] == format_time(work.now), "its deadline begins anew"
    assert not work.has("Suspended")


def test_it_goes_by_itself() -> None:
    work = Work(job(ttlSecondsAfterFinished=60))
    work.end(work.active()[0])
    work.run()
    work.wait(59)
    assert work.view.get(KEY) is not None
    work.wait(1)
    assert work.view.get(KEY) is None
    assert all(map(is_deleting, work.view.list("Pod")))


def test_a_pod_is_counted_in_the_commit_that_lets_it_go() -> None:
    work = Work(job(completions=2))
    work.end(work.active()[0])
    written = {key_of(write.obj): write.obj for write in work.run().writes if hasattr(write, "obj")}
    (ended,) = (one for key, one in written.items() if key.kind == "Pod" and not is_tracked(one))
    assert status_of(ended)["phase"] == "Succeeded"
    assert status_of(written[KEY])["succeeded"] == 1


def test_the_pods_of_a_job_that_is_gone_are_let_go() -> None:
    work = Work(job(completions=2, parallelism=2))
    work.remove(KEY)
    work.run()
    assert all(is_deleting(one) and not is_tracked(one) for one in work.view.list("Pod"))


def test_what_was_generated_can_be_taken_out_again() -> None:
    one = job()
    bare = without_generated_selector(one)
    assert "selector" not in bare["spec"]
    assert "labels" not in bare["spec"]["template"]["metadata"]
    assert as_created(bare) == {key: value for key, value in one.items() if key != "status"} | {"status": {}}
    moved = with_uid(one, "another")
    assert spec_of(moved)["selector"]["matchLabels"] == {"batch.kubernetes.io/controller-uid": "another"}


@pytest.mark.parametrize(
    ("indexes", "text"),
    [(set(), ""), ({3}, "3"), ({0, 1}, "0,1"), ({0, 1, 2}, "0-2"), ({0, 2, 3, 4, 7, 8}, "0,2-4,7,8")],
)
def test_indexes_as_text(indexes: set[int], text: str) -> None:
    assert format_indexes(indexes) == text
    assert parse_indexes(text, 100) == indexes
    assert parse_indexes(text, 2) == {one for one in indexes if one < 2}
