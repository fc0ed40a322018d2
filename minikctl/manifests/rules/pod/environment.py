"""Environment variables and where their values come from; the downward API's references."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.pod.walk import Fields, each_container, visit_containers
from minikctl.manifests.rules.problems import (
    check_filled,
    check_syntax,
    config_key_advice,
    environment_advice,
    invalid,
    label_advice,
    not_found,
    prefix_of,
    qualified_name_advice,
    required,
    subdomain_advice,
    unsupported,
)
from minikctl.manifests.rules.rule import PodRule
from minikctl.model.quantity import canonical_quantity

_ENVIRONMENT_FIELDS = frozenset(
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
VOLUME_FIELDS = frozenset(
    ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
)
# What the server can convert at all; `spec.host` is the old name of `spec.nodeName`.
_CONVERTIBLE = (
    _ENVIRONMENT_FIELDS | VOLUME_FIELDS | {"spec.restartPolicy", "spec.schedulerName", "status.phase"}
)
_RESOURCES = frozenset(
    f"{side}.{name}" for side in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage")
)
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
_CPU_DIVISORS = ("1m", "1")
_BYTE_DIVISORS = (
    "1",
    *(f"1{prefix}{binary}" for binary in ("", "i") for prefix in "kMGTPE" if prefix + binary != "ki"),
    "1Ki",
)
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")


def environment(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for place, container in each_container(spec, path):
        for index, variable in enumerate(container.get("env") or ()):
            yield from _variable(variable, f"{place}.env[{index}]")
        for index, source in enumerate(container.get("envFrom") or ()):
            yield from _whole_source(source, f"{place}.envFrom[{index}]", f"{place}.envFrom")
    yield from _files(spec, path)


def _variable(variable: Fields, path: str) -> Iterator[FieldProblem]:
    name, source = variable.get("name", ""), variable.get("valueFrom")
    if name:
        yield from check_syntax(f"{path}.name", name, environment_advice)
    else:
        yield required(f"{path}.name")
    if source is not None:
        yield from _variable_source(source, f"{path}.valueFrom")
        yield from _one_source(variable, source, f"{path}.valueFrom")


def _one_source(variable: Fields, source: Fields, path: str) -> Iterator[FieldProblem]:
    if not source:
        *others, last = (f"`{name}`" for name in _SOURCES)
        yield invalid(path, "", f"must specify one of: {', '.join(others)} or {last}")
    elif variable.get("value"):
        yield invalid(path, "", "may not be specified when `value` is not empty")
    elif len(source) > 1:
        yield invalid(path, "", "may not have more than one field specified at a time")


def _variable_source(source: Fields, path: str) -> Iterator[FieldProblem]:
    if (field := source.get("fieldRef")) is not None:
        yield from check_field(field, f"{path}.fieldRef", _ENVIRONMENT_FIELDS)
    if (resource := source.get("resourceFieldRef")) is not None:
        yield from check_resource(resource, f"{path}.resourceFieldRef")
    for kind in ("configMapKeyRef", "secretKeyRef"):
        if (reference := source.get(kind)) is not None:
            yield from _key(reference, f"{path}.{kind}")
    if (file := source.get("fileKeyRef")) is not None:
        yield from _file(file, f"{path}.fileKeyRef")


def check_field(field: Fields, path: str, allowed: Collection[str]) -> Iterator[FieldProblem]:
    """A `fieldRef`, in a variable or in a downward API volume."""
    version, field_path = field.get("apiVersion", ""), field.get("fieldPath", "")
    if not version or not field_path:
        yield required(f"{path}.fieldPath" if version else f"{path}.apiVersion")
        return
    name, key = _split(field_path)
    if problem := _not_convertible(version, name, field_path, has_key=key is not None):
        yield invalid(f"{path}.fieldPath", field_path, f"error converting fieldPath: {problem}")
    elif key is not None:
        key = key.lower() if name == "metadata.annotations" else key
        yield from check_syntax(path, key, qualified_name_advice)
    elif name not in allowed:
        yield unsupported(f"{path}.fieldPath", name, allowed)


def _split(field_path: str) -> tuple[str, str | None]:
    """`metadata.labels['app']` → (`metadata.labels`, `app`); no key where there is no subscript."""
    name, bracket, rest = field_path.partition("['")
    if name and bracket and rest.endswith("']"):
        return name, rest.removesuffix("']")
    return "spec.nodeName" if field_path == "spec.host" else field_path, None


def _not_convertible(version: str, name: str, field_path: str, *, has_key: bool) -> str | None:
    if version != "v1":
        return f"unsupported pod version: {version}"
    if has_key and name not in ("metadata.annotations", "metadata.labels"):
        return f"field label does not support subscript: {field_path}"
    return None if has_key or name in _CONVERTIBLE else f"field label not supported: {field_path}"


def check_resource(reference: Fields, path: str, *, needs_container: bool = False) -> Iterator[FieldProblem]:
    """A `resourceFieldRef`; in a volume it `needs_container`."""
    resource = reference.get("resource", "")
    if needs_container and not reference.get("containerName"):
        yield required(f"{path}.containerName")
    elif not resource:
        yield required(f"{path}.resource")
    elif resource not in _RESOURCES and not resource.startswith(_HUGE_PAGES):
        yield unsupported(f"{path}.resource", resource, _RESOURCES)
    yield from _divisor(reference, resource, f"{path}.divisor")


def _divisor(reference: Fields, resource: str, path: str) -> Iterator[FieldProblem]:
    divisor = canonical_quantity(reference.get("divisor", "0"))
    kind = resource.partition(".")[2]
    if divisor == "0" or (resource not in _RESOURCES and not resource.startswith(_HUGE_PAGES)):
        return
    allowed = _CPU_DIVISORS if kind == "cpu" else _BYTE_DIVISORS
    if divisor not in allowed:
        words = "1m and 1" if kind == "cpu" else ", ".join(allowed)
        name = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "local ephemeral storage"}.get(kind)
        yield invalid(
            path,
            resource,
            f"only divisor's values {words} are supported with the {name or 'hugepages'} resource",
        )


def _key(reference: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_syntax(f"{path}.name", reference.get("name", ""), subdomain_advice)
    if key := reference.get("key", ""):
        yield from check_syntax(f"{path}.key", key, config_key_advice)
    else:
        yield required(f"{path}.key")


def _file(reference: Fields, path: str) -> Iterator[FieldProblem]:
    for field, advice in (("key", environment_advice), ("volumeName", label_advice)):
        if value := reference.get(field, ""):
            yield from check_syntax(f"{path}.{field}", value, advice)
        else:
            yield required(f"{path}.{field}")
    file_path = reference.get("path", "")
    yield from check_filled(f"{path}.path", file_path)
    if ".." in file_path.split("/"):
        yield invalid(f"{path}.path", file_path, "must not contain '..'")


def _whole_source(source: Fields, path: str, parent: str) -> Iterator[FieldProblem]:
    if prefix := source.get("prefix"):
        yield from check_syntax(f"{path}.prefix", prefix, environment_advice)
    kinds = [kind for kind in ("configMapRef", "secretRef") if source.get(kind) is not None]
    for kind in kinds:
        if name := source[kind].get("name", ""):
            # The server allows a dash at the end, as if something were to follow.
            yield from check_syntax(f"{path}.{kind}.name", name, prefix_of(subdomain_advice))
        else:
            yield required(f"{path}.{kind}.name")
    # The server leaves the index out here.
    if not kinds:
        yield invalid(parent, "", "must specify one of: `configMapRef` or `secretRef`")
    elif len(kinds) > 1:
        yield invalid(parent, "", "may not have more than one field specified at a time")


def _files(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """A variable out of a file needs a volume that the pod's containers share."""
    volumes = {volume.get("name", ""): volume for volume in spec.get("volumes") or ()}
    for place, container in visit_containers(spec, path):
        for index, variable in enumerate(container.get("env") or ()):
            reference = (variable.get("valueFrom") or {}).get("fileKeyRef")
            if reference is None:
                continue
            where, name = (
                f"{place}.env[{index}].valueFrom.fileKeyRef.volumeName",
                reference.get("volumeName", ""),
            )
            if name not in volumes:
                yield not_found(where, name)
            elif volumes[name].get("emptyDir") is None:
                yield invalid(where, name, "referenced volume must be of type emptyDir")


RULES = (PodRule("container-environment", "variables have valid names and one source each", environment),)
