"""Volumes and their mounts: names, duplicates, and mounts of what is not there."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.pod.containers import Fields, each_container
from minikctl.manifests.rules.problems import (
    duplicate,
    forbidden,
    invalid,
    label_advice,
    not_found,
    required,
    unsupported,
)
from minikctl.manifests.rules.rule import PodRule

_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)


def volumes(spec: Fields, path: str) -> Iterator[FieldProblem]:
    names: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        problems = list(_volume(volume, f"{path}.volumes[{index}]", names))
        yield from problems
        # As in the server, a volume that is wrong in any way can't be mounted.
        if not problems:
            names.add(volume.get("name", ""))
    for place, container in each_container(spec, path):
        mounted: set[str] = set()
        for index, mount in enumerate(container.get("volumeMounts") or ()):
            yield from _mount(mount, f"{place}.volumeMounts[{index}]", names, mounted)


def _volume(volume: Fields, path: str, names: set[str]) -> Iterator[FieldProblem]:
    name = volume.get("name", "")
    if not name:
        yield required(f"{path}.name")
    elif problem := label_advice(name):
        yield invalid(f"{path}.name", name, problem)
    elif name in names:
        yield duplicate(f"{path}.name", name)
    sources = [source for source in volume if source != "name"]
    if not sources:
        yield required(path, "must specify a volume type")
    for source in sources[1:]:
        yield forbidden(f"{path}.{source}", "may not specify more than 1 volume type")
    for source in sources:
        yield from _source(volume[source] or {}, source, f"{path}.{source}")


_NEEDED = {
    "configMap": "name",
    "hostPath": "path",
    "persistentVolumeClaim": "claimName",
    "secret": "secretName",
}


def _source(source: Fields, kind: str, path: str) -> Iterator[FieldProblem]:
    needed = _NEEDED.get(kind)
    if needed and not source.get(needed):
        yield required(f"{path}.{needed}")
    if kind == "hostPath" and source.get("type", "") not in _HOST_PATH_TYPES:
        yield unsupported(f"{path}.type", source["type"], _HOST_PATH_TYPES)
    if kind in ("configMap", "secret"):
        yield from _items(source, path)
    if kind == "downwardAPI":
        yield from _downward_items(source, path)
    for index, projected in enumerate(source.get("sources") or () if kind == "projected" else ()):
        for name, inner in projected.items():
            place = f"{path}.sources[{index}].{name}"
            if name in ("configMap", "secret"):
                yield from _items(inner, place)
            if name == "downwardAPI":
                yield from _downward_items(inner, place)


def _items(source: Fields, path: str) -> Iterator[FieldProblem]:
    for index, item in enumerate(source.get("items") or ()):
        place = f"{path}.items[{index}]"
        if not item.get("key"):
            yield required(f"{place}.key")
        yield from _relative(item.get("path", ""), f"{place}.path")


def _downward_items(source: Fields, path: str) -> Iterator[FieldProblem]:
    for item in source.get("items") or ():
        # The server leaves the index out here.
        yield from _relative(item.get("path", ""), f"{path}.path")


def _relative(value: str, path: str) -> Iterator[FieldProblem]:
    if not value:
        yield required(path)
    elif value.startswith("/"):
        yield invalid(path, value, "must be a relative path")
    elif ".." in value.split("/"):
        yield invalid(path, value, "must not contain '..'")
    elif value.startswith(".."):
        yield invalid(path, value, "must not start with '..'")


def _mount(mount: Fields, path: str, names: set[str], mounted: set[str]) -> Iterator[FieldProblem]:
    name, where = mount.get("name", ""), mount.get("mountPath", "")
    if not name:
        yield required(f"{path}.name")
    if name not in names:
        yield not_found(f"{path}.name", name)
    if not where:
        yield required(f"{path}.mountPath")
    elif where in mounted:
        yield invalid(f"{path}.mountPath", where, "must be unique")
    mounted.add(where)
    if sub_path := mount.get("subPath"):
        if sub_path.startswith("/"):
            yield invalid(f"{path}.subPath", sub_path, "must be a relative path")
        if ".." in sub_path.split("/"):
            yield invalid(f"{path}.subPath", sub_path, "must not contain '..'")


RULES = (PodRule("pod-volumes", "volumes have one source each and mounts name a volume", volumes),)
