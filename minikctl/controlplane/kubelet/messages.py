"""Termination messages: what a container said of its own end, in a file or as its last lines.

Rules:
- The message is read when the container has ended, once by each agent; the status follows a moment later.
- What the status says already of the same container stays, until something else is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from minikctl.controlplane.kubelet.actions import ReadMessage
from minikctl.controlplane.kubelet.instances import Instance, Instances
from minikctl.model import Object, spec_of

DEFAULT_PATH = "/dev/termination-log"
LAST_LINES, LAST_BYTES = 80, 2048
"""Of the log, where it has to do."""
MOST_BYTES = 4096
_STATES = ("state", "lastState")


def message_path(container: dict[str, Any]) -> str:
    path: str = container.get("terminationMessagePath") or DEFAULT_PATH
    return path


def unread(pod: Object, instances: Instances, messages: Mapping[str, str]) -> Iterator[ReadMessage]:
    spec = spec_of(pod)
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        name = container["name"]
        for one in (instances.latest(name), instances.previous(name)):
            if one is not None and one.has_ended and one.id not in messages:
                yield _reading(container, one)


def _reading(container: dict[str, Any], one: Instance) -> ReadMessage:
    falls_back = container.get("terminationMessagePolicy") == "FallbackToLogsOnError"
    path, failed = message_path(container), bool(one.container.exit_code)
    return ReadMessage(container["name"], one.id, one.identity.attempt, path, falls_back and failed)


def with_message(
    status: dict[str, Any], known: dict[str, Any], messages: Mapping[str, str]
) -> dict[str, Any]:
    """A container's status with what its ended attempts said. `known` is the status as written last."""
    before = dict(_told(known))
    changed = {}
    for name in _STATES:
        ended = (status.get(name) or {}).get("terminated")
        if ended:
            identifier = ended.get("containerID", "").partition("://")[2]
            text = messages.get(identifier) or (before.get(identifier) if identifier not in messages else "")
            if text and text != ended.get("message"):
                changed[name] = {"terminated": {**ended, "message": text}}
    return {**status, **changed} if changed else status


def _told(known: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _STATES:
        ended = (known.get(name) or {}).get("terminated") or {}
        if ended.get("message"):
            yield ended.get("containerID", "").partition("://")[2], ended["message"]


def with_messages(status: dict[str, Any], messages: Mapping[str, str]) -> dict[str, Any]:
    """The whole pod's status, of a pod that is finished: nothing else of it changes any more."""
    groups = ("initContainerStatuses", "containerStatuses")
    changed = {
        group: [with_message(one, one, messages) for one in status[group]]
        for group in groups
        if status.get(group)
    }
    return {**status, **changed}
