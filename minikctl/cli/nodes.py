"""`minikctl cordon`, `uncordon` and `drain`: nodes that take no new pods, and nodes that have none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from minikctl.cli import options
from minikctl.cli.errors import Reported, complain
from minikctl.cli.evictions import Evictions, tell_evicting
from minikctl.cli.goals import REACHED, Verdict
from minikctl.cli.options import dry_run_suffix, flag, value
from minikctl.cli.pod_troubles import is_stuck
from minikctl.cli.resources import parse_selector
from minikctl.cli.session import Session, open_session, out, warn
from minikctl.cli.waiting import accomplish
from minikctl.errors import NotFound, UsageError
from minikctl.model import (
    Object,
    ObjectKey,
    controller_of,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    selectors,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.conditions import find as find_condition
from minikctl.model.pods import is_active, is_finished, is_ready

_MAKERS = ("ReplicaSet", "ReplicationController", "StatefulSet")
"""Whose evicted pods come back elsewhere."""

Nodes = Annotated[list[str] | None, typer.Argument(metavar="NODE...", show_default=False)]


def cordon(
    context: typer.Context,
    names: Nodes = None,
    selector: options.Selector = "",
    dry_run: options.DryRun = "none",
) -> None:
    """Mark nodes as unschedulable: no new pods are put there. Those that run stay."""
    with open_session(context) as session:
        for node in _nodes(session, names, selector):
            set_schedulable(session, node, False, dry_run_suffix(dry_run))


def uncordon(
    context: typer.Context,
    names: Nodes = None,
    selector: options.Selector = "",
    dry_run: options.DryRun = "none",
) -> None:
    """Mark nodes as schedulable again."""
    with open_session(context) as session:
        for node in _nodes(session, names, selector):
            set_schedulable(session, node, True, dry_run_suffix(dry_run))


def set_schedulable(session: Session, node: str, schedulable: bool, suffix: str) -> None:
    def changed(obj: Object) -> Object:
        spec = {name: content for name, content in spec_of(obj).items() if name != "unschedulable"}
        return {**obj, "spec": spec if schedulable else {**spec, "unschedulable": True}}

    before, after = session.api.update(ObjectKey("Node", "", node), changed, dry_run=bool(suffix))
    word = "uncordoned" if schedulable else "cordoned"
    out(f"node/{node} {'already ' if before is after else ''}{word}{suffix}\n")


def _nodes(session: Session, names: list[str] | None, selector: str) -> list[str]:
    """:raises NotFound: there is no such node."""
    if bool(names) == bool(selector):
        raise UsageError("name one or more nodes, or select them with -l")
    known = {name_of(one): one for one in session.listed("Node", None)}
    if selector:
        chosen = parse_selector(selector)
        return [name for name, one in known.items() if selectors.matches(chosen, labels_of(one))]
    for name in names or ():
        if name not in known:
            raise NotFound("nodes", name)
    return list(names or ())


# --- drain -----------------------------------------------------------------------------------------


def drain(
    context: typer.Context,
    names: Nodes = None,
    selector: options.Selector = "",
    pod_selector: Annotated[str, value("--pod-selector", text="Only these pods.")] = "",
    force: Annotated[bool, flag("--force", text="Also pods that nothing would bring back.")] = False,
    ignore_daemonsets: Annotated[
        bool, flag("--ignore-daemonsets", text="Leave pods of DaemonSets alone.")
    ] = False,
    delete_emptydir_data: Annotated[
        bool, flag("--delete-emptydir-data", text="Also pods whose emptyDir data is then lost.")
    ] = False,
    grace_period: Annotated[
        int,
        value("--grace-period", metavar="SECONDS", text="Time to end by themselves; -1 is the pod's own."),
    ] = -1,
    timeout: options.Timeout = 0.0,
    disable_eviction: Annotated[
        bool, flag("--disable-eviction", text="Delete pods, whatever their PodDisruptionBudgets say.")
    ] = False,
    dry_run: options.DryRun = "none",
) -> None:
    """Empty nodes in preparation for maintenance: cordon them, evict their pods, wait until those are gone.

    Pods of deployments and replica sets come back on other nodes. A pod that its PodDisruptionBudget holds is
    asked again every 5 s.
    """
    suffix = dry_run_suffix(dry_run)
    with open_session(context) as session:
        chosen = _nodes(session, names, selector)
        for node in chosen:
            set_schedulable(session, node, False, suffix)
        for node in chosen:
            pods = _without_daemons(node, _pods_on(session, node, pod_selector), ignore_daemonsets)
            _check_evictable(node, pods, force, delete_emptydir_data)
            if suffix:
                for pod in pods:
                    tell_evicting(pod, suffix)
            elif pods:
                grace = None if grace_period < 0 else grace_period
                evictions = Evictions(session, pods, grace, by_force=disable_eviction)
                accomplish(session, "drain", DrainGoal(session, pods, evictions), timeout)
            out(f"node/{node} drained{suffix}\n")


def _pods_on(session: Session, node: str, pod_selector: str) -> list[Object]:
    chosen = parse_selector(pod_selector)
    return [
        pod
        for pod in session.api.list("Pod", None, chosen)
        if spec_of(pod).get("nodeName") == node and not is_deleting(pod)
    ]


def _without_daemons(node: str, pods: Sequence[Object], ignored: bool) -> list[Object]:
    """:raises Reported: there are some, and nobody said that they may stay."""
    daemons = [pod for pod in pods if (controller_of(pod) or {}).get("kind") == "DaemonSet"]
    if daemons and not ignored:
        why = f"cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): {_named(daemons)}"
        complain(f'error: unable to drain node "{node}" due to error: {why}')
        raise Reported
    if daemons:
        warn(f"ignoring DaemonSet-managed Pods: {_named(daemons)}")
    return [pod for pod in pods if pod not in daemons]


def _check_evictable(node: str, pods: Sequence[Object], force: bool, delete_data: bool) -> None:
    """:raises Reported: some pods would be lost, or lose data."""
    bare = [pod for pod in pods if controller_of(pod) is None and not is_finished(pod)]
    with_data = [pod for pod in pods if _has_local_data(pod)]
    problems = []
    if bare and not force:
        problems.append(
            f"cannot delete Pods that declare no controller (use --force to override): {_named(bare)}"
        )
    if with_data and not delete_data:
        problems.append(
            "cannot delete Pods with local storage (use --delete-emptydir-data to override):"
            f" {_named(with_data)}"
        )
    if problems:
        complain(f'error: unable to drain node "{node}" due to error: {"; ".join(problems)}')
        raise Reported
    if bare:
        warn(f"deleting Pods that declare no controller: {_named(bare)}")


def _has_local_data(pod: Object) -> bool:
    return any("emptyDir" in volume for volume in spec_of(pod).get("volumes") or ())


def _named(pods: Iterable[Object]) -> str:
    return ", ".join(f"{namespace_of(pod)}/{name_of(pod)}" for pod in pods)


class DrainGoal:
    """The evicted pods are gone, and what replaces them is ready (or can't be, and says why itself)."""

    def __init__(self, session: Session, pods: Iterable[Object], evictions: Evictions) -> None:
        self._session = session
        self._evictions = evictions
        self._evicted = {uid_of(pod): pod for pod in pods}
        self._told: set[str] = set()

    def verdict(self) -> Verdict | None:
        self._evictions.go_on()
        there = {uid_of(pod): pod for pod in self._session.api.list("Pod")}
        for uid, pod in self._evicted.items():
            if uid not in there and uid not in self._told:
                self._told.add(uid)
                out(f"pod/{name_of(pod)} evicted\n")
        if any(uid in there for uid in self._evicted):
            return None
        return REACHED if self._is_replaced(there.values()) else None

    def lines(self) -> list[str]:
        there = {uid_of(pod) for pod in self._session.api.list("Pod")}
        return [f"waiting for pod/{name_of(pod)}" for uid, pod in self._evicted.items() if uid in there]

    def _is_replaced(self, pods: Iterable[Object]) -> bool:
        active = [pod for pod in pods if is_active(pod)]
        owners = {(controller_of(pod) or {}).get("uid") for pod in self._evicted.values()}
        makers = (one for kind in _MAKERS for one in self._session.api.list(kind))
        for replica_set in makers:
            if uid_of(replica_set) not in owners or is_deleting(replica_set):
                continue
            mine = [one for one in active if (controller_of(one) or {}).get("uid") == uid_of(replica_set)]
            wanted = spec_of(replica_set).get("replicas", 1)
            if len(mine) < wanted or not all(_is_settled(pod) for pod in mine):
                return False
        return True


def _is_settled(pod: Object) -> bool:
    scheduled = find_condition(status_of(pod), "PodScheduled") or {}
    return is_ready(pod) or is_stuck(pod) or scheduled.get("reason") == "Unschedulable"
