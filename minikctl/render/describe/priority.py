"""`kubectl describe` of PriorityClasses."""

from __future__ import annotations

from collections.abc import Sequence

from minikctl.model import Object, annotations_of, name_of
from minikctl.model.priorities import DEFAULT_POLICY
from minikctl.render.describe.events import describe_events
from minikctl.render.describe.writer import NONE, Page


def describe_priority_class(found: Object, events: Sequence[Object] | None, now: float) -> str:
    page, notes = Page(), annotations_of(found)
    page.row(0, "Name:", name_of(found))
    page.row(0, "Value:", str(found.get("value", 0)))
    page.row(0, "GlobalDefault:", str(bool(found.get("globalDefault"))).lower())
    page.row(0, "PreemptionPolicy:", found.get("preemptionPolicy", DEFAULT_POLICY))
    page.row(0, "Description:", found.get("description", ""))
    page.row(0, "Annotations:", ",".join(f"{key}={text}" for key, text in sorted(notes.items())) or NONE)
    describe_events(page, events, now)
    return page.aligned()
