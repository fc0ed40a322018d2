"""`minikctl top`: what pods and nodes use now, asked of the engines.

CPU is a rate, so each container is looked at twice. A node's use is that of its pods: what else its machine
does is not the engine's to tell.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from msgspec.structs import replace

from minikctl.cli import options
from minikctl.cli.base import Entry
from minikctl.cli.containers import Place, existing_container, status_of_container
from minikctl.cli.errors import Failed, complain
from minikctl.cli.get import nothing_found
from minikctl.cli.options import flag, value
from minikctl.cli.resources import Query, Target, find, parse_fields, parse_selector
from minikctl.cli.session import Session, open_session, out
from minikctl.errors import BackendError, UsageError
from minikctl.model import Object, key_of, name_of, spec_of, status_of
from minikctl.model.kinds import KINDS
from minikctl.model.quantity import milli, whole
from minikctl.render.top import NOTHING, NodeUse, PodUse, TopOptions, Used, top_nodes, top_pods, total

_POD_HELP = "What pods use: top pods -l app=web --containers."
_NODE_HELP = "What the pods of each node use: top nodes."
ENTRIES = {
    "pod": Entry("minikctl.cli.top", "pods", _POD_HELP),
    "pods": Entry("minikctl.cli.top", "pods", "Short for pod."),
    "po": Entry("minikctl.cli.top", "pods", "Short for pod."),
    "node": Entry("minikctl.cli.top", "nodes", _NODE_HELP),
    "nodes": Entry("minikctl.cli.top", "nodes", "Short for node."),
    "no": Entry("minikctl.cli.top", "nodes", "Short for node."),
}
SAMPLE_SECONDS = 1.0
"""Between the two looks."""
_WORKERS = 8

SortBy = Annotated[str, value("--sort-by", metavar="cpu|memory", text="The greatest first.")]
Name = Annotated[list[str] | None, typer.Argument(metavar="[NAME]", show_default=False)]


def pods(
    context: typer.Context,
    names: Name = None,
    selector: options.Selector = "",
    field_selector: options.FieldSelector = "",
    all_namespaces: options.AllNamespaces = False,
    containers: Annotated[bool, flag("--containers", text="Each container for itself.")] = False,
    sort_by: SortBy = "",
    with_sum: Annotated[bool, flag("--sum", text="And all of it together.")] = False,
    no_headers: options.NoHeaders = False,
) -> None:
    """What pods use: `top pods`, `top pods -A --sort-by=memory`, `top pod web-0 --containers`."""
    _check(names, selector, sort_by, "pod")
    printing = TopOptions(sort_by, no_headers, all_namespaces, containers, with_sum)
    with open_session(context) as session:
        query = Query(
            None if all_namespaces else session.namespace,
            parse_selector(selector),
            tuple(parse_fields(field_selector)),
        )
        found = _found(session, "Pod", names, query)
        used = measure(session, found)
        if used:
            out(top_pods(used, printing))
        elif found:
            raise Failed(f"Metrics not available for pod {key_of(found[0]).namespace}/{name_of(found[0])}")


def nodes(
    context: typer.Context,
    names: Name = None,
    selector: options.Selector = "",
    sort_by: SortBy = "",
    show_capacity: Annotated[
        bool, flag("--show-capacity", text="Percentages of all that the node has.")
    ] = False,
    no_headers: options.NoHeaders = False,
) -> None:
    """What the pods of each node use: `top nodes`, `top node node-1`."""
    _check(names, selector, sort_by, "node")
    with open_session(context) as session:
        found = _found(session, "Node", names, Query(None, parse_selector(selector)))
        by_node: dict[str, list[Object]] = {name_of(node): [] for node in found}
        for pod in session.listed("Pod", None):
            by_node.get(spec_of(pod).get("nodeName", ""), []).append(pod)
        here = [pod for pods_there in by_node.values() for pod in pods_there]
        used = {(one.namespace, one.name): one.total for one in measure(session, here)}
        field = "capacity" if show_capacity else "allocatable"
        rows = [_node_use(node, by_node[name_of(node)], used, field) for node in found]
        if rows:
            out(top_nodes(rows, TopOptions(sort_by, no_headers)))


def _check(names: Sequence[str] | None, selector: str, sort_by: str, noun: str) -> None:
    if len(names or ()) > 1:
        raise UsageError(f"{noun} [NAME | -l label]")
    if names and selector:
        raise UsageError("only one of NAME or selector can be provided")
    if sort_by not in ("", "cpu", "memory"):
        raise UsageError("--sort-by accepts only cpu or memory")


def _found(session: Session, kind: str, names: Sequence[str] | None, query: Query) -> list[Object]:
    targets = [Target(KINDS[kind], names[0] if names else None)]
    named = replace(query, namespace=session.namespace) if names else query
    found, missing = find(session, targets, named)
    if missing:
        raise missing[0]
    if not found:
        complain(nothing_found(targets, query))
    return found


def _node_use(
    node: Object, pods: Sequence[Object], used: Mapping[tuple[str, str], Used], field: str
) -> NodeUse:
    amounts = status_of(node).get(field) or {}
    available = Used(milli(amounts.get("cpu", 0)), whole(amounts.get("memory", 0)))
    parts = (used.get((pod["metadata"]["namespace"], name_of(pod)), NOTHING) for pod in pods)
    return NodeUse(name_of(node), total(parts), available)


# --- measuring -------------------------------------------------------------------------------------


def measure(session: Session, pods: Sequence[Object], seconds: float = SAMPLE_SECONDS) -> list[PodUse]:
    """What the running containers of the pods use. Pods of which none runs are left out."""
    places = [place for pod in pods for place in _running(session, pod)]
    if not places:
        return []
    session.tell_simulated()
    if session.cluster.is_simulated:
        seconds = 0.0  # What is simulated uses nothing, however long one looks.
    used = _measured(places, seconds)
    found = []
    for pod in pods:
        own = tuple(
            (place.container, used[place.identifier])
            for place in places
            if place.pod is pod and place.identifier in used
        )
        if own:
            found.append(PodUse(pod["metadata"]["namespace"], name_of(pod), own))
    return found


def _running(session: Session, pod: Object) -> list[Place]:
    groups = ("containers", "initContainers")
    names = [one["name"] for group in groups for one in spec_of(pod).get(group) or ()]
    running = [name for name in names if "running" in (status_of_container(pod, name).get("state") or {})]
    return [existing_container(session, pod, name) for name in running]


def _measured(places: Sequence[Place], seconds: float) -> dict[str, Used]:
    """By container id; what ended meanwhile is not in it."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_WORKERS) as workers:
        before = list(workers.map(_look, places))
        time.sleep(seconds)
        after = list(workers.map(_look, places))
    found = {}
    for place, first, second in zip(places, before, after, strict=True):
        if first is not None and second is not None:
            elapsed = max(second[0] - first[0], 1e-9)
            cores = max(second[1] - first[1], 0) / 1e9 / elapsed
            found[place.identifier] = Used(-int(-cores * 1000 // 1), second[2])
    return found


def _look(place: Place) -> tuple[float, int, int] | None:
    """(when, CPU nanoseconds so far, bytes)."""
    try:
        usage = place.backend.usage(place.identifier)
    except BackendError:
        return None
    return (time.monotonic(), usage.cpu_nanoseconds, usage.memory_bytes) if usage is not None else None
