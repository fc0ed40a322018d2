"""Endpoints: what people wrote becomes slices, and what slices say is shown as Endpoints."""

from __future__ import annotations

from typing import Any

from controlplane_builders import NOW, metadata, puts

from minikctl.controlplane.decision import Decision, Ids
from minikctl.controlplane.mirroring import SKIP, mirror
from minikctl.controlplane.view import View
from minikctl.model import Object, key_of, labels_of
from minikctl.model.endpoints import with_derived
from minikctl.model.writes import Put, Remove

IDS = Ids(uid=lambda: "new-uid", suffix=lambda: "abcde")


def service(**spec: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata("db"), "spec": spec, "status": {}}


def endpoints(*addresses: str, labels: dict[str, str] | None = None, port: int = 5432) -> Object:
    ready = [{"ip": one} for one in addresses]
    subset = {"addresses": ready, "notReadyAddresses": [{"ip": "192.0.2.9"}], "ports": [{"port": port}]}
    facts = {**metadata("db"), "labels": labels or {}, "uid": "e"}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": facts, "subsets": [subset]}


def mirrored(view: View, made: Object) -> Decision:
    decision = Decision()
    mirror(made, view, decision, NOW, IDS)
    for write in decision.writes:
        if isinstance(write, Put):
            view.put(write.obj)
        elif isinstance(write, Remove):
            view.remove(write.key)
    return decision


def test_each_subset_is_a_slice_of_the_service() -> None:
    view = View([service(), endpoints("192.0.2.1", "192.0.2.2")])
    (made,) = puts(mirrored(view, service()))
    assert labels_of(made)["kubernetes.io/service-name"] == "db"
    assert made["metadata"]["ownerReferences"][0]["kind"] == "Endpoints"
    assert made["ports"] == [{"name": "", "protocol": "TCP", "port": 5432}]
    found = [(one["addresses"], one["conditions"]["ready"]) for one in made["endpoints"]]
    assert found == [(["192.0.2.1"], True), (["192.0.2.2"], True), (["192.0.2.9"], False)]
    assert mirrored(view, service()).writes == []


def test_each_family_has_a_slice_of_its_own() -> None:
    suffixes = iter("abc")
    ids = Ids(uid=lambda: "new-uid", suffix=lambda: next(suffixes))
    view, decision = View([service(), endpoints("192.0.2.1", "2001:db8::7")]), Decision()
    mirror(service(), view, decision, NOW, ids)
    found = {one["addressType"]: [end["addresses"] for end in one["endpoints"]] for one in puts(decision)}
    assert found == {"IPv4": [["192.0.2.1"], ["192.0.2.9"]], "IPv6": [["2001:db8::7"]]}


def test_a_change_replaces_it() -> None:
    view = View([service(), endpoints("192.0.2.1")])
    mirrored(view, service())
    view.put(endpoints("192.0.2.5"))
    mirrored(view, service())
    (left,) = view.list("EndpointSlice")
    assert left["endpoints"][0]["addresses"] == ["192.0.2.5"]


def test_who_is_not_mirrored() -> None:
    for made, written in (
        (service(selector={"app": "db"}), endpoints("192.0.2.1")),
        (service(type="ExternalName", externalName="db.example"), endpoints("192.0.2.1")),
        (service(), endpoints("192.0.2.1", labels={SKIP: "true"})),
    ):
        assert mirrored(View([made, written]), made).writes == []
    assert mirrored(View([service()]), service()).writes == []


def test_endpoints_of_a_service_that_selects_are_made_from_its_slices() -> None:
    made = service(selector={"app": "db"})
    made["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    target = {"kind": "Pod", "name": "p"}
    ends = [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": True}, "targetRef": target},
        {"addresses": ["10.0.0.2"], "conditions": {"ready": False}},
    ]
    labels = {"kubernetes.io/service-name": "db"}
    slices = [
        {
            "metadata": {**metadata("db-1"), "labels": labels},
            "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}],
            "endpoints": ends,
        },
        {"metadata": {**metadata("db-2"), "labels": labels}, "ports": [], "endpoints": []},
    ]
    (found,) = with_derived([], [made, service(type="ExternalName", selector={"a": "b"})], slices)
    assert key_of(found).name == "db"
    assert found["subsets"] == [
        {
            "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}],
            "addresses": [{"ip": "10.0.0.1", "targetRef": target}],
            "notReadyAddresses": [{"ip": "10.0.0.2"}],
        }
    ]
