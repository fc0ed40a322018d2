"""metadata: names, namespaces, label and annotation syntax."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.networks import canonical_address_advice
from minikctl.manifests.rules.problems import (
    forbidden,
    invalid,
    label_advice,
    label_value_advice,
    path_segment_advice,
    qualified_name_advice,
    required,
    subdomain_advice,
)
from minikctl.manifests.rules.rule import Rule, UpdateRule
from minikctl.model import Object
from minikctl.model.kinds import KINDS

_MAX_ANNOTATIONS = 256 * 1024
# What names of a kind must be; a DNS subdomain for all others.
_NAMES = {
    "APIService": path_segment_advice,
    "CertificateSigningRequest": path_segment_advice,
    "ClusterRole": path_segment_advice,
    "ClusterRoleBinding": path_segment_advice,
    "Event": path_segment_advice,
    "IPAddress": canonical_address_advice,
    "Namespace": label_advice,
    "PodDisruptionBudget": path_segment_advice,
    "Role": path_segment_advice,
    "RoleBinding": path_segment_advice,
    "Service": label_advice,
    "StatefulSet": label_advice,
}
_POD_SECURITY = "pod-security.kubernetes.io/"
_POD_SECURITY_LEVELS = ("privileged", "baseline", "restricted")


def names(obj: Object) -> Iterator[FieldProblem]:
    metadata = obj.get("metadata") or {}
    advice = _NAMES.get(obj["kind"], subdomain_advice)
    name, prefix = metadata.get("name", ""), metadata.get("generateName", "")
    if name:
        if problem := advice(name):
            yield invalid("metadata.name", name, problem)
    elif not prefix:
        yield required("metadata.name", "name or generateName is required")
    # The server appends a random suffix; a trailing dash of the prefix is no mistake.
    if prefix and (problem := advice(prefix.removesuffix("-") + "x")):
        yield invalid("metadata.generateName", prefix, problem)


def namespaces(obj: Object) -> Iterator[FieldProblem]:
    namespace = (obj.get("metadata") or {}).get("namespace", "")
    kind = KINDS.get(obj["kind"])
    if not namespace or kind is None:
        return
    if not kind.namespaced:
        yield forbidden("metadata.namespace", "not allowed on this type")
    elif problem := label_advice(namespace):
        yield invalid("metadata.namespace", namespace, problem)


def label_syntax(obj: Object) -> Iterator[FieldProblem]:
    found = (obj.get("metadata") or {}).get("labels") or {}
    yield from check_labels(found, "metadata.labels")
    if obj["kind"] == "Namespace":
        yield from _pod_security_labels(found)


def annotation_syntax(obj: Object) -> Iterator[FieldProblem]:
    yield from check_annotations((obj.get("metadata") or {}).get("annotations") or {}, "metadata.annotations")


def check_labels(found: dict[str, str], path: str) -> Iterator[FieldProblem]:
    for key, value in found.items():
        if problem := qualified_name_advice(key):
            yield invalid(path, key, problem)
        if problem := label_value_advice(value):
            yield invalid(path, value, problem)


def check_annotations(found: dict[str, Any], path: str) -> Iterator[FieldProblem]:
    size = 0
    for key, value in found.items():
        if problem := qualified_name_advice(key.lower()):
            yield invalid(path, key, problem)
        size += len(key.encode()) + len(value.encode(errors="surrogatepass"))
    if size > _MAX_ANNOTATIONS:
        yield FieldProblem(
            path, "FieldValueTooLong", f"Too long: may not be more than {_MAX_ANNOTATIONS} bytes"
        )


def _pod_security_labels(found: dict[str, str]) -> Iterator[FieldProblem]:
    for mode in ("enforce", "audit", "warn"):
        key = f"{_POD_SECURITY}{mode}"
        # What is no label value at all is reported as such.
        if found.get(key, "privileged") not in _POD_SECURITY_LEVELS and not label_value_advice(found[key]):
            levels = ", ".join(_POD_SECURITY_LEVELS)
            yield invalid(f"metadata.labels[{key}]", found[key], f"must be one of {levels}")


def immutable(old: Object, new: Object) -> Iterator[FieldProblem]:
    before, after = old["metadata"], new.get("metadata") or {}
    # What a manifest leaves out (uid, creationTimestamp) is filled in from the stored object.
    for name in ("name", "namespace", "uid", "creationTimestamp"):
        if before.get(name) and after.get(name) and before[name] != after[name]:
            yield invalid(f"metadata.{name}", after[name], "field is immutable")


RULES = (
    Rule("metadata-name", "the name is there and a valid DNS name for its kind", names),
    Rule(
        "metadata-namespace", "the namespace is a DNS label, and only for kinds that live in one", namespaces
    ),
    Rule("metadata-labels", "labels are well formed", label_syntax),
    Rule(
        "metadata-annotations", "annotations are well formed and at most 256 KiB together", annotation_syntax
    ),
    UpdateRule("metadata-immutable", "name, namespace, uid and creation time stay", immutable),
)
