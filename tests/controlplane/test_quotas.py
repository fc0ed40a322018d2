"""What a namespace has room for: quotas and limit ranges, at the door and for what controllers make."""

from __future__ import annotations

import re
from typing import Any

import pytest
from controlplane_builders import NOW, Cluster, counted_ids, deployment, metadata, node, pod, puts, view_of
from hypothesis import given
from hypothesis import strategies as st

from minikctl.controlplane import admission, limits, quotas
from minikctl.controlplane.podcontrol import refused, room_for
from minikctl.manifests import unhandled
from minikctl.model import Object, ObjectKey, annotations_of, controller_of, copy, spec_of, status_of, uid_of
from minikctl.model.defaults import set_defaults

RATIO = "cpu max limit to request ratio per Container is 2, "


def quota(name: str = "q", **hard: str) -> Object:
    named = {key.replace("__", "."): value for key, value in hard.items()}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": metadata(name),
        "spec": {"hard": named},
        "status": {},
    }


def scoped(*scopes: str, selector: Any = None, **hard: str) -> Object:
    found = quota(**hard)
    spec_of(found)["scopes"] = list(scopes)
    if selector:
        spec_of(found)["scopeSelector"] = {"matchExpressions": selector}
    return found


def limit_range(**item: Any) -> Object:
    body = {"limits": [{"type": "Container", **item}]}
    found = {"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata("lim"), "spec": body}
    return set_defaults(found)


def asking(name: str = "p", requests: dict[str, str] | None = None, **limit: str) -> Object:
    resources: dict[str, Any] = {"requests": requests or {}}
    if limit:
        resources["limits"] = limit
    return pod(name, containers=[{"name": "app", "image": "a", "resources": resources}])


def service(kind: str, ports: int = 1, **spec: Any) -> Object:
    body = {"type": kind, "ports": [{"port": number} for number in range(ports)], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata("s"), "spec": body}


def used(found: Object, *objects: Object) -> dict[str, str]:
    decision = quotas.reconcile(
        ObjectKey("ResourceQuota", "default", "q"), view_of(found, *objects), NOW, counted_ids()
    )
    (after,) = puts(decision)
    assert status_of(after)["hard"] == spec_of(found)["hard"]
    result: dict[str, str] = status_of(after)["used"]
    return result


# --- counting


def test_pods_are_counted_until_they_end() -> None:
    found = quota(pods="9", **{"count/pods": "9", "requests.cpu": "9", "limits.memory": "1Gi"})
    running = asking("a", {"cpu": "300m"}, memory="64Mi")
    ended = asking("b", {"cpu": "1"}) | {"status": {"phase": "Succeeded"}}
    assert used(found, running, running | {"metadata": metadata("c")}, ended) == {
        "pods": "2",
        "count/pods": "3",
        "requests.cpu": "600m",
        "limits.memory": "128Mi",
    }


def test_every_resource_of_pods_is_counted() -> None:
    names = ("ephemeral-storage", "hugepages-2Mi", "nvidia.com/gpu")
    one = asking("a", dict.fromkeys(names, "2"), **{"ephemeral-storage": "3"})
    bound = {f"requests.{name}": "9" for name in names} | {"limits.ephemeral-storage": "9"}
    bound |= {"ephemeral-storage": "9", "hugepages-2Mi": "9"}
    assert used(quota(**bound), one, asking("b")) == {
        **dict.fromkeys(bound, "2"),
        "limits.ephemeral-storage": "3",
    }


def test_init_containers_count_where_they_ask_for_more() -> None:
    one = pod(
        containers=[{"name": "a", "resources": {"requests": {"cpu": "100m"}}}],
        initContainers=[
            {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}},
            {"name": "i", "resources": {"requests": {"cpu": "2"}}},
        ],
    )
    assert used(quota(**{"requests.cpu": "9"}), one) == {"requests.cpu": "2050m"}


@pytest.mark.parametrize(
    ("one", "services", "nodeports", "loadbalancers"),
    [
        (service("ClusterIP", 3), "1", "0", "0"),
        (service("NodePort", 3), "1", "3", "0"),
        (service("LoadBalancer", 2), "1", "2", "1"),
        (service("LoadBalancer", 2, allocateLoadBalancerNodePorts=False), "1", "0", "1"),
    ],
)
def test_services_count_by_their_types(
    one: Object, services: str, nodeports: str, loadbalancers: str
) -> None:
    found = quota(**{"services": "9", "services.nodeports": "9", "services.loadbalancers": "9"})
    assert list(used(found, one).values()) == [services, nodeports, loadbalancers]


def test_claims_count_for_themselves_and_by_class() -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata("c"),
        "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "5Gi"}}},
    }
    prefix = "fast.storageclass.storage.k8s.io/"
    found = quota(
        **{"requests.storage": "9Gi", f"{prefix}requests.storage": "1Gi", "count/persistentvolumeclaims": "1"}
    )
    assert list(used(found, claim).values()) == ["5Gi", "5Gi", "1"]
    why = quotas.refusal(claim, view_of(found))
    assert why == (
        f"exceeded quota: q, requested: {prefix}requests.storage=5Gi, used: {prefix}requests.storage=0,"
        f" limited: {prefix}requests.storage=1Gi"
    )


@pytest.mark.parametrize(
    ("scopes", "selector", "one", "counts"),
    [
        (["BestEffort"], None, pod(), True),
        (["BestEffort"], None, asking(requests={"cpu": "1"}), False),
        (["NotBestEffort"], None, asking(requests={"cpu": "1"}), True),
        (["Terminating"], None, pod(activeDeadlineSeconds=0), True),
        (["NotTerminating"], None, pod(activeDeadlineSeconds=5), False),
        (["PriorityClass"], None, pod(priorityClassName="high"), True),
        (
            [],
            [{"scopeName": "PriorityClass", "operator": "In", "values": ["a"]}],
            pod(priorityClassName="b"),
            False,
        ),
        ([], [{"scopeName": "PriorityClass", "operator": "NotIn", "values": ["a"]}], pod(), True),
        ([], [{"scopeName": "PriorityClass", "operator": "DoesNotExist"}], pod(), True),
        (["BestEffort"], None, service("ClusterIP"), False),
    ],
)
def test_scopes(scopes: list[str], selector: Any, one: Object, counts: bool) -> None:
    assert quotas.matches(scoped(*scopes, selector=selector, pods="1"), one) is counts


# --- refusing


def test_the_words_of_a_refusal() -> None:
    there = [pod("a"), pod("b")]
    assert quotas.refusal(pod("c"), view_of(quota(pods="2"), *there)) == (
        "exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"
    )
    assert quotas.refusal(pod("c"), view_of(quota(pods="3"), *there)) is None
    assert quotas.refusal(pod("c"), view_of(quota(pods="3"), *there), made=1) is not None


def test_containers_must_say_what_a_quota_counts() -> None:
    why = quotas.refusal(pod(), view_of(quota(**{"requests.cpu": "1", "limits.memory": "1Gi"})))
    assert why == "failed quota: q: must specify limits.memory for: app; requests.cpu for: app"


def test_a_change_is_charged_with_what_it_adds() -> None:
    plain, exposed = service("ClusterIP"), service("NodePort", 2)
    view = view_of(quota(**{"services": "1", "services.nodeports": "1"}), plain)
    assert quotas.refusal(exposed, view, old=plain) == (
        "exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0,"
        " limited: services.nodeports=1"
    )
    assert quotas.refusal(plain, view_of(quota(services="0"), exposed), old=exposed) is None, (
        "it asks for less"
    )


@given(st.integers(0, 6), st.integers(0, 6), st.integers(1, 6))
def test_as_many_come_in_as_fit(bound: int, there: int, wanted: int) -> None:
    view = view_of(quota(pods=str(bound)), *(pod(f"p{number}") for number in range(there)))
    count, why = room_for(pod("new"), wanted, view)
    assert count == max(0, min(wanted, bound - there))
    assert (why is None) is (count == wanted)
    if why is not None:
        assert f"used: pods={there + count}," in why


# --- limit ranges


def test_defaults_go_where_nothing_is_said_and_are_named() -> None:
    ranges = [limit_range(default={"cpu": "200m"}, defaultRequest={"cpu": "100m", "memory": "1Mi"})]
    given_pod = asking(requests={"cpu": "50m"})
    after = limits.with_defaults(given_pod, ranges)
    assert spec_of(after)["containers"][0]["resources"] == {
        "requests": {"cpu": "50m", "memory": "1Mi"},
        "limits": {"cpu": "200m"},
    }
    assert annotations_of(after)[limits.ANNOTATION] == (
        "LimitRanger plugin set: memory request for container app; cpu limit for container app"
    )
    assert limits.with_defaults(after, ranges) is after
    assert limits.without_defaults(after, [given_pod]) == {
        **given_pod,
        "metadata": {**given_pod["metadata"], "annotations": {}},
    }


@pytest.mark.parametrize(
    ("item", "one", "why"),
    [
        (
            {"min": {"cpu": "100m"}},
            asking(),
            "minimum cpu usage per Container is 100m.  No request is specified",
        ),
        (
            {"min": {"cpu": "100m"}},
            asking(requests={"cpu": "50m"}),
            "minimum cpu usage per Container is 100m, but request is 50m",
        ),
        (
            {"max": {"memory": "1Gi"}},
            asking(requests={"memory": "1Mi"}),
            "maximum memory usage per Container is 1Gi.  No limit is specified",
        ),
        (
            {"max": {"memory": "1Gi"}},
            asking(memory="2Gi"),
            "maximum memory usage per Container is 1Gi, but limit is 2Gi",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            asking(requests={"cpu": "1"}, cpu="3"),
            RATIO + "but provided ratio is 3.000000",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            asking(cpu="3"),
            RATIO + "but no request is specified or request is 0",
        ),
        ({"max": {"cpu": "1"}}, asking(requests={"cpu": "1"}, cpu="1"), None),
        (
            {"type": "Pod", "max": {"cpu": "1"}},
            asking(requests={"cpu": "1"}, cpu="2"),
            "maximum cpu usage per Pod is 1, but limit is 2",
        ),
    ],
)
def test_bounds(item: dict[str, Any], one: Object, why: str | None) -> None:
    body = {"limits": [{"type": "Container", **item}]}
    assert limits.refusal(one, [{"spec": body}]) == why


def test_several_problems_are_told_together() -> None:
    found = {"spec": {"limits": [{"type": "Container", "min": {"cpu": "1", "memory": "1Gi"}}]}}
    assert limits.refusal(asking(), [found]) == (
        "[minimum cpu usage per Container is 1.  No request is specified,"
        " minimum memory usage per Container is 1Gi.  No request is specified]"
    )


def test_a_claim_has_bounds_of_its_own() -> None:
    claim = {"kind": "PersistentVolumeClaim", "spec": {"resources": {"requests": {"storage": "3Gi"}}}}
    found = {"spec": {"limits": [{"type": "PersistentVolumeClaim", "max": {"storage": "2Gi"}}]}}
    text = "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"
    assert limits.refusal(claim, [found]) == text


def test_defaults_count_before_a_quota_asks() -> None:
    ranges = limit_range(default={"cpu": "500m"})
    view = view_of(ranges, quota(**{"limits.cpu": "900m"}))
    assert refused(pod(), view) is None
    assert refused(pod(), view, made=1) is not None


# --- a cluster


def own_pods(cluster: Cluster) -> list[Object]:
    return [one for one in cluster.pods() if controller_of(one)]


def test_a_replica_set_is_as_large_as_the_quota_allows_and_grows_with_it() -> None:
    cluster = Cluster(deployment(replicas=5), quota(pods="2"))
    cluster.settle()
    assert len(own_pods(cluster)) == 2
    assert cluster.texts("FailedCreate") == [
        'Error creating: pods "' + own_pods(cluster)[0]["metadata"]["generateName"] + '" is forbidden:'
        " exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"
    ]
    found = next(iter(cluster.view.list("ResourceQuota")))
    assert status_of(found)["used"] == {"pods": "2"}
    cluster.put({**found, "spec": {"hard": {"pods": "4"}}})
    cluster.settle()
    assert len(own_pods(cluster)) == 4
    cluster.remove(ObjectKey("ResourceQuota", "default", "q"))
    cluster.settle()
    assert len(own_pods(cluster)) == 5


def test_room_that_somebody_leaves_is_taken() -> None:
    cluster = Cluster(quota(pods="2"), pod("bare"), deployment(replicas=2))
    cluster.settle()
    assert len(own_pods(cluster)) == 1
    cluster.remove(ObjectKey("Pod", "default", "bare"))
    cluster.settle()
    assert len(own_pods(cluster)) == 2


def test_pods_of_controllers_get_the_defaults() -> None:
    cluster = Cluster(deployment(replicas=1), limit_range(default={"cpu": "200m"}))
    cluster.settle()
    (made,) = own_pods(cluster)
    assert spec_of(made)["containers"][0]["resources"]["limits"] == {"cpu": "200m"}
    assert cluster.view.usage("node-1").requests.cpu_millicores == 200


def test_daemons_of_several_nodes_share_a_quota() -> None:
    template = {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    daemons = set_defaults(
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": metadata("d"),
            "spec": {"selector": {"matchLabels": {"app": "d"}}, "template": template},
            "status": {},
        }
    )
    cluster = Cluster(node("node-2"), node("node-3"), quota(pods="2"), daemons)
    cluster.settle()
    assert len(own_pods(cluster)) == 2
    assert uid_of(daemons) == controller_of(own_pods(cluster)[0])["uid"]  # type: ignore[index]


def test_the_same_answer_at_the_door() -> None:
    view = view_of(quota(pods="0"))
    assert admission.refusal(copy(pod()), view) == (
        "exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0"
    )


# --- what controllers make beside pods


def test_a_deployment_without_room_for_a_replica_set_says_so_and_goes_on_when_there_is() -> None:
    bound = quota(**{"count/replicasets.apps": "0"})
    cluster = Cluster(bound, deployment(replicas=1))
    cluster.settle()
    assert not own_pods(cluster)
    (text, *_) = cluster.texts("ReplicaSetCreateError")
    assert re.fullmatch(
        r'Failed to create new replica set "web-\w+": replicasets.apps "web-\w+" is forbidden:'
        r" exceeded quota: q, requested: count/replicasets.apps=1, used: count/replicasets.apps=0,"
        r" limited: count/replicasets.apps=0",
        text,
    )
    cluster.put(bound | {"spec": {"hard": {"count/replicasets.apps": "1"}}})
    cluster.settle()
    assert len(own_pods(cluster)) == 1


def stateful_set() -> Object:
    claim = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    labels = {"app": "db"}
    body = {
        "replicas": 2,
        "serviceName": "db",
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "a", "image": "a"}]},
        },
        "volumeClaimTemplates": [claim],
    }
    whole = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata("db"), "spec": body}
    return set_defaults(whole) | {"status": {}}


@pytest.mark.parametrize(
    ("bound", "why"),
    [
        (
            quota(persistentvolumeclaims="0"),
            "exceeded quota: q, requested: persistentvolumeclaims=1, used: persistentvolumeclaims=0,"
            " limited: persistentvolumeclaims=0",
        ),
        (
            {
                **limit_range(),
                "spec": {"limits": [{"type": "PersistentVolumeClaim", "max": {"storage": "500Mi"}}]},
            },
            "maximum storage usage per PersistentVolumeClaim is 500Mi, but request is 1Gi",
        ),
    ],
)
def test_a_claim_that_is_not_let_in_keeps_its_pod_from_being_made(bound: Object, why: str) -> None:
    cluster = Cluster(bound, stateful_set())
    cluster.run()
    assert not cluster.pods()
    name = "create Claim data-db-0 Pod db-0 in StatefulSet db failed error:"
    text = f'{name} persistentvolumeclaims "data-db-0" is forbidden: {why}'
    assert set(cluster.texts("FailedCreate")) == {text}


def test_a_cron_job_makes_its_job_when_there_is_room_again() -> None:
    template = {"spec": {"containers": [{"name": "a", "image": "a"}], "restartPolicy": "Never"}}
    cron_job = set_defaults(
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": metadata("c", age=59),
            "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}},
        }
    ) | {"status": {}}
    bound = quota(**{"count/jobs.batch": "0"})
    cluster = Cluster(bound, cron_job)
    cluster.now += 60
    cluster.run()
    assert not list(cluster.view.list("Job"))
    assert "exceeded quota: q, requested: count/jobs.batch=1" in cluster.texts("FailedCreate")[0]
    cluster.put(bound | {"spec": {"hard": {"count/jobs.batch": "9"}}})
    cluster.run()
    assert list(cluster.view.list("Job"))


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"type": "Container", "default": {"ephemeral-storage": "1Gi"}}, "default.ephemeral-storage"),
        ({"type": "example.com/Image", "max": {"storage": "1Gi"}}, "type"),
    ],
)
def test_a_bound_that_nobody_would_keep_is_refused(item: dict[str, Any], path: str) -> None:
    found = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": [item]}}
    assert [one.path for one in unhandled(found)] == [f"spec.limits[0].{path}"]
