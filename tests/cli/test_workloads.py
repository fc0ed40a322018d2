"""Jobs, CronJobs and sets on the command line: tables, waiting, rollouts, create, drain."""

from __future__ import annotations

import json
from typing import Any

import yaml
from cli_rig import Cli


def _pod(script: str, restart: str = "Always") -> dict[str, Any]:
    container = {"name": "main", "image": "busybox:1", "command": ["sh", "-c", script]}
    return {"terminationGracePeriodSeconds": 0, "restartPolicy": restart, "containers": [container]}


def _set(kind: str, name: str, **spec: Any) -> str:
    template = {"metadata": {"labels": {"app": name}}, "spec": _pod("while true; do sleep 1; done")}
    return yaml.safe_dump(
        {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, **spec},
        }
    )


def _job(script: str, **spec: Any) -> str:
    whole = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"}}
    return yaml.safe_dump({**whole, "spec": {**spec, "template": {"spec": _pod(script, "Never")}}})


def test_apply_waits_for_a_job(cli: Cli) -> None:
    cli.ok(
        "apply", "-f", cli.write("one.yaml", _job("exit 0", completions=3, parallelism=3)), "--timeout=20s"
    )
    row = cli.ok("get", "jobs", "--no-headers").out.split()
    assert row[:3] == ["work", "Complete", "3/3"]
    assert "Pods Statuses:    0 Active (0 Ready) / 3 Succeeded / 0 Failed\n" in cli.ok("describe", "job").out
    again = cli.ok(
        "apply", "-f", cli.write("one.yaml", _job("exit 0", completions=3, parallelism=3)), "--timeout=20s"
    )
    assert again.out == "job.batch/work unchanged\n"
    assert len(json.loads(cli.ok("get", "pods", "-o", "json").out)["items"]) == 3


def test_a_failed_job_says_why(cli: Cli) -> None:
    failed = cli(
        "apply", "-f", cli.write("one.yaml", _job("echo oh no; exit 3", backoffLimit=0)), "--timeout=20s"
    )
    assert failed.code == 1
    assert "job.batch/work failed: BackoffLimitExceeded: Job has reached" in failed.err
    assert "exit code 3" in failed.err
    waited = cli("wait", "--for=condition=complete", "job/work", "--timeout=20s")
    assert (waited.code, "failed: BackoffLimitExceeded" in waited.err) == (1, True)
    assert cli.ok("wait", "--for=condition=failed", "job/work").out == "job.batch/work condition met\n"


def test_a_job_may_not_change_its_template(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("one.yaml", _job("exit 0")), "--timeout=20s")
    changed = cli("apply", "-f", cli.write("one.yaml", _job("exit 1")))
    assert "Job/work: spec.template: invalid value" in changed.err
    assert "field is immutable" in changed.err


def test_rollouts_of_sets(cli: Cli) -> None:
    manifest = _set("StatefulSet", "db", replicas=2, serviceName="db")
    cli.ok("apply", "-f", cli.write("one.yaml", manifest), "--timeout=20s")
    assert cli.ok("get", "sts", "--no-headers").out.split()[:2] == ["db", "2/2"]
    cli.ok("rollout", "restart", "sts/db", "--timeout=20s")
    assert cli.ok("rollout", "history", "sts/db").out == (
        "statefulset.apps/db \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n"
    )
    shown = cli.ok("rollout", "history", "sts/db", "--revision=1").out
    assert shown.startswith("statefulset.apps/db with revision #1\nPod Template:\n")
    assert cli.ok("rollout", "undo", "sts/db", "--timeout=20s").out == "statefulset.apps/db rolled back\n"
    skipped = cli.ok("rollout", "undo", "sts/db", "--to-revision=3").out
    assert skipped == ("statefulset.apps/db skipped rollback (current template already matches revision 3)\n")
    missing = cli("rollout", "undo", "sts/db", "--to-revision=9")
    assert missing.err == "error: unable to find specified revision 9 in history\n"
    assert cli("rollout", "pause", "sts/db").err.endswith(
        'error: statefulsets.apps "db" pausing is not supported\n'
    )
    assert cli.ok("scale", "sts/db", "--replicas=1", "--timeout=20s").out == "statefulset.apps/db scaled\n"


def test_nothing_to_go_back_to(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("one.yaml", _set("DaemonSet", "agent")), "--timeout=20s")
    assert cli("rollout", "undo", "ds/agent").err.endswith("error: no last revision to roll back to\n")
    row = cli.ok("get", "ds", "--no-headers").out.split()
    assert row[:7] == ["agent", "1", "1", "1", "1", "1", "<none>"]


def test_a_job_from_a_cron_job(cli: Cli) -> None:
    cli.ok("create", "cronjob", "nightly", "--image=busybox:1", "--schedule=0 3 * * *", "--", "true")
    row = cli.ok("get", "cronjobs", "--no-headers").out
    assert row.split()[:9] == ["nightly", "0", "3", "*", "*", "*", "<none>", "False", "0"]
    cli.ok("create", "job", "now", "--from=cronjob/nightly", "--timeout=20s")
    (job,) = json.loads(cli.ok("get", "jobs", "-o", "json").out)["items"]
    assert job["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
    assert job["metadata"]["ownerReferences"][0]["name"] == "nightly"
    assert cli("create", "job", "now", "--from=deploy/web").err == (
        "error: from must be an existing cronjob: deploy/web\n"
    )
    assert cli("create", "job", "now").err == "error: either --image or --from must be specified\n"


def test_what_a_field_that_is_not_handled_says(cli: Cli) -> None:
    refused = cli("apply", "-f", cli.write("one.yaml", _job("exit 0", managedBy="example.com/mine")))
    assert "spec.managedBy" in refused.err


def test_what_runs_of_any_workload_is_compared(cli: Cli) -> None:
    path = cli.write("db.yaml", _set("StatefulSet", "db", replicas=2, serviceName="db"))
    cli.ok("apply", "-f", path, "--timeout=20s")
    cli.ok("apply", "-f", cli.write("agents.yaml", _set("DaemonSet", "agents")), "--timeout=20s")
    cli.ok("apply", "-f", cli.write("work.yaml", _job("exit 0", completions=2)), "--timeout=20s")
    assert cli.ok("diff").out == ""
    cli.engine("kill", cli.containers("main_db-1")[0])
    cli.engine("kill", cli.containers("main_agents")[0])
    found = cli("diff", "-f", path)
    assert found.code == 1
    assert found.out.startswith("runtime: pod/db-1 container main: desired running, is exited (137)")
    assert len(found.lines) == 1
    assert len(cli("diff").lines) == 2
    cli.ok("apply", "-f", path)
    assert cli.ok("diff", "-f", path).out == ""


def test_who_needs_an_agent_is_told(cli: Cli) -> None:
    words = ("--image=busybox:1", "--schedule=@daily")
    said = "note: cronjob.batch/{} makes its Jobs only while an agent is at work (minikctl agent start)\n"
    assert cli.ok("create", "cronjob", "dry", *words, "--dry-run=server").err == ""
    assert cli.ok("create", "cronjob", "tick", *words).err == said.format("tick")
    manifest = cli.ok("get", "cronjob", "tick", "-o", "yaml").out
    assert cli.ok("apply", "-f", cli.write("tick.yaml", manifest)).err.endswith(said.format("tick"))
    cli.ok("agent", "start")
    try:
        assert cli.ok("create", "cronjob", "tock", *words).err == ""
    finally:
        cli.ok("agent", "stop")
