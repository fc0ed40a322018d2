"""The containers of a pod, in the API server's order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Fields = dict[str, Any]

CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
# Where the server visits all containers for one question, it begins with those that start first.
_VISITED = ("initContainers", "containers", "ephemeralContainers")


def each_container(spec: Fields, path: str) -> Iterator[tuple[str, Fields]]:
    """(path, container) for every container, as the server validates them one by one."""
    yield from _each(spec, path, CONTAINERS)


def visit_containers(spec: Fields, path: str) -> Iterator[tuple[str, Fields]]:
    """(path, container) for every container, in the order in which they start."""
    yield from _each(spec, path, _VISITED)


def _each(spec: Fields, path: str, lists: tuple[str, ...]) -> Iterator[tuple[str, Fields]]:
    for field in lists:
        for index, container in enumerate(spec.get(field) or ()):
            yield f"{path}.{field}[{index}]", container


def is_sidecar(container: Fields) -> bool:
    """Whether an init container keeps running beside the others."""
    return bool(container.get("restartPolicy") == "Always")
