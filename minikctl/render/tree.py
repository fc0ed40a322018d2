"""The live view of `minikctl watch`: what was declared, what it became, and what just happened.

    samples   2/3 pods ready

    ◐ web                            2/3   ▰▰▱ 2 of 3 updated replicas are available   2m
    └─ ◐ web-6d765f4d78              2/3   revision 2                                  2m
       ├─ ● web-6d765f4d78-mhd2x     1/1   Running                            node-1   2m
       …

Rules:
- Calm: what is as it should be takes one line. Containers are shown where there are several, or where one
  needs a look; ReplicaSets that only keep history are not shown, and of a CronJob's Jobs only those that run
  and the last one.
- Still: a line changes only where its facts do, columns stand where the widest cell puts them, and the order
  is that of namespaces and names.
- A tree is a list of lines, none wider than `width` columns; the terminal is the caller's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from minikctl.model import (
    Object,
    controller_of,
    is_deleting,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.conditions import find
from minikctl.model.revisions import revision_of
from minikctl.render import tree_workloads
from minikctl.render.durations import human_duration, since
from minikctl.render.escape import escape
from minikctl.render.podstatus import container_reason, summarize_pod
from minikctl.render.rollout import DEADLINE_EXCEEDED, rollout_waits_for
from minikctl.render.style import PLAIN, Mood, Style, cut, pad, text_width
from minikctl.render.tables import event_interval, event_message, event_order
from minikctl.render.tree_layout import GAP, Layout, Row

_LONGEST_BAR = 12
_WIDE = 120
"""Columns from which on there is room for the reasons of events."""

# Reasons for which a container is not up yet; any other reason for not running is bad news.
_ON_ITS_WAY = frozenset({"ContainerCreating", "PodInitializing", "Pending", "Running", "SchedulingGated", ""})


class _World(Struct, frozen=True):
    """All that rows are made from."""

    children: dict[str, list[Object]]
    """By the uid of their controller."""
    now: float
    style: Style
    all_containers: bool


def tree(
    objects: Iterable[Object],
    events: Iterable[Object],
    now: float,
    width: int,
    *,
    style: Style = PLAIN,
    all_containers: bool = False,
    max_events: int = 6,
    height: int | None = None,
) -> list[str]:
    """The view as lines of at most `width` columns.

    :param objects: workloads and Pods, of any namespaces; other kinds are left out.
    :param all_containers: shows every container, not only those worth a look.
    :param max_events: how many of the latest events stand below.
    :param height: at most so many lines; what does not fit is counted in a last line.
    """
    drawn = [one for one in objects if one["kind"] in _KIND_ORDER]
    world = _World(_by_controller(drawn), now, style, all_containers)
    lines = _namespaces(world, drawn, width)
    below = _events(events, now, width, style, max_events)
    if not lines:
        lines = [style.paint(cut("No workload is declared yet.", width, style.cut), Mood.QUIET)]
    return _fitted(lines, below, height, width, style)


def redraw(previous: int, lines: Sequence[str]) -> str:
    """What to write to a terminal whose last `previous` lines are the view before: the new one, no flicker.

    Lines must be narrower than the terminal.
    """
    up = f"\x1b[{previous}A" if previous else ""
    return f"\r{up}" + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J"


def _by_controller(objects: Iterable[Object]) -> dict[str, list[Object]]:
    children: dict[str, list[Object]] = {}
    for one in objects:
        owner = controller_of(one)
        if owner:
            children.setdefault(owner["uid"], []).append(one)
    return children


def _namespaces(world: _World, objects: Sequence[Object], width: int) -> list[str]:
    known = {uid_of(one) for one in objects}
    by_namespace: dict[str, list[Object]] = {}
    for one in sorted(objects, key=lambda one: (namespace_of(one), _KIND_ORDER[one["kind"]], name_of(one))):
        by_namespace.setdefault(namespace_of(one), []).append(one)
    rows = {name: _roots(world, members, known) for name, members in by_namespace.items()}
    layout = Layout([row for block in rows.values() for row in block], width, world.style)
    lines: list[str] = []
    for name, members in by_namespace.items():
        lines += [*([""] if lines else []), _heading(name, members, width, world.style), ""]
        lines += [layout.line(row) for row in rows[name]]
    return lines


_KIND_ORDER = {
    kind: number for number, kind in enumerate(("Deployment", "ReplicaSet", *tree_workloads.KINDS, "Pod"))
}


def _heading(namespace: str, members: Sequence[Object], width: int, style: Style) -> str:
    moods = [_pod_mood(one) for one in members if one["kind"] == "Pod"]
    alive = len(moods) - moods.count(Mood.DONE)
    words = [f"{moods.count(Mood.GOOD)}/{alive} pods ready"] if alive else []
    words += [f"{moods.count(Mood.DONE)} completed"] if Mood.DONE in moods else []
    summary = style.dot.join(words) or "no pods"
    name = cut(escape(namespace), width, style.cut)
    fits = text_width(name) + len(GAP) + len(summary) <= width
    painted = style.paint(name, Mood.TITLE)
    return f"{painted}{GAP}{style.paint(summary, Mood.QUIET)}" if fits else painted


# --- rows ------------------------------------------------------------------------------------------


def _roots(world: _World, members: Sequence[Object], known: set[str]) -> list[Row]:
    roots = [one for one in members if (controller_of(one) or {}).get("uid") not in known]
    return [row for one in roots for row in _rows(world, one)]


def _rows(world: _World, obj: Object) -> list[Row]:
    """An object's own row, then its children's below it."""
    if obj["kind"] == "Pod":
        below = [[row] for row in _container_rows(world, obj)]
    else:
        below = [_rows(world, child) for child in _visible_children(world, obj)]
    return [_own_row(world, obj), *_nested(below, world.style)]


def _nested(blocks: Sequence[list[Row]], style: Style) -> Iterator[Row]:
    """The blocks of the children, each hung on its branch."""
    for index, (first, *rest) in enumerate(blocks):
        is_last = index == len(blocks) - 1
        branch = style.last_branch if is_last else style.branch
        trunk = " " * len(style.trunk) if is_last else style.trunk
        yield replace(first, lead=branch + first.lead)
        yield from (replace(row, lead=trunk + row.lead) for row in rest)


def _visible_children(world: _World, obj: Object) -> list[Object]:
    children = world.children.get(uid_of(obj), [])
    if obj["kind"] == "CronJob":
        jobs = sorted(
            children, key=lambda one: (one["metadata"].get("creationTimestamp") or "", name_of(one))
        )
        return [one for one in jobs if one is jobs[-1] or not tree_workloads.has_ended(one)]
    shown = [one for one in children if one["kind"] != "ReplicaSet" or _is_alive(world, one)]
    return sorted(shown, key=lambda one: (-revision_of(one), name_of(one)))


def _is_alive(world: _World, replica_set: Object) -> bool:
    wanted = spec_of(replica_set).get("replicas", 1)
    return bool(wanted or status_of(replica_set).get("replicas") or world.children.get(uid_of(replica_set)))


def _own_row(world: _World, obj: Object) -> Row:
    age = since(obj["metadata"].get("creationTimestamp"), world.now)
    name = escape(name_of(obj))
    match obj["kind"]:
        case "Deployment":
            mood, state = _deployment_state(world, obj)
            return Row("", mood, name, (_ready_of(obj), state, "", age), Mood.TITLE)
        case "ReplicaSet":
            number = revision_of(obj)
            mood = _replica_set_mood(obj)
            return Row("", mood, name, (_ready_of(obj), f"revision {number}" if number else "", "", age))
        case "Pod":
            return _pod_row(world, obj, name, age)
    found = tree_workloads.summary_of(obj, has_bad_pod=_has_bad_pod(world, obj))
    is_root = controller_of(obj) is None
    return Row("", found.mood, name, (found.ready, found.state, "", age), Mood.TITLE if is_root else None)


def _pod_row(world: _World, obj: Object, name: str, age: str) -> Row:
    pod = summarize_pod(obj)
    state = _with_restarts(world, pod.status, pod.restarts, pod.last_restart)
    node = escape(str(spec_of(obj).get("nodeName") or ""))
    return Row("", _pod_mood(obj), name, (f"{pod.ready}/{pod.total}", state, node, age))


def _ready_of(obj: Object) -> str:
    return f"{status_of(obj).get('readyReplicas') or 0}/{spec_of(obj).get('replicas', 1)}"


def _with_restarts(world: _World, word: str, count: int, last: float | None) -> str:
    if not count:
        return escape(word)
    when = f" ({human_duration(world.now - last)} ago)" if last is not None else ""
    return f"{escape(word)}{world.style.dot}{count} restart{'s' if count > 1 else ''}{when}"


def _deployment_state(world: _World, deployment: Object) -> tuple[Mood, str]:
    if is_deleting(deployment):
        return Mood.LEAVING, "deleting"
    progressing = find(status_of(deployment), "Progressing") or {}
    waits_for = rollout_waits_for(deployment)
    if waits_for and progressing.get("reason") == DEADLINE_EXCEEDED:
        return Mood.BAD, f"progress deadline exceeded{world.style.dot}{waits_for}"
    if spec_of(deployment).get("paused"):
        return Mood.BUSY, "paused"
    generation = deployment["metadata"].get("generation", 0)
    if generation > status_of(deployment).get("observedGeneration", 0):
        return Mood.BUSY, "waiting for the controller"
    if waits_for:
        mood = Mood.BAD if _has_bad_pod(world, deployment) else Mood.BUSY
        return mood, f"{_bar(deployment, world.style)} {waits_for}".lstrip()
    return Mood.GOOD, "" if spec_of(deployment).get("replicas", 1) else "scaled to zero"


def _has_bad_pod(world: _World, obj: Object) -> bool:
    children = world.children.get(uid_of(obj), ())
    return any(
        _pod_mood(one) is Mood.BAD if one["kind"] == "Pod" else _has_bad_pod(world, one) for one in children
    )


def _bar(deployment: Object, style: Style) -> str:
    """A step for each wanted replica, done where an updated one is available."""
    desired: int = spec_of(deployment).get("replicas", 1)
    status = status_of(deployment)
    available: int = min(status.get("availableReplicas") or 0, status.get("updatedReplicas") or 0, desired)
    steps = min(desired, _LONGEST_BAR)
    done = available * steps // desired if desired else 0
    return style.bar[0] * done + style.bar[1] * (steps - done)


def _replica_set_mood(replica_set: Object) -> Mood:
    wanted = spec_of(replica_set).get("replicas", 1)
    if is_deleting(replica_set) or not wanted:
        return Mood.LEAVING
    return Mood.GOOD if (status_of(replica_set).get("readyReplicas") or 0) >= wanted else Mood.BUSY


def _pod_mood(pod: Object) -> Mood:
    summary, phase = summarize_pod(pod), status_of(pod).get("phase")
    if phase == "Succeeded":
        return Mood.DONE
    if summary.status == "Terminating":
        return Mood.LEAVING
    if summary.status == "Running" and summary.ready == summary.total:
        return Mood.GOOD
    if phase in ("Failed", "Unknown"):
        return Mood.BAD
    return Mood.BUSY if _is_on_its_way(summary.status) else Mood.BAD


def _is_on_its_way(status: str) -> bool:
    if status.startswith("Init:"):
        step = status.removeprefix("Init:")
        return "/" in step or step in _ON_ITS_WAY
    return status in _ON_ITS_WAY or status in ("Completed", "NotReady")


# --- containers ------------------------------------------------------------------------------------


def _container_rows(world: _World, pod: Object) -> list[Row]:
    status = status_of(pod)
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    rows = [_container_row(world, pod, container) for container in containers]
    if world.all_containers or len(status.get("containerStatuses") or ()) > 1:
        return rows
    return [row for row in rows if row.mood is Mood.BAD]


def _container_row(world: _World, pod: Object, container: dict[str, Any]) -> Row:
    state = container.get("state") or {}
    reason = container_reason(state) or ("Running" if "running" in state else "")
    parts = [reason, *_last_words(container)]
    text = world.style.dot.join(escape(part) for part in parts if part)
    ready = f"{int(bool(container.get('ready')))}/1"
    name = escape(str(container["name"]))
    return Row("", _container_mood(pod, container, reason), name, (ready, text, "", ""), Mood.QUIET)


def _last_words(container: dict[str, Any]) -> Iterator[str]:
    """Why it does not run: its last exit code and what it (or the engine) said."""
    waiting = (container.get("state") or {}).get("waiting") or {}
    ended = (container.get("state") or {}).get("terminated") or {}
    last = ended or (container.get("lastState") or {}).get("terminated") or {}
    if (waiting or ended) and last:
        yield f"exit {last.get('exitCode', 0)}"
    message = str(waiting.get("message") or ended.get("message") or "")
    yield message.strip().partition("\n")[0]


def _container_mood(pod: Object, container: dict[str, Any], reason: str) -> Mood:
    state = container.get("state") or {}
    if "terminated" in state:
        return Mood.BAD if state["terminated"].get("exitCode") else Mood.DONE
    if "running" in state and is_deleting(pod):
        return Mood.LEAVING
    if "running" in state:
        return Mood.GOOD if container.get("ready") else Mood.BUSY
    return Mood.BUSY if reason in _ON_ITS_WAY else Mood.BAD


# --- events ----------------------------------------------------------------------------------------


def _events(events: Iterable[Object], now: float, width: int, style: Style, count: int) -> list[str]:
    """The latest events, oldest of them first, so that news comes in at the bottom."""
    latest = sorted(events, key=event_order)[-count:] if count > 0 else []
    if not latest:
        return []
    rows = [_event_cells(event, now, with_reason=width >= _WIDE) for event in latest]
    widths = [min(max(map(text_width, column)), width // 3) for column in zip(*rows, strict=True)][:-1]
    lines = ["", style.paint(cut("Events", width, style.cut), Mood.TITLE)]
    for event, row in zip(latest, rows, strict=True):
        padded = (pad(cut(cell, wide, style.cut), wide) for cell, wide in zip(row, widths, strict=False))
        text = cut(GAP.join((*padded, row[-1])).rstrip(), width, style.cut)
        lines.append(style.paint(text, Mood.QUIET if event.get("type") == "Normal" else Mood.WARNING))
    return lines


def _event_cells(event: Object, now: float, *, with_reason: bool) -> tuple[str, ...]:
    """Age, object and message; the reason, which the message mostly says too, where there is room."""
    involved = event.get("involvedObject") or {}
    about = f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"
    message = " ".join(event_message(event).split())
    reason = (escape(str(event.get("reason") or "")),) if with_reason else ()
    return event_interval(event, now), escape(about), *reason, escape(message)


def _fitted(lines: list[str], below: list[str], height: int | None, width: int, style: Style) -> list[str]:
    """The tree above, the events below; in a low window the events go first, then the end of the tree."""
    if height is None or len(lines) + len(below) <= height:
        return lines + below
    room = max(height - len(below), height // 2)
    if len(lines) > room:
        kept = max(0, min(room, height) - 1)
        more = cut(f"{style.cut} {len(lines) - kept} more lines", width, style.cut)
        lines = [*lines[:kept], style.paint(more, Mood.QUIET)]
    return (lines + below)[: max(height, 0)]
