"""`kubectl describe node`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from minikctl.model import Object, annotations_of, labels_of, name_of, namespace_of, spec_of, status_of
from minikctl.model.quantity import parse_quantity
from minikctl.render.describe.events import describe_events
from minikctl.render.describe.writer import Page
from minikctl.render.durations import rfc1123, since
from minikctl.render.quantities import canonical_quantity, format_quantity
from minikctl.render.tables import node_roles

_SYSTEM_INFO = (
    ("machineID", "Machine ID"),
    ("systemUUID", "System UUID"),
    ("bootID", "Boot ID"),
    ("kernelVersion", "Kernel Version"),
    ("osImage", "OS Image"),
    ("operatingSystem", "Operating System"),
    ("architecture", "Architecture"),
    ("containerRuntimeVersion", "Container Runtime Version"),
    ("kubeletVersion", "Kubelet Version"),
)
_SUMMED = ("cpu", "memory", "ephemeral-storage")

Quantities = Mapping[str, Decimal]


def describe_node(
    node: Object,
    pods: Iterable[Object],
    events: Sequence[Object] | None,
    now: float,
) -> str:
    """:param pods: of all namespaces; those on this node that have not ended are shown."""
    page = Page()
    spec, status = spec_of(node), status_of(node)
    page.row(0, "Name:", name_of(node))
    page.row(0, "Roles:", node_roles(node))
    page.labels(0, "Labels", labels_of(node))
    page.annotations(0, "Annotations", annotations_of(node))
    page.row(0, "CreationTimestamp:", rfc1123(node["metadata"].get("creationTimestamp")))
    page.values(0, "Taints", _taints(spec))
    page.row(0, "Unschedulable:", "true" if spec.get("unschedulable") else "false")
    _conditions(page, status)
    page.row(0, "Addresses:")
    for address in status.get("addresses") or ():
        page.row(1, f"{address['type']}:", address["address"])
    _capacity(page, status)
    _system_info(page, spec, status)
    _resources(page, status, _running_on(node, pods), now)
    describe_events(page, events, now)
    return page.aligned()


def _taints(spec: Mapping[str, Any]) -> list[str]:
    taints = spec.get("taints") or ()
    ordered = sorted(taints, key=lambda taint: (taint.get("effect", ""), taint["key"]))
    words = ((taint["key"], taint.get("value"), taint.get("effect", "")) for taint in ordered)
    return [f"{key}={value}:{effect}" if value else f"{key}:{effect}" for key, value, effect in words]


def _conditions(page: Page, status: Mapping[str, Any]) -> None:
    if not status.get("conditions"):
        return
    page.row(0, "Conditions:")
    page.row(1, "Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message")
    page.row(1, "----", "------", "-----------------", "------------------", "------", "-------")
    for condition in status["conditions"]:
        cells = (
            condition["type"],
            condition["status"],
            rfc1123(condition.get("lastHeartbeatTime")),
            rfc1123(condition.get("lastTransitionTime")),
            condition.get("reason", ""),
        )
        page.row(1, *(f"{cell} " for cell in cells), condition.get("message", ""))


def _capacity(page: Page, status: Mapping[str, Any]) -> None:
    for field in ("capacity", "allocatable"):
        if status.get(field):
            page.row(0, f"{field.capitalize()}:")
            for name, quantity in sorted(status[field].items()):
                page.row(1, f"{name}:", canonical_quantity(quantity))


def _system_info(page: Page, spec: Mapping[str, Any], status: Mapping[str, Any]) -> None:
    page.row(0, "System Info:")
    info = status.get("nodeInfo") or {}
    for field, title in _SYSTEM_INFO:
        page.row(1, f"{title}:", info.get(field, ""))
    if spec.get("podCIDR"):
        page.row(0, "PodCIDR:", spec["podCIDR"])
    if spec.get("podCIDRs"):
        page.row(0, "PodCIDRs:", ",".join(spec["podCIDRs"]))
    if spec.get("providerID"):
        page.row(0, "ProviderID:", spec["providerID"])


def _running_on(node: Object, pods: Iterable[Object]) -> list[Object]:
    mine = [
        pod
        for pod in pods
        if spec_of(pod).get("nodeName") == name_of(node)
        and status_of(pod).get("phase") not in ("Succeeded", "Failed")
    ]
    return sorted(mine, key=lambda pod: (namespace_of(pod), name_of(pod)))


# --- requests and limits ---------------------------------------------------------------------------


def _resources(page: Page, status: Mapping[str, Any], pods: Sequence[Object], now: float) -> None:
    allocatable = status.get("allocatable") or status.get("capacity") or {}
    share = _shares(allocatable)
    asked = [(pod, pod_resources(pod, "requests"), pod_resources(pod, "limits")) for pod in pods]
    page.row(0, "Non-terminated Pods:", f"({len(pods)} in total)")
    titles = ("CPU Requests", "CPU Limits", "Memory Requests", "Memory Limits", "Age")
    page.row(1, "Namespace", "Name", "", *titles)
    page.row(1, "---------", "----", "", *("-" * len(title) for title in titles))
    for pod, requests, limits in asked:
        cells = [share(name, sums) for name in ("cpu", "memory") for sums in (requests, limits)]
        age = since(pod["metadata"].get("creationTimestamp"), now)
        page.row(1, namespace_of(pod), name_of(pod), "", *cells, age)
    page.row(0, "Allocated resources:")
    page.row(1, "(Total limits may be over 100 percent, i.e., overcommitted.)")
    page.row(1, "Resource", "Requests", "Limits")
    page.row(1, "--------", "--------", "------")
    total_requests = _added(requests for _, requests, _ in asked)
    total_limits = _added(limits for _, _, limits in asked)
    for name in _SUMMED:
        page.row(1, name, share(name, total_requests), share(name, total_limits))


def _shares(allocatable: Mapping[str, Any]) -> Callable[[str, Quantities], str]:
    """How a sum is shown: `100m (1%)`, of what the node can give."""

    def share(name: str, sums: Quantities) -> str:
        value = sums.get(name, Decimal(0))
        whole = parse_quantity(allocatable.get(name, 0))
        percent = int(value / whole * 100) if whole else 0
        return f"{format_quantity(value, binary=name != 'cpu')} ({percent}%)"

    return share


def _added(parts: Iterable[Quantities]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for part in parts:
        for name, value in part.items():
            sums[name] = sums.get(name, Decimal(0)) + value
    return sums


def pod_resources(pod: Object, field: str) -> dict[str, Decimal]:
    """A pod's `requests` or `limits`: its containers and sidecars together, or its largest init container.

    An ordinary init container runs beside the sidecars that were started before it.
    """
    spec = spec_of(pod)
    running = _added(_asked(container, field) for container in spec.get("containers") or ())
    sidecars: dict[str, Decimal] = {}
    peak: dict[str, Decimal] = {}
    for container in spec.get("initContainers") or ():
        asked = _asked(container, field)
        if container.get("restartPolicy") == "Always":
            sidecars = _added((sidecars, asked))
        else:
            peak = _larger(peak, _added((sidecars, asked)))
    return _larger(_added((running, sidecars)), peak)


def _larger(left: Quantities, right: Quantities) -> dict[str, Decimal]:
    zero = Decimal(0)
    return {name: max(left.get(name, zero), right.get(name, zero)) for name in {**left, **right}}


def _asked(container: Mapping[str, Any], field: str) -> dict[str, Decimal]:
    quantities = (container.get("resources") or {}).get(field) or {}
    return {name: parse_quantity(value) for name, value in quantities.items()}
