"""The two forms of a diff."""

from __future__ import annotations

import json

from apply_corpus import table

from minikctl.apply.diff import Difference, structured, unified
from minikctl.apply.last_applied import ANNOTATION
from minikctl.model import Object

DEPLOYMENT = table("Deployment")


def dump(obj: Object) -> str:
    return json.dumps(obj, indent=1) + "\n"


def deployment(image: str = "a:1", *names: str) -> Object:
    containers = [{"name": name, "image": image} for name in names or ("web",)]
    metadata = {
        "name": "web",
        "namespace": "n",
        "labels": {"app": "web"},
        "managedFields": [{"manager": image}],
    }
    template = {"spec": {"containers": containers}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"template": template},
    }


def secret(**data: str) -> Object:
    annotations = {ANNOTATION: json.dumps(data)}
    metadata = {"name": "s", "namespace": "n", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def test_no_difference_is_no_text() -> None:
    assert unified(deployment(), deployment(), dump, now=0) == ""
    assert structured(deployment(), deployment(), DEPLOYMENT) == []


def test_managed_fields_are_hidden() -> None:
    live, merged = deployment(), deployment()
    merged["metadata"]["managedFields"] = []
    assert unified(live, merged, dump, now=0) == ""
    assert structured(live, merged, DEPLOYMENT) == []


def test_a_diff_begins_like_diff_u() -> None:
    lines = unified(deployment("a:1"), deployment("a:2"), dump, now=1.5).splitlines()
    assert lines[:3] == [
        "diff -u -N LIVE/apps.v1.Deployment.n.web MERGED/apps.v1.Deployment.n.web",
        "--- LIVE/apps.v1.Deployment.n.web\t1970-01-01 00:00:01.500000000 +0000",
        "+++ MERGED/apps.v1.Deployment.n.web\t1970-01-01 00:00:01.500000000 +0000",
    ]


def test_a_deleted_object_is_all_minus() -> None:
    lines = unified(deployment(), None, dump, now=0).splitlines()[4:]
    assert lines and all(line.startswith("-") for line in lines)


def test_values_of_secrets_never_appear() -> None:
    live, merged = (
        secret(same="c2FtZQ==", changed="b2xk", gone="Z29uZQ=="),
        secret(same="c2FtZQ==", changed="bmV3"),
    )
    text = unified(live, merged, dump, now=0)
    for value in ("c2FtZQ", "b2xk", "Z29uZQ", "bmV3"):
        assert value not in text
        assert value not in str(structured(live, merged, DEPLOYMENT))
    assert '"changed": "*** (before)"' in text
    assert '"changed": "*** (after)"' in text
    assert '"gone": "***"' in text
    assert live["data"]["changed"] == "b2xk"


def test_fields_are_named_as_the_api_server_names_them() -> None:
    live, merged = deployment("a:1"), deployment("a:2")
    merged["metadata"]["labels"] = {"app": "new"}
    merged["spec"]["replicas"] = 2
    assert structured(live, merged, DEPLOYMENT) == [
        Difference("metadata.labels[app]", "web", "new"),
        Difference("spec.replicas", None, 2),
        Difference("spec.template.spec.containers[0].image", "a:1", "a:2"),
    ]


def test_an_item_in_front_is_one_difference() -> None:
    found = structured(deployment("a:1", "web"), deployment("a:1", "new", "web"), DEPLOYMENT)
    added = [difference for difference in found if difference.old is None]
    assert added == [Difference("spec.template.spec.containers[0]", None, {"name": "new", "image": "a:1"})]
    assert not any(difference.path.endswith(("name", "image")) for difference in found)


def test_an_object_that_is_not_there() -> None:
    assert [d.path for d in structured(None, deployment(), DEPLOYMENT)] == [""]
    assert structured(None, None, DEPLOYMENT) == []
