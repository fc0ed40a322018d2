"""The columns of what bounds and sizes workloads (budgets, quotas, autoscalers) in `kubectl get`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minikctl.model import Object, spec_of, status_of
from minikctl.render.cells import Cell, Column, age_cell, name_cell

_NOT_SAID = "N/A"
_NONE = "<none>"
_UNKNOWN = "<unknown>"
_MOST_METRICS = 2


def _bound(field: str) -> Cell:
    return lambda obj, _now: str(spec_of(obj).get(field, _NOT_SAID))


def _amounts(counts: Callable[[str], bool]) -> Cell:
    def cell(quota: Object, _now: float) -> str:
        status = status_of(quota)
        hard, used = status.get("hard") or {}, status.get("used") or {}
        return ", ".join(
            f"{name}: {used.get(name, '0')}/{hard[name]}" for name in sorted(hard) if counts(name)
        )

    return cell


def _is_limit(name: str) -> bool:
    return name.startswith("limits")


# --- autoscalers -----------------------------------------------------------------------------------


def reference(autoscaler: Object, _now: float = 0) -> str:
    """`Deployment/web`."""
    target = spec_of(autoscaler).get("scaleTargetRef") or {}
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def targets(autoscaler: Object, _now: float = 0) -> str:
    """`cpu: 12%/80%`: what the metrics are now, and what they should be."""
    wanted = spec_of(autoscaler).get("metrics") or ()
    if not wanted:
        return _NONE
    known = status_of(autoscaler).get("currentMetrics") or ()
    shown = [_metric(one, known[index] if index < len(known) else {}) for index, one in enumerate(wanted)]
    more = f" + {len(shown) - _MOST_METRICS} more..." if len(shown) > _MOST_METRICS else ""
    return ", ".join(shown[:_MOST_METRICS]) + more


def _metric(wanted: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    field = source_field(wanted)
    source = wanted.get(field) or {}
    return f"{source.get('name', '')}: {current_of(known, field, source)}/{target_of(source)}"


def source_field(metric: Mapping[str, Any]) -> str:
    """Where a metric of that type says what it is."""
    return "containerResource" if metric.get("type") == "ContainerResource" else "resource"


def target_of(source: Mapping[str, Any]) -> str:
    target = source.get("target") or {}
    return str(target["averageValue"]) if "averageValue" in target else f"{target.get('averageUtilization')}%"


def current_of(known: Mapping[str, Any], field: str, source: Mapping[str, Any]) -> str:
    """What a metric is now, in the unit of its target."""
    current = (known.get(field) or {}).get("current") or {}
    if "averageValue" in (source.get("target") or {}):
        return str(current.get("averageValue", _UNKNOWN))
    return f"{current['averageUtilization']}%" if "averageUtilization" in current else _UNKNOWN


POLICY_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "HorizontalPodAutoscaler": (
        Column("NAME", name_cell),
        Column("REFERENCE", reference),
        Column("TARGETS", targets),
        Column("MINPODS", lambda obj, _now: str(spec_of(obj).get("minReplicas", "<unset>"))),
        Column("MAXPODS", lambda obj, _now: str(spec_of(obj).get("maxReplicas", 0))),
        Column("REPLICAS", lambda obj, _now: str(status_of(obj).get("currentReplicas") or 0)),
        Column("AGE", age_cell),
    ),
    "LimitRange": (
        Column("NAME", name_cell),
        Column("CREATED AT", lambda obj, _now: str(obj["metadata"].get("creationTimestamp", _UNKNOWN))),
    ),
    "PodDisruptionBudget": (
        Column("NAME", name_cell),
        Column("MIN AVAILABLE", _bound("minAvailable")),
        Column("MAX UNAVAILABLE", _bound("maxUnavailable")),
        Column("ALLOWED DISRUPTIONS", lambda obj, _now: str(status_of(obj).get("disruptionsAllowed") or 0)),
        Column("AGE", age_cell),
    ),
    "ResourceQuota": (
        Column("NAME", name_cell),
        Column("REQUEST", _amounts(lambda name: not _is_limit(name))),
        Column("LIMIT", _amounts(_is_limit)),
        Column("AGE", age_cell),
    ),
}
