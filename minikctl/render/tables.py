"""Tables of objects, byte for byte as `kubectl get` and `kubectl events` print them.

Rules:
- The columns of each kind are data (`COLUMNS`); a kind without an entry has NAME and AGE.
- A cell ends at its first line break (then `...` follows), and holds no control character.
- Widths are tabwriter's: three spaces between columns, none after the last.
- Ages are taken from `now`, in seconds since the epoch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from minikctl.model import Object, labels_of, namespace_of, spec_of, status_of
from minikctl.model.conditions import find, is_true
from minikctl.model.kinds import KINDS
from minikctl.model.selectors import format_selector
from minikctl.model.timestamps import parse_time
from minikctl.render.cells import Cell, Column, age_cell, name_cell
from minikctl.render.columns import Aligner
from minikctl.render.configuration_columns import CONFIGURATION_COLUMNS, PRIORITY_COLUMNS, STORAGE_COLUMNS
from minikctl.render.durations import UNKNOWN, human_duration, since
from minikctl.render.escape import escape
from minikctl.render.podstatus import summarize_pod
from minikctl.render.policy_columns import POLICY_COLUMNS
from minikctl.render.service_columns import SERVICE_COLUMNS
from minikctl.render.workload_columns import WORKLOAD_COLUMNS

NONE = "<none>"


class TableOptions(Struct, frozen=True):
    """What the flags of `get` change about a table."""

    wide: bool = False
    show_labels: bool = False
    label_columns: tuple[str, ...] = ()
    no_headers: bool = False
    with_namespace: bool = False
    show_kind: bool = False
    with_event: bool = False
    """The EVENT column of `get -w --output-watch-events`."""


# --- cells -----------------------------------------------------------------------------------------


def _status_number(field: str) -> Cell:
    return lambda obj, _now: str(status_of(obj).get(field) or 0)


def _text(value: Any, missing: str = NONE) -> str:
    return str(value) if value not in (None, "") else missing


def _containers(obj: Object) -> list[dict[str, Any]]:
    template_spec = (spec_of(obj).get("template") or {}).get("spec") or {}
    containers: list[dict[str, Any]] = template_spec.get("containers") or []
    return containers


def _container_names(obj: Object, _now: float) -> str:
    return ",".join(container["name"] for container in _containers(obj))


def _container_images(obj: Object, _now: float) -> str:
    return ",".join(container.get("image", "") for container in _containers(obj))


def _selector(obj: Object, _now: float) -> str:
    return format_selector(spec_of(obj).get("selector"))


def _pod_ready(obj: Object, _now: float) -> str:
    pod = summarize_pod(obj)
    return f"{pod.ready}/{pod.total}"


def _pod_status(obj: Object, _now: float) -> str:
    return summarize_pod(obj).status


def _pod_restarts(obj: Object, now: float) -> str:
    pod = summarize_pod(obj)
    if not pod.restarts or pod.last_restart is None:
        return str(pod.restarts)
    return f"{pod.restarts} ({human_duration(now - pod.last_restart)} ago)"


def _pod_ip(obj: Object, _now: float) -> str:
    addresses = status_of(obj).get("podIPs") or [{"ip": status_of(obj).get("podIP")}]
    return _text(addresses[0].get("ip"))


def _readiness_gates(obj: Object, _now: float) -> str:
    gates = spec_of(obj).get("readinessGates") or ()
    met = sum(is_true(status_of(obj), gate["conditionType"]) for gate in gates)
    return f"{met}/{len(gates)}" if gates else NONE


def _node_status(obj: Object, _now: float) -> str:
    ready = find(status_of(obj), "Ready")
    if ready is None:
        word = "Unknown"
    else:
        word = "Ready" if ready["status"] == "True" else "NotReady"
    return f"{word},SchedulingDisabled" if spec_of(obj).get("unschedulable") else word


def node_roles(node: Object) -> str:
    """The roles that the node's labels name, `<none>` without any."""
    prefix, roles = "node-role.kubernetes.io/", set()
    for key, value in labels_of(node).items():
        if key.startswith(prefix):
            roles.add(key.removeprefix(prefix))
        elif key == "kubernetes.io/role":
            roles.add(value)
    return ",".join(sorted(roles - {""})) or NONE


def _node_info(field: str, missing: str = UNKNOWN) -> Cell:
    return lambda obj, _now: _text((status_of(obj).get("nodeInfo") or {}).get(field), missing)


def _node_address(kind: str) -> Cell:
    def cell(obj: Object, _now: float) -> str:
        addresses = status_of(obj).get("addresses") or ()
        return next((one["address"] for one in addresses if one["type"] == kind), NONE)

    return cell


def _deployment_ready(obj: Object, _now: float) -> str:
    return f"{status_of(obj).get('readyReplicas') or 0}/{spec_of(obj).get('replicas', 1)}"


# --- events ----------------------------------------------------------------------------------------


def _first_seen(event: Object, now: float) -> str:
    return since(event.get("firstTimestamp") or event.get("eventTime"), now)


def _last_seen(event: Object, now: float) -> str:
    series = event.get("series") or {}
    last = series.get("lastObservedTime") or event.get("lastTimestamp")
    return since(last, now) if last else _first_seen(event, now)


def _event_count(event: Object, _now: float) -> str:
    return str((event.get("series") or {}).get("count") or event.get("count") or 1)


def _involved(event: Object, _now: float) -> str:
    involved = event.get("involvedObject") or {}
    kind, name = involved.get("kind", "").lower(), involved.get("name")
    return f"{kind}/{name}" if name else kind


def _subobject(event: Object, _now: float) -> str:
    return str((event.get("involvedObject") or {}).get("fieldPath", ""))


def event_source(event: Object, _now: float = 0) -> str:
    """Who reported it: `component` or `component, host`."""
    source = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent") or ""
    host = source.get("host") or event.get("reportingInstance") or ""
    return f"{component}, {host}" if host else str(component)


def event_message(event: Object, _now: float = 0) -> str:
    return str(event.get("message") or "").strip()


def event_interval(event: Object, now: float) -> str:
    """`7s`, or `7s (x16 over 16s)` for one that came again: the form of describe and `kubectl events`."""
    first = since(event.get("eventTime") or event.get("firstTimestamp"), now)
    series = event.get("series")
    if series:
        return f"{since(series.get('lastObservedTime'), now)} (x{series.get('count', 0)} over {first})"
    if (event.get("count") or 0) > 1:
        return f"{since(event.get('lastTimestamp'), now)} (x{event['count']} over {first})"
    return first


def event_order(event: Object) -> tuple[float, int]:
    """By time; within one second (what times are written to) in the order in which they were recorded."""
    return event_time(event), int(event["metadata"].get("resourceVersion") or 0)


def event_time(event: Object) -> float:
    """When it was last seen, in seconds since the epoch: what events are sorted by."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return next((parse_time(time) for time in times if time), 0.0)


def _event_field(field: str) -> Cell:
    return lambda event, _now: str(event.get(field) or "")


# --- the kinds -------------------------------------------------------------------------------------

_TEMPLATE_COLUMNS = (
    Column("CONTAINERS", _container_names, wide=True),
    Column("IMAGES", _container_images, wide=True),
    Column("SELECTOR", _selector, wide=True),
)

DEFAULT_COLUMNS = (Column("NAME", name_cell), Column("AGE", age_cell))

COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "Namespace": (
        Column("NAME", name_cell),
        Column("STATUS", lambda obj, _now: str(status_of(obj).get("phase", ""))),
        Column("AGE", age_cell),
    ),
    "Node": (
        Column("NAME", name_cell),
        Column("STATUS", _node_status),
        Column("ROLES", lambda obj, _now: node_roles(obj)),
        Column("AGE", age_cell),
        Column("VERSION", _node_info("kubeletVersion", "")),
        Column("INTERNAL-IP", _node_address("InternalIP"), wide=True),
        Column("EXTERNAL-IP", _node_address("ExternalIP"), wide=True),
        Column("OS-IMAGE", _node_info("osImage"), wide=True),
        Column("KERNEL-VERSION", _node_info("kernelVersion"), wide=True),
        Column("CONTAINER-RUNTIME", _node_info("containerRuntimeVersion"), wide=True),
    ),
    "Pod": (
        Column("NAME", name_cell),
        Column("READY", _pod_ready),
        Column("STATUS", _pod_status),
        Column("RESTARTS", _pod_restarts),
        Column("AGE", age_cell),
        Column("IP", _pod_ip, wide=True),
        Column("NODE", lambda obj, _now: _text(spec_of(obj).get("nodeName")), wide=True),
        Column("NOMINATED NODE", lambda obj, _now: _text(status_of(obj).get("nominatedNodeName")), wide=True),
        Column("READINESS GATES", _readiness_gates, wide=True),
    ),
    "ReplicaSet": (
        Column("NAME", name_cell),
        Column("DESIRED", lambda obj, _now: str(spec_of(obj).get("replicas", 1))),
        Column("CURRENT", _status_number("replicas")),
        Column("READY", _status_number("readyReplicas")),
        Column("AGE", age_cell),
        *_TEMPLATE_COLUMNS,
    ),
    "Deployment": (
        Column("NAME", name_cell),
        Column("READY", _deployment_ready),
        Column("UP-TO-DATE", _status_number("updatedReplicas")),
        Column("AVAILABLE", _status_number("availableReplicas")),
        Column("AGE", age_cell),
        *_TEMPLATE_COLUMNS,
    ),
    "Event": (
        Column("LAST SEEN", _last_seen),
        Column("TYPE", _event_field("type")),
        Column("REASON", _event_field("reason")),
        Column("OBJECT", _involved),
        Column("SUBOBJECT", _subobject, wide=True),
        Column("SOURCE", event_source, wide=True),
        Column("MESSAGE", event_message),
        Column("FIRST SEEN", _first_seen, wide=True),
        Column("COUNT", _event_count, wide=True),
        Column("NAME", name_cell, wide=True),
    ),
    **CONFIGURATION_COLUMNS,
    **STORAGE_COLUMNS,
    **PRIORITY_COLUMNS,
    **POLICY_COLUMNS,
    **SERVICE_COLUMNS,
    **WORKLOAD_COLUMNS,
}


# --- tables ----------------------------------------------------------------------------------------


def table(
    kind: str,
    objects: Iterable[Object],
    now: float,
    *,
    wide: bool = False,
    show_labels: bool = False,
    label_columns: Sequence[str] = (),
    no_headers: bool = False,
    with_namespace: bool = False,
    show_kind: bool = False,
) -> str:
    """The objects of one kind (`Pod`, …), one a line, each line ended; "" without objects."""
    options = TableOptions(wide, show_labels, tuple(label_columns), no_headers, with_namespace, show_kind)
    return WatchTable(kind, options).rows(objects, now)


def tables(
    blocks: Iterable[tuple[str, Sequence[Object]]],
    now: float,
    options: TableOptions,
) -> str:
    """Several kinds, as `get all` and `get a,b` print them: blocks with a blank line between.

    The caller asks for `show_kind` where more than one kind was asked for. With `with_namespace`, a
    cluster-scoped kind shows an empty namespace once a namespaced one came before it, as in kubectl.
    """
    texts, seen_namespaced = [], False
    for kind, objects in blocks:
        seen_namespaced = seen_namespaced or _is_namespaced(kind)
        block = table(
            kind,
            objects,
            now,
            wide=options.wide,
            show_labels=options.show_labels,
            label_columns=options.label_columns,
            no_headers=options.no_headers,
            with_namespace=options.with_namespace and seen_namespaced,
            show_kind=options.show_kind,
        )
        if block:
            texts.append(block)
    return ("" if options.no_headers else "\n").join(texts)


def events_table(
    events: Iterable[Object], now: float, *, with_namespace: bool = False, no_headers: bool = False
) -> str:
    """The form of `kubectl events`: sorted by when they were last seen, `7s (x16 over 16s)`, `Pod/web`."""
    rows = [_event_row(event, now) for event in sorted(events, key=event_order)]
    if not rows:
        return ""
    if not no_headers:
        rows.insert(0, ("NAMESPACE", "LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"))
    return _joined(Aligner().lines(rows if with_namespace else [row[1:] for row in rows]))


def _event_row(event: Object, now: float) -> tuple[str, ...]:
    involved = event.get("involvedObject") or {}
    cells = (
        namespace_of(event),
        event_interval(event, now),
        str(event.get("type") or ""),
        str(event.get("reason") or ""),
        f"{involved.get('kind', '')}/{involved.get('name', '')}",
        event_message(event),
    )
    return tuple(clean_cell(cell) for cell in cells)


class WatchTable:
    """A table that goes on, for `get -w`: headers once, later rows at least as wide as earlier ones."""

    def __init__(self, kind: str, options: TableOptions) -> None:
        self._kind = kind
        self._options = options
        self._columns = [column for column in _columns_of(kind) if options.wide or not column.wide]
        self._aligner = Aligner()
        self._header_due = not options.no_headers

    def rows(self, objects: Iterable[Object], now: float, event: str = "ADDED") -> str:
        """The lines of these objects, after the headers the first time; "" without objects.

        :param event: what happened to them (ADDED, MODIFIED, DELETED), for the EVENT column.
        """
        rows = [self._row(obj, now, event) for obj in objects]
        if not rows:
            return ""
        if self._header_due:
            self._header_due = False
            rows.insert(0, self._header())
        return _joined(self._aligner.lines(rows))

    def _header(self) -> list[str]:
        headers = [column.header for column in self._columns]
        if self._options.with_namespace:
            headers.insert(0, "NAMESPACE")
        if self._options.with_event:
            headers.insert(0, "EVENT")
        headers.extend(label.rpartition("/")[2].upper() for label in self._options.label_columns)
        if self._options.show_labels:
            headers.append("LABELS")
        return [escape(header) for header in headers]

    def _row(self, obj: Object, now: float, event: str) -> list[str]:
        cells = [self._cell(column, obj, now) for column in self._columns]
        if self._options.with_namespace:
            cells.insert(0, namespace_of(obj))
        if self._options.with_event:
            cells.insert(0, event)
        labels = labels_of(obj)
        cells.extend(labels.get(label, NONE) for label in self._options.label_columns)
        if self._options.show_labels:
            cells.append(format_labels(labels))
        return [clean_cell(cell) for cell in cells]

    def _cell(self, column: Column, obj: Object, now: float) -> str:
        cell = column.cell(obj, now)
        if self._options.show_kind and column.header == "NAME":
            return f"{_prefix(self._kind)}/{cell}"
        return cell


def _columns_of(kind: str) -> tuple[Column, ...]:
    if (known := COLUMNS.get(kind)) is not None:
        return known
    from minikctl.render.inert_columns import INERT_COLUMNS

    return INERT_COLUMNS.get(kind, DEFAULT_COLUMNS)


_LINE_END = re.compile(r"[\n\r\f]")


def clean_cell(text: str) -> str:
    """One line, without control characters: what follows a line break is left out and shown as `...`."""
    if text.isascii() and text.isprintable():
        return text
    first, *rest = _LINE_END.split(text, maxsplit=1)
    return escape(first) + ("..." if rest else "")


def format_labels(labels: Mapping[str, str]) -> str:
    """`a=b,c=d` in the order of the keys, `<none>` without any."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or NONE


def _prefix(kind: str) -> str:
    return KINDS[kind].qualified if kind in KINDS else kind.lower()


def _is_namespaced(kind: str) -> bool:
    return kind not in KINDS or KINDS[kind].namespaced


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
