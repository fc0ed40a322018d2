"""Which container of which pod: for logs, exec, attach, cp and port-forward, with kubectl's words.

A workload or a Service stands for one of its pods: one that runs and is ready before others, then the one
that started first. Of a pod's containers the one that an annotation names, else the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from minikctl.cli.errors import Failed, complain
from minikctl.cli.resources import Query, Target, find, parse_targets
from minikctl.cli.session import Session
from minikctl.errors import UsageError
from minikctl.model import Object, annotations_of, key_of, labels_of, name_of, selectors, spec_of, status_of
from minikctl.model.kinds import KINDS
from minikctl.model.pods import is_finished, is_ready, phase

if TYPE_CHECKING:
    from minikctl.backend import Backend

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_GROUPS = (("containers", ""), ("initContainers", " (init)"))
_STATUSES = ("containerStatuses", "initContainerStatuses")
_LOOK_SECONDS = 0.2


class Place(Struct, frozen=True):
    """A container that an engine has."""

    pod: Object
    container: str
    identifier: str
    backend: Backend


# --- pods ------------------------------------------------------------------------------------------


def named_object(session: Session, word: str | Target) -> Object:
    """The object of `POD` or `TYPE/NAME`, or what a file names.

    :raises NotFound: there is none.
    """
    found, missing = find(session, [_target(word)], Query(session.namespace))
    if missing:
        raise missing[0]
    return found[0]


def _target(word: str | Target) -> Target:
    if isinstance(word, Target):
        return word
    return parse_targets([word])[0] if "/" in word else Target(KINDS["Pod"], word)


def pods_of(session: Session, obj: Object, purpose: str, timeout: float) -> list[Object]:
    """The pods that a workload or a Service stands for, the best first; a pod stands for itself.

    Where there is none yet, and somebody acts who may make one, one is waited for.

    :param purpose: what can't be done with other kinds, for the message.
    :param timeout: seconds.
    :raises Failed: there is none.
    """
    if obj["kind"] == "Pod":
        return [obj]
    selector = _selector_of(obj)
    if not selector:
        raise UsageError(f"cannot {purpose} a {obj['kind']}")
    deadline = time.monotonic() + timeout
    while not (pods := _matching(session, obj, selector)):
        if time.monotonic() >= deadline or session.cluster.lock_holder() is None:
            raise Failed(f"no pods of {KINDS[obj['kind']].qualified}/{name_of(obj)} yet")
        time.sleep(_LOOK_SECONDS)
        session.observed(fresh=True)
    return sorted(pods, key=_rank)


def one_pod(session: Session, word: str | Target, purpose: str, timeout: float) -> Object:
    """:raises NotFound: there is no such object.
    :raises Failed: it has no pods.
    """
    return pods_of(session, named_object(session, word), purpose, timeout)[0]


def _selector_of(obj: Object) -> selectors.Selector:
    selector = spec_of(obj).get("selector")
    if not isinstance(selector, dict):
        return ()
    return selectors.from_object({"matchLabels": selector} if obj["kind"] == "Service" else selector)


def _matching(session: Session, obj: Object, selector: selectors.Selector) -> list[Object]:
    pods = session.listed("Pod", obj["metadata"]["namespace"])
    return [pod for pod in pods if selectors.matches(selector, labels_of(pod))]


def _rank(pod: Object) -> tuple[bool, bool, str, str]:
    started = str(status_of(pod).get("startTime") or "~")
    return not is_ready(pod), phase(pod) != "Running", started, name_of(pod)


# --- containers ------------------------------------------------------------------------------------


def container_names(pod: Object) -> list[str]:
    """Init containers first, in the order in which they start."""
    return [
        one["name"] for group in ("initContainers", "containers") for one in spec_of(pod).get(group) or ()
    ]


def container_of(pod: Object, name: str) -> dict[str, Any] | None:
    """The container's part of the spec."""
    containers: Iterator[dict[str, Any]] = (
        one for group, _ in _GROUPS for one in spec_of(pod).get(group) or ()
    )
    return next((one for one in containers if one["name"] == name), None)


def default_container(pod: Object, *, quiet: bool = False) -> str:
    """The container that is meant where none is named. Says so where there was a choice."""
    annotated = annotations_of(pod).get(DEFAULT_CONTAINER)
    if annotated and container_of(pod, annotated) is not None:
        return annotated
    if annotated and not quiet:
        complain(f'Default container name "{annotated}" not found in pod {name_of(pod)}')
    first = str(spec_of(pod)["containers"][0]["name"])
    told = [f"{one['name']}{mark}" for group, mark in _GROUPS for one in spec_of(pod).get(group) or ()]
    if len(told) > 1 and not quiet:
        complain(f'Defaulted container "{first}" out of: {", ".join(told)}')
    return first


def choose_container(pod: Object, name: str, *, quiet: bool = False) -> str:
    """:raises Failed: the pod has no container of that name."""
    if not name:
        return default_container(pod, quiet=quiet)
    if container_of(pod, name) is None:
        raise Failed(f"container {name} not found in pod {name_of(pod)}")
    return name


def status_of_container(pod: Object, name: str) -> dict[str, Any]:
    statuses = (one for group in _STATUSES for one in status_of(pod).get(group) or ())
    return next((one for one in statuses if one["name"] == name), {})


def identifier_of(status: dict[str, Any]) -> str:
    """The engine's id of a container, from its status or from the state of one that ended."""
    return str(status.get("containerID") or "").partition("://")[2]


def running_container(session: Session, pod: Object, name: str, doing: str) -> Place:
    """The container, to do something with its processes.

    :param doing: `exec into`, `attach`: for the message.
    :raises Failed: it does not run.
    """
    if is_finished(pod):
        raise Failed(f"cannot {doing} a container in a completed pod; current phase is {phase(pod)}")
    status = status_of_container(pod, name)
    if "running" not in (status.get("state") or {}):
        raise Failed(f'container "{name}" in pod "{name_of(pod)}" does not run: {_why(status)}')
    return existing_container(session, pod, name)


def existing_container(session: Session, pod: Object, name: str) -> Place:
    """The container, running or not, to do something with its files.

    :raises Failed: it was not made yet.
    """
    status = status_of_container(pod, name)
    identifier, node = identifier_of(status), spec_of(pod).get("nodeName")
    if not identifier or not node:
        raise Failed(f'container "{name}" in pod "{name_of(pod)}" does not run: {_why(status)}')
    return Place(pod, name, identifier, session.cluster.backend_of(node))


def _why(status: dict[str, Any]) -> str:
    state = status.get("state") or {}
    word = state.get("waiting") or state.get("terminated") or {}
    return str(word.get("reason") or "ContainerCreating")


def wait_until(look: Callable[[], bool], timeout: float) -> bool:
    """Whether it became so within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not look():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def running_pod(session: Session, word: str | Target, purpose: str, timeout: float) -> Object:
    """As `one_pod`, once it runs: where somebody acts who may start it, that is waited for.

    :raises Failed: it has no pods.
    """
    pod = one_pod(session, word, purpose, timeout)
    key = key_of(pod)

    def is_up() -> bool:
        nonlocal pod
        if phase(pod) != "Pending" or session.cluster.lock_holder() is None:
            return True
        pod = next((one for one in session.observed(fresh=True) if _is(one, key)), pod)
        return phase(pod) != "Pending"

    wait_until(is_up, timeout)
    return pod


def _is(obj: Object, key: Sequence[str]) -> bool:
    return (obj["kind"], obj["metadata"].get("namespace", ""), name_of(obj)) == tuple(key)
