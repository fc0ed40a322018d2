"""Random lives with CronJobs: the clock jumps, the control plane dies, and no time is taken twice."""

from __future__ import annotations

from typing import Any

from minikctl.model import (
    Object,
    ObjectKey,
    controller_of,
    is_deleting,
    key_of,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.jobs import finished_condition
from minikctl.model.timestamps import parse_time

from .life import REST_SECONDS, Life

NAMES = ("tick", "tock")
LATE_SECONDS = 130.0


class CronJobStory(Life):
    kinds = ("CronJob",)

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.taken: dict[str, str] = {}
        """By name of a Job, its uid: the name says which time it is for."""
        self.world.stored_checks.append(self.check_taken_once)
        self.world.seen_checks.append(self.check_policies)
        self.world.meddle = lambda: self.random.choice((self.apply, self.suspend))()

    def deeds(self) -> list[Any]:
        people = [self.apply, self.apply, self.suspend, self.delete, self.delete_pod, self.cordon]
        return [*people, self.delete_job, self.jump]

    # --- people

    def apply(self) -> None:
        name = self.random.choice(NAMES)
        self._try(lambda: self.world.api.apply([self._cron_job(name)]))

    def suspend(self) -> None:
        suspended = self.random.random() < 0.4
        key = ObjectKey("CronJob", "default", self.random.choice(NAMES))
        self._try(
            lambda: self.world.api.update(
                key, lambda one: {**one, "spec": {**spec_of(one), "suspend": suspended}}
            )
        )

    def delete(self) -> None:
        key = ObjectKey("CronJob", "default", self.random.choice(NAMES))
        propagation = self.random.choice(("background", "foreground"))
        self._try(lambda: self.world.api.delete(key, propagation=propagation))

    def delete_job(self) -> None:
        jobs = self.world.database.list("Job")
        if jobs:
            key = key_of(self.random.choice(jobs))
            self._try(lambda: self.world.api.delete(key))

    def jump(self) -> None:
        """The machine slept, or somebody set the clock."""
        self.world.clock.time += self.random.choice((30.0, 200.0, 20_000.0))

    def _cron_job(self, name: str) -> Object:
        pick = self.random.choice
        seconds, code = pick(("1", "1", "90")), pick((0, 0, 3))
        work = {
            "name": "main",
            "image": "busybox:1",
            "command": ["sh", "-c", f"sleep {seconds}; exit {code}"],
        }
        spec: dict[str, Any] = {
            "schedule": pick(("* * * * *", "*/2 * * * *")),
            "concurrencyPolicy": pick(("Allow", "Forbid", "Replace")),
            "successfulJobsHistoryLimit": pick((0, 1, 3)),
            "failedJobsHistoryLimit": pick((0, 1)),
            "jobTemplate": {
                "spec": {
                    "backoffLimit": pick((0, 1)),
                    "template": {
                        "spec": {
                            "restartPolicy": "Never",
                            "terminationGracePeriodSeconds": pick((0, 2)),
                            "containers": [work],
                        }
                    },
                }
            },
        }
        if pick((True, False)):
            spec["startingDeadlineSeconds"] = pick((20, 100))
        metadata = {"name": name, "namespace": "default"}
        return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}

    # --- what must always hold

    def check_taken_once(self) -> None:
        for job in self.world.database.list("Job"):
            first = self.taken.setdefault(name_of(job), uid_of(job))
            assert first == uid_of(job), f"the time of {name_of(job)} was taken twice"

    def check_policies(self) -> None:
        """Where Jobs may not overlap, no two run (once the loop has seen the newest spec)."""
        for cron_job in self.world.database.list("CronJob"):
            running = [one for one in self._jobs_of(cron_job) if is_running(one)]
            if spec_of(cron_job)["concurrencyPolicy"] == "Allow" or cron_job["metadata"]["generation"] > 1:
                continue
            names = [name_of(one) for one in running if not is_deleting(one)]
            assert len(names) <= 1, f"{name_of(cron_job)} runs {names} beside each other"

    def _jobs_of(self, cron_job: Object) -> list[Object]:
        jobs = self.world.database.list("Job")
        return [one for one in jobs if (controller_of(one) or {}).get("uid") == uid_of(cron_job)]

    # --- the end

    def calm_down(self) -> None:
        """They run for a while, and then are suspended."""
        self.world.run(2 * LATE_SECONDS)
        punctual = self.world.run(REST_SECONDS, lambda: not any(map(self._is_late, self._cron_jobs())))
        assert punctual, f"late: {list(map(status_of, self._cron_jobs()))}"
        for cron_job in self._cron_jobs():
            self.world.api.update(
                key_of(cron_job), lambda one: {**one, "spec": {**spec_of(one), "suspend": True}}
            )

    def _is_late(self, one: Object) -> bool:
        if spec_of(one).get("suspend") or any(map(is_running, self._jobs_of(one))):
            return False
        last = status_of(one).get("lastScheduleTime") or one["metadata"]["creationTimestamp"]
        return self.world.clock.time - parse_time(last) > LATE_SECONDS

    def _cron_jobs(self) -> list[Object]:
        return self.world.database.list("CronJob")

    def what_is_wrong(self) -> str:
        return next(filter(None, map(self._is_wrong, self._cron_jobs())), "")

    def _is_wrong(self, one: Object) -> str:
        jobs = self._jobs_of(one)
        running = [job for job in jobs if is_running(job)]
        for kind, field in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            ended = [job for job in jobs if (finished_condition(job) or {}).get("type") == kind]
            if len(ended) > spec_of(one)[field]:
                return f"{name_of(one)} keeps {len(ended)} Jobs that are {kind}"
        if len(status_of(one).get("active") or ()) != len(running):
            return f"{name_of(one)} says {status_of(one)}, and {len(running)} run"
        return f"{name_of(one)} is suspended, and runs" if running else ""


def is_running(job: Object) -> bool:
    return finished_condition(job) is None
