"""Containers of a pod: names, images, environment and what they may be told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import (
    duplicate,
    forbidden,
    invalid,
    label_advice,
    required,
    subdomain_advice,
    unsupported,
)
from minikctl.manifests.rules.rule import PodRule

Fields = dict[str, Any]

_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("FallbackToLogsOnError", "File")
_PROC_MOUNTS = ("Default", "Unmasked")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}\Z", re.ASCII)
_CONFIG_KEY_ADVICE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_ENV_ADVICE = (
    "a valid environment variable name must consist only of printable ASCII characters other than '='"
)
_FIELD_PATHS = frozenset(
    (
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    )
)
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']*)'\]\Z")
_RESOURCE = re.compile(r"(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)\Z")
_MAX_ID = 2**31 - 1


def containers(spec: Fields, path: str) -> Iterator[FieldProblem]:
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    seen: set[str] = set()
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            yield from _identity(container, f"{path}.{field}[{index}]", seen)


def _identity(container: Fields, path: str, seen: set[str]) -> Iterator[FieldProblem]:
    name, image = container.get("name", ""), container.get("image", "")
    if not name:
        yield required(f"{path}.name")
    elif problem := label_advice(name):
        yield invalid(f"{path}.name", name, problem)
    elif name in seen:
        yield duplicate(f"{path}.name", name)
    seen.add(name)
    if not image:
        yield required(f"{path}.image")
    # The server says this of a Pod only, not of a template: the pods would then never come to be.
    elif image != image.strip() and not path.startswith("spec.template"):
        yield invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    policy = container.get("imagePullPolicy", "")
    if policy not in _PULL_POLICIES:
        yield unsupported(f"{path}.imagePullPolicy", policy, _PULL_POLICIES)
    policy = container.get("terminationMessagePolicy", "")
    if policy not in _MESSAGE_POLICIES:
        yield unsupported(f"{path}.terminationMessagePolicy", policy, _MESSAGE_POLICIES)


def environment(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for place, container in each_container(spec, path):
        for index, variable in enumerate(container.get("env") or ()):
            yield from _variable(variable, f"{place}.env[{index}]")
        for index, source in enumerate(container.get("envFrom") or ()):
            yield from _environment_source(source, f"{place}.envFrom[{index}]")


def _variable(variable: Fields, path: str) -> Iterator[FieldProblem]:
    name = variable.get("name", "")
    if not name:
        yield required(f"{path}.name")
    elif not (name.isascii() and name.isprintable() and "=" not in name):
        yield invalid(f"{path}.name", name, _ENV_ADVICE)
    source = variable.get("valueFrom")
    if source is None:
        return
    if len(source) == 0:
        yield invalid(
            f"{path}.valueFrom",
            "",
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or "
            "`fileKeyRef`",
        )
    elif variable.get("value"):
        yield invalid(f"{path}.valueFrom", "", "may not be specified when `value` is not empty")
    elif len(source) > 1:
        yield invalid(f"{path}.valueFrom", "", "may not have more than one field specified at a time")
    yield from _variable_source(source, f"{path}.valueFrom")


def _variable_source(source: Fields, path: str) -> Iterator[FieldProblem]:
    if (field := source.get("fieldRef")) is not None:
        yield from _field_reference(field, f"{path}.fieldRef")
    if (resource := source.get("resourceFieldRef")) is not None:
        yield from _resource_reference(resource, f"{path}.resourceFieldRef")
    for kind in ("configMapKeyRef", "secretKeyRef"):
        if (reference := source.get(kind)) is not None:
            yield from _key_reference(reference, f"{path}.{kind}")


def _field_reference(field: Fields, path: str) -> Iterator[FieldProblem]:
    field_path = field.get("fieldPath", "")
    if not field_path:
        yield required(f"{path}.fieldPath")
    elif field.get("apiVersion") not in (None, "v1"):
        yield invalid(f"{path}.fieldPath", field_path, "error converting fieldPath: unsupported pod version")
    elif not _SUBSCRIPT.match(field_path) and field_path not in _FIELD_PATHS:
        if field_path.startswith(("metadata.", "spec.", "status.")):
            yield unsupported(f"{path}.fieldPath", field_path, _FIELD_PATHS)
        else:
            yield invalid(
                f"{path}.fieldPath", field_path, "error converting fieldPath: field label not supported"
            )


def _resource_reference(reference: Fields, path: str) -> Iterator[FieldProblem]:
    resource = reference.get("resource", "")
    if not resource:
        yield required(f"{path}.resource")
    elif not _RESOURCE.match(resource):
        yield unsupported(f"{path}.resource", resource, ("limits.cpu", "limits.memory", "requests.cpu"))


def _key_reference(reference: Fields, path: str) -> Iterator[FieldProblem]:
    name, key = reference.get("name", ""), reference.get("key", "")
    if problem := subdomain_advice(name):
        yield invalid(f"{path}.name", name, problem)
    if not key:
        yield required(f"{path}.key")
    elif not _CONFIG_KEY.match(key) or key in (".", ".."):
        yield invalid(f"{path}.key", key, _CONFIG_KEY_ADVICE)


def _environment_source(source: Fields, path: str) -> Iterator[FieldProblem]:
    kinds = [kind for kind in ("configMapRef", "secretRef") if source.get(kind) is not None]
    if not kinds:
        yield invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
    elif len(kinds) > 1:
        yield invalid(path, "", "may not have more than one field specified at a time")
    for kind in kinds:
        name = source[kind].get("name", "")
        if not name:
            yield required(f"{path}.{kind}.name")
        elif problem := subdomain_advice(name):
            yield invalid(f"{path}.{kind}.name", name, problem)


def security(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for place, container in each_container(spec, path):
        context = container.get("securityContext") or {}
        yield from check_ids(context, f"{place}.securityContext")
        if context.get("allowPrivilegeEscalation") is False and context.get("privileged"):
            yield invalid(
                f"{place}.securityContext",
                context,
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
            )
        mount = context.get("procMount", "Default")
        if mount not in _PROC_MOUNTS:
            yield unsupported(f"{place}.securityContext.procMount", mount, _PROC_MOUNTS)


def check_ids(context: Fields, path: str) -> Iterator[FieldProblem]:
    """The user and group numbers of a security context, and its seccomp profile."""
    for name in ("runAsUser", "runAsGroup", "fsGroup"):
        value = context.get(name)
        if value is not None and not 0 <= value <= _MAX_ID:
            yield invalid(f"{path}.{name}", value, f"must be between 0 and {_MAX_ID}, inclusive")
    for index, value in enumerate(context.get("supplementalGroups") or ()):
        if not 0 <= value <= _MAX_ID:
            yield invalid(
                f"{path}.supplementalGroups[{index}]", value, f"must be between 0 and {_MAX_ID}, inclusive"
            )
    if (profile := context.get("seccompProfile")) is not None:
        yield from _seccomp(profile, f"{path}.seccompProfile")


_SECCOMP_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")


def _seccomp(profile: Fields, path: str) -> Iterator[FieldProblem]:
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    if not kind:
        yield required(f"{path}.type", "type is required when seccompProfile is set")
    elif kind not in _SECCOMP_TYPES:
        yield unsupported(f"{path}.type", kind, _SECCOMP_TYPES)
    if kind == "Localhost" and not local:
        yield required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost")
    elif kind != "Localhost" and local is not None:
        yield invalid(f"{path}.localhostProfile", local, "can only be set when seccomp type is Localhost")


def restart_policies(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """Only an init container may have a restart policy of its own: `Always` makes it a sidecar."""
    for index, container in enumerate(spec.get("initContainers") or ()):
        policy = container.get("restartPolicy", "Always")
        if policy not in ("Always", "OnFailure", "Never"):
            yield unsupported(f"{path}.initContainers[{index}].restartPolicy", policy, ("Always",))
        if "restartPolicy" not in container:
            for name in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
                if name in container:
                    yield forbidden(
                        f"{path}.initContainers[{index}].{name}",
                        "may not be set for init containers without restartPolicy=Always",
                    )


def each_container(spec: Fields, path: str) -> Iterator[tuple[str, Fields]]:
    """(path, container) for the containers and init containers."""
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            yield f"{path}.{field}[{index}]", container


RULES = (
    PodRule(
        "container-identity", "containers have names of their own, images and known policies", containers
    ),
    PodRule("container-environment", "variables have valid names and one source each", environment),
    PodRule("container-security", "a container's security context does not contradict itself", security),
    PodRule(
        "container-restart-policy", "only init containers may restart on their own terms", restart_policies
    ),
)
