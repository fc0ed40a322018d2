"""EndpointSlices as upstream's controller writes them: who is an endpoint, where, and in what condition."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import NOW, counted_ids, metadata, pod, puts, removals, view_of
from hypothesis import given
from hypothesis import strategies as st

from minikctl.controlplane.decision import Decision
from minikctl.controlplane.endpoints import MOST_ENDPOINTS, write_slices
from minikctl.model import Object, key_of, labels_of, name_of, status_of
from minikctl.model.defaults import set_defaults

WEB = {"name": "http", "containerPort": 8080}


def service(*ports: dict[str, Any], labels: dict[str, str] | None = None, **spec: Any) -> Object:
    whole = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata("web", labels=labels or {}),
        "spec": {"selector": {"app": "web"}, "ports": list(ports) or [{"port": 80}], **spec},
        "status": {},
    }
    return set_defaults(whole) | {"status": {}}


def at(one: Object, ip: str, *container_ports: dict[str, Any]) -> Object:
    """The pod with an address, and these ports of its container."""
    spec = {**one["spec"], "containers": [{"name": "app", "image": "a", "ports": list(container_ports)}]}
    return {**one, "spec": spec, "status": {**status_of(one), "podIP": ip}}


def slices(service: Object, *others: Object) -> list[Object]:
    decision = Decision()
    return write_slices(service, view_of(service, *others), decision, NOW, counted_ids())


def test_one_slice_with_a_ready_pod() -> None:
    (one,) = slices(
        service({"name": "http", "port": 80, "targetPort": "http"}, labels={"team": "a"}),
        at(pod("p", node="node-1"), "10.0.0.1", WEB),
    )
    assert name_of(one).startswith("web-")
    assert labels_of(one) == {
        "team": "a",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": "web",
    }
    assert one["metadata"]["ownerReferences"][0]["kind"] == "Service"
    assert one["addressType"] == "IPv4"
    assert one["ports"] == [{"name": "http", "protocol": "TCP", "port": 8080}]
    assert one["endpoints"] == [
        {
            "addresses": ["10.0.0.1"],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "nodeName": "node-1",
            "targetRef": {"kind": "Pod", "name": "p", "namespace": "default", "uid": "uid-of-p"},
        }
    ]


@pytest.mark.parametrize(
    ("made", "spec", "conditions"),
    [
        (pod("p"), {}, (True, True, False)),
        (pod("p", ready_for=None), {}, (False, False, False)),
        (pod("p", deleting=True), {}, (False, True, True)),
        (pod("p", ready_for=None, deleting=True), {}, (False, False, True)),
        (pod("p", ready_for=None), {"publishNotReadyAddresses": True}, (True, True, False)),
    ],
)
def test_conditions(made: Object, spec: dict[str, Any], conditions: tuple[bool, ...]) -> None:
    (one,) = slices(service(**spec), at(made, "10.0.0.1"))
    assert tuple(one["endpoints"][0]["conditions"].values()) == conditions


@pytest.mark.parametrize(
    "made",
    [
        pod("p"),  # without an address
        at(pod("p", phase="Succeeded"), "10.0.0.1"),
        at(pod("p", phase="Failed"), "10.0.0.1"),
        at(pod("p", labels={"app": "other"}), "10.0.0.1"),
    ],
)
def test_no_endpoint(made: Object) -> None:
    (one,) = slices(service(), made)
    assert one["endpoints"] == [] and one["ports"] == []


def test_pods_with_other_port_numbers_stand_in_other_slices() -> None:
    other = {"name": "http", "containerPort": 9090}
    found = slices(
        service({"port": 80, "targetPort": "http"}),
        at(pod("a"), "10.0.0.1", WEB),
        at(pod("b"), "10.0.0.2", other),
        at(pod("c"), "10.0.0.3"),
    )
    by_port = {tuple(port["port"] for port in one["ports"]): one["endpoints"] for one in found}
    assert {ports: [e["targetRef"]["name"] for e in ends] for ports, ends in by_port.items()} == {
        (8080,): ["a"],
        (9090,): ["b"],
        (): ["c"],
    }


def test_a_pod_with_the_subdomain_of_the_service_has_its_host_name() -> None:
    named = at(pod("a", hostname="db-0", subdomain="web"), "10.0.0.1")
    stranger = at(pod("b", hostname="db-1", subdomain="other"), "10.0.0.2")
    (one,) = slices(service(clusterIP="None"), named, stranger)
    assert [end.get("hostname") for end in one["endpoints"]] == ["db-0", None]
    assert labels_of(one)["service.kubernetes.io/headless"] == ""


def test_nothing_changes_where_nothing_changed() -> None:
    web, one = service(), at(pod("p"), "10.0.0.1")
    (first,) = slices(web, one)
    decision = Decision()
    assert write_slices(web, view_of(web, one, first), decision, NOW + 9, counted_ids(50)) == [first]
    assert decision.writes == []


def test_without_a_selector_nothing_is_written_and_what_people_wrote_stays() -> None:
    bare = service(selector=None)
    (mine,) = slices(service(), at(pod("p"), "10.0.0.1"))
    labels = {"kubernetes.io/service-name": "web"}
    theirs = {**mine, "metadata": metadata("by-hand", labels=labels)}
    decision = Decision()
    write_slices(bare, view_of(bare, mine, theirs), decision, NOW, counted_ids(50))
    assert removals(decision) == [key_of(mine)] and not puts(decision)


@given(st.lists(st.integers(0, 260), max_size=6))
def test_however_pods_come_and_go_each_stands_in_one_slice_and_stays_there(counts: list[int]) -> None:
    web = service()
    known: list[Object] = []
    for step, count in enumerate(counts):
        pods = [at(pod(f"p{number}"), f"10.0.{number // 250}.{number % 250}") for number in range(count)]
        before = {e["targetRef"]["uid"]: name_of(one) for one in known for e in one["endpoints"]}
        known = write_slices(web, view_of(web, *pods, *known), Decision(), NOW, counted_ids(1000 * step))
        after = [(e["targetRef"]["uid"], name_of(one)) for one in known for e in one["endpoints"]]
        assert sorted(uid for uid, _ in after) == sorted(f"uid-of-p{number}" for number in range(count))
        assert all(len(one["endpoints"]) <= MOST_ENDPOINTS for one in known)
        assert all(before.get(uid, name) == name for uid, name in after)
