"""The Events block at the end of a description."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minikctl.model import Object, name_of, namespace_of, uid_of
from minikctl.render.describe.writer import NONE, Page
from minikctl.render.tables import event_interval, event_message, event_order


def events_of(obj: Object, events: Iterable[Object]) -> list[Object]:
    """The events about this very object: its kind, name, namespace, and its uid where the event has one.

    A node's events may carry its name as uid, as a kubelet writes them.
    """
    mine = (obj["kind"], name_of(obj))
    return [event for event in events if _is_about(event.get("involvedObject") or {}, mine, obj)]


def _is_about(involved: Object, mine: tuple[str, str], obj: Object) -> bool:
    if (involved.get("kind"), involved.get("name")) != mine:
        return False
    if namespace_of(obj) and involved.get("namespace", namespace_of(obj)) != namespace_of(obj):
        return False
    return not involved.get("uid") or not uid_of(obj) or involved["uid"] in (uid_of(obj), name_of(obj))


def describe_events(page: Page, events: Sequence[Object] | None, now: float) -> None:
    """The block; nothing at all when `events` is None (nobody asked)."""
    if events is None:
        return
    if not events:
        page.row(0, "Events:", NONE)
        return
    page.row(0, "Events:")
    page.row(1, "Type", "Reason", "Age", "From", "Message")
    page.row(1, "----", "------", "----", "----", "-------")
    for event in sorted(events, key=event_order):
        page.row(1, *_row(event, now))


def _row(event: Object, now: float) -> tuple[str, ...]:
    source = (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
    field = (event.get("involvedObject") or {}).get("fieldPath")
    message = f"{field}: {event_message(event)}" if field else event_message(event)
    return event.get("type") or "", event.get("reason") or "", event_interval(event, now), source, message
