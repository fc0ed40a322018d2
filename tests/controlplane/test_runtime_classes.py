"""RuntimeClasses: what they give to pods, whom they keep out, and what the engine is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import NOW, metadata

from minikctl.controlplane.admission import admitted, refusal
from minikctl.controlplane.kubelet import ImageBook, NodeFacts, PodMemo, PodSync, RunContainer, sync_pod
from minikctl.controlplane.view import View
from minikctl.model import Object, spec_of


def pod(name: str = "sandboxed", **spec: Any) -> Object:
    container = {"name": "app", "image": "app:1", "imagePullPolicy": "Never"}
    spec = {"containers": [container], "nodeName": "node-1", "runtimeClassName": name, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata("p"), "spec": spec, "status": {}}


def runtime_class(**fields: Any) -> Object:
    kind = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass"}
    return {**kind, "metadata": {"name": "sandboxed", "uid": "r"}, "handler": "runsc", **fields}


def look(made: Object, view: View, memo: PodMemo | None = None) -> PodSync:
    book = ImageBook()
    book.mark_pulled("app:1", NOW)
    facts = NodeFacts("memory", "127.0.0.1")
    memo = memo or PodMemo()
    return sync_pod(made, (), memo, book, facts, NOW, cluster_id="c", seal_key=b"k", find=view.get)


def test_its_handler_is_asked_for() -> None:
    (run,) = look(pod(), View([runtime_class()])).actions
    assert isinstance(run, RunContainer)
    assert run.spec.pod.runtime_handler == "runsc"


def test_without_its_class_nothing_is_made_and_it_is_told_once() -> None:
    first = look(pod(), View([]))
    assert first.actions == []
    (event,) = first.decision.happenings
    assert event.reason == "FailedCreatePodSandBox"
    assert event.message.endswith('runtimeclass.node.k8s.io "sandboxed" not found')
    assert look(pod(), View([]), first.memo).decision.happenings == []


def test_what_it_gives() -> None:
    scheduling = {
        "nodeSelector": {"runtime": "runsc"},
        "tolerations": [{"key": "slow", "operator": "Exists"}],
    }
    view = View([runtime_class(overhead={"podFixed": {"cpu": "100m"}}, scheduling=scheduling)])
    made = admitted(pod(nodeSelector={"disk": "ssd"}), view)
    assert spec_of(made)["overhead"] == {"cpu": "100m"}
    assert spec_of(made)["nodeSelector"] == {"runtime": "runsc", "disk": "ssd"}
    assert {"key": "slow", "operator": "Exists"} in spec_of(made)["tolerations"]
    assert refusal(made, view) is None


@pytest.mark.parametrize(
    ("made", "classes", "why"),
    [
        (pod(), [], 'pod rejected: RuntimeClass "sandboxed" not found'),
        (pod(overhead={"cpu": "1"}), [runtime_class()], "Overhead doesn't match"),
        (
            pod(nodeSelector={"a": "b"}),
            [runtime_class(scheduling={"nodeSelector": {"a": "c"}})],
            "conflict: runtimeClass.scheduling.nodeSelector",
        ),
    ],
)
def test_who_is_not_let_in(made: Object, classes: list[Object], why: str) -> None:
    view = View(classes)
    assert why in str(refusal(admitted(made, view), view))
