"""Times as people read them: kubectl's ages (`90s`, `2m5s`, `5d3h`) and RFC 1123 dates.

The steps are those of apimachinery's `duration.HumanDuration`: about two significant figures, so that a
column of ages stays narrow and still tells what is new.
"""

from __future__ import annotations

from datetime import UTC, datetime

from minikctl.model.timestamps import parse_time

UNKNOWN = "<unknown>"

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 86400 * 365


def human_duration(seconds: float) -> str:
    """Seconds in kubectl's short form. Up to two seconds into the future count as now (clocks differ)."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 2 * _MINUTE:
        return f"{max(whole, 0)}s"
    if whole < 3 * _HOUR:
        return _pair(whole, _MINUTE, "m", 1, "s", until=10 * _MINUTE)
    if whole < 2 * _DAY:
        return _pair(whole, _HOUR, "h", _MINUTE, "m", until=8 * _HOUR)
    if whole < 2 * _YEAR:
        return _pair(whole, _DAY, "d", _HOUR, "h", until=8 * _DAY)
    return _pair(whole, _YEAR, "y", _DAY, "d", until=8 * _YEAR)


def _pair(seconds: int, unit: int, letter: str, small_unit: int, small_letter: str, *, until: int) -> str:
    """`2m5s`: the smaller unit is shown below `until`, and only where it is not zero."""
    rest = seconds % unit // small_unit
    if seconds >= until or not rest:
        return f"{seconds // unit}{letter}"
    return f"{seconds // unit}{letter}{rest}{small_letter}"


def since(timestamp: str | None, now: float) -> str:
    """The age of an RFC 3339 time; `<unknown>` where there is none."""
    return human_duration(now - parse_time(timestamp)) if timestamp else UNKNOWN


def rfc1123(timestamp: str | None) -> str:
    """`Fri, 20 Nov 2026 03:59:49 +0000`: how describe writes a time. Go's zero time where there is none."""
    if not timestamp:
        return "Mon, 01 Jan 0001 00:00:00 +0000"
    return datetime.fromtimestamp(parse_time(timestamp), UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
