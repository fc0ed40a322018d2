"""How many pods metrics ask for, how fast that is followed, and what an autoscaler says about it."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import NOW, Cluster, deployment, metadata, pod, puts, view_of
from hypothesis import given
from hypothesis import strategies as st

from minikctl.controlplane.autoscaling import reconcile
from minikctl.controlplane.autoscaling_metrics import NoMetric, Target, Tolerance, propose
from minikctl.controlplane.autoscaling_rules import Change, Memory, limited, stabilized
from minikctl.controlplane.decision import Decision
from minikctl.controlplane.usage import ContainerUse, PodUse, Usage
from minikctl.manifests import unhandled
from minikctl.model import Object, ObjectKey, conditions, key_of, spec_of, status_of, uid_of
from minikctl.model.defaults import set_defaults
from minikctl.model.timestamps import format_time
from minikctl.model.writes import Put

KEY = ObjectKey("HorizontalPodAutoscaler", "default", "web")
CPU = Target("cpu", percent=50)


def worker(
    name: str, *, cpu: str | None = "1", age: float = 1000.0, ready: bool = True, **fields: Any
) -> Object:
    resources = {"requests": {"cpu": cpu, "memory": "1Gi"}} if cpu else {}
    found = pod(name, containers=[{"name": "app", "image": "a", "resources": resources}], **fields)
    found["status"] |= {"startTime": format_time(NOW - age)}
    if "conditions" in found["status"]:
        since = NOW - age if ready else NOW - age + 5
        condition = {"type": "Ready", "status": "True" if ready else "False"}
        found["status"]["conditions"] = [{**condition, "lastTransitionTime": format_time(since)}]
    return found


def use(
    cpu: int = 0, memory: int = 0, moment: float = NOW, window: float = 15.0, name: str = "app"
) -> PodUse:
    return PodUse(moment, window, {name: ContainerUse(cpu, memory)})


def using(**pods: int) -> Usage:
    return {f"uid-of-{name}": use(cpu) for name, cpu in pods.items()}


def replicas(
    target: Target,
    pods: list[Object],
    usage: Usage,
    current: int | None = None,
    tolerance: Tolerance | None = None,
) -> int:
    size = len(pods) if current is None else current
    return propose(target, pods, usage, size, tolerance or Tolerance(), NOW).replicas


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        ([500, 500], 2),
        ([1000, 1000], 4),
        ([100, 100], 1),
        ([0, 0], 0),
        ([540, 540], 2),
        ([560, 560], 3),
        ([451, 451], 2),
        ([440, 440], 2),
        ([200, 240], 1),
    ],
)
def test_utilization(used: list[int], expected: int) -> None:
    pods = [worker(f"p{number}") for number in range(len(used))]
    assert replicas(CPU, pods, using(**{f"p{number}": cpu for number, cpu in enumerate(used)})) == expected


def test_an_amount_a_pod() -> None:
    pods = [worker("a"), worker("b")]
    mega = 1 << 20
    usage = {f"uid-of-{name}": use(memory=200 * mega) for name in "ab"}
    found = propose(Target("memory", amount=100 * mega * 1000), pods, usage, 2, Tolerance(), NOW)
    assert (found.replicas, found.percent, found.amount) == (4, None, 200 * mega * 1000)


def test_one_container_of_several() -> None:
    pods = [
        pod(
            "a",
            containers=[{"name": name, "resources": {"requests": {"cpu": "1"}}} for name in ("app", "log")],
        )
    ]
    pods[0]["status"]["startTime"] = format_time(NOW - 1000)
    usage = {"uid-of-a": PodUse(NOW, 15, {"app": ContainerUse(1000, 0), "log": ContainerUse(0, 0)})}
    assert replicas(Target("cpu", "app", percent=50), pods, usage) == 2
    assert replicas(Target("cpu", percent=50), pods, usage) == 1
    with pytest.raises(NoMetric, match="no metrics returned"):
        replicas(Target("cpu", "other", percent=50), pods, usage)


def test_pods_without_a_figure_make_a_decision_smaller() -> None:
    pods = [worker("a"), worker("b"), worker("c")]
    assert replicas(CPU, pods, using(a=1000, b=1000)) == 4, "not 6: the third is taken to use nothing"
    assert replicas(CPU, pods, using(a=0, b=0)) == 2, "not 0: the third is taken to use all that it asked for"
    assert replicas(CPU, pods, using(a=600)) == 3, "it would turn round"


def test_pods_that_are_not_ready_only_hold_back() -> None:
    ready = [worker("a"), worker("b")]
    young = worker("c", age=20, ready=False)
    usage = using(a=1000, b=1000, c=1000)
    assert replicas(CPU, [*ready, young], usage) == 4
    pending = worker("c", phase="Pending", ready_for=None)
    assert replicas(CPU, [*ready, pending], using(a=1000, b=1000)) == 4
    assert replicas(CPU, [*ready, pending], using(a=100, b=100)) == 1, "towards fewer they do not count"


def test_a_figure_from_before_a_pod_was_ready_is_none() -> None:
    young = worker("c", age=20)
    ready_at = {"type": "Ready", "status": "True", "lastTransitionTime": format_time(NOW - 10)}
    young["status"]["conditions"] = [ready_at]
    with pytest.raises(NoMetric, match="pods might be unready"):
        replicas(CPU, [young], {"uid-of-c": use(900, window=15)})
    assert replicas(CPU, [young], {"uid-of-c": use(900, window=5)}) == 2


def test_failed_and_going_pods_do_not_count() -> None:
    pods = [worker("a"), worker("f", phase="Failed"), worker("d", deleting=True)]
    assert replicas(CPU, pods, using(a=1000, f=0, d=0), current=1) == 2


@pytest.mark.parametrize(
    ("pods", "usage", "why"),
    [
        (
            [worker("a")],
            {},
            "unable to get metrics for resource cpu: no metrics returned from resource metrics API",
        ),
        ([worker("a")], using(b=1), "unable to get metrics for resource cpu"),
        ([worker("a", cpu=None)], using(a=1), "missing request for cpu in container app of Pod a"),
        ([worker("a", phase="Pending")], using(a=1), "did not receive metrics for targeted pods"),
    ],
)
def test_why_there_is_no_metric(pods: list[Object], usage: Usage, why: str) -> None:
    with pytest.raises(NoMetric, match=why):
        replicas(CPU, pods, usage)


def test_nobody_has_figures_of_other_resources() -> None:
    why = "unable to get metrics for resource ephemeral-storage: no metrics returned"
    with pytest.raises(NoMetric, match=why):
        replicas(Target("ephemeral-storage", amount=1), [worker("a")], using(a=1000))


@pytest.mark.parametrize("metric", ["Resource", "ContainerResource"])
@pytest.mark.parametrize(
    ("resource", "taken"), [("cpu", True), ("memory", True), ("ephemeral-storage", False)]
)
def test_what_nobody_measures_is_refused(metric: str, resource: str, taken: bool) -> None:
    field = metric[0].lower() + metric[1:]
    source = {"name": resource, "target": {"type": "AverageValue", "averageValue": "1"}}
    source |= {"container": "app"} if metric == "ContainerResource" else {}
    refused = unhandled(autoscaler(metrics=[{"type": metric, field: source}]))
    assert [one.path for one in refused] == ([] if taken else [f"spec.metrics[0].{field}.name"])


@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=6),
    st.integers(1, 200),
    st.sets(st.integers(0, 5)),
)
def test_more_use_never_asks_for_fewer(used: list[int], percent: int, missing: set[int]) -> None:
    pods = [worker(f"p{number}") for number in range(len(used))]
    target = Target("cpu", percent=percent)

    def ask(more: int) -> int | None:
        known = {f"p{n}": cpu + more for n, cpu in enumerate(used) if n not in missing}
        try:
            return replicas(target, pods, using(**known))
        except NoMetric:
            return None

    before, after = ask(0), ask(500)
    if before is not None and after is not None:
        assert after >= before


# --- windows and policies


def rules(**sides: Any) -> dict[str, Any]:
    behavior = {"scaleUp": sides.get("up", {}), "scaleDown": sides.get("down", {})}
    whole = {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v2",
        "spec": {"behavior": behavior},
    }
    found: dict[str, Any] = set_defaults(whole)["spec"]["behavior"]
    return found


def test_the_highest_recommendation_of_the_window_counts_downwards() -> None:
    memory = Memory((Change(NOW - 200, 5), Change(NOW - 400, 9)))
    found, why, _ = stabilized(None, memory, 5, 1, NOW)
    assert (found, why.reason) == (5, "ScaleDownStabilized")
    assert stabilized(None, memory, 5, 1, NOW + 101)[0] == 1
    quick = rules(down={"stabilizationWindowSeconds": 10})
    assert stabilized(quick, memory, 5, 1, NOW)[0] == 1


def test_a_new_control_plane_begins_its_window_with_the_size_that_it_finds() -> None:
    wanted, _, memory = stabilized(None, Memory(), 7, 2, NOW)
    assert wanted == 7
    assert stabilized(None, memory, 7, 2, NOW + 299)[0] == 7
    assert stabilized(None, memory, 7, 2, NOW + 300)[0] == 2


def test_the_lowest_recommendation_counts_upwards_where_there_is_a_window() -> None:
    slow = rules(up={"stabilizationWindowSeconds": 60})
    memory = Memory((Change(NOW - 30, 3),))
    found, why, _ = stabilized(slow, memory, 3, 8, NOW)
    assert (found, why.reason) == (3, "ScaleUpStabilized")
    assert stabilized(slow, memory, 3, 8, NOW + 31)[0] == 8


POLICIES: list[Any] = [
    (None, 2, 9, (1, 10), 4, "ScaleUpLimit"),
    (None, 4, 9, (1, 10), 8, "ScaleUpLimit"),
    (None, 4, 11, (1, 6), 6, "TooManyReplicas"),
    (None, 4, 1, (2, 6), 2, "TooFewReplicas"),
    (rules(), 1, 20, (1, 30), 5, "ScaleUpLimit"),
    (rules(), 10, 40, (1, 30), 20, "ScaleUpLimit"),
    (rules(up={"selectPolicy": "Min"}), 10, 40, (1, 30), 14, "ScaleUpLimit"),
    (rules(up={"selectPolicy": "Disabled"}), 10, 40, (1, 30), 10, "ScaleUpLimit"),
    (rules(), 10, 1, (1, 30), 1, "DesiredWithinRange"),
    (
        rules(down={"policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]}),
        10,
        1,
        (1, 30),
        8,
        "ScaleDownLimit",
    ),
    (
        rules(down={"policies": [{"type": "Percent", "value": 25, "periodSeconds": 60}]}),
        10,
        1,
        (1, 30),
        7,
        "ScaleDownLimit",
    ),
    (rules(down={"selectPolicy": "Disabled"}), 10, 1, (1, 30), 10, "ScaleDownLimit"),
    (rules(), 10, 1, (3, 30), 3, "TooFewReplicas"),
]


@pytest.mark.parametrize(("behavior", "current", "wanted", "bounds", "expected", "reason"), POLICIES)
def test_policies(
    behavior: Any, current: int, wanted: int, bounds: tuple[int, int], expected: int, reason: str
) -> None:
    found = limited(behavior, Memory(), current, wanted, bounds, NOW)
    assert (found.replicas, found.why.reason) == (expected, reason)
    assert found.is_limited is (reason != "DesiredWithinRange")


def test_what_was_done_in_the_period_counts() -> None:
    one = rules(up={"policies": [{"type": "Pods", "value": 3, "periodSeconds": 60}]})
    memory = Memory(ups=(Change(NOW - 30, 2),))
    assert limited(one, memory, 5, 20, (1, 30), NOW).replicas == 6
    assert limited(one, memory, 5, 20, (1, 30), NOW + 31).replicas == 8


# --- the controller


def autoscaler(**spec: Any) -> Object:
    body = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 1,
        "maxReplicas": 10,
        **spec,
    }
    whole = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata("web"),
        "spec": body,
    }
    return set_defaults(whole) | {"status": {}}


def web(size: int) -> Object:
    return deployment(replicas=size) | {"status": {"replicas": size}}


def look(
    *objects: Object, usage: Usage | None, now: float = NOW, memory: Memory | None = None
) -> tuple[Decision, Memory]:
    return reconcile(KEY, view_of(*objects), usage, memory or Memory(), now)


def size_after(decision: Decision) -> int | None:
    found = puts(decision, "Deployment")
    return spec_of(found[0])["replicas"] if found else None


def facts(decision: Decision, kind: str) -> tuple[str, str, str]:
    (after,) = puts(decision, "HorizontalPodAutoscaler")
    found = conditions.find(status_of(after), kind)
    assert found is not None
    return found["status"], found["reason"], found["message"]


def test_up_at_once_with_status_condition_and_event() -> None:
    decision, memory = look(autoscaler(), web(2), worker("a"), worker("b"), usage=using(a=1000, b=1000))
    assert size_after(decision) == 3
    (scaled,) = puts(decision, "Deployment")
    assert scaled["metadata"]["generation"] == 2
    assert facts(decision, "AbleToScale") == (
        "True", "SucceededRescale", "the HPA controller was able to update the target scale to 3"
    )  # fmt: skip
    assert facts(decision, "ScalingActive") == (
        "True",
        "ValidMetricFound",
        "the HPA was able to successfully calculate a replica count from"
        " cpu resource utilization (percentage of request)",
    )
    assert facts(decision, "ScalingLimited")[1] == "DesiredWithinRange"
    (told,) = decision.happenings
    text = "New size: 3; reason: cpu resource utilization (percentage of request) above target"
    assert (told.reason, told.message, told.component) == (
        "SuccessfulRescale",
        text,
        "horizontal-pod-autoscaler",
    )
    status = status_of(puts(decision, "HorizontalPodAutoscaler")[0])
    assert (status["currentReplicas"], status["desiredReplicas"]) == (2, 3)
    assert status["lastScaleTime"] == format_time(NOW)
    assert status["currentMetrics"] == [
        {
            "type": "Resource",
            "resource": {"name": "cpu", "current": {"averageUtilization": 100, "averageValue": "1"}},
        }
    ]
    assert decision.look_again == NOW + 15
    assert memory.ups == (Change(NOW, 1),)


def test_down_when_the_window_is_over() -> None:
    objects = (autoscaler(), web(2), worker("a"), worker("b"))
    decision, memory = look(*objects, usage=using(a=10, b=10))
    assert size_after(decision) is None
    assert facts(decision, "AbleToScale")[1] == "ScaleDownStabilized"
    later, _ = look(*objects, usage=using(a=10, b=10), now=NOW + 300, memory=memory)
    assert size_after(later) == 1
    assert later.happenings[0].message == "New size: 1; reason: All metrics below target"


@pytest.mark.parametrize(
    ("size", "spec", "expected", "why"),
    [
        (12, {}, 10, "Current number of replicas above Spec.MaxReplicas"),
        (1, {"minReplicas": 3}, 3, "Current number of replicas below Spec.MinReplicas"),
    ],
)
def test_bounds_need_no_metrics(size: int, spec: dict[str, Any], expected: int, why: str) -> None:
    decision, _ = look(autoscaler(**spec), web(size), usage=None)
    assert size_after(decision) == expected
    assert decision.happenings[0].message == f"New size: {expected}; reason: {why}"


def test_size_zero_switches_it_off() -> None:
    decision, _ = look(autoscaler(), web(0), usage={})
    assert size_after(decision) is None
    assert facts(decision, "ScalingActive")[:2] == ("False", "ScalingDisabled")


def test_without_a_target() -> None:
    decision, _ = look(autoscaler(), usage={})
    why = 'deployments.apps "web" not found'
    text = f"the HPA controller was unable to get the target's current scale: {why}"
    assert facts(decision, "AbleToScale") == ("False", "FailedGetScale", text)
    assert [(one.reason, one.message) for one in decision.happenings] == [("FailedGetScale", why)]


def test_without_metrics() -> None:
    decision, _ = look(autoscaler(), web(2), worker("a"), usage={})
    problem = (
        "failed to get cpu utilization: unable to get metrics for resource cpu:"
        " no metrics returned from resource metrics API"
    )
    assert facts(decision, "ScalingActive") == (
        "False", "FailedGetResourceMetric", f"the HPA was unable to compute the replica count: {problem}"
    )  # fmt: skip
    assert [(one.reason, one.message) for one in decision.happenings] == [
        ("FailedGetResourceMetric", problem),
        (
            "FailedComputeMetricsReplicas",
            "invalid metrics (1 invalid out of 1), first error is:"
            f" failed to get cpu resource metric value: {problem}",
        ),
    ]
    assert size_after(decision) is None


def test_nothing_is_said_before_anybody_has_measured() -> None:
    decision, memory = look(autoscaler(), web(2), worker("a"), usage=None)
    assert (decision.writes, decision.happenings, memory) == ([], [], Memory())


def test_one_look_every_fifteen_seconds_unless_somebody_changed_it() -> None:
    objects = (autoscaler(), web(2), worker("a"), worker("b"))
    _, memory = look(*objects, usage=using(a=1000, b=1000))
    again, _ = look(*objects, usage=using(a=2000, b=2000), now=NOW + 14, memory=memory)
    assert (again.writes, again.look_again) == ([], NOW + 15)
    changed = autoscaler(maxReplicas=1)
    changed["metadata"]["generation"] = 2
    assert size_after(look(changed, *objects[1:], usage={}, now=NOW + 1, memory=memory)[0]) == 1


def test_of_several_metrics_the_greatest_counts_and_a_lost_one_keeps_the_size() -> None:
    source = {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 50}}
    both = autoscaler(metrics=[*spec_of(autoscaler())["metrics"], {"type": "Resource", "resource": source}])
    usage = {"uid-of-a": use(cpu=10, memory=1 << 30)}
    decision, _ = look(both, web(1), worker("a"), usage=usage)
    assert size_after(decision) == 2
    half = [worker("a"), worker("b")]
    for one in half:
        spec_of(one)["containers"][0]["resources"]["requests"].pop("memory")
    idle = {uid_of(one): use(cpu=0) for one in half}
    held, _ = look(both, web(2), *half, usage=idle, memory=Memory((Change(NOW - 999, 2),)))
    assert size_after(held) is None
    assert facts(held, "ScalingActive")[1] == "FailedGetResourceMetric"


def test_a_rejected_pass_is_forgotten() -> None:
    cluster = Cluster(
        web(2),
        autoscaler(behavior={"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}),
    )
    cluster.settle()
    for one in cluster.pods():
        spec_of(one)["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
        one["status"]["startTime"] = format_time(NOW - 1000)
        one["status"]["conditions"] = [
            {"type": "Ready", "status": "True", "lastTransitionTime": format_time(NOW - 999)}
        ]
        cluster.put(one)
    cluster.now += 15
    cluster.manager.learn_usage({uid_of(one): use(1000, moment=cluster.now) for one in cluster.pods()})
    stored = {key_of(one): one for one in cluster.view}

    def sizes() -> list[int]:
        written = [write.obj for write in cluster.manager.run(cluster.now).writes if isinstance(write, Put)]
        return [spec_of(one)["replicas"] for one in written if one["kind"] == "Deployment"]

    assert sizes() == [3]
    cluster.manager.rejected({key: stored.get(key) for key in cluster.manager.touched()})
    assert sizes() == [3], "the change that was never stored does not count against the policy"


def test_two_autoscalers_of_the_same_pods_do_nothing() -> None:
    rival = autoscaler() | {"metadata": metadata("rival")}
    objects = (autoscaler(), rival, web(1), worker("a"))
    decision, _ = look(*objects, usage=using(a=1000))
    text = "pods by selector app=web are controlled by multiple HPAs: [{web default} {rival default}]"
    assert facts(decision, "ScalingActive") == ("False", "AmbiguousSelector", text)
    assert [one.reason for one in decision.happenings] == [
        "AmbiguousSelector",
        "FailedComputeMetricsReplicas",
    ]
    assert size_after(decision) is None


@pytest.mark.parametrize("kind", ["ReplicaSet", "StatefulSet", "ReplicationController"])
def test_whatever_has_a_size_can_be_sized(kind: str) -> None:
    target = {"kind": kind, "name": "web", "apiVersion": "v1" if kind.endswith("Controller") else "apps/v1"}
    labels = {"app": "web"}
    body = {"replicas": 1, "selector": labels if kind.endswith("Controller") else {"matchLabels": labels}}
    sized = {"apiVersion": target["apiVersion"], "kind": kind, "metadata": metadata("web"), "spec": body}
    decision, _ = look(autoscaler(scaleTargetRef=target), sized, worker("a"), usage=using(a=1000))
    assert [spec_of(one)["replicas"] for one in puts(decision, kind)] == [2]


def test_what_has_no_size_cannot() -> None:
    target = {"kind": "DaemonSet", "name": "web", "apiVersion": "apps/v1"}
    decision, _ = look(autoscaler(scaleTargetRef=target), usage={})
    assert facts(decision, "AbleToScale")[1:] == (
        "FailedGetScale",
        "the HPA controller was unable to get the target's current scale:"
        " the server could not find the requested resource",
    )
