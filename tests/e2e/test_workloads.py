"""Jobs, CronJobs, DaemonSets and StatefulSets on real engines: they do what their controllers promise."""

from __future__ import annotations

import time
from typing import Any

import pytest

from e2e.places import on_current_engines
from e2e.stage import Stage, pod_spec, until

IMAGE = "busybox:1.36"
POISONED = 7


def job_spec(script: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": IMAGE, "command": ["sh", "-c", script]}
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}
    return {**spec, "template": {"spec": pod}}


def job(name: str, script: str, **spec: Any) -> dict[str, Any]:
    whole = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}}
    return {**whole, "spec": job_spec(script, **spec)}


def workload(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod_spec()},
            **spec,
        },
    }


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_twenty_indexes_of_which_one_is_poisoned(stage: Stage) -> None:
    script = f'if [ "$JOB_COMPLETION_INDEX" = {POISONED} ]; then exit 3; fi; sleep 0.2; exit 0'
    rule = {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [3]}}
    manifest = job(
        "work",
        script,
        completions=20,
        parallelism=4,
        completionMode="Indexed",
        backoffLimitPerIndex=1,
        podFailurePolicy={"rules": [rule]},
    )
    result = stage.fails("apply", "-f", stage.write("job.yaml", manifest))
    assert "job.batch/work failed: FailedIndexes: Job has failed indexes" in result.err
    (found,) = stage.get("jobs")
    status = found["status"]
    assert (status["succeeded"], status["failed"], status["failedIndexes"]) == (19, 1, str(POISONED))
    assert status["completedIndexes"] == f"0-{POISONED - 1},{POISONED + 1}-19"
    ended = [one for one in stage.containers() if one.container]
    assert len(ended) == 20, "each index ran once"
    assert not any(one.running for one in ended)
    assert stage.ok("get", "job", "work", "--no-headers").out.split()[:3] == ["work", "Failed", "19/20"]


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_a_job_goes_on_after_a_kill_and_a_lost_state_db(stage: Stage) -> None:
    manifest = job("work", "sleep 0.7", completions=6, parallelism=2, completionMode="Indexed")
    stage.ok("apply", "--wait=false", "-f", stage.write("job.yaml", manifest))
    stage.start_agent()

    def some_are_done() -> bool:
        return stage.get("jobs")[0]["status"].get("succeeded", 0) >= 2

    until("two are done", some_are_done)
    stage.kill_agent()
    for file in stage.state.glob("state.db*"):
        file.unlink()
    stage.ok("wait", "--for=condition=complete", "job/work", "--timeout=60s")
    (found,) = stage.get("jobs")
    assert found["status"]["completedIndexes"] == "0-5"
    assert len([one for one in stage.containers() if one.container]) == 6, "none ran twice"


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_a_cron_job_fires(stage: Stage) -> None:
    cron_job = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick"},
        "spec": {"schedule": "@every 2s", "jobTemplate": {"spec": job_spec("exit 0")}},
    }
    stage.ok("apply", "-f", stage.write("cron.yaml", cron_job))
    stage.start_agent()

    def jobs() -> list[dict[str, Any]]:
        return [one for one in stage.get("jobs") if one["status"].get("succeeded")]

    (first, *_) = until("a job has done its work", jobs, seconds=70)
    (owner,) = first["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("CronJob", "tick")
    slot = int(first["metadata"]["name"].rpartition("-")[2])
    assert abs(slot - time.time() / 60) < 3
    row = stage.ok("get", "cronjob", "tick", "--no-headers").out.split()
    assert row[:5] == ["tick", "@every", "2s", "<none>", "False"]
    made = stage.ok("create", "job", "by-hand", "--from=cronjob/tick", "--wait=false")
    assert made.out == "job.batch/by-hand created\n"
    stage.ok("wait", "--for=condition=complete", "job/by-hand", "--timeout=30s")


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_a_daemon_set_over_three_nodes_of_which_one_is_drained(stage: Stage) -> None:
    stage.ok("cluster", "init", "--nodes", "3")
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}
    manifest = workload("DaemonSet", "agent", updateStrategy=rolling)
    stage.ok("apply", "-f", stage.write("agent.yaml", manifest))
    assert sorted(one.node for one in stage.running()) == ["node-1", "node-2", "node-3"]
    before = stage.runs()
    refused = stage.fails("drain", "node-2")
    assert "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)" in refused.err
    stage.ok("drain", "node-2", "--ignore-daemonsets")
    assert stage.runs() == before, "daemons stay on a node that is drained"
    restarted = stage.ok("rollout", "restart", "ds/agent")
    assert restarted.out == "daemonset.apps/agent restarted\n"
    assert sorted(one.node for one in stage.running()) == ["node-1", "node-2", "node-3"]
    assert not stage.runs() & before
    history = stage.ok("rollout", "history", "ds/agent").out
    assert history == "daemonset.apps/agent \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n"
    status = stage.ok("rollout", "status", "ds/agent").out
    assert status.endswith('daemon set "agent" successfully rolled out\n')


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_a_stateful_set_is_scaled_and_updated_with_a_partition(stage: Stage) -> None:
    manifest = workload("StatefulSet", "db", replicas=2, serviceName="db")
    stage.ok("apply", "-f", stage.write("db.yaml", manifest))
    assert stage.pod_names() == {"db-0", "db-1"}
    first = stage.runs()
    stage.ok("scale", "sts/db", "--replicas=3")
    assert stage.pod_names() == {"db-0", "db-1", "db-2"}
    assert first < stage.runs(), "those that there were go on"
    before = {one.pod: one.id for one in stage.running()}
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    changed = workload("StatefulSet", "db", replicas=3, serviceName="db", updateStrategy=strategy)
    changed["spec"]["template"]["metadata"]["annotations"] = {"version": "2"}
    stage.ok("apply", "-f", stage.write("db.yaml", changed))
    after = {one.pod: one.id for one in stage.running()}
    assert {name for name in after if after[name] != before[name]} == {"db-1", "db-2"}
    for file in stage.state.glob("state.db*"):
        file.unlink()
    runs = stage.runs()
    stage.ok("scale", "sts/db", "--replicas=2")
    assert stage.runs() < runs, "a lost state.db restarts none of those that stay"
    assert stage.pod_names() == {"db-0", "db-1"}
    stage.ok("rollout", "undo", "sts/db", "--to-revision=1")
    assert stage.pod_names() == {"db-0", "db-1"}
