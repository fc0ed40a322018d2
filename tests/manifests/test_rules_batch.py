"""Jobs, CronJobs, autoscalers and disruption budgets: tables of what the API server accepts and refuses."""

from __future__ import annotations

import zoneinfo
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_strategies import values
from rule_tables import Changes, Fields, changed, refusals, refusals_of_change

from minikctl.manifests import validate, validate_update
from minikctl.manifests.rules.job_policies import count_indexes
from minikctl.model.defaults import set_defaults
from minikctl.model.defaults.batch import with_generated_selector

LONG = "a" * 300
CONTAINERS = [{"name": "a", "image": "a:1"}]
MANY_RULES = [{"action": "Count", "onExitCodes": {"operator": "In", "values": [1]}}] * 21


def job(**spec: Any) -> Fields:
    template = {"spec": {"restartPolicy": "Never", "containers": CONTAINERS}}
    body = {"template": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}, "spec": body}


def indexed(**spec: Any) -> Fields:
    return job(completionMode="Indexed", completions=5, parallelism=2, **spec)


def failing(rule: Fields) -> Changes:
    return {"spec.podFailurePolicy": {"rules": [rule]}}


def codes(**requirement: Any) -> Changes:
    return failing({"action": "Count", "onExitCodes": {"operator": "In", "values": [1], **requirement}})


RESTART = "spec.template.spec.restartPolicy"
LABELS = "spec.template.metadata.labels Invalid"
FAILURE = "spec.podFailurePolicy.rules[0]"
SUCCESS = "spec.successPolicy.rules[0]"

JOBS: list[tuple[Fields, Changes, list[str]]] = [
    (job(), {}, []),
    (job(), {"spec.parallelism": 0, "spec.completions": 0}, []),
    (job(), {"spec.parallelism": -1}, ["spec.parallelism Invalid"]),
    (job(), {"spec.completions": -1}, ["spec.completions Invalid"]),
    (job(), {"spec.activeDeadlineSeconds": -1}, ["spec.activeDeadlineSeconds Invalid"]),
    (job(), {"spec.backoffLimit": -1}, ["spec.backoffLimit Invalid"]),
    (job(), {"spec.ttlSecondsAfterFinished": -1}, ["spec.ttlSecondsAfterFinished Invalid"]),
    (job(), {"spec.managedBy": ""}, ["spec.managedBy Required"]),
    (job(), {"spec.managedBy": "acme.io/foo"}, []),
    (job(), {"spec.managedBy": "foo"}, ["spec.managedBy Invalid"]),
    (job(), {"spec.managedBy": "Acme/foo"}, ["spec.managedBy Invalid"]),
    (job(), {"spec.managedBy": "acme.io/"}, ["spec.managedBy Invalid"]),
    (job(), {"spec.managedBy": f"acme.io/{'a' * 55}"}, []),
    (job(), {"spec.managedBy": "acme.io/a b"}, ["spec.managedBy Invalid"]),
    (job(), {"spec.managedBy": f"acme.io/{'a' * 60}"}, ["spec.managedBy TooLong"]),
    (job(), {"spec.completionMode": ""}, ["spec.completionMode NotSupported"]),
    (job(), {"spec.backoffLimitPerIndex": 1}, ["spec.backoffLimitPerIndex Invalid"]),
    (
        job(),
        {"spec.maxFailedIndexes": 1},
        ["spec.backoffLimitPerIndex Required", "spec.maxFailedIndexes Invalid"],
    ),
    (job(), {RESTART: ...}, [f"{RESTART} Required"]),
    (job(), {RESTART: "Always"}, [f"{RESTART} Required"]),
    (job(), {RESTART: "never"}, [f"{RESTART} NotSupported"]),
    (job(), {RESTART: "OnFailure"}, []),
    (job(), {RESTART: "OnFailure", "spec.podFailurePolicy": {}}, [f"{RESTART} Invalid"]),
    (job(), {"spec.podReplacementPolicy": ""}, ["spec.podReplacementPolicy NotSupported"]),
    (job(), {"spec.podReplacementPolicy": "TerminatingOrFailed"}, []),
    (
        job(),
        {"spec.podReplacementPolicy": "TerminatingOrFailed", "spec.podFailurePolicy": {}},
        ["spec.podReplacementPolicy NotSupported"],
    ),
    (indexed(), {"spec.completions": ...}, ["spec.completions Required"]),
    (indexed(), {"spec.parallelism": 100_001}, ["spec.parallelism Invalid"]),
    (indexed(), {"spec.backoffLimitPerIndex": 1, "spec.maxFailedIndexes": 5}, []),
    (
        indexed(),
        {"spec.backoffLimitPerIndex": 1, "spec.maxFailedIndexes": 6},
        ["spec.maxFailedIndexes Invalid"],
    ),
    (
        indexed(backoffLimitPerIndex=1),
        {"spec.completions": 100_001},
        ["spec.maxFailedIndexes Required"],
    ),
    (
        indexed(backoffLimitPerIndex=1),
        {"spec.completions": 100_001, "spec.maxFailedIndexes": 10_001, "spec.parallelism": 10_001},
        ["spec.maxFailedIndexes Invalid", "spec.parallelism Invalid"],
    ),
    (indexed(), {"spec.parallelism": 100_000}, []),
    (
        indexed(backoffLimitPerIndex=1),
        {"spec.completions": 100_000, "spec.maxFailedIndexes": 100_000, "spec.parallelism": 100_000},
        [],
    ),
    (indexed(backoffLimitPerIndex=1), {"spec.completions": 100_000}, []),
    (
        indexed(backoffLimitPerIndex=1),
        {"spec.completions": 100_001, "spec.maxFailedIndexes": 10_000, "spec.parallelism": 10_000},
        [],
    ),
    (indexed(), {"spec.completions": 0, "metadata.name": "a" * 62}, []),
    # The pods' host names have the index.
    (indexed(), {"metadata.name": "a" * 61}, []),
    (indexed(), {"metadata.name": "a" * 62}, ["metadata.name Invalid"]),
    (indexed(), {"metadata.name": "a.b"}, ["metadata.name Invalid"]),
    (indexed(), {"metadata.name": ..., "metadata.generateName": f"{'a' * 60}-"}, ["metadata.name Invalid"]),
    (job(), {"metadata.name": ..., "metadata.generateName": "a-"}, []),
    # Its labels have the name.
    (job(), {"metadata.name": "a" * 64}, ["spec.template.labels Invalid"]),
    (job(), {"metadata.name": "-a"}, ["metadata.name Invalid", "spec.template.labels Invalid"]),
    (
        job(),
        {"metadata.name": "-a", "spec.template.metadata": {"labels": {"x": "y"}}},
        ["metadata.labels Invalid", "metadata.name Invalid", "spec.template.labels Invalid"],
    ),
]

SELECTORS: list[tuple[Changes, list[str]]] = [
    ({"spec.selector": {"matchLabels": {"a": "b"}}}, ["spec.selector Invalid", LABELS]),
    (
        {"spec.selector": {"matchLabels": {"a": "b"}}, "spec.template.metadata": {"labels": {"a": "b"}}},
        ["spec.selector Invalid"],
    ),
    ({"spec.template.metadata": {"labels": {"job-name": "b"}}}, [LABELS]),
    ({"spec.template.metadata": {"labels": {"job-name": "a"}}}, []),
    (
        {"spec.template.metadata": {"labels": {"a": "-"}}},
        ["metadata.labels Invalid", "spec.template.labels Invalid"],
    ),
    # No manifest can know the uid.
    ({"metadata.uid": "x y"}, []),
    ({"metadata.uid": "u", "spec.template.metadata": {"labels": {"controller-uid": "u"}}}, [LABELS]),
    ({"spec.template.metadata": {"labels": {"controller-uid": ""}}}, [LABELS]),
    ({"spec.manualSelector": True}, ["spec.selector Required", LABELS]),
    ({"spec.manualSelector": True, "spec.selector": {}}, []),
    ({"spec.manualSelector": True, "spec.selector": {"matchLabels": {"a": "b"}}}, [LABELS]),
    (
        {"spec.manualSelector": True, "spec.selector": {"matchLabels": {"a": "-"}}},
        ["spec.selector.matchLabels Invalid"],
    ),
]

POLICIES: list[tuple[Fields, Changes, list[str]]] = [
    (job(), {"spec.podFailurePolicy": {"rules": []}}, []),
    (job(), {"spec.podFailurePolicy": {"rules": MANY_RULES}}, ["spec.podFailurePolicy.rules TooMany"]),
    (job(), {"spec.podFailurePolicy": {"rules": MANY_RULES[:20]}}, []),
    (job(), codes(values=[*range(1, 256)]), []),
    (job(), failing({"action": "Ignore", "onPodConditions": [{"type": "T"}] * 20}), []),
    (indexed(), {"spec.successPolicy": {"rules": [{"succeededCount": 1}] * 20}}, []),
    (job(), codes(), []),
    (job(), codes(containerName="a"), []),
    (job(), codes(containerName="b"), [f"{FAILURE}.onExitCodes.containerName Invalid"]),
    (job(), codes(containerName=""), [f"{FAILURE}.onExitCodes.containerName Invalid"]),
    (job(), codes(operator=""), [f"{FAILURE}.onExitCodes.operator Required"]),
    (job(), codes(operator="in"), [f"{FAILURE}.onExitCodes.operator NotSupported"]),
    (job(), codes(values=[]), [f"{FAILURE}.onExitCodes.values Invalid"]),
    (job(), codes(values=[0, 1]), [f"{FAILURE}.onExitCodes.values[0] Invalid"]),
    (job(), codes(values=[None, 1]), [f"{FAILURE}.onExitCodes.values[0] Invalid"]),
    (job(), codes(operator="NotIn", values=[0]), []),
    (job(), codes(values=[2, 1]), [f"{FAILURE}.onExitCodes.values Invalid"]),
    (job(), codes(values=[1, 1]), [f"{FAILURE}.onExitCodes.values[1] Duplicate"]),
    (job(), codes(values=[*range(1, 257)]), [f"{FAILURE}.onExitCodes.values TooMany"]),
    (job(), failing({}), [f"{FAILURE} Invalid", f"{FAILURE}.action Required"]),
    (job(), failing({"action": "Count"}), [f"{FAILURE} Invalid"]),
    (job(), failing({"action": "x", "onPodConditions": [{"type": "T"}]}), [f"{FAILURE}.action NotSupported"]),
    (
        job(),
        failing({"action": "FailIndex", "onPodConditions": [{"type": "T"}]}),
        [f"{FAILURE}.action Invalid"],
    ),
    (
        indexed(backoffLimitPerIndex=1),
        failing({"action": "FailIndex", "onPodConditions": [{"type": "T"}]}),
        [],
    ),
    (
        job(),
        failing({"action": "Ignore", "onPodConditions": [{"type": "a b", "status": "true"}]}),
        [
            f"{FAILURE}.onPodConditions[0].status NotSupported",
            f"{FAILURE}.onPodConditions[0].type Invalid",
        ],
    ),
    (
        job(),
        failing({"action": "Ignore", "onPodConditions": [{"type": "T"}] * 21}),
        [f"{FAILURE}.onPodConditions TooMany"],
    ),
    (
        job(),
        failing(
            {
                "action": "Ignore",
                "onPodConditions": [{"type": "T"}],
                "onExitCodes": {"operator": "In", "values": [1]},
            }
        ),
        [f"{FAILURE} Invalid"],
    ),
    (job(), {"spec.successPolicy": {}}, ["spec.successPolicy Invalid"]),
    (indexed(), {"spec.successPolicy": {}}, ["spec.successPolicy.rules Required"]),
    (indexed(), {"spec.successPolicy": {"rules": [{}]}}, [f"{SUCCESS} Required"]),
    (
        indexed(),
        {"spec.successPolicy": {"rules": [{"succeededCount": 1}] * 21}},
        ["spec.successPolicy.rules TooMany"],
    ),
    (indexed(), {"spec.successPolicy": {"rules": [{"succeededCount": 5}]}}, []),
    (
        indexed(),
        {"spec.successPolicy": {"rules": [{"succeededCount": 6}]}},
        [f"{SUCCESS}.succeededCount Invalid"],
    ),
    (
        indexed(),
        {"spec.successPolicy": {"rules": [{"succeededCount": -1}]}},
        [f"{SUCCESS}.succeededCount Invalid"],
    ),
    (indexed(), {"spec.successPolicy": {"rules": [{"succeededIndexes": ""}]}}, []),
    (
        indexed(),
        {"spec.successPolicy": {"rules": [{"succeededIndexes": "5"}]}},
        [f"{SUCCESS}.succeededIndexes Invalid"],
    ),
    (
        indexed(),
        {"spec.successPolicy": {"rules": [{"succeededIndexes": "0,2-3", "succeededCount": 4}]}},
        [f"{SUCCESS}.succeededCount Invalid"],
    ),
    (
        indexed(),
        {"spec.successPolicy": {"rules": [{"succeededIndexes": "1" * 70_000}]}},
        [f"{SUCCESS}.succeededIndexes Invalid", f"{SUCCESS}.succeededIndexes TooLong"],
    ),
]


@pytest.mark.parametrize(("obj", "changes", "expected"), [*JOBS, *POLICIES])
def test_job(obj: Fields, changes: Changes, expected: list[str]) -> None:
    assert refusals(obj, changes) == expected


@pytest.mark.parametrize(("changes", "expected"), SELECTORS)
def test_jobs_selector(changes: Changes, expected: list[str]) -> None:
    assert refusals(job(), changes) == expected


def test_the_longest_list_of_indexes() -> None:
    longest = ",".join(str(index) for index in range(13_333))[: 64 * 1024 - 2] + "00"
    assert len(longest) == 64 * 1024
    rule = {"spec.successPolicy": {"rules": [{"succeededIndexes": longest}]}}
    assert f"{SUCCESS}.succeededIndexes TooLong" not in refusals(indexed(), rule)
    rule = {"spec.successPolicy": {"rules": [{"succeededIndexes": longest + "0"}]}}
    assert f"{SUCCESS}.succeededIndexes TooLong" in refusals(indexed(), rule)


def test_what_the_template_lends_is_reported_once() -> None:
    found = validate(changed(job(), {"spec.template.metadata": {"labels": {"a": "-"}}}))
    assert len({str(one) for one in found}) == len(found)


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("0", 1), ("+3", 1), ("0,2-4", 4), ("0-9", 10), ("0,1,2", 3)]
)
def test_indexes(text: str, count: int) -> None:
    assert count_indexes(text, 10) == count


@pytest.mark.parametrize("text", ["10", "1-", "-1", "1-1", "2-1", "1,1", "3,1-2", "1-2-3", "a", "1,", "1 "])
def test_no_indexes(text: str) -> None:
    with pytest.raises(ValueError):
        count_indexes(text, 10)


def stored(obj: Fields, **spec: Any) -> Fields:
    """`obj` as the server has it."""
    named = changed(obj, {"metadata.uid": "u-1", **{f"spec.{name}": value for name, value in spec.items()}})
    return with_generated_selector(set_defaults(named))


def test_a_job_is_selected_by_its_uid_and_labelled() -> None:
    found = stored(job())
    labels = {
        "batch.kubernetes.io/controller-uid": "u-1",
        "batch.kubernetes.io/job-name": "a",
        "controller-uid": "u-1",
        "job-name": "a",
    }
    assert found["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u-1"}}
    assert found["spec"]["template"]["metadata"]["labels"] == labels
    assert with_generated_selector(found) == found
    assert "labels" not in found["metadata"]


AFFINITY = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": []}]}}
FREE: list[Changes] = [
    {"spec.template.spec.nodeSelector": {"a": "b"}},
    {"spec.template.spec.tolerations": [{"key": "a", "operator": "Exists"}]},
    {"spec.template.spec.schedulingGates": [{"name": "a.b/c"}]},
    {"spec.template.metadata.annotations": {"a": "b"}},
    {"spec.template.metadata.labels.more": "b"},
    {"spec.template.spec.containers[0].resources": {"requests": {"cpu": "1"}}},
]


@pytest.mark.parametrize("changes", FREE)
def test_a_suspended_jobs_placement_and_resources_may_change(changes: Changes) -> None:
    suspended = stored(job(), suspend=True)
    assert refusals_of_change(stored(job()), changes) == ["spec.template Invalid"]
    assert refusals_of_change(suspended, changes) == []
    started = changed(suspended, {"status": {"startTime": "2030-01-01T00:00:00Z"}})
    assert refusals_of_change(started, changes) == ["spec.template Invalid"]
    for condition in ({"type": "Suspended", "status": "False"}, {"type": "Complete", "status": "True"}):
        other = changed(started, {"status.conditions": [condition]})
        assert refusals_of_change(other, changes) == ["spec.template Invalid"]
    ended = changed(started, {"status.conditions": [{"type": "Suspended", "status": "True"}]})
    assert refusals_of_change(ended, changes) == []
    assert refusals_of_change(changed(ended, {"status.active": 1}), changes) == ["spec.template Invalid"]


NODE_AFFINITY = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {}}]}
POD_AFFINITY = {"podAffinity": {}}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, {"nodeAffinity": {}}, []),
        ({"nodeAffinity": {}}, None, []),
        (POD_AFFINITY, {**POD_AFFINITY, "nodeAffinity": {}}, []),
        ({**POD_AFFINITY, "nodeAffinity": {}}, POD_AFFINITY, []),
        (POD_AFFINITY, None, ["spec.template Invalid"]),
        (None, POD_AFFINITY, ["spec.template Invalid"]),
    ],
)
def test_of_a_suspended_jobs_affinity_only_that_to_nodes_may_change(
    before: Fields | None, after: Fields | None, expected: list[str]
) -> None:
    old = stored(changed(job(), {"spec.template.spec.affinity": before}), suspend=True)
    assert refusals_of_change(old, {"spec.template.spec.affinity": after}) == expected


JOB_CHANGES: list[tuple[Fields, Changes, list[str]]] = [
    (stored(job()), {"spec.suspend": True, "spec.parallelism": 3, "spec.backoffLimit": 1}, []),
    (stored(job()), {"spec.activeDeadlineSeconds": 5, "spec.ttlSecondsAfterFinished": 5}, []),
    (stored(job()), {"spec.completions": 2}, ["spec.completions Invalid"]),
    (stored(indexed()), {"spec.completions": 2}, []),
    (stored(indexed()), {"spec.completions": 3}, ["spec.completions Invalid"]),
    (stored(indexed()), {"spec.completions": ...}, ["spec.completions Required"]),
    (stored(job()), {"spec.selector": ...}, ["spec.selector Invalid", "spec.selector Required", LABELS]),
    (stored(job()), {"spec.template.metadata": ...}, ["spec.template Invalid", LABELS]),
    (stored(job()), {"spec.template.spec.containers[0].image": "b"}, ["spec.template Invalid"]),
    (stored(job()), {"spec.completionMode": "Indexed"}, ["spec.completionMode Invalid"]),
    (
        stored(job()),
        {"spec.podFailurePolicy": {}},
        ["spec.podFailurePolicy Invalid", "spec.podReplacementPolicy NotSupported"],
    ),
    (stored(job()), {"spec.managedBy": "a.b/c"}, ["spec.managedBy Invalid"]),
    (stored(indexed()), {"spec.backoffLimitPerIndex": 1}, ["spec.backoffLimitPerIndex Invalid"]),
    (
        stored(indexed()),
        {"spec.successPolicy": {"rules": [{"succeededCount": 1}]}},
        ["spec.successPolicy Invalid"],
    ),
]


@pytest.mark.parametrize(("obj", "changes", "expected"), JOB_CHANGES)
def test_change_of_a_job(obj: Fields, changes: Changes, expected: list[str]) -> None:
    assert refusals_of_change(obj, changes) == expected


# --- CronJobs --------------------------------------------------------------------------------------


def cron_job() -> Fields:
    spec = {"schedule": "0 2 * * *", "jobTemplate": {"spec": job()["spec"]}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "a"}, "spec": spec}


INNER = "spec.jobTemplate.spec"
CRON_JOBS: list[tuple[Changes, list[str]]] = [
    ({}, []),
    ({"spec.schedule": "@every 1h"}, []),
    ({"spec.schedule": "60 * * * *"}, ["spec.schedule Invalid"]),
    ({"spec.schedule": ""}, ["spec.schedule Required"]),
    ({"spec.schedule": "TZ=UTC 0 2 * * *"}, ["spec.schedule Invalid"]),
    ({"spec.timeZone": "Europe/Paris"}, []),
    ({"spec.timeZone": "Etc/GMT+5"}, []),
    ({"spec.timeZone": ""}, ["spec.timeZone Invalid"]),
    ({"spec.timeZone": "LOCAL"}, ["spec.timeZone Invalid"]),
    ({"spec.timeZone": "Europe/Atlantis"}, ["spec.timeZone Invalid"]),
    ({"spec.timeZone": "Europe"}, ["spec.timeZone Invalid"]),
    ({"spec.timeZone": "../UTC"}, ["spec.timeZone Invalid"]),
    ({"spec.timeZone": "Europe/../UTC"}, ["spec.timeZone Invalid"]),
    ({"spec.timeZone": "./UTC"}, ["spec.timeZone Invalid"]),
    ({"spec.timeZone": "-UTC"}, ["spec.timeZone Invalid"]),
    ({"spec.timeZone": "posix/UTC"}, ["spec.timeZone Invalid"]),
    ({"spec.timeZone": "a\0b"}, ["spec.timeZone Invalid"]),
    ({"spec.concurrencyPolicy": ""}, []),
    ({"spec.concurrencyPolicy": "allow"}, ["spec.concurrencyPolicy NotSupported"]),
    ({"spec.startingDeadlineSeconds": -1}, ["spec.startingDeadlineSeconds Invalid"]),
    ({"spec.successfulJobsHistoryLimit": -1}, ["spec.successfulJobsHistoryLimit Invalid"]),
    ({"spec.failedJobsHistoryLimit": -1}, ["spec.failedJobsHistoryLimit Invalid"]),
    ({"metadata.name": "a" * 52}, []),
    ({"metadata.name": "a" * 53}, ["metadata.name Invalid"]),
    ({"metadata.name": ..., "metadata.generateName": "a" * 48}, ["metadata.name Invalid"]),
    ({f"{INNER}.selector": {}}, [f"{INNER}.selector Invalid"]),
    ({f"{INNER}.manualSelector": True}, [f"{INNER}.manualSelector NotSupported"]),
    ({f"{INNER}.manualSelector": False}, []),
    ({f"{INNER}.parallelism": -1}, [f"{INNER}.parallelism Invalid"]),
    ({f"{INNER}.completionMode": "Indexed"}, [f"{INNER}.completions Required"]),
    ({f"{INNER}.template.spec.restartPolicy": ...}, [f"{INNER}.template.spec.restartPolicy Required"]),
    ({f"{INNER}.template.metadata": {"labels": {"a": "-"}}}, [f"{INNER}.template.labels Invalid"]),
    ({f"{INNER}.successPolicy": {}}, [f"{INNER}.successPolicy Invalid"]),
    (
        {f"{INNER}.podFailurePolicy": {"rules": [{"action": "Count"}]}},
        [f"{INNER}.podFailurePolicy.rules[0] Invalid"],
    ),
    (
        {"spec": {}},
        [
            f"{INNER}.template.spec.containers Required",
            f"{INNER}.template.spec.restartPolicy Required",
            "spec.schedule Required",
        ],
    ),
]


@pytest.mark.parametrize(("changes", "expected"), CRON_JOBS)
def test_cron_job(changes: Changes, expected: list[str]) -> None:
    assert refusals(cron_job(), changes) == expected


def test_without_a_database_of_time_zones_none_is_unknown() -> None:
    with mock.patch.object(zoneinfo, "ZoneInfo", side_effect=zoneinfo.ZoneInfoNotFoundError):
        assert refusals(cron_job(), {"spec.timeZone": "Europe/Atlantis"}) == []
        assert refusals(cron_job(), {"spec.timeZone": "x y"}) == ["spec.timeZone Invalid"]


IN_ZONE = changed(cron_job(), {"spec.schedule": "TZ=UTC 0 2 * * *"})
VANISHED = changed(cron_job(), {"spec.timeZone": "Europe/Atlantis"})


@pytest.mark.parametrize(
    ("obj", "changes", "expected"),
    [
        (cron_job(), {"spec.schedule": "TZ=UTC 0 2 * * *"}, ["spec.schedule Invalid"]),
        (IN_ZONE, {"spec.suspend": True}, []),
        (IN_ZONE, {"spec.schedule": "TZ=UTC 0 3 * * *"}, []),
        (IN_ZONE, {"spec.timeZone": "UTC"}, ["spec.schedule Invalid"]),
        (IN_ZONE, {"spec.schedule": "0 3 * * *", "spec.timeZone": "UTC"}, []),
        (VANISHED, {"spec.suspend": True}, []),
        (VANISHED, {"spec.timeZone": "Europe/Utopia"}, ["spec.timeZone Invalid"]),
        (changed(cron_job(), {"metadata.name": "a" * 60}), {"spec.suspend": True}, []),
        (cron_job(), {f"{INNER}.template.spec.containers[0].image": "b", f"{INNER}.completions": 3}, []),
    ],
)
def test_change_of_a_cron_job(obj: Fields, changes: Changes, expected: list[str]) -> None:
    assert refusals_of_change(obj, changes) == expected


# --- autoscalers -----------------------------------------------------------------------------------


def autoscaler(*metrics: Fields, version: str = "v2", **spec: Any) -> Fields:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}
    body = {"maxReplicas": 5, "scaleTargetRef": target, **spec}
    if metrics:
        body["metrics"] = list(metrics)
    api_version, kind = f"autoscaling/{version}", "HorizontalPodAutoscaler"
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, "spec": body}


REFERENCE = "spec.scaleTargetRef"
METRIC = "spec.metrics[0]"
UP = "spec.behavior.scaleUp"
AVERAGE = {"type": "AverageValue", "averageValue": "10"}
RESOURCE = {"type": "Resource", "resource": {"name": "cpu", "target": AVERAGE}}
PODS = {"type": "Pods", "pods": {"metric": {"name": "q"}, "target": AVERAGE}}
EXTERNAL = {"type": "External", "external": {"metric": {"name": "q"}, "target": AVERAGE}}
OBJECT = {
    "type": "Object",
    "object": {
        "metric": {"name": "q"},
        "target": AVERAGE,
        "describedObject": {"kind": "Service", "name": "s"},
    },
}
CONTAINER = {
    "type": "ContainerResource",
    "containerResource": {"name": "cpu", "container": "a", "target": AVERAGE},
}
EMPTY_TARGET = ["target.type Invalid", "target.type Required"]

AUTOSCALERS: list[tuple[Fields, Changes, list[str]]] = [
    (autoscaler(), {}, []),
    (autoscaler(), {"spec.maxReplicas": ...}, ["spec.maxReplicas Invalid", "spec.maxReplicas Required"]),
    (autoscaler(), {"spec.maxReplicas": -1}, ["spec.maxReplicas Invalid"]),
    (autoscaler(), {"spec.maxReplicas": 1, "spec.minReplicas": 1}, []),
    (autoscaler(), {"spec.maxReplicas": 1}, []),
    (autoscaler(), {f"{UP}.stabilizationWindowSeconds": 3600}, []),
    (autoscaler(), {f"{UP}.policies": [{"type": "Pods", "value": 1, "periodSeconds": 1800}]}, []),
    (autoscaler(), {"spec.minReplicas": 6}, ["spec.maxReplicas Invalid"]),
    (autoscaler(), {"spec.minReplicas": 0}, ["spec.metrics Forbidden", "spec.minReplicas Invalid"]),
    (autoscaler(EXTERNAL), {"spec.minReplicas": 0}, ["spec.minReplicas Invalid"]),
    (autoscaler(), {f"{REFERENCE}.kind": ""}, [f"{REFERENCE}.kind Required"]),
    (autoscaler(), {f"{REFERENCE}.name": "a/b"}, [f"{REFERENCE}.name Invalid"]),
    (autoscaler(), {f"{REFERENCE}.name": "x y"}, []),
    (autoscaler(), {f"{REFERENCE}.apiVersion": "v1"}, [f"{REFERENCE}.apiVersion Invalid"]),
    (autoscaler(), {f"{REFERENCE}.apiVersion": "/v1"}, [f"{REFERENCE}.apiVersion Invalid"]),
    (autoscaler(), {f"{REFERENCE}.apiVersion": "a/b/c"}, [f"{REFERENCE}.apiVersion Invalid"]),
    (autoscaler(), {f"{REFERENCE}.apiVersion": "", f"{REFERENCE}.kind": "ReplicationController"}, []),
    (autoscaler(RESOURCE, PODS, OBJECT, EXTERNAL, CONTAINER), {}, []),
    (autoscaler(RESOURCE), {f"{METRIC}.type": "resource"}, [f"{METRIC}.type NotSupported"]),
    (autoscaler(RESOURCE), {METRIC: {}}, [f"{METRIC}.type NotSupported", f"{METRIC}.type Required"]),
    (autoscaler(RESOURCE), {f"{METRIC}.type": "Pods"}, [f"{METRIC}.pods Required"]),
    (autoscaler(RESOURCE), {f"{METRIC}.pods": PODS["pods"]}, [f"{METRIC}.pods Forbidden"]),
    # Of several sources only the first is looked into.
    (
        autoscaler(RESOURCE),
        {f"{METRIC}.pods": PODS["pods"], f"{METRIC}.resource.name": ""},
        [f"{METRIC}.pods Forbidden"],
    ),
    (autoscaler(RESOURCE), {f"{METRIC}.resource.name": ""}, [f"{METRIC}.resource.name Required"]),
    (autoscaler(RESOURCE), {f"{METRIC}.resource.name": "x y"}, []),
    (
        autoscaler(RESOURCE),
        {f"{METRIC}.resource.target.averageUtilization": 5},
        [f"{METRIC}.resource.target.averageValue Forbidden"],
    ),
    (
        autoscaler(RESOURCE),
        {f"{METRIC}.resource.target": {"type": "Utilization", "averageUtilization": 0}},
        [f"{METRIC}.resource.target.averageUtilization Invalid"],
    ),
    (
        autoscaler(RESOURCE),
        {f"{METRIC}.resource.target": {}},
        [
            f"{METRIC}.resource.target.averageUtilization Required",
            *(f"{METRIC}.resource.{x}" for x in EMPTY_TARGET),
        ],
    ),
    (
        autoscaler(RESOURCE),
        {f"{METRIC}.resource.target.type": "x"},
        [f"{METRIC}.resource.target.type Invalid"],
    ),
    (
        autoscaler(PODS),
        {f"{METRIC}.pods.target.averageValue": "0"},
        [f"{METRIC}.pods.target.averageValue Invalid"],
    ),
    (
        autoscaler(PODS),
        {f"{METRIC}.pods.target.averageValue": -1},
        [f"{METRIC}.pods.target.averageValue Invalid"],
    ),
    (
        autoscaler(PODS),
        {f"{METRIC}.pods.target.averageValue": ...},
        [f"{METRIC}.pods.target.averageValue Required"],
    ),
    (autoscaler(PODS), {f"{METRIC}.pods.metric": {}}, [f"{METRIC}.pods.metric.name Required"]),
    (autoscaler(PODS), {f"{METRIC}.pods.metric.name": "a%"}, [f"{METRIC}.pods.metric.name Invalid"]),
    (autoscaler(OBJECT), {f"{METRIC}.object.target.value": 0}, [f"{METRIC}.object.target.value Invalid"]),
    (
        autoscaler(OBJECT),
        {f"{METRIC}.object.target.averageValue": ...},
        [f"{METRIC}.object.target.averageValue Required"],
    ),
    (
        autoscaler(OBJECT),
        {f"{METRIC}.object.describedObject.apiVersion": "a/b/c"},
        [f"{METRIC}.object.describedObject.apiVersion Invalid"],
    ),
    (
        autoscaler(EXTERNAL),
        {f"{METRIC}.external.target.value": 1},
        [f"{METRIC}.external.target.value Forbidden"],
    ),
    (
        autoscaler(EXTERNAL),
        {f"{METRIC}.external.target.averageValue": ...},
        [f"{METRIC}.external.target.averageValue Required"],
    ),
    (
        autoscaler(CONTAINER),
        {f"{METRIC}.containerResource.name": "x"},
        [f"{METRIC}.containerResource.name Invalid"],
    ),
    (
        autoscaler(CONTAINER),
        {f"{METRIC}.containerResource.name": ""},
        [f"{METRIC}.containerResource.name Required"],
    ),
    (
        autoscaler(CONTAINER),
        {f"{METRIC}.containerResource.container": "x y"},
        [f"{METRIC}.containerResource.container Invalid"],
    ),
    (
        autoscaler(CONTAINER),
        {f"{METRIC}.containerResource.container": ""},
        [f"{METRIC}.containerResource.container Required"],
    ),
    (autoscaler(), {UP: {}}, []),
    (autoscaler(), {f"{UP}.policies": []}, [f"{UP}.policies Required"]),
    (autoscaler(), {f"{UP}.policies": None}, []),
    (autoscaler(), {f"{UP}.selectPolicy": ""}, [f"{UP}.selectPolicy NotSupported"]),
    (autoscaler(), {f"{UP}.stabilizationWindowSeconds": 3601}, [f"{UP}.stabilizationWindowSeconds Invalid"]),
    (autoscaler(), {f"{UP}.stabilizationWindowSeconds": -1}, [f"{UP}.stabilizationWindowSeconds Invalid"]),
    (autoscaler(), {f"{UP}.tolerance": "-0.1"}, [f"{UP}.tolerance Invalid"]),
    (autoscaler(), {f"{UP}.tolerance": "0.1"}, []),
    (
        autoscaler(),
        {f"{UP}.policies": [{}]},
        [
            f"{UP}.policies[0].{field}"
            for field in ("periodSeconds Invalid", "type NotSupported", "value Invalid")
        ],
    ),
    (
        autoscaler(),
        {"spec.behavior.scaleDown.policies": [{"type": "Pods", "value": 1, "periodSeconds": 1801}]},
        ["spec.behavior.scaleDown.policies[0].periodSeconds Invalid"],
    ),
    (autoscaler(version="v1"), {"spec.targetCPUUtilizationPercentage": 50}, []),
    (
        autoscaler(version="v1"),
        {"spec.targetCPUUtilizationPercentage": 0},
        [f"{METRIC}.resource.target.averageUtilization Invalid"],
    ),
    (
        autoscaler(version="v1"),
        {"spec.minReplicas": 0},
        ["spec.metrics Forbidden", "spec.minReplicas Invalid"],
    ),
]


@pytest.mark.parametrize(("obj", "changes", "expected"), AUTOSCALERS)
def test_autoscaler(obj: Fields, changes: Changes, expected: list[str]) -> None:
    assert refusals(obj, changes) == expected


def test_an_autoscalers_invalid_version_may_stay() -> None:
    old = changed(autoscaler(), {f"{REFERENCE}.apiVersion": "v1"})
    assert refusals_of_change(old, {"spec.maxReplicas": 6}) == []
    assert refusals_of_change(autoscaler(), {f"{REFERENCE}.apiVersion": "v1"}) == [
        f"{REFERENCE}.apiVersion Invalid"
    ]


def test_an_autoscalers_behavior_is_completed_once_it_is_given() -> None:
    assert "behavior" not in set_defaults(autoscaler())["spec"]
    behavior = set_defaults(autoscaler(behavior={"scaleDown": {"selectPolicy": "Min"}}))["spec"]["behavior"]
    percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
    assert behavior["scaleDown"] == {"selectPolicy": "Min", "policies": [percent]}
    assert behavior["scaleUp"] == {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, percent],
    }


# --- disruption budgets ----------------------------------------------------------------------------


def budget(**spec: Any) -> Fields:
    body = {"minAvailable": "50%", "selector": {"matchLabels": {"app": "a"}}, **spec}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "a"}, "spec": body}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"spec": ...}, []),
        ({"spec.selector": {}}, []),
        ({"spec.minAvailable": 0}, []),
        ({"spec.minAvailable": -1}, ["spec.minAvailable Invalid"]),
        ({"spec.minAvailable": ""}, ["spec.minAvailable Invalid"]),
        ({"spec.minAvailable": "101%"}, ["spec.minAvailable Invalid"]),
        ({"spec.maxUnavailable": 1}, ["spec Invalid"]),
        ({"spec.minAvailable": ..., "spec.maxUnavailable": "5"}, ["spec.maxUnavailable Invalid"]),
        ({"spec.selector.matchLabels.app": "-"}, ["spec.selector.matchLabels Invalid"]),
        ({"spec.unhealthyPodEvictionPolicy": "AlwaysAllow"}, []),
        ({"spec.unhealthyPodEvictionPolicy": ""}, ["spec.unhealthyPodEvictionPolicy NotSupported"]),
        # Any name that fits into a path; and metadata only where nothing else is wrong.
        ({"metadata.name": "-A b"}, []),
        ({"metadata.name": "a/b"}, ["metadata.name Invalid"]),
        ({"metadata": ...}, ["metadata.name Required"]),
        ({"metadata": {}, "spec.minAvailable": -1}, ["spec.minAvailable Invalid"]),
    ],
)
def test_disruption_budget(changes: Changes, expected: list[str]) -> None:
    assert refusals(budget(), changes) == expected


def test_a_change_of_a_budget_names_its_version_or_nothing_else_is_said() -> None:
    assert refusals_of_change(budget(), {"spec.minAvailable": -1}) == ["metadata.resourceVersion Invalid"]
    versioned = changed(budget(), {"metadata.resourceVersion": "7"})
    assert refusals_of_change(versioned, {"spec.minAvailable": -1}) == ["spec.minAvailable Invalid"]
    assert refusals_of_change(versioned, {"spec": {"maxUnavailable": 1}}) == []


BASES = (job(), indexed(), cron_job(), autoscaler(RESOURCE, OBJECT), autoscaler(version="v1"), budget())
FIELDS = sorted(
    {name for obj in BASES for name in obj["spec"]} | {"behavior", "podFailurePolicy", "successPolicy"}
)


@settings(max_examples=60, deadline=None)
@given(obj=st.sampled_from(BASES), name=st.sampled_from(FIELDS), value=values)
def test_rules_never_raise(obj: Fields, name: str, value: Any) -> None:
    validate(changed(obj, {f"spec.{name}": value}))
    validate_update(obj, changed(obj, {f"spec.{name}": value}))


def test_a_status_with_null_in_it_stops_nobody() -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"suspend": True, "template": template},
        "status": {"conditions": [None], "startTime": "2026-01-01T00:00:00Z"},
    }
    moved = {**template, "spec": {**template["spec"], "nodeSelector": {"a": "b"}}}
    found = validate_update(job, {**job, "spec": {"suspend": True, "template": moved}})
    assert "spec.template" in {one.path for one in found}


def test_what_has_no_metadata_changes_as_well() -> None:
    spec = {"user": "a", "nonResourceAttributes": {"path": "/", "verb": "get"}}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    assert validate(review) == []
    assert validate_update(review, review) == []
