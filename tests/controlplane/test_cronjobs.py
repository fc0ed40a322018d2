"""CronJobs: which times are taken, which are let pass, and what is kept of the Jobs."""

from __future__ import annotations

from typing import Any

from controlplane_builders import NOW, Cluster, metadata

from minikctl.model import Object, ObjectKey, name_of, spec_of, status_of
from minikctl.model.defaults import set_defaults
from minikctl.model.timestamps import format_time

KEY = ObjectKey("CronJob", "default", "tick")
SLOT = int(NOW) // 60
"""NOW is a whole minute."""


def cron_job(schedule: str = "* * * * *", age: float = 30.0, **spec: Any) -> Object:
    work = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1"}]}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"template": {"spec": work}}}
    return set_defaults(
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": metadata("tick", age=age),
            "spec": {"schedule": schedule, "jobTemplate": template, **spec},
            "status": {},
        }
    )


class Clock(Cluster):
    def __init__(self, one: Object) -> None:
        super().__init__(one)
        self.run()

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.run()

    @property
    def status(self) -> dict[str, Any]:
        found = self.view.get(KEY)
        assert found is not None
        return status_of(found)

    def jobs(self) -> list[str]:
        return sorted(name_of(one) for one in self.view.list("Job"))

    def end(self, name: str, kind: str = "Complete") -> None:
        live = self.view.get(ObjectKey("Job", "default", name))
        assert live is not None
        moment = format_time(self.now)
        condition = {"type": kind, "status": "True", "lastTransitionTime": moment}
        status: dict[str, Any] = {**status_of(live), "conditions": [condition]}
        if kind == "Complete":
            status["completionTime"] = moment
        self.put({**live, "status": status})
        self.run()


def test_each_time_has_its_job() -> None:
    clock = Clock(cron_job(age=0))
    assert clock.jobs() == []
    assert clock.manager.next_timer() == NOW + 60
    clock.wait(60)
    clock.wait(0)
    assert clock.jobs() == [f"tick-{SLOT + 1}"]
    clock.wait(60)
    assert clock.jobs() == [f"tick-{SLOT + 1}", f"tick-{SLOT + 2}"]
    assert clock.status["lastScheduleTime"] == format_time(NOW + 120)
    assert [one["name"] for one in clock.status["active"]] == clock.jobs()


def test_the_job_is_the_templates() -> None:
    clock = Clock(cron_job())
    (job,) = clock.view.list("Job")
    assert job["metadata"]["labels"]["a"] == "b"
    assert job["metadata"]["annotations"] == {
        "batch.kubernetes.io/cronjob-scheduled-timestamp": format_time(NOW)
    }
    assert spec_of(job)["selector"]["matchLabels"] == {
        "batch.kubernetes.io/controller-uid": job["metadata"]["uid"]
    }


def test_of_missed_times_only_the_last_is_made_up_for() -> None:
    clock = Clock(cron_job(age=0))
    clock.wait(3 * 60 + 5)
    assert clock.jobs() == [f"tick-{SLOT + 3}"]


def test_unless_it_is_too_late() -> None:
    clock = Clock(cron_job("0 * * * *", age=0, startingDeadlineSeconds=30))
    clock.wait(3600 + 31)
    assert clock.jobs() == []
    clock.wait(3600 - 1)
    assert clock.jobs() == [f"tick-{SLOT + 120}"]


def test_too_many_missed_are_worth_a_warning() -> None:
    clock = Clock(cron_job(age=0))
    clock.wait(101 * 60)
    assert clock.jobs() == [f"tick-{SLOT + 101}"]
    assert len(clock.texts("TooManyMissedTimes")) == 1


def test_no_time_is_taken_twice_when_the_clock_goes_back() -> None:
    clock = Clock(cron_job())
    clock.end(f"tick-{SLOT}")
    clock.wait(-600)
    clock.wait(600)
    assert clock.jobs() == [f"tick-{SLOT}"]


class TestPolicies:
    def test_forbid_lets_it_pass_until_the_other_one_has_ended(self) -> None:
        clock = Clock(cron_job(concurrencyPolicy="Forbid"))
        clock.wait(60)
        assert clock.jobs() == [f"tick-{SLOT}"]
        assert clock.texts("JobAlreadyActive")
        clock.end(f"tick-{SLOT}")
        assert clock.jobs() == [f"tick-{SLOT}", f"tick-{SLOT + 1}"]

    def test_replace(self) -> None:
        clock = Clock(cron_job(concurrencyPolicy="Replace"))
        clock.wait(60)
        assert clock.jobs() == [f"tick-{SLOT + 1}"]


def test_the_history_is_kept_short() -> None:
    clock = Clock(cron_job(successfulJobsHistoryLimit=1, failedJobsHistoryLimit=0))
    clock.end(f"tick-{SLOT}")
    clock.wait(60)
    clock.end(f"tick-{SLOT + 1}")
    assert clock.jobs() == [f"tick-{SLOT + 1}"]
    assert clock.status["lastSuccessfulTime"] == format_time(NOW + 60)
    clock.wait(60)
    clock.end(f"tick-{SLOT + 2}", "Failed")
    assert clock.jobs() == [f"tick-{SLOT + 1}"]


def test_suspended() -> None:
    clock = Clock(cron_job(suspend=True))
    clock.wait(600)
    assert clock.jobs() == []


def test_time_zones() -> None:
    """NOW is eight in the morning in UTC, in January."""
    paris = Clock(cron_job("0 9 * * *", timeZone="Europe/Paris"))
    assert paris.jobs() == [f"tick-{SLOT}"]
    assert Clock(cron_job("0 9 * * *", timeZone="UTC")).jobs() == []


def test_what_goes_with_it() -> None:
    clock = Clock(cron_job())
    clock.remove(KEY)
    clock.run()
    assert clock.jobs() == []
    assert list(clock.view.list("CronJob")) == []
