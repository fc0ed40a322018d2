"""metadata: names, namespaces, labels, annotations, owners and finalizers.

Rules:
- Each kind says what its names must be; a name that the server makes out of `generateName` is judged too.
- A namespace on what lives in none is no mistake: the server drops it.
- `managedFields` are not judged: the server writes them anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import minikctl_schemas

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.networks import canonical_address_advice
from minikctl.manifests.rules.problems import (
    forbidden,
    invalid,
    label_advice,
    label_value_advice,
    path_segment_advice,
    prefix_of,
    qualified_name_advice,
    required,
    subdomain_advice,
    too_long,
)
from minikctl.manifests.rules.rule import Rule, UpdateRule
from minikctl.model import Object

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
_POD_SECURITY_MODES = ("enforce", "audit", "warn")
_POD_SECURITY_VERSION = re.compile(r"(latest|v1\.(0|[1-9][0-9]*))\Z", re.ASCII)


# The server cuts the prefix so that its five random characters fit into a label.
_MAX_PREFIX, _SUFFIX = 58, "x7k2p"
# Groups that judge finalizers as any extension does: elsewhere one without a domain must be Kubernetes' own.
_ANY_FINALIZER = frozenset(
    (
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "policy",
    )
)
_STANDARD_FINALIZERS = ("foregroundDeletion", "kubernetes", "orphan")


def names(obj: Object) -> Iterator[FieldProblem]:
    metadata = obj.get("metadata") or {}
    advice = _NAMES.get(obj["kind"], subdomain_advice)
    name, prefix = metadata.get("name", ""), metadata.get("generateName", "")
    if prefix and (problem := prefix_of(advice)(prefix)):
        yield invalid("metadata.generateName", prefix, problem)
    if not name and prefix:
        name = f"{prefix[:_MAX_PREFIX]}{_SUFFIX}"
    if not name and obj["kind"].endswith("Review"):
        return  # a question that is answered at once
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif problem := advice(name):
        yield invalid("metadata.name", name, problem)


def namespaces(obj: Object) -> Iterator[FieldProblem]:
    namespace = (obj.get("metadata") or {}).get("namespace", "")
    kind = minikctl_schemas.kinds().get((obj["apiVersion"], obj["kind"]))
    if namespace and kind is not None and kind.namespaced and (problem := label_advice(namespace)):
        yield invalid("metadata.namespace", namespace, problem)


def label_syntax(obj: Object) -> Iterator[FieldProblem]:
    yield from check_labels((obj.get("metadata") or {}).get("labels") or {}, "metadata.labels")


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
        size += len(key.encode(errors="surrogatepass")) + len(value.encode(errors="surrogatepass"))
    if size > _MAX_ANNOTATIONS:
        yield too_long(path, _MAX_ANNOTATIONS)


def pod_security_labels(obj: Object) -> Iterator[FieldProblem]:
    """Pod Security judges a Namespace last, and only one that nobody else finds anything wrong with."""
    if any(names(obj)) or any(label_syntax(obj)):
        return
    from minikctl.model.pod_security import LEVELS

    found = (obj.get("metadata") or {}).get("labels") or {}
    for mode in _POD_SECURITY_MODES:
        key, version = f"{_POD_SECURITY}{mode}", f"{_POD_SECURITY}{mode}-version"
        if found.get(key, "privileged") not in LEVELS:
            yield invalid(f"metadata.labels[{key}]", found[key], f"must be one of {', '.join(LEVELS)}")
        if not _POD_SECURITY_VERSION.match(found.get(version, "latest")):
            yield invalid(f"metadata.labels[{version}]", found[version], 'must be "latest" or "v1.x"')


# --- owners and finalizers -------------------------------------------------------------------------


def owners(obj: Object) -> Iterator[FieldProblem]:
    found = (obj.get("metadata") or {}).get("ownerReferences") or []
    first = ""
    for index, owner in enumerate(found):
        yield from _owner(owner, f"metadata.ownerReferences[{index}]")
        name = f"{owner.get('kind', '')}/{owner.get('name', '')}"
        if owner.get("controller") and first:
            detail = (
                'Only one reference can have Controller set to true. Found "true" in references for '
                f"{first} and {name}"
            )
            yield invalid("metadata.ownerReferences", found, detail)
        elif owner.get("controller"):
            first = name


def _owner(owner: dict[str, Any], path: str) -> Iterator[FieldProblem]:
    version = owner.get("apiVersion", "")
    for field in ("apiVersion", "kind", "name", "uid"):
        if not owner.get(field):
            yield required(f"{path}.{field}", "must not be empty")
    if version and (version.count("/") > 1 or version.endswith("/")):
        yield invalid(f"{path}.apiVersion", version, "must be <group>/<version> or <version>")
    if (version, owner.get("kind")) == ("v1", "Event"):
        yield invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner")


def finalizers(obj: Object) -> Iterator[FieldProblem]:
    found = (obj.get("metadata") or {}).get("finalizers") or []
    strict = obj["apiVersion"].rpartition("/")[0] not in _ANY_FINALIZER
    for index, name in enumerate(found):
        if problem := qualified_name_advice(name):
            # The server leaves the index out here.
            yield invalid("metadata.finalizers", name, problem)
        if strict and "/" not in name and name not in _STANDARD_FINALIZERS:
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid(f"metadata.finalizers[{index}]", name, detail)
    if "orphan" in found and "foregroundDeletion" in found:
        detail = "finalizer orphan and foregroundDeletion cannot be both set"
        yield invalid("metadata.finalizers", found, detail)


# --- changes --------------------------------------------------------------------------------------


def immutable(old: Object, new: Object) -> Iterator[FieldProblem]:
    before, after = old.get("metadata") or {}, new.get("metadata") or {}
    # What a manifest leaves out (uid, creationTimestamp) is filled in from the stored object.
    for name in ("name", "namespace", "uid", "creationTimestamp"):
        if before.get(name) and after.get(name) and before[name] != after[name]:
            yield invalid(f"metadata.{name}", after[name], "field is immutable")
    added = sorted(set(after.get("finalizers") or ()) - set(before.get("finalizers") or ()))
    if before.get("deletionTimestamp") and added:
        detail = "no new finalizers can be added if the object is being deleted, found new finalizers "
        yield forbidden("metadata.finalizers", detail + ", ".join(added))


RULES = (
    Rule("metadata-name", "the name is there and valid for its kind", names),
    Rule("metadata-namespace", "the namespace is a DNS label", namespaces),
    Rule("metadata-labels", "labels are well formed", label_syntax),
    Rule(
        "metadata-annotations", "annotations are well formed and at most 256 KiB together", annotation_syntax
    ),
    Rule("metadata-owners", "owners are named in full, and one of them controls at most", owners),
    Rule("metadata-finalizers", "finalizers have a domain or are Kubernetes' own", finalizers),
    Rule(
        "namespace-pod-security",
        "the levels of Pod Security are known ones",
        pod_security_labels,
        frozenset({"Namespace"}),
    ),
    UpdateRule("metadata-immutable", "name, namespace, uid and creation time stay", immutable),
)
