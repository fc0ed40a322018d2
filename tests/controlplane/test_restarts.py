"""A changed ConfigMap rolls the workloads that asked for it, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from minikctl.controlplane import restarts
from minikctl.controlplane.restarts import CONFIGURATION_HASH, RESTART_ON_CHANGE
from minikctl.controlplane.view import View
from minikctl.model import Object, annotations_of, spec_of
from minikctl.model.writes import Put


def web(**annotations: str) -> Object:
    container = {"name": "a", "image": "a", "envFrom": [{"configMapRef": {"name": "web"}}]}
    metadata = {
        "name": "web",
        "namespace": "default",
        "uid": "u",
        "annotations": annotations,
        "generation": 3,
    }
    spec = {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def config_map(revision: str, **data: str) -> Object:
    metadata = {"name": "web", "namespace": "default", "uid": f"u{revision}", "resourceVersion": revision}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def rolled(workload: Object, *sources: Object) -> Any:
    """The hash that is written; None where nothing is."""
    decision = restarts.reconcile(workload, View([workload, *sources]))
    if not decision.writes:
        return None
    (write,) = decision.writes
    assert isinstance(write, Put)
    assert write.obj["metadata"]["generation"] == 4
    return annotations_of(spec_of(write.obj)["template"])[CONFIGURATION_HASH]


def test_other_content_is_another_template() -> None:
    asked = web(**{RESTART_ON_CHANGE: "true"})
    first = rolled(asked, config_map("1", mode="fast"))
    assert first is not None
    assert rolled(asked, config_map("9", mode="fast")) == first, "made from content, not from revisions"
    assert rolled(asked, config_map("1", mode="slow")) != first
    assert rolled(asked) not in (None, first)
    spec_of(asked)["template"]["metadata"]["annotations"] = {CONFIGURATION_HASH: first}
    assert rolled(asked, config_map("1", mode="fast")) is None


@pytest.mark.parametrize("annotations", [{}, {RESTART_ON_CHANGE: "false"}, {"other": "true"}])
def test_who_did_not_ask_is_left_alone(annotations: dict[str, str]) -> None:
    assert rolled(web(**annotations), config_map("1", mode="fast")) is None


def test_a_template_that_refers_to_nothing_is_left_alone() -> None:
    asked = web(**{RESTART_ON_CHANGE: "true"})
    del spec_of(asked)["template"]["spec"]["containers"][0]["envFrom"]
    assert rolled(asked, config_map("1", mode="fast")) is None
