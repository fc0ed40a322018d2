"""Volumes of small files: ConfigMaps, Secrets and the downward API; and the paths in them."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.pod.environment import VOLUME_FIELDS, check_field, check_resource
from minikctl.manifests.rules.pod.walk import Fields
from minikctl.manifests.rules.problems import (
    MAX_INT32,
    check_filled,
    check_range,
    invalid,
    required,
)
from minikctl.manifests.rules.volume_sources import check_no_backsteps

_MAX_MODE = 0o777


def config_map(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_filled(f"{path}.name", source.get("name"))
    yield from check_mode(source, "default", path)
    yield from check_items(source, path)


def secret(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_filled(f"{path}.secretName", source.get("secretName"))
    yield from check_mode(source, "default", path)
    yield from check_items(source, path)


def downward_api(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_mode(source, "default", path)
    for item in source.get("items") or ():
        yield from check_downward_item(item, path)


def check_items(source: Fields, path: str) -> Iterator[FieldProblem]:
    for index, item in enumerate(source.get("items") or ()):
        place = f"{path}.items[{index}]"
        yield from check_filled(f"{place}.key", item.get("key"))
        yield from check_filled(f"{place}.path", item.get("path"))
        yield from check_inner_path(item.get("path", ""), f"{place}.path")
        yield from check_mode(item, "", place)


def check_downward_item(item: Fields, path: str) -> Iterator[FieldProblem]:
    """The server's paths have no index here: `path` is that of the whole source."""
    yield from check_filled(f"{path}.path", item.get("path"))
    yield from check_inner_path(item.get("path", ""), f"{path}.path")
    field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
    if field is not None:
        yield from check_field(field, f"{path}.fieldRef", VOLUME_FIELDS)
        if resource is not None:
            detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
            yield invalid(path, "resource", detail)
    elif resource is not None:
        yield from check_resource(resource, f"{path}.resourceFieldRef", needs_container=True)
    else:
        yield required(path, "one of fieldRef and resourceFieldRef is required")
    yield from check_mode(item, "", path)


def check_mode(owner: Fields, prefix: str, path: str) -> Iterator[FieldProblem]:
    """`mode` and `user`, or with the prefix `default` those that hold for all files."""
    mode, user = (f"{prefix}{name.capitalize() if prefix else name}" for name in ("mode", "user"))
    if mode in owner and not 0 <= owner[mode] <= _MAX_MODE:
        detail = "must be a number between 0 and 0777 (octal), both inclusive"
        yield invalid(f"{path}.{mode}", owner[mode], detail)
    if user in owner:
        yield from check_range(f"{path}.{user}", owner[user], 0, MAX_INT32)


def check_local_path(value: str, path: str) -> Iterator[FieldProblem]:
    """Relative, and not out of the volume."""
    if value.startswith("/"):
        yield invalid(path, value, "must be a relative path")
    yield from check_no_backsteps(value, path)


def check_inner_path(value: str, path: str) -> Iterator[FieldProblem]:
    """A path that the kubelet writes: beginning with two dots are those that it needs itself."""
    yield from check_local_path(value, path)
    if value.startswith("..") and not value.startswith("../"):
        yield invalid(path, value, "must not start with '..'")
