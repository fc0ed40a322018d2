"""`kubectl describe namespace`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minikctl.model import Object, annotations_of, labels_of, name_of, status_of
from minikctl.render.describe.events import describe_events
from minikctl.render.describe.policies import limits_block, quotas_block
from minikctl.render.describe.writer import Page
from minikctl.render.durations import rfc1123


def describe_namespace(
    namespace: Object,
    quotas: Iterable[Object],
    ranges: Iterable[Object],
    events: Sequence[Object] | None,
    now: float,
) -> str:
    page = Page()
    page.row(0, "Name:", name_of(namespace))
    page.labels(0, "Labels", labels_of(namespace))
    page.annotations(0, "Annotations", annotations_of(namespace))
    page.row(0, "Status:", status_of(namespace).get("phase", ""))
    conditions = status_of(namespace).get("conditions")
    if conditions:
        page.row(0, "Conditions:")
        page.row(1, "Type", "Status", "LastTransitionTime", "Reason", "Message")
        page.row(1, "----", "------", "------------------", "------", "-------")
        for one in conditions:
            time = rfc1123(one.get("lastTransitionTime"))
            page.row(1, one["type"], one["status"], time, one.get("reason", ""), one.get("message", ""))
    page.row(0, "")
    quotas_block(page, quotas)
    page.row(0, "")
    limits_block(page, ranges)
    if events:
        describe_events(page, events, now)
    return page.aligned()
