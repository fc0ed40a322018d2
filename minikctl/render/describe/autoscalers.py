"""`kubectl describe horizontalpodautoscaler`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minikctl.model import Object, annotations_of, labels_of, name_of, namespace_of, spec_of, status_of
from minikctl.render.describe.events import describe_events
from minikctl.render.describe.writer import Page
from minikctl.render.durations import rfc1123
from minikctl.render.policy_columns import current_of, reference, source_field, target_of


def describe_autoscaler(autoscaler: Object, events: Sequence[Object] | None, now: float) -> str:
    page = Page()
    spec, status = spec_of(autoscaler), status_of(autoscaler)
    page.row(0, "Name:", name_of(autoscaler))
    page.row(0, "Namespace:", namespace_of(autoscaler))
    page.labels(0, "Labels", labels_of(autoscaler))
    page.annotations(0, "Annotations", annotations_of(autoscaler))
    page.row(0, "CreationTimestamp:", rfc1123(autoscaler["metadata"].get("creationTimestamp")))
    page.row(0, "Reference:", reference(autoscaler))
    _metrics(page, autoscaler)
    page.row(0, "Min replicas:", spec.get("minReplicas", "<unset>"))
    page.row(0, "Max replicas:", spec.get("maxReplicas", 0))
    if "behavior" in spec:
        page.row(0, "Behavior:")
        _direction(page, "Scale Up", spec["behavior"].get("scaleUp"))
        _direction(page, "Scale Down", spec["behavior"].get("scaleDown"))
    kind = (spec.get("scaleTargetRef") or {}).get("kind", "")
    sizes = [status.get(field) or 0 for field in ("currentReplicas", "desiredReplicas")]
    page.row(0, f"{kind} pods:", f"{sizes[0]} current / {sizes[1]} desired")
    if conditions := status.get("conditions"):
        page.row(0, "Conditions:")
        page.row(1, "Type", "Status", "Reason", "Message")
        page.row(1, "----", "------", "------", "-------")
        for one in conditions:
            page.row(1, one["type"], one["status"], one.get("reason", ""), one.get("message", ""))
    describe_events(page, events, now)
    return page.aligned()


def _metrics(page: Page, autoscaler: Object) -> None:
    page.row(0, "Metrics:", "( current / target )")
    known = status_of(autoscaler).get("currentMetrics") or ()
    for index, metric in enumerate(spec_of(autoscaler).get("metrics") or ()):
        field = source_field(metric)
        source = metric.get(field) or {}
        title = f"resource {source.get('name', '')}"
        if field == "containerResource":
            title += f' of container "{source.get("container", "")}"'
        title += " on pods"
        found = known[index] if index < len(known) else {}
        current = current_of(found, field, source)
        if "averageValue" not in (source.get("target") or {}):
            title += "  (as a percentage of request)"
            amount = ((found.get(field) or {}).get("current") or {}).get("averageValue")
            current += f" ({amount})" if amount is not None else ""
        page.row(1, f"{title}:", f"{current} / {target_of(source)}")


def _direction(page: Page, title: str, rules: Mapping[str, Any] | None) -> None:
    if rules is None:
        return
    page.row(1, f"{title}:")
    if "stabilizationWindowSeconds" in rules:
        page.row(2, f"Stabilization Window: {rules['stabilizationWindowSeconds']} seconds")
    if policies := rules.get("policies"):
        page.row(2, f"Select Policy: {rules.get('selectPolicy', 'Max')}")
        page.row(2, "Policies:")
        for one in policies:
            page.row(
                3,
                f"- Type: {one['type']}",
                f"Value: {one['value']}",
                f"Period: {one['periodSeconds']} seconds",
            )
