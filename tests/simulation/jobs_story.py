"""Random lives with Jobs: work that ends, fails, is suspended, and is counted once whatever crashes."""

from __future__ import annotations

from typing import Any

from minikctl.model import (
    Object,
    ObjectKey,
    conditions,
    controller_of,
    is_deleting,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.indexes import parse_indexes
from minikctl.model.jobs import finished_condition, index_of, is_indexed, is_tracked
from minikctl.model.pods import is_active, phase

from .life import Life

NAMES = ("batch", "work")
KEPT = 1_000_000
FAILURES = frozenset(
    (
        "BackoffLimitExceeded",
        "DeadlineExceeded",
        "FailedIndexes",
        "MaxFailedIndexesExceeded",
        "PodFailurePolicy",
    )
)


class JobStory(Life):
    kinds = ("Job",)

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.succeeded: dict[str, set[str]] = {}
        """By uid of a Job, the pods that it has counted as successes."""
        self.world.seen_checks.append(self.check_parallelism)
        self.world.stored_checks.append(self.check_counts)
        self.world.meddle = lambda: self.random.choice((self.apply, self.suspend, self.resize))()
        self.database = self.world.database

    def deeds(self) -> list[Any]:
        return [
            self.apply,
            self.apply,
            self.apply,
            self.suspend,
            self.resize,
            self.delete,
            self.delete_pod,
            self.cordon,
        ]

    # --- people

    def apply(self) -> None:
        name = self.random.choice(NAMES)
        self._try(lambda: self.world.api.apply([self._job(name)]))

    def suspend(self) -> None:
        suspended = self.random.random() < 0.4
        self._change(lambda one: {**one, "spec": {**spec_of(one), "suspend": suspended}})

    def resize(self) -> None:
        count = self.random.randint(0, 4)
        self._change(lambda one: {**one, "spec": {**spec_of(one), "parallelism": count}})

    def delete(self) -> None:
        key = ObjectKey("Job", "default", self.random.choice(NAMES))
        propagation = self.random.choice(("background", "foreground"))
        self._try(lambda: self.world.api.delete(key, propagation=propagation))

    def _change(self, change: Any) -> None:
        key = ObjectKey("Job", "default", self.random.choice(NAMES))
        self._try(lambda: self.world.api.update(key, change))

    # --- manifests

    def _job(self, name: str) -> Object:
        pick = self.random.choice
        completions = self.random.randint(1, 5)
        spec: dict[str, Any] = {
            "parallelism": self.random.randint(1, 4),
            "backoffLimit": pick((0, 1, 3)),
            "suspend": pick((True, False, False, False)),
            "template": {"spec": self._work()},
        }
        if pick((True, True, False)):
            spec["completions"] = completions
        if pick((True, False, False, False)):
            spec["activeDeadlineSeconds"] = pick((5, 60))
        if pick((True, False, False, False)):
            spec["ttlSecondsAfterFinished"] = pick((0, 30))
        if "completions" in spec and pick((True, False)):
            self._make_indexed(spec, completions)
        if spec["template"]["spec"]["restartPolicy"] == "Never" and pick((True, False, False)):
            spec["podFailurePolicy"] = {"rules": [self._rule(spec)]}
        elif pick((True, False)):
            spec["podReplacementPolicy"] = pick(("Failed", "TerminatingOrFailed"))
        metadata = {"name": name, "namespace": "default"}
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}

    def _make_indexed(self, spec: dict[str, Any], completions: int) -> None:
        pick = self.random.choice
        spec["completionMode"] = "Indexed"
        if spec["template"]["spec"]["restartPolicy"] == "Never" and pick((True, False)):
            spec["backoffLimitPerIndex"] = pick((0, 1))
            del spec["backoffLimit"]
            if pick((True, False)):
                spec["maxFailedIndexes"] = self.random.randint(0, completions)
        if pick((True, False, False)):
            spec["successPolicy"] = {"rules": [{"succeededCount": self.random.randint(1, completions)}]}

    def _rule(self, spec: dict[str, Any]) -> dict[str, Any]:
        actions = ["FailJob", "Ignore", "Count"]
        if "backoffLimitPerIndex" in spec:
            actions.append("FailIndex")
        action = self.random.choice(actions)
        # What is ignored is tried for ever: these are the codes of those that are killed from outside.
        codes = {"operator": "In", "values": [1]} if action == "Ignore" else self._some_codes()
        return {"action": action, "onExitCodes": codes}

    def _some_codes(self) -> dict[str, Any]:
        return {"operator": self.random.choice(("In", "NotIn")), "values": [3]}

    def _work(self) -> dict[str, Any]:
        seconds = self.random.choice(("0.2", "1", "7"))
        poisoned = self.random.choice(("", "", 'if [ "$JOB_COMPLETION_INDEX" = 1 ]; then exit 3; fi; '))
        code = self.random.choice((0, 0, 0, 0, 3))
        command = ["sh", "-c", f"{poisoned}sleep {seconds}; exit {code}"]
        work: dict[str, Any] = {
            "restartPolicy": self.random.choice(("Never", "Never", "OnFailure")),
            "terminationGracePeriodSeconds": self.random.choice((0, 2, 30)),
            "containers": [
                {"name": "main", "image": f"busybox:{self.random.randint(1, 2)}", "command": command}
            ],
        }
        if self.random.random() < 0.25:
            work["initContainers"] = self._init_containers(self.random.choice(("", "trap 'exit 0' TERM; ")))
        return work

    # --- what must always hold

    def check_parallelism(self) -> None:
        """Never more pods than may run at once, once the loop has seen the newest spec."""
        for job in self.world.database.list("Job"):
            any_success_is_enough = "completions" not in spec_of(job) and status_of(job).get("succeeded")
            if is_deleting(job) or any_success_is_enough:
                continue  # (then what runs may run to its end, whatever is allowed now)
            active = [pod for pod in self.pods_of(job) if is_active(pod)]
            allowed = 0 if spec_of(job).get("suspend") else spec_of(job)["parallelism"]
            if finished_condition(job) is not None:
                allowed = 0
            assert len(active) <= allowed, (
                f"{name_of(job)} has {len(active)} pods where {allowed} are allowed"
            )
            self._check_indexes(job, active)

    def _check_indexes(self, job: Object, active: list[Object]) -> None:
        if not is_indexed(job):
            return
        indexes = [index_of(pod) for pod in active]
        assert len(set(indexes)) == len(indexes), f"{name_of(job)} has two pods of one index: {indexes}"
        done = parse_indexes(status_of(job).get("completedIndexes"), KEPT)
        again = done & set(indexes)
        assert not again, f"{name_of(job)} does {again} again"

    def check_counts(self) -> None:
        """Every success is counted, and counted once."""
        if self.world.database is not self.database:  # what was counted is lost with state.db
            self.database = self.world.database
            self.succeeded.clear()
        for job in self.world.database.list("Job"):
            if is_deleting(job):
                continue
            counted = self.succeeded.setdefault(uid_of(job), set())
            counted.update(
                uid_of(pod)
                for pod in self.pods_of(job)
                if phase(pod) == "Succeeded" and not is_tracked(pod) and not is_deleting(pod)
            )
            said = status_of(job).get("succeeded", 0)
            if not is_indexed(job):
                assert said >= len(counted), f"{name_of(job)} has {said} of {len(counted)} successes"
            elif "completions" in spec_of(job):
                assert said <= spec_of(job)["completions"]

    # --- the end

    def may_stay(self, pod: Object) -> bool:
        """A suspended Job keeps an index's last failed pod: its annotations hold the count of failures."""
        jobs = {uid_of(job): job for job in self.world.database.list("Job")}
        job = jobs.get((controller_of(pod) or {}).get("uid", ""))
        if job is None or "backoffLimitPerIndex" not in spec_of(job) or not spec_of(job).get("suspend"):
            return False
        same = [one for one in self.pods_of(job) if index_of(one) == index_of(pod)]
        return finished_condition(job) is None and list(map(phase, same)) == ["Failed"] and is_tracked(pod)

    def what_is_wrong(self) -> str:
        return next(filter(None, map(self._is_wrong, self.world.database.list("Job"))), "")

    def _is_wrong(self, job: Object) -> str:
        name, spec, status = name_of(job), spec_of(job), status_of(job)
        pods = self.pods_of(job)
        active = [pod for pod in pods if is_active(pod)]
        finished = finished_condition(job)
        if finished is None and (spec.get("suspend") or not spec["parallelism"]):
            if "activeDeadlineSeconds" in spec and not spec.get("suspend"):
                return f"{name} does nothing and waits for its deadline"
            return f"{name} has {len(active)} pods and should have none" if active else ""
        if finished is None:
            return f"{name} has not ended: {status}"
        if active or any(map(is_tracked, pods)):
            return f"{name} has pods left"
        if "ttlSecondsAfterFinished" in spec:
            return f"{name} has ended and is still there"
        if finished["type"] == "Failed":
            return "" if finished["reason"] in FAILURES else f"{name} failed: {finished}"
        wanted = 1 if "successPolicy" in spec else spec.get("completions", 1)
        if status.get("succeeded", 0) < wanted:
            return f"{name} is complete with {status}"
        if not conditions.is_true(status, "SuccessCriteriaMet") or "completionTime" not in status:
            return f"{name} is complete and does not say when: {status}"
        return ""
