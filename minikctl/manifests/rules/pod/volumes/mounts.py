"""How containers use volumes: as files under a path, or as a device."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.pod.volumes.files import check_local_path
from minikctl.manifests.rules.pod.volumes.names import mountable
from minikctl.manifests.rules.pod.walk import Fields, each_container
from minikctl.manifests.rules.problems import (
    check_filled,
    duplicate,
    forbidden,
    invalid,
    not_found,
    repeated_at,
    required,
    unsupported,
)
from minikctl.manifests.rules.rule import PodRule

_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")
_BIND_OPTIONS = ("nodev", "noexec", "nosuid")
_DEVICE_SOURCES = ("persistentVolumeClaim", "ephemeral")


def mounts(spec: Fields, path: str) -> Iterator[FieldProblem]:
    volumes = mountable(spec)
    for place, container in each_container(spec, path):
        yield from _mounts(container, volumes, f"{place}.volumeMounts")
        yield from _devices(container, volumes, f"{place}.volumeDevices")


def _mounts(container: Fields, volumes: dict[str, Fields], path: str) -> Iterator[FieldProblem]:
    devices = {one.get("name", ""): one.get("devicePath", "") for one in container.get("volumeDevices") or ()}
    device_paths = set(devices.values())
    taken: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        place, name, where = f"{path}[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        yield from check_filled(f"{place}.name", name)
        if name not in volumes:
            yield not_found(f"{place}.name", name)
        yield from check_filled(f"{place}.mountPath", where)
        if where in taken:
            yield invalid(f"{place}.mountPath", where, "must be unique")
        taken.add(where)
        if name in devices:
            yield invalid(f"{place}.name", name, "must not already exist in volumeDevices")
        if where in device_paths:
            yield invalid(f"{place}.mountPath", where, "must not already exist as a path in volumeDevices")
        yield from _mount(mount, container, place, path)
        yield from _bind_options(mount, volumes.get(name) or {}, f"{place}.bindMountOptions")


def _mount(mount: Fields, container: Fields, path: str, parent: str) -> Iterator[FieldProblem]:
    """The server leaves the index out of most of these paths: they hang on `parent`."""
    sub_path, expression = mount.get("subPath", ""), mount.get("subPathExpr", "")
    yield from check_local_path(sub_path, f"{parent}.subPath")
    if sub_path and expression:
        detail = "subPathExpr and subPath are mutually exclusive"
        yield invalid(f"{path}.subPathExpr", expression, detail)
    yield from check_local_path(expression, f"{parent}.subPathExpr")
    propagation = mount.get("mountPropagation")
    if propagation is not None and propagation not in _PROPAGATIONS:
        yield unsupported(f"{parent}.mountPropagation", propagation, _PROPAGATIONS)
    if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        detail = "Bidirectional mount propagation is available only to privileged containers"
        yield forbidden(f"{parent}.mountPropagation", detail)
    yield from _recursive(mount, propagation, f"{parent}.recursiveReadOnly")


def _recursive(mount: Fields, propagation: str | None, path: str) -> Iterator[FieldProblem]:
    recursive = mount.get("recursiveReadOnly")
    if recursive is None or recursive == "Disabled":
        return
    if recursive not in _RECURSIVE:
        yield unsupported(path, recursive, _RECURSIVE)
        return
    if not mount.get("readOnly"):
        yield forbidden(path, "may only be specified when readOnly is true")
    if propagation not in (None, "None"):
        yield forbidden(path, "may only be specified when mountPropagation is None or not specified")


def _bind_options(mount: Fields, volume: Fields, path: str) -> Iterator[FieldProblem]:
    options: list[str] = mount.get("bindMountOptions") or []
    again = repeated_at(options)
    for index, option in enumerate(options):
        if option not in _BIND_OPTIONS:
            yield unsupported(f"{path}[{index}]", option, _BIND_OPTIONS)
        if index in again:
            yield duplicate(f"{path}[{index}]", option)
    if options and volume.get("image") is not None:
        yield invalid(path, options, "bindMountOptions may not be used with image volumes")


def _devices(container: Fields, volumes: dict[str, Fields], path: str) -> Iterator[FieldProblem]:
    mounted = {one.get("name", ""): one.get("mountPath", "") for one in container.get("volumeMounts") or ()}
    mount_paths = set(mounted.values())
    names: set[str] = set()
    taken: set[str] = set()
    for index, device in enumerate(container.get("volumeDevices") or ()):
        place, name, where = f"{path}[{index}]", device.get("name", ""), device.get("devicePath", "")
        yield from _device_name(name, volumes.get(name), f"{place}.name", names)
        yield from _device_path(where, f"{place}.devicePath", taken)
        if name in mounted:
            yield invalid(f"{place}.name", name, "must not already exist in volumeMounts")
        if where in mount_paths:
            yield invalid(f"{place}.devicePath", where, "must not already exist as a path in volumeMounts")


def _device_name(name: str, volume: Fields | None, path: str, names: set[str]) -> Iterator[FieldProblem]:
    if not name:
        yield required(path)
    if name in names:
        yield invalid(path, name, "must be unique")
    if volume is None:
        yield not_found(path, name)
    elif not any(volume.get(source) is not None for source in _DEVICE_SOURCES):
        detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
        yield invalid(path, name, detail)
    if name:
        names.add(name)


def _device_path(where: str, path: str, taken: set[str]) -> Iterator[FieldProblem]:
    yield from check_filled(path, where)
    if where in taken:
        yield invalid(path, where, "must be unique")
    if ".." in where.split("/"):
        yield invalid(path, where, "can not contain backsteps ('..')")
    else:
        taken.add(where)


RULES = (PodRule("pod-mounts", "mounts and devices name a volume of the pod, each path once", mounts),)
