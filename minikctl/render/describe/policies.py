"""`kubectl describe` of PodDisruptionBudgets, ResourceQuotas, LimitRanges; what a Namespace tells of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from minikctl.model import Object, name_of, namespace_of, spec_of, status_of
from minikctl.model.selectors import format_selector
from minikctl.render.describe.events import describe_events
from minikctl.render.describe.writer import Page

_SCOPES = {
    "Terminating": "Matches all pods that have an active deadline. These pods have a limited lifespan on a"
    " node before being actively terminated by the system.",
    "NotTerminating": "Matches all pods that do not have an active deadline. These pods usually include"
    " long running pods whose container command is not expected to terminate.",
    "BestEffort": "Matches all pods that do not have resource requirements set. These pods have a best"
    " effort quality of service.",
    "NotBestEffort": "Matches all pods that have at least one resource requirement set. These pods have a"
    " burstable or guaranteed quality of service.",
}
_LIMIT_HEADS = (
    "Type",
    "Resource",
    "Min",
    "Max",
    "Default Request",
    "Default Limit",
    "Max Limit/Request Ratio",
)
_SIDES = ("min", "max", "defaultRequest", "default", "maxLimitRequestRatio")


def describe_budget(budget: Object, events: Sequence[Object] | None, now: float) -> str:
    page = Page()
    spec, status = spec_of(budget), status_of(budget)
    page.row(0, "Name:", name_of(budget))
    page.row(0, "Namespace:", namespace_of(budget))
    if "minAvailable" in spec:
        page.row(0, "Min available:", spec["minAvailable"])
    elif "maxUnavailable" in spec:
        page.row(0, "Max unavailable:", spec["maxUnavailable"])
    selector = spec.get("selector")
    page.row(0, "Selector:", "<unset>" if selector is None else format_selector(selector))
    page.row(0, "Status:")
    for title, field in (
        ("Allowed disruptions", "disruptionsAllowed"),
        ("Current", "currentHealthy"),
        ("Desired", "desiredHealthy"),
        ("Total", "expectedPods"),
    ):
        page.row(2, f"{title}:", status.get(field) or 0)
    describe_events(page, events, now)
    return page.aligned()


def describe_quota(quota: Object, _events: Sequence[Object] | None, _now: float) -> str:
    page = Page()
    page.row(0, "Name:", name_of(quota))
    page.row(0, "Namespace:", namespace_of(quota))
    _scopes(page, 0, quota)
    page.row(0, "Resource", "Used", "Hard")
    page.row(0, "--------", "----", "----")
    _used(page, 0, quota)
    return page.aligned()


def _scopes(page: Page, level: int, quota: Object) -> None:
    scopes = sorted(spec_of(quota).get("scopes") or ())
    if scopes:
        page.row(level, "Scopes:", ", ".join(scopes))
    for scope in scopes:
        if scope in _SCOPES:
            page.row(level, f" * {_SCOPES[scope]}")


def _used(page: Page, level: int, quota: Object) -> None:
    status = status_of(quota)
    for name, hard in sorted((status.get("hard") or {}).items()):
        page.row(level, name, (status.get("used") or {}).get(name, "0"), hard)


def describe_limit_range(found: Object, _events: Sequence[Object] | None, _now: float) -> str:
    page = Page()
    page.row(0, "Name:", name_of(found))
    page.row(0, "Namespace:", namespace_of(found))
    page.row(0, *_LIMIT_HEADS)
    page.row(0, *("-" * len(head) for head in _LIMIT_HEADS))
    for row in _limits(found):
        page.row(0, *row)
    return page.aligned()


def _limits(found: Object) -> Iterator[list[str]]:
    items: list[dict[str, Any]] = spec_of(found).get("limits") or []
    for item in items:
        sides = [item.get(side) or {} for side in _SIDES]
        for resource in sorted({name for side in sides for name in side}):
            yield [item["type"], resource, *(str(side.get(resource, "-")) for side in sides)]


# --- of a namespace


def quotas_block(page: Page, quotas: Iterable[Object]) -> None:
    known = sorted(quotas, key=name_of)
    page.row(0, "Resource Quotas" if known else "No resource quota.")
    for quota in known:
        page.row(1, "Name:", name_of(quota))
        _scopes(page, 1, quota)
        page.row(1, "Resource", "Used", "Hard")
        page.row(1, "--------", "---", "---")
        _used(page, 1, quota)


def limits_block(page: Page, ranges: Iterable[Object]) -> None:
    known = list(ranges)
    if not known:
        page.row(0, "No LimitRange resource.")
        return
    page.row(0, "Resource Limits")
    heads = list(_LIMIT_HEADS)
    for row in (heads, ["-" * len(head) for head in heads], *(row for one in known for row in _limits(one))):
        page.row(0, f" {row[0]}", *row[1:])
