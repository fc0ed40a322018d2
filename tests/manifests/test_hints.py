"""What is suggested where a name is not known: the right one, the right place, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from minikctl.errors import ManifestError
from minikctl.manifests import parse, validate
from minikctl.manifests.hints import near

POD = "spec.template.spec"


def messages(where: dict[str, Any]) -> list[str]:
    """What is wrong with a Deployment that has these fields too."""
    container = {"name": "a", "image": "b", **where.get("container", {})}
    metadata = {"labels": {"a": "b"}, **where.get("template_metadata", {})}
    spec = {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": metadata, "spec": {"containers": [container]}},
    }
    named = {"name": "web", **where.get("metadata", {})}
    obj = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": named, "spec": spec}
    return [problem.message for problem in validate(obj)]


@pytest.mark.parametrize(
    ("where", "end"),
    [
        ({"container": {"Image": "x"}}, ', did you mean "image"?'),
        ({"container": {"imag": "x"}}, ', did you mean "image"?'),
        ({"container": {"enviroment": []}}, ', did you mean "env"?'),
        ({"container": {"zzz": 1}}, '.zzz"'),
        ({"container": {"imagePullSecrets": []}}, f", it belongs to {POD}"),
        ({"container": {"volumes": []}}, f", it belongs to {POD}"),
        ({"container": {"replicas": 1}}, ", it belongs to spec"),
        ({"container": {"fsGroup": 1}}, f", it belongs to {POD}.securityContext"),
        ({"container": {"securityContext": {"fsGroup": 1}}}, f", it belongs to {POD}.securityContext"),
        ({"template_metadata": {"spec": {}}}, ", it belongs to spec.template"),
        ({"metadata": {"spec": {}}}, ", it belongs to the object itself"),
    ],
)
def test_unknown_fields(where: dict[str, Any], end: str) -> None:
    (message,) = messages(where)
    assert message.endswith(end)


@pytest.mark.parametrize(
    ("api_version", "kind", "end"),
    [
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", 'did you mean apiVersion "autoscaling/v2"?'),
        ("autoscaling/v1beta1", "HorizontalPodAutoscaler", 'did you mean apiVersion "autoscaling/v1"?'),
        ("extensions/v1beta1", "Ingress", 'did you mean apiVersion "networking.k8s.io/v1"?'),
        ("batch/v1beta1", "CronJob", 'did you mean apiVersion "batch/v1"?'),
        ("events.k8s.io/v1beta1", "Event", 'did you mean apiVersion "events.k8s.io/v1"?'),
        ("v1", "Deploymnt", 'did you mean "Deployment"?'),
        ("v1", "Binding", "a Binding is a request to the API server, not an object that is kept"),
        ("policy/v1", "Eviction", "an object that is kept"),
        ("authentication.k8s.io/v1", "TokenRequest", "an object that is kept"),
    ],
)
def test_unknown_kinds(api_version: str, kind: str, end: str) -> None:
    (problem,) = validate({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}})
    assert problem.reason == "UnknownKind"
    assert problem.message.endswith(end)


def test_a_name_that_only_begins_alike_gives_way_to_one_that_looks_alike() -> None:
    assert near("imagePullPolicies", ["image", "imagePullPolicy"]) == "imagePullPolicy"
    assert near("commandLine", ["command", "args"]) == "command"
    assert near("xy", ["x", "yx1"]) == ""


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("a: {{ .Values.a }}\n", "helm template … | minikctl validate -"),
        ('{{- include "a" . }}\n', "helm template … | minikctl validate -"),
        ("a: {{ x }}\n", "a key must be a scalar"),
        ("a:\n\tb: c\n", "a tab can't indent YAML: use spaces"),
    ],
)
def test_what_is_no_yaml(text: str, end: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse(text.encode(), "f")
    assert str(caught.value).endswith(end)
